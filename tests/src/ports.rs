//! Ports that nobody else takes between the moment they are chosen and the moment a server binds them.

use core::net::{Ipv4Addr, SocketAddr};
use core::sync::atomic::{AtomicU16, Ordering};
use std::net::TcpListener;
use std::process;

/// Below the range that kernels hand out to outgoing connections, above the built-in rosters' ports.
const FIRST: u16 = 13_000;
const COUNT: u16 = 19_000;

static DRAWN: AtomicU16 = AtomicU16::new(0);

/// An address on loopback that is free now and is handed out to nobody else by this process.
///
/// Where the drawing starts depends on the process, so that two runs at once rarely meet.
pub fn free_address() -> SocketAddr {
    let start = u16::try_from(process::id() % 190).expect("below 190") * 100;
    for _ in 0..COUNT {
        let drawn = DRAWN.fetch_add(1, Ordering::Relaxed);
        let offset = (u32::from(start) + u32::from(drawn)) % u32::from(COUNT);
        let port = FIRST + u16::try_from(offset).expect("below COUNT");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no port is free")
}
