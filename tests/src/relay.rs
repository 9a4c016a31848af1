//! A network between two servers that the test can cut, freeze, and listen to.

use crate::{Gate, free_address};
use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;
use socket2::SockRef;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// Passes on what comes to its own address to another one, and back. Ends when dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    target: SocketAddr,
    whole: AtomicBool,
    frozen: AtomicBool,
    ended: Gate,
    streams: Mutex<Vec<TcpStream>>,
    /// What diallers said, its beginning only.
    said: Mutex<Vec<u8>>,
    lines_in: AtomicUsize,
    connections: AtomicUsize,
}

/// What the kernel is asked to hold for each connection.
const BUFFER: usize = 64 * 1024;

/// How much of what diallers say is kept.
const KEPT: usize = 4096;

impl Relay {
    /// Starts to relay to `target`.
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind(free_address()).expect("the port is free");
        // What the kernel holds in the middle of the way is to be little. Connections inherit it.
        let narrow = SockRef::from(&listener).set_recv_buffer_size(BUFFER);
        narrow.expect("an open socket takes options");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            target,
            whole: AtomicBool::new(true),
            frozen: AtomicBool::new(false),
            ended: Gate::new(),
            streams: Mutex::default(),
            said: Mutex::default(),
            lines_in: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
        });
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self { address, shared, accepting: Some(accepting) }
    }

    /// Where to dial.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks all connections, and every new one at once.
    pub fn cut(&self) {
        self.shared.whole.store(false, Ordering::SeqCst);
        self.shared.break_all();
    }

    /// Lets new connections through again.
    pub fn mend(&self) {
        self.shared.whole.store(true, Ordering::SeqCst);
    }

    /// Stops passing anything on, without closing anything.
    pub fn freeze(&self) {
        self.shared.frozen.store(true, Ordering::SeqCst);
    }

    /// Goes on where it was frozen.
    pub fn thaw(&self) {
        self.shared.frozen.store(false, Ordering::SeqCst);
    }

    /// The first bytes that diallers said.
    pub fn said_by_dialler(&self) -> Vec<u8> {
        lock(&self.shared.said).clone()
    }

    /// How many connections have been made so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How many lines have been passed on from dialler to acceptor.
    pub fn lines_from_dialler(&self) -> usize {
        self.shared.lines_in.load(Ordering::SeqCst)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.ended.open();
        self.cut();
        // Accepting blocks: a last connection wakes it.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        self.shared.break_all();
    }
}

impl Shared {
    fn break_all(&self) {
        for stream in lock(&self.streams).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Waits while frozen, and says whether there is still something to do.
    fn flows(&self) -> bool {
        while self.frozen.load(Ordering::SeqCst) {
            if self.ended.wait(Duration::from_millis(5)) {
                return false;
            }
        }
        self.whole.load(Ordering::SeqCst)
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for near in listener.incoming() {
        if shared.ended.wait(Duration::ZERO) {
            return;
        }
        let Ok(near) = near else { continue };
        if shared.whole.load(Ordering::SeqCst) {
            // Where nobody listens, the dialler sees its connection closed.
            let _ = join(near, shared);
        }
    }
}

/// Passes on in both directions, on two threads that end with either connection.
fn join(near: TcpStream, shared: &Arc<Shared>) -> std::io::Result<()> {
    let far = TcpStream::connect(shared.target)?;
    SockRef::from(&far).set_send_buffer_size(BUFFER)?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    lock(&shared.streams).extend([near.try_clone()?, far.try_clone()?]);
    if !shared.whole.load(Ordering::SeqCst) {
        shared.break_all();
    }
    shared.connections.fetch_add(1, Ordering::SeqCst);
    let (near_back, far_back) = (near.try_clone()?, far.try_clone()?);
    thread::spawn({
        let shared = Arc::clone(shared);
        move || {
            pass_on(&near, &far, &shared, |bytes| {
                let mut said = lock(&shared.said);
                let room = KEPT.saturating_sub(said.len()).min(bytes.len());
                said.extend_from_slice(&bytes[..room]);
                drop(said);
                let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
                shared.lines_in.fetch_add(lines, Ordering::SeqCst);
            });
        }
    });
    thread::spawn({
        let shared = Arc::clone(shared);
        move || pass_on(&far_back, &near_back, &shared, |_| {})
    });
    Ok(())
}

fn pass_on(mut from: &TcpStream, mut to: &TcpStream, shared: &Shared, mut seen: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count) = from.read(&mut buffer) {
        let bytes = &buffer[..count];
        if count == 0 || !shared.flows() || to.write_all(bytes).is_err() {
            break;
        }
        seen(bytes);
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
