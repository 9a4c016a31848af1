//! Addresses as people write them: `127.0.0.1:12001`, `[::1]:12001`, `hill.example:12001`.

use core::fmt;
use core::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// A host and a port.
///
/// Two are equal when they were written for the same place; nothing is looked up to find out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Address {
    host: Host,
    port: u16,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Host {
    /// With the zone of an IPv6 address, or 0.
    Ip(IpAddr, u32),
    Name(String),
}

impl Address {
    /// Reads an address; `None` when it is not `HOST:PORT` with a port other than 0.
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_to_listen(text).filter(|address| address.port != 0)
    }

    /// The same for an address to listen on, where port 0 stands for any that is free.
    pub fn parse_to_listen(text: &str) -> Option<Self> {
        let (host, port) = match text.parse::<SocketAddr>() {
            Ok(SocketAddr::V4(socket)) => (Host::Ip((*socket.ip()).into(), 0), socket.port()),
            Ok(SocketAddr::V6(socket)) => {
                (Host::Ip((*socket.ip()).into(), socket.scope_id()), socket.port())
            }
            Err(_) => {
                let (host, port) = text.rsplit_once(':')?;
                let plain =
                    |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
                let digits = port.bytes().all(|byte| byte.is_ascii_digit());
                if host.is_empty() || !host.bytes().all(plain) || !digits {
                    return None;
                }
                (Host::Name(host.to_ascii_lowercase()), port.parse().ok()?)
            }
        };
        Some(Self { host, port })
    }

    /// Whether only programs on the same machine can reach it.
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Ip(ip, _) => ip.to_canonical().is_loopback(),
            Host::Name(name) => name == "localhost" || name.ends_with(".localhost"),
        }
    }

    /// The host, without the brackets of an IPv6 address and without its zone.
    pub fn host(&self) -> String {
        match &self.host {
            Host::Ip(ip, _) => ip.to_string(),
            Host::Name(name) => name.clone(),
        }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Ip(IpAddr::V4(ip), _) => SocketAddrV4::new(*ip, self.port).fmt(f),
            Host::Ip(IpAddr::V6(ip), zone) => SocketAddrV6::new(*ip, self.port, 0, *zone).fmt(f),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for text in
            ["127.0.0.1:12001", "[::1]:12001", "[fe80::1%3]:1", "hill.example:65535", "hill_1:1"]
        {
            assert_eq!(Address::parse(text).unwrap().to_string(), text);
        }
        let wrong = [
            "",
            ":1",
            "hill",
            "hill:",
            "hill:0",
            "hill:65536",
            "hill:+1",
            "::1:12001",
            "a b:1",
            "http://a:1",
            "[fe80::1%eth0]:1",
            "fe80::1%3:1",
        ];
        for text in wrong {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }

    #[test]
    fn one_place_written_two_ways_is_one_address() {
        assert_eq!(Address::parse("Hill.Example:1"), Address::parse("hill.example:1"));
        assert_eq!(Address::parse("[0:0::1]:1"), Address::parse("[::1]:1"));
    }

    #[test]
    fn a_zone_belongs_to_the_address_and_not_to_the_name_of_the_host() {
        let address = Address::parse("[fe80::1%3]:1").unwrap();
        assert_ne!(Some(&address), Address::parse("[fe80::1%4]:1").as_ref());
        assert_eq!(address.host(), "fe80::1");
    }

    #[test]
    fn loopback_is_what_only_this_machine_reaches() {
        for text in ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "localhost:1"]
        {
            assert!(Address::parse(text).unwrap().is_loopback(), "{text}");
        }
        for text in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "hill:1", "localhost.example:1"] {
            assert!(!Address::parse(text).unwrap().is_loopback(), "{text}");
        }
    }
}
