//! Sockets that accept connections.

use core::net::SocketAddr;
use std::io;
use std::net::{TcpListener, ToSocketAddrs};

use socket2::{Domain, Protocol, Socket, Type};

use herd_config::Failure;

/// Connections that the kernel keeps for a server that is busy.
const BACKLOG: i32 = 4096;

/// Listens on `address`, `HOST:PORT`, without blocking. An address left behind by a server that has
/// just ended is taken again at once.
///
/// # Errors
///
/// What to tell the user: the address is in use, or is none of this machine's.
pub fn listen(address: &str) -> Result<TcpListener, Failure> {
    let unable = |error: io::Error| Failure::unable(format!("cannot listen on {address}: {error}"));
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for resolved in address.to_socket_addrs().map_err(unable)? {
        match listen_on(resolved) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(unable(last))
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
