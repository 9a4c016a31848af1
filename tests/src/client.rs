//! A client of a server: blocking, with one deadline on everything it waits for.

use crate::{PATIENCE, monotonic};
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use socket2::{Domain, SockRef, Socket, Type};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

/// A connection to a server.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    /// Read from the stream and not asked for yet.
    ahead: Vec<u8>,
    patience: Duration,
}

impl Client {
    /// Connects.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect(address).expect("the server accepts"))
    }

    /// Connects from this address of the machine.
    #[track_caller]
    pub fn connect_from(source: IpAddr, address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None);
        let socket = socket.expect("a socket can be made");
        socket.bind(&SocketAddr::new(source, 0).into()).expect("the machine has the address");
        socket.connect(&address.into()).expect("the server accepts");
        Self::new(socket.into())
    }

    /// Takes over a stream.
    pub fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("an open socket takes options");
        stream.set_write_timeout(Some(PATIENCE)).expect("an open socket takes options");
        Self { stream, ahead: Vec::new(), patience: PATIENCE }
    }

    /// Waits no longer than this from now on, whatever it waits for.
    pub const fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// When something that is waited for from now on is overdue.
    pub(crate) fn deadline(&self) -> Instant {
        monotonic() + self.patience
    }

    /// The stream, for what this type does not offer.
    pub const fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends bytes as they are.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("the server takes what is sent");
    }

    /// Sends bytes if the other side still takes any.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Sends what can be taken at once: how many bytes, or nothing where none can.
    #[track_caller]
    pub fn send_some(&mut self, bytes: &[u8]) -> Option<usize> {
        self.stream.set_nonblocking(true).expect("an open socket takes options");
        let sent = self.stream.write(bytes);
        self.stream.set_nonblocking(false).expect("an open socket takes options");
        match sent {
            Ok(count) => Some(count),
            Err(error) if is_time_out(error.kind()) => None,
            Err(error) => panic!("the server closed the connection: {error}"),
        }
    }

    /// Says that nothing more will come, and goes on listening.
    ///
    /// A server that has closed already is no error.
    pub fn finish(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Leaves without waiting for anything: the server sees the connection reset.
    pub fn abort(self) {
        let linger = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        linger.expect("an open socket takes options");
    }

    /// Sends a line and returns the next line that comes back, without its line feed.
    #[track_caller]
    pub fn ask(&mut self, line: &str) -> String {
        self.send(format!("{line}\n"));
        self.line()
    }

    /// The next line, without its line feed.
    #[track_caller]
    pub fn line(&mut self) -> String {
        String::from_utf8(self.line_bytes()).expect("an answer in UTF-8")
    }

    /// The next line as bytes, without its line feed.
    #[track_caller]
    pub fn line_bytes(&mut self) -> Vec<u8> {
        let mut line = self.until(b"\n");
        line.pop();
        line
    }

    /// The next line, or nothing where the connection ends before one is complete.
    #[track_caller]
    pub fn line_or_end(&mut self) -> Option<String> {
        self.line_or_end_by(self.deadline())
    }

    /// The same for a line that is one of many to come by then.
    #[track_caller]
    pub(crate) fn line_or_end_by(&mut self, deadline: Instant) -> Option<String> {
        let mut line = self.read_until(b"\n", deadline)?;
        line.pop();
        Some(String::from_utf8(line).expect("a line in UTF-8"))
    }

    /// Everything up to and with `end`.
    #[track_caller]
    pub fn until(&mut self, end: &[u8]) -> Vec<u8> {
        match self.read_until(end, self.deadline()) {
            Some(bytes) => bytes,
            None => panic!("the connection ended after {:?}", String::from_utf8_lossy(&self.ahead)),
        }
    }

    /// An `AT` line and the provider's body behind it: what `WHATSAT` is answered by at places.
    #[track_caller]
    pub fn places_reply(&mut self) -> (String, String) {
        let at = self.line();
        assert!(at.starts_with("AT "), "no AT line: {at:?}");
        let body = self.until(b"\n\n");
        (at, String::from_utf8(body).expect("a body in UTF-8"))
    }

    /// What the server holds of `client`: its `AT` line. The provider's answer is thrown away.
    #[track_caller]
    pub fn whats_at(&mut self, client: &str) -> Option<String> {
        self.send(format!("WHATSAT {client} 1 0\n"));
        let at = self.line();
        if at.starts_with("? ") {
            return None;
        }
        self.until(b"\n\n");
        Some(at)
    }

    /// The next `count` bytes.
    #[track_caller]
    pub fn exactly(&mut self, count: usize) -> Vec<u8> {
        // It may be a lot, and ends by itself: each read has a deadline of its own.
        while self.ahead.len() < count {
            let more = self.fill(self.deadline()).expect("an answer in time");
            assert!(more > 0, "the connection ended");
        }
        self.ahead.drain(..count).collect()
    }

    /// What one single read brings, with room for a lot.
    #[track_caller]
    pub fn one_read(&mut self) -> Vec<u8> {
        assert!(self.ahead.is_empty(), "bytes were read ahead");
        self.fill(self.deadline()).expect("an answer in time");
        core::mem::take(&mut self.ahead)
    }

    /// Takes one byte from the kernel, if there is one, and throws it away.
    pub fn take_one(&mut self) {
        self.stream.set_nonblocking(true).expect("an open socket takes options");
        let _ = self.stream.read(&mut [0]);
        self.stream.set_nonblocking(false).expect("an open socket takes options");
    }

    /// Everything until the connection ends.
    #[track_caller]
    pub fn rest(&mut self) -> Vec<u8> {
        let deadline = self.deadline();
        while self.fill(deadline).expect("an end in time") > 0 {}
        core::mem::take(&mut self.ahead)
    }

    /// Everything until the connection ends, as text.
    #[track_caller]
    pub fn rest_text(&mut self) -> String {
        String::from_utf8(self.rest()).expect("answers in UTF-8")
    }

    /// Whether something comes, or the connection ends, within `span`.
    pub fn stirs_within(&mut self, span: Duration) -> bool {
        !self.ahead.is_empty() || self.fill(monotonic() + span).is_some()
    }

    /// Whether the connection has ended. Nothing is read, so that asking often costs little.
    pub fn has_ended_already(&self) -> bool {
        self.stream.set_nonblocking(true).expect("an open socket takes options");
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false).expect("an open socket takes options");
        match peeked {
            Ok(count) => count == 0,
            Err(error) => !is_time_out(error.kind()),
        }
    }

    /// Whether the connection has ended. Does not wait; what comes meanwhile is kept.
    pub fn has_ended(&mut self) -> bool {
        loop {
            match self.fill(monotonic()) {
                None => return false,
                Some(0) => return true,
                Some(_) => {}
            }
        }
    }

    #[track_caller]
    fn read_until(&mut self, end: &[u8], deadline: Instant) -> Option<Vec<u8>> {
        let mut scanned: usize = 0;
        loop {
            let from = scanned.saturating_sub(end.len() - 1);
            let found = self.ahead[from..].windows(end.len()).position(|window| window == end);
            if let Some(at) = found {
                return Some(self.ahead.drain(..from + at + end.len()).collect());
            }
            scanned = self.ahead.len();
            match self.fill(deadline) {
                None => {
                    panic!("no answer in time; so far {:?}", String::from_utf8_lossy(&self.ahead))
                }
                Some(0) => return None,
                Some(_) => {}
            }
        }
    }

    /// Reads once: how many bytes came, 0 at the end, nothing where none came in time.
    ///
    /// A connection that was reset has ended, too.
    fn fill(&mut self, deadline: Instant) -> Option<usize> {
        let mut buffer = [0; 64 * 1024];
        loop {
            // What is there already is read however late it is.
            let left = deadline.saturating_duration_since(monotonic()).max(AT_LEAST);
            self.stream.set_read_timeout(Some(left)).expect("an open socket takes options");
            match self.stream.read(&mut buffer) {
                Ok(count) => {
                    self.ahead.extend_from_slice(&buffer[..count]);
                    return Some(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_time_out(error.kind()) => return None,
                Err(_) => return Some(0),
            }
        }
    }
}

/// A time-out that a socket takes: none is none at all.
const AT_LEAST: Duration = Duration::from_millis(1);

fn is_time_out(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
