//! Sockets that accept connections.

use core::fmt::Display;
use core::net::SocketAddr;
use std::collections::BTreeSet;
use std::io;
use std::net::{TcpListener, ToSocketAddrs};

use socket2::{Domain, Protocol, Socket, Type};

use herd_config::Failure;
use rustix::io::Errno;

/// Connections that the kernel keeps for a server that is busy.
const BACKLOG: i32 = 4096;

/// Listens on `address`, `HOST:PORT`, without blocking: on every address that a name has on this machine. An address
/// left behind by a server that has just ended is taken again at once.
///
/// # Errors
///
/// What to tell the user: an address is in use, or is none of this machine's.
pub fn listen(address: &str) -> Result<Vec<TcpListener>, Failure> {
    let unable = |at: &dyn Display, error: io::Error| {
        Failure::unable(format!("cannot listen on {at}: {error}"))
    };
    let resolved = address.to_socket_addrs().map_err(|error| unable(&address, error))?;
    listen_on_all(resolved.collect()).map_err(|(at, error)| match at {
        Some(at) => unable(&at, error),
        None => unable(&address, error),
    })
}

/// An error is of one address where there are others.
fn listen_on_all(
    addresses: BTreeSet<SocketAddr>,
) -> Result<Vec<TcpListener>, (Option<SocketAddr>, io::Error)> {
    let is_one_of_many = addresses.len() > 1;
    let mut missing = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let mut listeners = Vec::new();
    for address in addresses {
        match listen_on(address) {
            Ok(listener) => listeners.push(listener),
            // A name may well have an IPv6 address on a machine that has none.
            Err(error) if is_missing(&error) => missing = error,
            Err(error) => return Err((is_one_of_many.then_some(address), error)),
        }
        // Each would take another port.
        if address.port() == 0 && !listeners.is_empty() {
            break;
        }
    }
    if listeners.is_empty() { Err((None, missing)) } else { Ok(listeners) }
}

/// Whether an address is none of this machine's, or of a kind that it does not know.
fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(Errno::AFNOSUPPORT.raw_os_error())
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(addresses: &[&str], port: u16) -> BTreeSet<SocketAddr> {
        addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), port)).collect()
    }

    fn free_port() -> u16 {
        listen("127.0.0.1:0").unwrap()[0].local_addr().unwrap().port()
    }

    #[test]
    fn all_addresses_of_a_name_are_listened_on_but_those_that_are_not_here() {
        let port = free_port();
        // The last one is kept for documentation.
        let listeners = listen_on_all(at(&["127.0.0.1", "127.0.0.2", "192.0.2.1"], port)).unwrap();
        let taken: BTreeSet<_> = listeners.iter().map(|one| one.local_addr().unwrap()).collect();
        assert_eq!(taken, at(&["127.0.0.1", "127.0.0.2"], port));
    }

    #[test]
    fn one_address_of_a_name_that_is_in_use_is_an_error() {
        let other = listen("127.0.0.2:0").unwrap();
        let taken = other[0].local_addr().unwrap();
        let (at, error) = listen_on_all(at(&["127.0.0.1", "127.0.0.2"], taken.port())).unwrap_err();
        assert_eq!((at, error.kind()), (Some(taken), io::ErrorKind::AddrInUse));
    }

    #[test]
    fn an_address_that_is_not_here_is_an_error_where_there_is_no_other() {
        let failure = listen("192.0.2.1:1").unwrap_err();
        assert!(failure.message.starts_with("cannot listen on 192.0.2.1:1: "), "{failure}");
        assert_eq!(failure.code, 1);
    }
}
