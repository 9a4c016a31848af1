//! Ports that nobody else takes between the moment they are chosen and the moment a server binds them.

use core::net::{Ipv4Addr, SocketAddr};
use core::sync::atomic::{AtomicU16, Ordering};
use std::env;
use std::fs::File;
use std::net::TcpListener;
use std::sync::OnceLock;

/// Below the range that kernels hand out to outgoing connections, above the built-in rosters' ports.
const FIRST: u16 = 13_000;
/// The range is divided into this many shares, of which each process takes one.
const SHARES: u16 = 4;
const SHARE: u16 = 4_750;

static DRAWN: AtomicU16 = AtomicU16::new(0);

/// An address on loopback that is free now and is handed out to nobody else: not by this process, nor by
/// another run of the tests on this machine.
pub fn free_address() -> SocketAddr {
    static TAKEN: OnceLock<Share> = OnceLock::new();
    let share = TAKEN.get_or_init(Share::take);
    for _ in 0..SHARE {
        let drawn = DRAWN.fetch_add(1, Ordering::Relaxed) % SHARE;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, share.first() + drawn));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no port is free")
}

/// A part of the range that is this process's own until it ends, whichever way.
#[derive(Debug)]
struct Share {
    number: u16,
    /// Holds the lock.
    _file: File,
}

impl Share {
    fn take() -> Self {
        let share = (0..SHARES).find_map(|number| {
            // The file stays: were it removed, two processes could hold locks on two of that name.
            let path = env::temp_dir().join(format!("herd-tests-ports-{number}.lock"));
            let file = File::options().create(true).append(true).open(path).ok()?;
            file.try_lock().ok()?;
            Some(Self { number, _file: file })
        });
        share.expect("fewer runs of the tests at once than there are shares")
    }

    const fn first(&self) -> u16 {
        FIRST + self.number * SHARE
    }
}
