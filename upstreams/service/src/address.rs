//! The address of a service, from its argument to the line that says it is ready.

use core::net::SocketAddr;
use std::io::{self, Write as _};
use std::net;

use tokio::net::TcpListener;

/// A host and a port as they are given on a command line, an IPv6 address in brackets.
///
/// # Errors
///
/// What is missing or is no port, for a person to read.
pub fn address(text: &str) -> Result<String, String> {
    let (host, port) = text.rsplit_once(':').ok_or("a port is missing, as in 127.0.0.1:12000")?;
    port.parse::<u16>().map_err(|_| format!("`{port}` is not a port"))?;
    let bare_host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if bare_host.is_empty() {
        return Err("a host is missing, as in 127.0.0.1:12000".into());
    }
    if host.contains(':') && bare_host == host {
        return Err(format!("an IPv6 address goes in brackets, as in [{host}]:{port}"));
    }
    Ok(text.to_owned())
}

/// Listens on a host and a port; port 0 takes a free one.
///
/// # Errors
///
/// When the address can not be had.
pub fn listener(address: &str) -> io::Result<TcpListener> {
    let listener = net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Says on standard output that `program` accepts connections, the only line it prints there.
pub fn announce(program: &str, address: SocketAddr) {
    let mut stdout = io::stdout().lock();
    let written = writeln!(stdout, "{program}: listens on http://{address}");
    if let Err(error) = written.and_then(|()| stdout.flush()) {
        eprintln!("{program}: warning: cannot print that it listens on http://{address}: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_and_a_port() {
        for good in ["127.0.0.1:12000", "[::1]:0", "localhost:80"] {
            assert_eq!(address(good).as_deref(), Ok(good));
        }
        for bad in ["12000", ":12000", "[]:1", "127.0.0.1:", "127.0.0.1:65536", "::1:80"] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
