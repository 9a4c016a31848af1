//! One server of the herd: what comes in, and what follows from it.
//!
//! This file has the inputs and the timers. Reading, clients, links, and how connections come, go and
//! end have files of their own beside it.

mod client;
mod contest;
mod following;
mod lifecycle;
mod link;
mod opening;
mod questions;
mod reading;
mod reports;
mod stopping;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use crate::command::Grammar;
use crate::config::{Config, ConfigError};
use crate::conns::{Conn, Conns, Door, Role, Security};
use crate::counters::Counters;
use crate::directory::{Directory, Forgotten, Origin, Place, Record};
use crate::durations::Durations;
use crate::entropy::Entropy;
use crate::flow::ReadState;
use crate::handshake::{Binding, Incarnation};
use crate::ids::{ConnId, LookupId, PeerId};
use crate::lookups::{Lookup, Lookups};
use crate::notice::{Goodbye, Notice};
use crate::output::Output;
use crate::peers::{Peer, PeerState};
use crate::provider::{LookupError, Response};
use crate::sources::Sources;
use crate::status::Status;
use crate::time::{Instant, Now, seconds};
use crate::timers::{Timers, Wake};
use crate::unproven::Unproven;
use crate::watch::{Watch, Watched};

/// A server of the herd, without its sockets, its clocks and its provider.
///
/// Inputs are methods; what follows from them is appended to an [`Output`] of the caller's. Inputs may come in any
/// order. No method returns an error or panics on any input, and identifiers that have gone stale are ignored.
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
    /// Lookups for which there is no room, to be answered.
    refused: VecDeque<(LookupId, Lookup)>,
    /// Bytes of answers that clients have not taken.
    answers: usize,
    timers: Timers,
    counters: Counters,
    lookups_took: Durations,
    lookups_waited: Durations,
    /// Connections that count against `limits.connections`.
    clients: usize,
    sources: Sources,
    /// Connections that were accepted and must prove themselves.
    unproven: Unproven,
    /// The connections of followers.
    followers: Vec<ConnId>,
    /// Where another server of this one's name is, as a neighbour has said last.
    namesake: Option<IpAddr>,
    /// Connections whose lines were held and may be read now, in the order they had room again. Empty between two
    /// inputs.
    due: VecDeque<ConnId>,
    /// The last change that every neighbour has been offered.
    offered: u64,
    /// The times that two of the timers are set for.
    lookup_alarm: Option<Instant>,
    flood_alarm: Option<Instant>,
    /// The number of the last link.
    last_origin: Origin,
    stopping: bool,
    /// Memory for one batch of lines, used again.
    batch: Vec<Entry<'static>>,
    scratch: Vec<u8>,
}

/// A line of a batch, as far as it has to be known to have its record fetched from memory.
#[derive(Debug)]
struct Entry<'a> {
    /// Where the line ends within the input it is from, its line end included.
    end: usize,
    /// The client that it seems to be about, or nothing.
    client: &'a [u8],
    /// The hash of that.
    hash: u64,
}

/// Whom a line seems to be about, now that it is carried out.
#[derive(Clone, Copy, Debug)]
struct Subject<'a> {
    client: &'a [u8],
    /// Where the record of that client is.
    place: Place,
}

/// Where a connection was accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Listener {
    /// At the address for clients. `plain` says that the other side has the address of a plain server.
    Clients {
        /// Where it comes from.
        from: IpAddr,
        /// Whether bare `AT` lines are taken from it.
        plain: bool,
    },
    /// At the address for neighbours, where it is one of its own.
    Links {
        /// Where it comes from.
        from: IpAddr,
    },
}

/// How an attempt to connect to a neighbour ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dialled {
    /// There is a connection.
    Connected,
    /// There is none.
    Failed,
}

pub use reports::Outcome;

/// Lines that are found before the first of them is carried out, so that their records are fetched
/// from memory together.
const BATCH: usize = 32;
/// Timers that may lie around for nothing, beside a few for each connection.
const SPARE_TIMERS: usize = 1024;
/// Bytes of a line on a link, on every server.
const LINK_LINE_BYTES: usize = 8192;
/// The time for stopping.
const STOPPING: Duration = Duration::from_secs(5);
/// The link of records that came from plain servers.
const FROM_PLAIN: Origin = 1;

impl Herd {
    /// A server with an empty table.
    ///
    /// # Errors
    ///
    /// What [`Config::check`] says of `config`.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.check()?;
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
        Ok(Self {
            grammar: Grammar {
                dialect: config.dialect,
                client_id_bytes: limits.client_id_bytes as usize,
            },
            at_prefix: [b"AT ", config.name.as_bytes(), b" "].concat(),
            incarnation,
            directory: Directory::new(limits.clients, config.ring, entropy.key()),
            entropy,
            conns: Conns::default(),
            peers,
            lookups: Lookups::new(
                limits.lookups,
                limits.lookup_queue,
                config.lookup_timeout,
                config.dialect,
            ),
            refused: VecDeque::new(),
            answers: 0,
            timers,
            counters: Counters::default(),
            lookups_took: Durations::default(),
            lookups_waited: Durations::default(),
            clients: 0,
            sources: Sources::new(limits),
            unproven: Unproven::default(),
            followers: Vec::new(),
            namesake: None,
            due: VecDeque::new(),
            offered: 0,
            lookup_alarm: None,
            flood_alarm: None,
            last_origin: FROM_PLAIN,
            stopping: false,
            batch: Vec::new(),
            scratch: Vec::new(),
            config,
        })
    }

    /// A connection was accepted.
    pub fn handle_accept(&mut self, now: Now, listener: Listener, out: &mut Output) -> ConnId {
        let source = match listener {
            Listener::Clients { from, plain: false } => self.sources.source(from),
            Listener::Clients { plain: true, .. } | Listener::Links { .. } => None,
        };
        let (Listener::Clients { from, .. } | Listener::Links { from }) = listener;
        let full = if self.clients >= self.config.limits.connections as usize {
            Some(Goodbye::TooMany)
        } else {
            source
                .filter(|source| self.sources.is_full(now.mono, *source))
                .map(|_| Goodbye::Crowded)
        };
        let role = match (listener, full) {
            (Listener::Links { .. }, _) => Role::Undecided(Door::Links),
            (Listener::Clients { .. }, Some(why)) if self.config.shared_address => {
                Role::Undecided(Door::SharedFull(why))
            }
            (Listener::Clients { plain, .. }, _) if self.config.shared_address => {
                Role::Undecided(Door::Shared { plain })
            }
            (Listener::Clients { plain, .. }, _) => Role::Client { plain },
        };
        let mut conn = Conn::new(role, now.mono);
        conn.source = source.filter(|_| conn.is_client());
        conn.from = Some(from);
        if self.is_secured(listener) {
            conn.security = Security::Awaited;
        }
        let too_many = full.filter(|_| conn.is_client());
        let is_unproven = conn.is_unproven();
        let id = self.admit(conn);
        out.log(Notice::Opened { conn: id });
        if self.stopping {
            self.close(now, id, Goodbye::Stopping, out);
        } else if let Some(why) = too_many {
            self.turn_away(now, id, why, out);
        } else if is_unproven {
            self.expect_handshake(now, id, out);
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

    /// Whether a connection is one of many attempts to reach a neighbour that is down, so that a log may leave out
    /// what becomes of it unless it becomes a link. Ask when [`Herd::handle_dial`] has returned it.
    pub fn is_quiet(&self, id: ConnId) -> bool {
        self.conns.get(id).is_some_and(|conn| conn.is_quiet)
    }

    /// A connection has been secured: `binding` is what it shares with no other, and `peers` are the
    /// neighbours that the other side's certificate is for. Before this nothing is read from a connection
    /// that is to be secured.
    pub fn handle_secured(
        &mut self,
        now: Now,
        id: ConnId,
        binding: Binding,
        peers: &[PeerId],
        out: &mut Output,
    ) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        conn.security = Security::Secured { binding, peers: peers.into() };
        conn.heard = now.mono;
        self.counters.secured += 1;
        out.log(Notice::Secured { conn: id });
    }

    /// A connection cannot be secured, or is not any more: it is closed.
    pub fn handle_insecure(&mut self, now: Now, id: ConnId, out: &mut Output) {
        if self.conns.get(id).is_some() {
            self.counters.insecure += 1;
            self.close(now, id, Goodbye::Insecure, out);
        }
        self.settle(now, out);
    }

    /// Bytes were read.
    pub fn handle_input(&mut self, now: Now, id: ConnId, input: &[u8], out: &mut Output) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        if conn.is_awaited() {
            debug_assert!(false, "the driver reads what is not secured yet");
            return;
        }
        self.counters.bytes_received += input.len() as u64;
        conn.heard = now.mono;
        let source = conn.source;
        if conn.flow.read != ReadState::Open {
            return;
        }
        self.read_input(now, id, input, out);
        self.finish_if_done(now, id, out);
        if let Some(source) = source
            && let Some(wait) = self.sources.spend(now.mono, source, input.len())
        {
            self.throttle(now, id, wait, out);
        }
        self.settle(now, out);
    }

    /// The other side has ended its half of the connection.
    pub fn handle_eof(&mut self, now: Now, id: ConnId, out: &mut Output) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        match (&conn.role, conn.flow.read) {
            (Role::Client { .. } | Role::Undecided(Door::Shared { .. }), ReadState::Open) => {
                conn.flow.read = ReadState::PeerClosed;
                self.become_client_if_undecided(id);
                self.read_buffered(now, id, out);
                self.finish_if_done(now, id, out);
            }
            (Role::Client { .. }, ReadState::Stopped) => {
                conn.framer.drop_unfinished();
                conn.flow.read = ReadState::PeerClosed;
                self.finish_if_done(now, id, out);
            }
            (Role::Client { .. }, ReadState::Ignored) => {
                conn.flow.read = ReadState::PeerClosed;
                self.finish_if_done(now, id, out);
            }
            (Role::Client { .. }, ReadState::HalfClosed { .. }) => {
                let why = self.shut_for();
                self.close(now, id, why, out);
            }
            (Role::Client { .. }, ReadState::PeerClosed) | (Role::Question, _) => {}
            (role, _) if role.is_dialling() => self.close(now, id, Goodbye::TurnedAway, out),
            _ => self.close(now, id, Goodbye::Ended, out),
        }
        self.settle(now, out);
    }

    /// The connection broke. The driver has closed it.
    pub fn handle_close(&mut self, now: Now, id: ConnId, out: &mut Output) {
        self.forget(now, id, Goodbye::Lost, out);
        self.settle(now, out);
    }

    /// The kernel took `taken` bytes of what was sent on a connection.
    ///
    /// Call it after every [`Action::Send`](crate::Action::Send), with 0 as well: that starts the time after which a
    /// client that takes nothing is closed.
    pub fn handle_drained(&mut self, now: Now, id: ConnId, taken: usize, out: &mut Output) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let taken = conn.flow.drained(taken, now.mono);
        self.counters.bytes_sent += taken as u64;
        let behind_since = conn.flow.behind_less(taken, now.mono);
        match conn.role {
            Role::Link(peer) => self.tell(now, peer, out),
            Role::Follower => self.tell_follower(now, id, out),
            Role::Client { .. } => {
                self.answers -= taken;
                let limit = seconds(self.config.limits.stalled_s);
                if let Some(due) = conn.flow.stalled_at(limit) {
                    self.timers.set_earlier(&mut conn.alarm, due, Wake::Connection(id));
                }
            }
            Role::Undecided(_) | Role::Opening(_) | Role::Question => return,
        }
        self.deliver(now, id, out);
        if let Some(conn) = self.conns.get_mut(id)
            && conn.flow.in_flight > 0
        {
            // What it has still to take was there before.
            conn.flow.behind_since = behind_since;
        }
        self.finish_if_done(now, id, out);
        self.settle(now, out);
    }

    /// A lookup is over: what the provider answered, or why it did not.
    pub fn handle_lookup(
        &mut self,
        now: Now,
        id: LookupId,
        answer: Result<Response<'_>, LookupError>,
        out: &mut Output,
    ) {
        if let Some(lookup) = self.lookups.finish(id) {
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
        let has_said_nothing = |conn: &Conn| {
            conn.is_unproven() || conn.is_awaited() || matches!(conn.role, Role::Opening(_))
        };
        let open: Vec<_> =
            self.conns.iter().map(|(id, conn)| (id, has_said_nothing(conn))).collect();
        for (id, silent) in open {
            if silent {
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
        let mut records_are_due = false;
        while let Some((at, wake)) = self.timers.pop_due(now.mono) {
            match wake {
                Wake::Connection(id) => self.check_conn(now, id, at, out),
                Wake::Throttled(id) => self.check_throttled(now, id, out),
                Wake::Neighbour(peer) => self.check_peer(now, peer, at, out),
                Wake::Lookup if self.lookup_alarm == Some(at) => {
                    self.lookup_alarm = None;
                    self.check_lookups(now, out);
                }
                Wake::Records => records_are_due = true,
                Wake::Flood if self.flood_alarm == Some(at) => {
                    self.flood_alarm = None;
                    self.offered = 0;
                }
                Wake::Stop => self.abandon_all(now, out),
                Wake::Lookup | Wake::Flood => {}
            }
        }
        if records_are_due {
            // Not in the loop: its timer may be due again at once, in a call of its own.
            self.check_records(now, out);
        }
        self.sweep_timers();
        self.settle(now, out);
    }

    /// What has been counted since the start.
    pub fn counters(&self) -> Counters {
        Counters { evicted: self.directory.evicted(), ..self.counters }
    }

    /// How the server is now: as much work as it has neighbours.
    pub fn status(&self) -> Status {
        Status {
            stopping: self.stopping,
            limits: self.config.limits,
            counters: self.counters(),
            records: self.records(),
            longest_probe: self.directory.longest_probe(),
            clients: self.clients,
            connections: self.conns.len(),
            answers_bytes: self.answers,
            lookups_running: self.lookups.running(),
            lookups_waiting: self.lookups.waiting(),
            lookups_took: self.lookups_took,
            lookups_waited: self.lookups_waited,
            neighbours: self.peers.iter().map(|peer| peer.status(&self.directory)).collect(),
            followers: self.followers.iter().filter_map(|id| self.follower_status(*id)).collect(),
        }
    }

    /// The number of records in the table.
    pub fn records(&self) -> usize {
        self.directory.len()
    }

    /// The `AT` line of a client, without its line end.
    pub fn record(&self, client: &[u8]) -> Option<&[u8]> {
        self.directory.at(self.directory.find(client)).map(|record| record.line)
    }

    /// What is known of a client: nothing also of one whose record is older than records are kept.
    pub fn locate(&self, now: Now, client: &[u8]) -> Option<Record<'_>> {
        let record = self.directory.at(self.directory.find(client))?;
        (!self.is_too_old(now, record.stamp)).then_some(record)
    }

    /// What has changed in the table since `watch` was read last, oldest first.
    ///
    /// One call looks at a bounded part of the table, so that it never takes long. Call again as long as
    /// [`Herd::is_behind`] says so; after that, whenever something was handed to the server.
    pub fn read_changes<'a>(&'a self, watch: &'a mut Watch) -> impl Iterator<Item = Watched<'a>> {
        watch.read(&self.directory)
    }

    /// Whether there are changes that `watch` has not been read for.
    pub fn is_behind(&self, watch: &Watch) -> bool {
        watch.is_behind(&self.directory)
    }

    /// The `AT` lines of all records, in no order that means anything.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.directory.slots()).filter_map(|slot| Some(self.directory.record(slot)?.line))
    }

    /// Whether what is accepted there has to be secured.
    fn is_secured(&self, listener: Listener) -> bool {
        match listener {
            Listener::Links { .. } => self.config.secured.links,
            Listener::Clients { plain, .. } => self.config.secured.clients && !plain,
        }
    }

    /// What is left to do when an input has been dealt with.
    fn settle(&mut self, now: Now, out: &mut Output) {
        self.answer_refused(now, out);
        while let Some(id) = self.due.pop_front() {
            self.read_due(now, id, out);
            self.answer_refused(now, out);
        }
        if self.answers > self.config.limits.answers_bytes as usize {
            self.close_unread(now, out);
        }
        self.begin_lookups(now, out);
        if self.directory.changes().last() != self.offered {
            self.offered = self.directory.changes().last();
            for position in 0..self.peers.len() {
                if let Some(peer) = PeerId::at(position) {
                    self.tell(now, peer, out);
                }
            }
            for position in 0..self.followers.len() {
                if let Some(follower) = self.followers.get(position) {
                    self.tell_follower(now, *follower, out);
                }
            }
        }
        if self.stopping && self.clients == 0 {
            self.stop_links(now, out);
            self.stop_followers(now, out);
        }
    }

    fn check_records(&mut self, now: Now, out: &mut Output) {
        let age = self.config.limits.record_age_s;
        let Forgotten { records, is_over } =
            self.directory.forget_before(now.wall.minus_seconds(age));
        if records > 0 {
            self.counters.forgotten += records as u64;
            out.log(Notice::Forgotten { records });
        }
        let pause = seconds(age) / 16;
        let pause = pause.clamp(Duration::from_millis(100), Duration::from_secs(10));
        let pause = if is_over { pause } else { Duration::ZERO };
        self.timers.set(now.mono.after(pause), Wake::Records);
    }

    /// Whether a time stamp is older than records are kept.
    fn is_too_old(&self, now: Now, stamp: crate::Timestamp) -> bool {
        let age = self.config.limits.record_age_s;
        age > 0 && stamp < now.wall.minus_seconds(age)
    }
}

/// Empties a batch and keeps its memory for lines of another lifetime.
fn recycle<'b>(mut batch: Vec<Entry<'_>>) -> Vec<Entry<'b>> {
    batch.clear();
    batch.into_iter().map(|_| unreachable!("the batch is empty")).collect()
}
