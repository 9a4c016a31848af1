//! A core at work: what both adapters would otherwise write twice.
//!
//! The host holds the core behind a lock, offers what it sends to the kernel at once, and hands the
//! adapter the [`Job`]s that take waiting: connecting, asking the provider, writing to a socket that
//! takes no more. It names no async runtime and never waits itself.
//!
//! One *turn* is one call of the core and everything that follows from it. Bytes for neighbours are
//! offered to the kernel first; all lines for one connection leave in one call. What answers the client
//! that was read from leaves when the lock is free again: a call that sends takes several times as long
//! as the core does, and other threads need not wait for it.
//!
//! Whoever has an answer of one server may ask the next at once, and there the record and the question
//! come on two connections, read by tasks that a runtime runs in any order. So what neighbours have sent
//! is heard before anything else is: [`Host::read`] sees to that, however many threads there are.
//!
//! This file has what the adapters call, and the turn. What a turn is made of has files of its own beside it.

mod actions;
mod connections;
mod conversation;
mod neighbours;
pub(crate) mod rations;
mod replies;
mod secured;
mod warnings;

use core::cell::RefCell;
use core::future::Future;
use core::net::{IpAddr, SocketAddr};
use core::task::{Poll, ready};
use core::time::Duration;
use std::collections::HashMap;
use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::future::{AbortHandle, AbortRegistration, poll_fn};
use futures_util::task::AtomicWaker;
use herd_core::{
    ConnId, Counters, Dialled, Herd, Instant, Listener, LookupError, LookupId, Now, Output, PeerId,
    Response,
};
use socket2::{SockRef, TcpKeepalive};

use crate::inquiry::Inquiry;
use crate::port::{Port, Read};
use crate::settings::HostSettings;
use crate::upstream::{HttpRequest, UpstreamSettings};
use herd_clock as clock;
use herd_log::{Direction, LogFile};
use herd_tls::Tls;

use connections::Connections;
use rations::{LeftOut, Rations, WHILE};
use replies::Replies;
use warnings::rationed;

/// What spawns a task for a job, on any thread.
pub type Perform<S> = Box<dyn Fn(Job<S>) + Send + Sync>;

/// A server whose connections are written to through `S`, and whose jobs `P` performs. It is used by several threads
/// where both of these can be, and by one otherwise.
pub struct Host<S, P = Perform<S>> {
    state: Mutex<State<S>>,
    perform: P,
    /// Whether links are read from here, ahead of who else is read from.
    reads_links_ahead: bool,
    log: LogFile,
    inquiry: Inquiry,
    /// What this server is called.
    name: Arc<str>,
    /// Where each neighbour is reached, and what it is called.
    peers: Vec<(Arc<str>, Arc<str>)>,
    /// The addresses of plain servers.
    plain: Vec<IpAddr>,
    /// What secures connections.
    tls: Tls,
    /// Where the provider is, and its key.
    upstream: UpstreamSettings,
    /// Wakes whoever waits for the time that the core wants to be called at.
    timer: AtomicWaker,
    /// Wakes whoever waits for the server to stop.
    end: AtomicWaker,
}

struct State<S> {
    herd: Herd,
    out: Output,
    connections: Connections<S>,
    /// Where what neighbours have sent is read into, ahead of what somebody else has.
    heard: Box<[u8]>,
    lookups: HashMap<LookupId, AbortHandle>,
    /// What answers the client that was read from.
    replies: Replies,
    /// What the kernel took in this turn.
    taken: Vec<(ConnId, usize)>,
    /// Connections that broke in this turn, and those that the core was told of.
    broken: Vec<ConnId>,
    gone: Vec<ConnId>,
    /// The clocks as they were in the last turn.
    now: Now,
    /// When the timer task wakes up by itself.
    alarm: Option<Instant>,
    stopping: bool,
    /// Why the last attempt to connect to a neighbour failed, if it did.
    dial_error: Option<String>,
    /// What clients have had of the log.
    rations: Rations,
    /// When something that strangers can bring about was last said on standard error.
    warned: Option<Instant>,
    /// The same of connections that cannot be accepted, which is tried again too often for any log.
    warned_of_accepting: Option<Instant>,
}

/// Where a connection was accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Door {
    /// At the address for clients, which may be that for neighbours too.
    Clients,
    /// At the address for neighbours alone.
    Links,
}

/// Work that may block; the adapter spawns a task for it.
pub enum Job<S> {
    /// Connect, and say how it went with [`Host::dialled`].
    Dial {
        /// Whom to connect to.
        peer: PeerId,
        /// Where: `HOST:PORT`.
        address: Arc<str>,
        /// Give up after this.
        within: Duration,
    },
    /// Ask the provider, and answer with [`Host::answered`], unless aborted before.
    Ask {
        /// What to answer with.
        id: LookupId,
        /// What to send.
        request: HttpRequest,
        /// What aborts it.
        abort: AbortRegistration,
    },
    /// Write what [`Host::unsent`] gives until it gives nothing.
    Write {
        /// Where to.
        port: Arc<Port<S>>,
    },
}

/// Rounds of a turn in which bytes are still offered to the kernel at once. A neighbour that takes a
/// whole table as fast as it is read may not keep everybody else waiting.
const ROUNDS: usize = 4;
/// Bytes read from a connection at once.
const CHUNK: usize = 64 * 1024;
/// Bytes read from a link ahead of what somebody else has sent.
const HEARD: usize = 16 * 1024;
/// Bytes that the kernel holds for a connection before they are on their way. A client that asks and does
/// not read is done with soon, instead of when megabytes are full.
#[cfg(any(target_os = "android", target_os = "linux"))]
const UNSENT: u32 = 128 * 1024;

thread_local! {
    /// An idle connection owns no buffer.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; CHUNK].into_boxed_slice());
}

impl<S: AsFd, P: Fn(Job<S>)> Host<S, P> {
    /// A server that has not been told anything yet; `perform` spawns a task for a job, and the timer
    /// task answers `inquiry`.
    pub fn new(settings: HostSettings, log: LogFile, inquiry: Inquiry, perform: P) -> Self {
        let plain = settings.plain_addresses();
        let HostSettings { core, dial, tls, upstream, reads_links_ahead } = settings;
        let name = Arc::from(&*core.name);
        let names = core.neighbours.iter().map(|neighbour| Arc::from(&*neighbour.name));
        let addresses = dial.iter().map(|address| Arc::from(address.as_str()));
        let peers = addresses.zip(names).collect();
        Self {
            state: Mutex::new(State {
                herd: Herd::new(core).expect("the settings are checked"),
                out: Output::new(),
                connections: Connections::new(),
                heard: vec![0; HEARD].into_boxed_slice(),
                lookups: HashMap::new(),
                replies: Replies::default(),
                taken: Vec::new(),
                broken: Vec::new(),
                gone: Vec::new(),
                now: Now::default(),
                alarm: None,
                stopping: false,
                dial_error: None,
                rations: Rations::default(),
                warned: None,
                warned_of_accepting: None,
            }),
            perform,
            reads_links_ahead,
            log,
            inquiry,
            name,
            peers,
            plain,
            tls,
            upstream,
            timer: AtomicWaker::new(),
            end: AtomicWaker::new(),
        }
    }

    /// A connection was accepted. Where it is to be read from, unless it was closed at once.
    pub fn accepted(&self, stream: S, from: SocketAddr, door: Door) -> Option<Arc<Port<S>>> {
        let plain = door == Door::Clients && self.plain.contains(&from.ip().to_canonical());
        let listener = match door {
            Door::Links => Listener::Links { from: from.ip() },
            Door::Clients => Listener::Clients { from: from.ip(), plain },
        };
        bound_unsent(&stream);
        keep_alive(&stream);
        let session = self.tls.accepted(listener);
        let port = self.turn(|state, now| {
            let id = state.herd.handle_accept(now, listener, &mut state.out);
            state.connections.open(
                id,
                stream,
                Arc::from(from.to_string()),
                Some(from.ip()),
                session,
            )
        });
        (!port.is_closed()).then_some(port)
    }

    /// Connections cannot be accepted, most likely for want of descriptors, which strangers can bring about. How
    /// long to leave them to the kernel.
    pub fn accept_failed(&self, error: &io::Error) -> Duration {
        let level = rationed(&mut self.lock().warned_of_accepting, clock::now(), log::Level::Warn);
        if level == log::Level::Warn {
            log::warn!("cannot accept connections: {error}");
        }
        ACCEPT_PAUSE
    }

    /// An attempt to connect is over. Where to read from, unless the connection is not wanted.
    pub fn dialled(&self, peer: PeerId, stream: io::Result<S>) -> Option<Arc<Port<S>>> {
        let (address, _) = &self.peers[peer.index()];
        if let Ok(stream) = &stream {
            keep_alive(stream);
        }
        self.turn(|state, now| {
            let outcome = if stream.is_ok() { Dialled::Connected } else { Dialled::Failed };
            state.dial_error = stream.as_ref().err().map(reason);
            let id = state.herd.handle_dial(now, peer, outcome, &mut state.out)?;
            let is_quiet = state.herd.is_quiet(id);
            let session = self.tls.dialled(peer);
            let port = state.connections.open(id, stream.ok()?, Arc::clone(address), None, session);
            if let Some(entry) = state.connections.find(id) {
                entry.is_quiet = is_quiet;
            }
            Some(port)
        })
    }

    /// Reads once, through `read`, and hands what came to the core. Whether to go on reading.
    ///
    /// A link is read under the lock, so that nothing of it is on its way from the kernel to the core
    /// when somebody else's bytes get there.
    pub fn read(
        &self,
        port: &Port<S>,
        read: impl FnOnce(&mut [u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<bool>> {
        BUFFER.with_borrow_mut(|buffer| {
            let length;
            if port.is_link() {
                let mut state = self.lock();
                length = ready!(read(buffer))?;
                self.receive(&mut state, port, port.open(&buffer[..length]));
            } else {
                length = ready!(read(buffer))?;
                self.converse(port, port.open(&buffer[..length]));
            }
            Poll::Ready(Ok(length > 0 && !port.is_closed() && !port.has_ended()))
        })
    }

    /// Takes bytes that the adapter has read by itself, in their order; none say that the other side has ended its half.
    /// Whether to go on reading.
    ///
    /// [`Host::read`] sees to it that a client finds its record at any neighbour at once. Here that is the adapter's: of
    /// what has been read at the time, it hands in that of links first, and sets
    /// [`HostSettings::reads_links_ahead`] to `false`, so that nothing is read behind its back.
    pub fn received(&self, port: &Port<S>, bytes: &[u8]) -> bool {
        if port.is_link() {
            self.receive(&mut self.lock(), port, port.open(bytes));
        } else {
            self.converse(port, port.open(bytes));
        }
        !bytes.is_empty() && !port.is_closed() && !port.has_ended()
    }

    /// A connection broke.
    pub fn lost(&self, port: &Port<S>) {
        self.turn(|state, now| state.break_off(now, port.id));
    }

    /// What waits to be written, for a [`Job::Write`]; it is written from its start on.
    pub fn unsent(&self, port: &Port<S>) -> Option<Vec<u8>> {
        self.lock().connections.find(port.id)?.outbox.take()
    }

    /// The kernel took `count` of `bytes`, which [`Host::unsent`] gave.
    pub fn wrote(&self, port: &Port<S>, bytes: Vec<u8>, count: usize) {
        self.turn(|state, _| {
            if let Some(entry) = state.connections.find(port.id) {
                entry.outbox.put_back(bytes, count);
            }
            state.taken.push((port.id, port.drained(count)));
        });
    }

    /// A lookup is over.
    pub fn answered(&self, id: LookupId, answer: Result<Response<'_>, LookupError>) {
        self.turn(|state, now| {
            state.lookups.remove(&id);
            state.herd.handle_lookup(now, id, answer, &mut state.out);
        });
    }

    /// Tells the core the time, and says how long until it wants to know it again.
    pub fn tick(&self) -> Duration {
        self.turn(|state, now| {
            // Everything that is set earlier from here on wakes the timer.
            state.alarm = None;
            state.herd.handle_timeout(now, &mut state.out);
            self.log_left_out(now, state.rations.end(now.mono));
        });
        let now = clock::now().mono;
        let mut state = self.lock();
        self.inquiry.answer(|| state.herd.status());
        let alarm = state.next_due().unwrap_or_else(|| now.after(LONGEST_SLEEP));
        state.alarm = Some(alarm);
        alarm.since(now)
    }

    /// Resolves when the next deadline has moved forward, so that [`Host::tick`] is due earlier than it said, or when a
    /// status request is pending.
    pub fn hurried(&self) -> impl Future<Output = ()> + '_ {
        poll_fn(|context| {
            self.timer.register(context.waker());
            let is_asked = self.inquiry.poll(context);
            if is_asked || self.lock().is_hurried() { Poll::Ready(()) } else { Poll::Pending }
        })
    }

    /// Stop: no new connections, an answer to every line already read, and an end within 5 seconds.
    pub fn stop(&self) {
        self.turn(|state, now| {
            state.stopping = true;
            state.herd.handle_stop(now, &mut state.out);
        });
    }

    /// Ends when the server has been told to stop: nothing more is to be accepted.
    pub fn stopping(&self) -> impl Future<Output = ()> + '_ {
        poll_fn(|context| {
            self.end.register(context.waker());
            if self.lock().stopping { Poll::Ready(()) } else { Poll::Pending }
        })
    }

    /// Ends when the server has been told to stop and all connections are closed.
    pub fn stopped(&self) -> impl Future<Output = ()> + '_ {
        poll_fn(|context| {
            self.end.register(context.waker());
            if self.lock().herd.has_stopped() { Poll::Ready(()) } else { Poll::Pending }
        })
    }

    /// What has been counted since the start.
    pub fn counters(&self) -> Counters {
        self.lock().herd.counters()
    }

    /// Writes what has been counted to the log.
    pub fn log_counters(&self) {
        let now = clock::now();
        self.log_left_out(now, self.lock().rations.end_now());
        let (counters, dropped) = (self.counters(), self.log.dropped());
        let text = format_args!("{counters:?}, {dropped} log lines dropped");
        self.log.event(now.wall, log::Level::Info, text);
    }

    /// Says in the log what was left out of it.
    fn log_left_out(&self, now: Now, events: Vec<LeftOut>) {
        for LeftOut { count, from, what } in events {
            let from = from.map_or_else(|| "other addresses".to_owned(), |from| from.to_string());
            let within = WHILE.as_secs();
            let text = format_args!("{count} more from {from} within {within} s: {what}");
            self.log.event(now.wall, log::Level::Info, text);
        }
    }

    /// Bytes were read from a socket.
    fn receive(&self, state: &mut State<S>, port: &Port<S>, bytes: Read<'_>) {
        match bytes {
            Read::Plain(bytes) => self.hear(state, port, bytes),
            Read::Opened(opened) => self.hear_secured(state, port, opened),
        }
    }

    /// The other side said something, or nothing: it has ended its half.
    fn hear(&self, state: &mut State<S>, port: &Port<S>, bytes: &[u8]) {
        self.go(state, |state, now| {
            if bytes.is_empty() {
                // A last line without its end is read now.
                self.log.gone(now.wall, port.number);
                return state.herd.handle_eof(now, port.id, &mut state.out);
            }
            if self.log.wants_lines()
                && let Some(entry) = state.connections.find(port.id)
            {
                self.log.bytes(now.wall, Direction::Received, port.number, &entry.peer, bytes);
            }
            state.herd.handle_input(now, port.id, bytes, &mut state.out);
        });
    }

    /// One call of the core and everything that follows from it.
    fn turn<T>(&self, call: impl FnOnce(&mut State<S>, Now) -> T) -> T {
        self.go(&mut self.lock(), call)
    }

    /// The same where the lock is held already. The clocks are read under it, so that time never runs
    /// backwards for the core.
    fn go<T>(&self, state: &mut State<S>, call: impl FnOnce(&mut State<S>, Now) -> T) -> T {
        let now = clock::now();
        state.now = now;
        let result = call(state, now);
        self.follow(state, now);
        result
    }

    /// Everything that follows from a call of the core.
    fn follow(&self, state: &mut State<S>, now: Now) {
        let mut round = 0;
        while !state.out.is_empty() || !state.taken.is_empty() || !state.broken.is_empty() {
            self.act(state, now, round < ROUNDS);
            state.report(now);
            round += 1;
        }
        for conn in core::mem::take(&mut state.gone) {
            state.close(conn);
        }
        if state.is_hurried() {
            self.timer.wake();
        }
        if state.stopping {
            self.end.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().expect("no turn panics")
    }
}

impl<S: AsFd> State<S> {
    /// Tells the core of a connection that broke; it is closed at the end of the turn, when what there
    /// is to say of it has been said.
    fn break_off(&mut self, now: Now, conn: ConnId) {
        self.herd.handle_close(now, conn, &mut self.out);
        self.gone.push(conn);
    }

    fn close(&mut self, conn: ConnId) {
        let Some(entry) = self.connections.remove(conn) else { return };
        self.replies.send_last(&entry.port);
        entry.port.say_goodbye();
        entry.port.close();
    }

    /// Whether the core wants to be told the time before the timer task would.
    fn is_hurried(&self) -> bool {
        match (self.next_due(), self.alarm) {
            (Some(next), Some(alarm)) => next < alarm,
            _ => false,
        }
    }

    /// When the core wants to be told the time, or something is to be said in the log.
    fn next_due(&self) -> Option<Instant> {
        let core = self.herd.poll_timeout().map(|(at, _)| at);
        core.into_iter().chain(self.rations.due()).min()
    }

    /// Tells the core what became of what it sent.
    fn report(&mut self, now: Now) {
        let mut taken = core::mem::take(&mut self.taken);
        for (conn, bytes) in taken.drain(..) {
            self.herd.handle_drained(now, conn, bytes, &mut self.out);
        }
        self.taken = taken;
        for conn in core::mem::take(&mut self.broken) {
            self.break_off(now, conn);
        }
    }
}

/// Has the kernel hold no more than [`UNSENT`] bytes, where it knows such a bound.
#[cfg(any(target_os = "android", target_os = "linux"))]
fn bound_unsent(stream: &impl AsFd) {
    // An error says that the other side was faster.
    let _ = SockRef::from(stream).set_tcp_notsent_lowat(UNSENT);
}

#[cfg(not(any(target_os = "android", target_os = "linux")))]
fn bound_unsent(_: &impl AsFd) {}

/// Has the kernel find out that the other side is gone without a word, and end the connection: neither clients that
/// may be idle for ever nor plain neighbours say anything by themselves.
fn keep_alive(stream: &impl AsFd) {
    let keep_alive = TcpKeepalive::new()
        .with_time(ALIVE_AFTER)
        .with_interval(ALIVE_EVERY)
        .with_retries(ALIVE_TRIES);
    // An error says that the other side was faster.
    let _ = SockRef::from(stream).set_tcp_keepalive(&keep_alive);
}

/// How long nothing came until the kernel asks, how often it does, and how many times without an answer.
const ALIVE_AFTER: Duration = Duration::from_secs(60);
const ALIVE_EVERY: Duration = Duration::from_secs(10);
const ALIVE_TRIES: u32 = 6;

/// What went wrong with a connection, in the operating system's words, without its number for it.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split_once(" (os error ").map_or(&*text, |(text, _)| text);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// How long a server that has run out of descriptors leaves connections to the kernel.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long the timer task sleeps at most.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);
