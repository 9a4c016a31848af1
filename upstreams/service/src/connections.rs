//! The connections there are, what each waits for, and which goes when there are too many or one takes too long.
//!
//! Times are those of tokio's clock, so that a test may stop it. What reads and writes is in `stream` and
//! `exchange`: they say here what a connection is at.

use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;
use std::net::Shutdown;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::limits::Limits;

/// All connections of a service.
#[derive(Debug)]
pub(crate) struct Connections {
    limits: Limits,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    by_source: BTreeMap<Source, BTreeMap<u64, Entry>>,
    /// How many entries there are in all of `by_source`.
    count: usize,
    next_id: u64,
    /// Whether it was said that the limit is met; said again once fewer than half are in use.
    is_said: bool,
}

/// Who is counted as one: an IPv4 address, or the /64 of an IPv6 address, since whoever has one address of it
/// has them all.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Source(IpAddr);

/// A connection, as others see it. Dropping it ends the task that serves it.
#[derive(Debug)]
struct Entry {
    progress: Arc<Progress>,
    socket: Weak<TcpStream>,
    _close: oneshot::Sender<()>,
}

/// The place of a connection in the table, which is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    connections: Arc<Connections>,
    source: Source,
    id: u64,
}

/// A connection that was let in.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) socket: Arc<TcpStream>,
    pub(crate) place: Place,
    pub(crate) progress: Arc<Progress>,
    /// Completes when the connection is to be closed at once.
    pub(crate) closed: oneshot::Receiver<()>,
}

/// What a connection is at, and since when.
#[derive(Debug)]
pub(crate) struct Progress {
    start: Instant,
    /// The phase in the lowest bits, above them the milliseconds from `start` to its begin.
    phase: AtomicU64,
    /// The milliseconds from `start` to when the client began to take nothing, plus one; 0 while it takes what is
    /// sent to it.
    stalled: AtomicU64,
}

/// What a connection is at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    /// The head of a request is to come.
    Head,
    /// The body of a request is to come.
    Body,
    /// A request is answered.
    Answer,
    /// A request was answered, and nothing has come since.
    Idle,
    /// It speaks something else now, a WebSocket say.
    Upgraded,
}

const PHASE_BITS: u32 = 3;

impl Connections {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, table: Mutex::default() })
    }

    /// Gives a connection its place, if it can have one, and says what an operator should know.
    ///
    /// When all places are taken, the address with most connections, the new one counted, gives one up: the one that
    /// has been waiting for its client longest. Where that is the address of the new one and none of its connections
    /// waits for the client, the new one is refused.
    pub(crate) fn admit(
        self: &Arc<Self>,
        socket: TcpStream,
        peer: SocketAddr,
    ) -> (Option<Admitted>, Option<String>) {
        let source = Source::of(peer.ip());
        let mut warning = None;
        let mut table = self.table();
        if table.count >= self.limits.connections {
            warning = table.say_it_is_full();
            if !table.make_room(source) {
                return (None, warning);
            }
        }
        let socket = Arc::new(socket);
        let progress = Arc::new(Progress::new());
        let (close, closed) = oneshot::channel();
        let entry = Entry {
            progress: Arc::clone(&progress),
            socket: Arc::downgrade(&socket),
            _close: close,
        };
        let id = table.next_id;
        table.next_id += 1;
        table.count += 1;
        table.by_source.entry(source).or_default().insert(id, entry);
        drop(table);
        let place = Place { connections: Arc::clone(self), source, id };
        (Some(Admitted { socket, place, progress, closed }), warning)
    }

    /// Frees a descriptor, where another part of the program has taken the last one.
    pub(crate) fn give_one_up(&self) {
        let mut table = self.table();
        if let Some((source, id)) = table.to_give_up(None) {
            table.close(source, id);
        }
    }

    /// Closes the connections whose client takes too long.
    pub(crate) fn close_overdue(&self) {
        let mut table = self.table();
        let now = Instant::now();
        let mut overdue = Vec::new();
        for (&source, connections) in &table.by_source {
            for (&id, entry) in connections {
                if entry.progress.is_overdue(&self.limits, now) {
                    overdue.push((source, id));
                }
            }
        }
        for (source, id) in overdue {
            table.close(source, id);
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Closes a connection for a new one from `source`, if one is to be closed for it.
    fn make_room(&mut self, source: Source) -> bool {
        let Some((from, id)) = self.to_give_up(Some(source)) else { return false };
        self.close(from, id);
        true
    }

    /// Which connection goes first, when there is to be one from `newcomer`.
    fn to_give_up(&self, newcomer: Option<Source>) -> Option<(Source, u64)> {
        let count = |source: &Source, connections: &BTreeMap<u64, Entry>| {
            connections.len() + usize::from(newcomer == Some(*source))
        };
        let most = self.by_source.iter().map(|(source, all)| count(source, all)).max()?;
        let fullest = self.by_source.iter().filter(|(source, all)| count(source, all) == most);
        let of_fullest = fullest.flat_map(|(&source, connections)| {
            connections.iter().map(move |(&id, entry)| (source, id, &*entry.progress))
        });
        let (source, id, progress) = of_fullest.min_by_key(|(_, id, progress)| {
            (!progress.waits_for_client(), progress.since(), *id)
        })?;
        // Nothing that is under way is broken off for another of an address that has as many.
        let has_less = newcomer.is_none_or(|newcomer| {
            self.by_source.get(&newcomer).map_or(1, |all| count(&newcomer, all)) < most
        });
        (has_less || progress.waits_for_client()).then_some((source, id))
    }

    /// Closes a connection now, whatever it is at.
    fn close(&mut self, source: Source, id: u64) {
        let Some(entry) = self.remove(source, id) else { return };
        // One that was upgraded has no task of ours: whoever reads it sees its end.
        if let Some(socket) = entry.socket.upgrade() {
            _ = SockRef::from(&*socket).shutdown(Shutdown::Both);
        }
    }

    fn remove(&mut self, source: Source, id: u64) -> Option<Entry> {
        let connections = self.by_source.get_mut(&source)?;
        let entry = connections.remove(&id)?;
        if connections.is_empty() {
            self.by_source.remove(&source);
        }
        self.count -= 1;
        Some(entry)
    }

    fn say_it_is_full(&mut self) -> Option<String> {
        if core::mem::replace(&mut self.is_said, true) {
            return None;
        }
        let (Source(fullest), most) = self
            .by_source
            .iter()
            .map(|(source, all)| (*source, all.len()))
            .max_by_key(|(_, count)| *count)?;
        Some(format!(
            "all {} connections are taken, {most} of them by {fullest}: an address with most of them gives one up \
             for each new one",
            self.count
        ))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.connections.table();
        drop(table.remove(self.source, self.id));
        if table.count < self.connections.limits.connections / 2 {
            table.is_said = false;
        }
    }
}

impl Source {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                Self(Ipv6Addr::from_bits(network).into())
            }
            v4 @ IpAddr::V4(_) => Self(v4),
        }
    }
}

impl Progress {
    fn new() -> Self {
        let progress =
            Self { start: Instant::now(), phase: AtomicU64::new(0), stalled: AtomicU64::new(0) };
        progress.enter(Phase::Head);
        progress
    }

    /// The connection is at this from now on.
    pub(crate) fn enter(&self, phase: Phase) {
        let packed = self.elapsed_ms() << PHASE_BITS | phase.to_bits();
        self.phase.store(packed, Ordering::Relaxed);
    }

    pub(crate) fn phase(&self) -> Phase {
        Phase::from_bits(self.phase.load(Ordering::Relaxed))
    }

    /// The client takes nothing of what is to be sent.
    pub(crate) fn stall(&self) {
        if self.stalled.load(Ordering::Relaxed) == 0 {
            self.stalled.store(self.elapsed_ms() + 1, Ordering::Relaxed);
        }
    }

    /// The client has taken something.
    pub(crate) fn flow(&self) {
        self.stalled.store(0, Ordering::Relaxed);
    }

    /// When it came to be at what it is at now.
    fn since(&self) -> Instant {
        let stalled = self.stalled.load(Ordering::Relaxed);
        let phase = self.phase.load(Ordering::Relaxed) >> PHASE_BITS;
        self.start + Duration::from_millis(if stalled == 0 { phase } else { stalled - 1 })
    }

    fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Relaxed) != 0
    }

    fn waits_for_client(&self) -> bool {
        self.is_stalled() || !matches!(self.phase(), Phase::Answer | Phase::Upgraded)
    }

    fn is_overdue(&self, limits: &Limits, now: Instant) -> bool {
        let limit = match self.phase() {
            _ if self.is_stalled() => limits.stalled,
            Phase::Head => limits.head,
            Phase::Body => limits.body,
            Phase::Idle => limits.idle,
            // The service limits what it does itself.
            Phase::Answer | Phase::Upgraded => return false,
        };
        now.saturating_duration_since(self.since()) >= limit
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX >> PHASE_BITS)
    }
}

impl Phase {
    const ALL: [Self; 5] = [Self::Head, Self::Body, Self::Answer, Self::Idle, Self::Upgraded];

    fn to_bits(self) -> u64 {
        self as u64
    }

    fn from_bits(packed: u64) -> Self {
        let bits = packed & ((1 << PHASE_BITS) - 1);
        *Self::ALL.iter().find(|phase| phase.to_bits() == bits).expect("only phases are stored")
    }
}
