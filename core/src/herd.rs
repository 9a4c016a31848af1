//! One server of the herd: what comes in, and what follows from it.
//!
//! This file has the inputs and the timers; [`client`](self) connections and links each have a file
//! of their own beside it.

mod client;
mod link;

use alloc::vec::Vec;
use core::time::Duration;

use crate::command::{Command, Grammar, Malformed, Update};
use crate::config::{Config, Limits};
use crate::conns::{Conn, Conns, Door, Input, Opening, Role};
use crate::counters::Counters;
use crate::directory::{Directory, Origin};
use crate::entropy::Entropy;
use crate::handshake::{HELLO, Incarnation};
use crate::lookups::Lookups;
use crate::notice::{Goodbye, Notice, Refusal};
use crate::output::{Action, ConnId, LookupId, Output, PeerId};
use crate::peers::{Peer, PeerState};
use crate::provider::LookupError;
use crate::time::{Instant, Now, seconds};
use crate::timers::{Timers, Wake};

/// A server of the herd, without its sockets, its clocks and its provider.
///
/// Inputs are methods; what follows from them is appended to an [`Output`] of the caller's. No method
/// returns an error or panics on any input, and identifiers that have gone stale are ignored.
#[derive(Debug)]
pub struct Herd {
    config: Config,
    grammar: Grammar,
    /// `AT`, the server's name and the blanks around it: what every answer begins with.
    at_prefix: Vec<u8>,
    entropy: Entropy,
    incarnation: Incarnation,
    directory: Directory,
    conns: Conns,
    peers: Vec<Peer>,
    lookups: Lookups,
    timers: Timers,
    counters: Counters,
    /// Connections that count against `limits.connections`.
    clients: usize,
    /// Connections in their handshake.
    unproven: usize,
    /// The last change that every neighbour has been offered.
    offered: u64,
    /// The times that two of the timers are set for.
    lookup_alarm: Option<Instant>,
    flood_alarm: Option<Instant>,
    /// The number of the last link.
    last_origin: Origin,
    stopping: bool,
    /// Memory for one batch of commands and one of updates, used again.
    commands: Vec<Entry<Command<'static>>>,
    updates: Vec<Entry<Update<'static>>>,
    scratch: Vec<u8>,
}

/// A line of a batch.
#[derive(Debug)]
struct Entry<T> {
    /// Where the line ends within the input it is from, its line end included.
    end: usize,
    /// The hash of its client's ID, where it names one.
    hash: u64,
    parsed: Result<T, Malformed>,
}

/// Where a connection was accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Listener {
    /// At the address for clients. `plain` says that the other side has the address of a plain server.
    Clients {
        /// Whether bare `AT` lines are taken from it.
        plain: bool,
    },
    /// At the address for neighbours, where it is one of its own.
    Links,
}

/// How an attempt to connect to a neighbour ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dialled {
    /// There is a connection.
    Connected,
    /// There is none.
    Failed,
}

/// Lines that are parsed before the first of them is carried out, so that their records are fetched
/// from memory together.
const BATCH: usize = 32;
/// Connections that may be in their handshake at once, beyond those of all neighbours.
const SPARE_HANDSHAKES: usize = 64;
/// Timers that may lie around for nothing, beside a few for each connection.
const SPARE_TIMERS: usize = 1024;
/// Bytes of a line on a link, on every server.
const LINK_LINE_BYTES: usize = 8192;
/// The time for stopping.
const STOPPING: Duration = Duration::from_secs(5);
/// The link of records that came from plain servers.
const FROM_PLAIN: Origin = 1;

impl Herd {
    /// A server with an empty table. [`Config::check`] has said that `config` is one to run with.
    pub fn new(config: Config) -> Self {
        debug_assert_eq!(config.check(), Ok(()));
        let mut entropy = Entropy::new(config.seed);
        let incarnation = Incarnation(entropy.number());
        let limits = &config.limits;
        let mut timers = Timers::default();
        let peers: Vec<_> =
            config.neighbours.iter().map(|neighbour| Peer::new(neighbour, &config.name)).collect();
        for (position, peer) in peers.iter().enumerate() {
            if let (Some(at), Some(id)) = (peer.alarm, PeerId::at(position)) {
                timers.set(at, Wake::Neighbour(id));
            }
        }
        if limits.record_age_s > 0 {
            timers.set(Instant::default(), Wake::Records);
        }
        Self {
            grammar: Grammar {
                dialect: config.dialect,
                client_id_bytes: limits.client_id_bytes as usize,
            },
            at_prefix: [b"AT ", config.name.as_bytes(), b" "].concat(),
            incarnation,
            directory: Directory::new(limits.clients, config.ring, entropy.number()),
            entropy,
            conns: Conns::default(),
            peers,
            lookups: Lookups::new(limits.lookups, limits.lookup_queue, config.lookup_timeout),
            timers,
            counters: Counters::default(),
            clients: 0,
            unproven: 0,
            offered: 0,
            lookup_alarm: None,
            flood_alarm: None,
            last_origin: FROM_PLAIN,
            stopping: false,
            commands: Vec::new(),
            updates: Vec::new(),
            scratch: Vec::new(),
            config,
        }
    }

    /// A connection was accepted.
    pub fn handle_accept(&mut self, now: Now, listener: Listener, out: &mut Output) -> ConnId {
        let full = self.clients >= self.config.limits.connections as usize;
        let role = match listener {
            Listener::Links => Role::Undecided(Door::Links),
            Listener::Clients { .. } if full && self.config.shared_address => {
                Role::Undecided(Door::SharedFull)
            }
            Listener::Clients { plain } if self.config.shared_address => {
                Role::Undecided(Door::Shared { plain })
            }
            Listener::Clients { plain } => Role::Client { plain },
        };
        let conn = Conn::new(role, now.mono);
        let too_many =
            (conn.is_client() && full) || (conn.is_unproven() && !self.has_spare_handshake());
        let unproven = conn.is_unproven();
        let id = self.admit(conn);
        out.log(Notice::Opened { conn: id });
        if self.stopping {
            self.close(now, id, Goodbye::Stopping, out);
        } else if too_many && unproven {
            self.refuse(now, id, Refusal::TooMany, out);
        } else if too_many {
            self.counters.refused += 1;
            self.close(now, id, Goodbye::TooMany, out);
        }
        id
    }

    /// An attempt to connect to a neighbour is over. The number of the connection, unless nobody waits
    /// for it any more: the driver then closes it.
    pub fn handle_dial(
        &mut self,
        now: Now,
        peer: PeerId,
        outcome: Dialled,
        out: &mut Output,
    ) -> Option<ConnId> {
        let state = self.peers.get(peer.index())?.state;
        if state != PeerState::Dialling || self.stopping {
            return None;
        }
        match outcome {
            Dialled::Connected => Some(self.open_link(now, peer, out)),
            Dialled::Failed => {
                self.retry(now, peer, out);
                None
            }
        }
    }

    /// Bytes were read.
    pub fn handle_input(&mut self, now: Now, id: ConnId, input: &[u8], out: &mut Output) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        conn.heard = now.mono;
        match conn.input {
            Input::Open => {}
            Input::Ended | Input::Cut | Input::Shut { .. } => return,
        }
        let mut rest = input;
        if !conn.held.is_empty() {
            let line = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            let (first, behind) = rest.split_at(if conn.paused { rest.len() } else { line });
            conn.held.extend_from_slice(first);
            rest = behind;
            self.read_held(now, id, out);
        }
        if !rest.is_empty() {
            let done = self.read(now, id, rest, out);
            if let Some(conn) = self.conns.get_mut(id) {
                conn.held.extend_from_slice(&rest[done..]);
            }
        }
        self.finish_if_done(now, id, out);
        self.settle(now, out);
    }

    /// The other side has ended its half of the connection.
    pub fn handle_eof(&mut self, now: Now, id: ConnId, out: &mut Output) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        match (&conn.role, conn.input) {
            (Role::Client { .. } | Role::Undecided(Door::Shared { .. }), Input::Open) => {
                conn.input = Input::Ended;
                self.become_client_if_undecided(id);
                self.read_held(now, id, out);
                self.finish_if_done(now, id, out);
            }
            (Role::Client { .. }, Input::Ended | Input::Cut) => {}
            _ => self.close(now, id, Goodbye::Ended, out),
        }
        self.settle(now, out);
    }

    /// The connection broke. The driver has closed it.
    pub fn handle_close(&mut self, now: Now, id: ConnId, out: &mut Output) {
        self.forget(now, id, Goodbye::Lost, out);
        self.settle(now, out);
    }

    /// The kernel took `taken` bytes of what was sent; none is worth saying too.
    pub fn handle_drained(&mut self, now: Now, id: ConnId, taken: usize, out: &mut Output) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        conn.unsent = conn.unsent.saturating_sub(taken);
        if taken > 0 {
            conn.taken = now.mono;
        }
        match conn.role {
            Role::Link(peer) => self.tell(now, peer, out),
            Role::Client { .. } if conn.unsent > 0 => {
                let due = conn.taken.after(seconds(self.config.limits.stalled_s));
                self.timers.set_earlier(&mut conn.alarm, due, Wake::Connection(id));
            }
            Role::Client { .. } => {}
            Role::Undecided(_) | Role::Opening(_) => return,
        }
        self.deliver(now, id, out);
        self.finish_if_done(now, id, out);
        self.settle(now, out);
    }

    /// A lookup is over: the provider's body, or why there is none.
    pub fn handle_lookup(
        &mut self,
        now: Now,
        id: LookupId,
        answer: Result<&[u8], LookupError>,
        out: &mut Output,
    ) {
        if let Some(lookup) = self.lookups.finish(now.mono, id, out) {
            self.answer(now, id, lookup, answer, out);
        }
        self.settle(now, out);
    }

    /// Stop: no new connections, an answer to every line already read, and an end within 5 seconds.
    /// [`Herd::has_stopped`] says when.
    pub fn handle_stop(&mut self, now: Now, out: &mut Output) {
        if self.stopping {
            return;
        }
        self.stopping = true;
        self.timers.set(now.mono.after(STOPPING), Wake::Stop);
        let open: Vec<_> = self.conns.iter().map(|(id, conn)| (id, conn.is_unproven())).collect();
        for (id, unproven) in open {
            if unproven {
                self.close(now, id, Goodbye::Stopping, out);
            } else {
                self.stop_reading(now, id, out);
            }
        }
        self.settle(now, out);
    }

    /// Whether the server was told to stop and has no connection left.
    pub fn has_stopped(&self) -> bool {
        self.stopping && self.conns.len() == 0
    }

    /// When [`Herd::handle_timeout`] is next due, and what for.
    pub fn poll_timeout(&self) -> Option<(Instant, Wake)> {
        self.timers.next()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Now, out: &mut Output) {
        while let Some((at, wake)) = self.timers.pop_due(now.mono) {
            match wake {
                Wake::Connection(id) => self.check_conn(now, id, at, out),
                Wake::Neighbour(peer) => self.check_peer(now, peer, at, out),
                Wake::Lookup if self.lookup_alarm == Some(at) => {
                    self.lookup_alarm = None;
                    self.check_lookups(now, out);
                }
                Wake::Records => self.check_records(now, out),
                Wake::Flood if self.flood_alarm == Some(at) => {
                    self.flood_alarm = None;
                    self.offered = 0;
                }
                Wake::Stop => self.abandon_all(now, out),
                Wake::Lookup | Wake::Flood => {}
            }
        }
        self.settle(now, out);
    }

    /// What has been counted since the start.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The number of records in the table.
    pub fn records(&self) -> usize {
        self.directory.len()
    }

    /// The `AT` line of a client, without its line end.
    pub fn record(&self, client: &[u8]) -> Option<&[u8]> {
        self.directory.find(self.directory.hash(client), client).map(|record| record.line)
    }

    /// The `AT` lines of all records, in no order that means anything.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.directory.slots()).filter_map(|slot| Some(self.directory.record(slot)?.line))
    }

    /// Reads what was held back, and keeps what is still too early.
    fn read_held(&mut self, now: Now, id: ConnId, out: &mut Output) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let held = core::mem::take(&mut conn.held);
        let start = core::mem::take(&mut conn.done);
        let done = start + self.read(now, id, &held[start..], out);
        let Some(conn) = self.conns.get_mut(id) else { return };
        if done < held.len() {
            conn.held = held;
            conn.done = done;
        }
    }

    /// Reads the whole lines of `input` until reading pauses, and says how many bytes are done with.
    fn read(&mut self, now: Now, id: ConnId, input: &[u8], out: &mut Output) -> usize {
        let mut done = 0;
        while done < input.len() {
            let Some(conn) = self.conns.get_mut(id) else { return input.len() };
            if conn.paused {
                break;
            }
            let rest = &input[done..];
            if conn.skipping {
                let end = memchr::memchr(b'\n', rest);
                conn.skipping = end.is_none();
                done += end.map_or(rest.len(), |end| end + 1);
                continue;
            }
            let limit = line_limit(&conn.role, rest, &self.config.limits);
            let line = &rest[..rest.len().min(limit + 1)];
            match memchr::memchr(b'\n', line) {
                Some(end) => done += self.read_lines(now, id, rest, end, limit, out),
                None if line.len() > limit => {
                    conn.skipping = true;
                    done += limit;
                    self.read_long_line(now, id, &line[..limit], out);
                }
                None => break,
            }
        }
        done
    }

    /// Reads one line or more, of which the first ends at `end`.
    fn read_lines(
        &mut self,
        now: Now,
        id: ConnId,
        input: &[u8],
        end: usize,
        limit: usize,
        out: &mut Output,
    ) -> usize {
        match self.conns.get(id).map(|conn| &conn.role) {
            Some(Role::Client { .. }) => self.read_commands(now, id, input, limit, out),
            Some(Role::Link(peer)) => self.read_updates(now, *peer, id, input, limit, out),
            Some(Role::Undecided(door)) => self.decide(now, id, *door, &input[..end], out),
            Some(Role::Opening(opening)) => {
                self.prove(now, id, *opening, &input[..end], out);
                end + 1
            }
            None => input.len(),
        }
    }

    fn read_long_line(&mut self, now: Now, id: ConnId, begin: &[u8], out: &mut Output) {
        self.counters.long_lines += 1;
        match self.conns.get(id).map(|conn| &conn.role) {
            Some(Role::Link(_)) => self.drop_line(id, Malformed::UnknownCommand, out),
            Some(Role::Undecided(Door::Shared { .. })) => {
                self.become_client_if_undecided(id);
                self.answer_invalid(now, id, begin, out);
            }
            Some(Role::Client { .. }) => self.answer_invalid(now, id, begin, out),
            Some(Role::Undecided(_) | Role::Opening(_)) => {
                self.refuse(now, id, Refusal::NotAHandshake, out);
            }
            None => {}
        }
    }

    /// What is left to do when an input has been dealt with.
    fn settle(&mut self, now: Now, out: &mut Output) {
        if self.directory.changes().last() != self.offered {
            self.offered = self.directory.changes().last();
            for position in 0..self.peers.len() {
                if let Some(peer) = PeerId::at(position) {
                    self.tell(now, peer, out);
                }
            }
        }
        if self.stopping && self.clients == 0 {
            self.stop_links(now, out);
        }
    }

    fn admit(&mut self, conn: Conn) -> ConnId {
        self.clients += usize::from(conn.is_client());
        self.unproven += usize::from(conn.is_unproven());
        self.counters.connections += u64::from(conn.is_client());
        let due = conn.due(&self.config.limits);
        let id = self.conns.insert(conn);
        if let Some(due) = due {
            self.set_alarm(id, due);
        }
        self.sweep_timers();
        id
    }

    /// Drops the timers of connections that are gone, when most are: connections that come and go
    /// quickly leave theirs behind for as long as they might have idled.
    fn sweep_timers(&mut self) {
        if self.timers.len() > SPARE_TIMERS + 4 * self.conns.len() {
            let conns = &self.conns;
            self.timers.sweep(|at, wake| match wake {
                Wake::Connection(id) => conns.get(id).is_some_and(|conn| conn.alarm == Some(at)),
                Wake::Neighbour(_) | Wake::Lookup | Wake::Records | Wake::Flood | Wake::Stop => {
                    true
                }
            });
        }
    }

    /// Changes what a connection is.
    fn become_role(&mut self, id: ConnId, role: Role) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        self.clients -= usize::from(conn.is_client());
        self.unproven -= usize::from(conn.is_unproven());
        conn.role = role;
        self.clients += usize::from(conn.is_client());
        self.unproven += usize::from(conn.is_unproven());
        if let Some(due) = conn.due(&self.config.limits) {
            self.set_alarm(id, due);
        }
    }

    fn has_spare_handshake(&self) -> bool {
        self.unproven < SPARE_HANDSHAKES + self.peers.len()
    }

    /// Closes a connection and forgets it.
    fn close(&mut self, now: Now, id: ConnId, why: Goodbye, out: &mut Output) {
        if self.forget(now, id, why, out) {
            out.push(Action::Close { conn: id });
        }
    }

    /// Forgets a connection and what hangs on it; whether there was one.
    fn forget(&mut self, now: Now, id: ConnId, why: Goodbye, out: &mut Output) -> bool {
        let Some(conn) = self.conns.remove(id) else { return false };
        self.clients -= usize::from(conn.is_client());
        self.unproven -= usize::from(conn.is_unproven());
        if conn.replies.is_some() {
            self.lookups.abandon(now.mono, id, out);
        }
        match conn.role {
            Role::Link(peer) => {
                out.log(Notice::LinkDown { peer, conn: id, why });
                self.link_down(now, peer, id, out);
            }
            Role::Opening(
                Opening::Challenge { peer, .. } | Opening::AcceptorProof { peer, .. },
            ) => {
                out.log(Notice::Closed { conn: id, why });
                self.link_down(now, peer, id, out);
            }
            Role::Client { .. } | Role::Undecided(_) | Role::Opening(_) => {
                out.log(Notice::Closed { conn: id, why });
            }
        }
        true
    }

    fn check_conn(&mut self, now: Now, id: ConnId, at: Instant, out: &mut Output) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        if conn.alarm != Some(at) {
            return;
        }
        conn.alarm = None;
        let waiting = conn.unsent > 0;
        let (shut, unproven) = (matches!(conn.input, Input::Shut { .. }), conn.is_unproven());
        match conn.due(&self.config.limits) {
            Some(due) if due <= now.mono && shut => {
                self.close(now, id, Goodbye::Stopping, out);
            }
            Some(due) if due <= now.mono && unproven => {
                self.refuse(now, id, Refusal::TimedOut, out);
            }
            Some(due) if due <= now.mono && waiting => {
                self.counters.stalled += 1;
                self.close(now, id, Goodbye::Stalled, out);
            }
            Some(due) if due <= now.mono => {
                self.counters.idle += 1;
                self.close(now, id, Goodbye::Idle, out);
            }
            Some(due) => self.set_alarm(id, due),
            // An answer is owed; look again when it could have become idle since.
            None if self.config.limits.idle_s > 0 => {
                self.set_alarm(id, now.mono.after(seconds(self.config.limits.idle_s)));
            }
            None => {}
        }
    }

    fn set_alarm(&mut self, id: ConnId, due: Instant) {
        if let Some(conn) = self.conns.get_mut(id) {
            self.timers.set_earlier(&mut conn.alarm, due, Wake::Connection(id));
        }
    }

    fn check_records(&mut self, now: Now, out: &mut Output) {
        let age = self.config.limits.record_age_s;
        let records = self.directory.forget_before(now.wall.minus_seconds(age));
        if records > 0 {
            self.counters.forgotten += records as u64;
            out.log(Notice::Forgotten { records });
        }
        let pause = seconds(age) / 16;
        let pause = pause.clamp(Duration::from_millis(100), Duration::from_secs(10));
        self.timers.set(now.mono.after(pause), Wake::Records);
    }

    /// Whether a time stamp is older than records are kept.
    fn is_too_old(&self, now: Now, stamp: crate::Timestamp) -> bool {
        let age = self.config.limits.record_age_s;
        age > 0 && stamp < now.wall.minus_seconds(age)
    }

    /// Reads no more from a connection, but answers what was read.
    fn stop_reading(&mut self, now: Now, id: ConnId, out: &mut Output) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        if matches!(conn.role, Role::Link(_)) {
            return;
        }
        if conn.input == Input::Open {
            conn.input = Input::Cut;
            conn.pause_driver(id, out);
        }
        self.finish_if_done(now, id, out);
    }

    /// Closes the links of a server that is stopping and has no clients left, each once everything has
    /// been offered to it.
    fn stop_links(&mut self, now: Now, out: &mut Output) {
        for position in 0..self.peers.len() {
            let peer = &self.peers[position];
            let Some(id) = peer.link() else { continue };
            let unsent = self.conns.get(id).map_or(0, |conn| conn.unsent);
            if unsent == 0 && !peer.cursor.is_behind(&self.directory) {
                self.close(now, id, Goodbye::Stopping, out);
            }
        }
    }

    fn abandon_all(&mut self, now: Now, out: &mut Output) {
        let open: Vec<_> = self.conns.iter().map(|(id, _)| id).collect();
        for id in open {
            self.close(now, id, Goodbye::Stopping, out);
        }
    }
}

/// How long the line that `rest` begins with may be. What a server's own settings allow is for clients
/// alone, or the tables of servers that are set differently would differ.
fn line_limit(role: &Role, rest: &[u8], limits: &Limits) -> usize {
    let own = limits.line_bytes as usize;
    let may_be_hello = || HELLO.starts_with(&rest[..rest.len().min(HELLO.len())]);
    match role {
        Role::Client { .. } => own,
        Role::Undecided(Door::Shared { .. }) if may_be_hello() => own.max(LINK_LINE_BYTES),
        Role::Undecided(Door::Shared { .. }) => own,
        Role::Undecided(Door::Links | Door::SharedFull) | Role::Opening(_) | Role::Link(_) => {
            LINK_LINE_BYTES
        }
    }
}

/// Empties a batch and keeps its memory for lines of another lifetime.
fn recycle<T, U>(mut batch: Vec<Entry<T>>) -> Vec<Entry<U>> {
    batch.clear();
    batch.into_iter().map(|_| unreachable!("the batch is empty")).collect()
}
