//! A client's connection that costs no more than its system calls.

use core::net::{Ipv4Addr, SocketAddr};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use herd_tests::PATIENCE;
use socket2::{Domain, Socket, Type};

/// Room for all that is heard at once.
const ROOM: usize = 16 << 10;

/// A blocking connection to a server.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    heard: usize,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).expect("the server accepts"))
    }

    /// From this address of the machine.
    pub(crate) fn open_from(source: Ipv4Addr, address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None);
        let socket = socket.expect("a socket can be made");
        socket.bind(&SocketAddr::from((source, 0)).into()).expect("a port is free");
        socket.connect(&address.into()).expect("the server accepts");
        Self::over(socket.into())
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("an open socket takes options");
        stream.set_read_timeout(Some(PATIENCE)).expect("an open socket takes options");
        Self { stream, buffer: vec![0; ROOM], heard: 0 }
    }

    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server takes what is said");
    }

    /// Forgets what was heard before, and reads until that is all there is.
    pub(crate) fn hear(&mut self, is_all: impl Fn(&[u8]) -> bool) {
        self.heard = 0;
        while !is_all(self.heard()) {
            assert!(self.heard < ROOM, "there is no end of it");
            let more = self.stream.read(&mut self.buffer[self.heard..]);
            let more = more.expect("the server answers in time");
            assert!(more > 0, "the server hung up");
            self.heard += more;
        }
    }

    /// What was heard last.
    pub(crate) fn heard(&self) -> &[u8] {
        &self.buffer[..self.heard]
    }

    /// Hangs up, and returns what was heard last.
    pub(crate) fn close(self) -> Vec<u8> {
        let Self { stream, mut buffer, heard } = self;
        drop(stream);
        buffer.truncate(heard);
        buffer
    }
}
