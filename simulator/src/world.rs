//! Invented time, and everything that is in it: servers, wires, clients, and what happens next.
//!
//! One queue of events, by time and then by the order they were thought of. Carrying out an event calls
//! the core of one server; what that wants done becomes bytes on wires and more events.

mod calm;
mod clients;
mod dials;
mod faults;
mod telling;
mod wires;

use core::cmp::Reverse;
use core::fmt::Arguments;
use std::collections::{BTreeSet, BinaryHeap, VecDeque};

use herd_core::{
    Action, Config, Dialect, LinkKind, LookupId, Neighbour, Output, Secret, Secured, Seed,
};
use sha2::{Digest as _, Sha256};

use crate::crowd::Client;
use crate::life::{self, Around, Input, Life, Slot};
use crate::model::{Key, Provider, Rules, Verdict};
use crate::plan::Plan;
use crate::random::Random;
use crate::upstream::{self, Mood};
use crate::wire::{Side, Wire};
use crate::{Meter, Tally};

pub(crate) struct World<'t> {
    pub(crate) plan: Plan,
    pub(crate) now: u64,
    queue: BinaryHeap<Reverse<(u64, u64, Event)>>,
    order: u64,
    random: Random,
    pub(crate) servers: Vec<Server>,
    wires: Vec<Option<Wire>>,
    clients: Vec<Client>,
    /// Servers from which nothing reaches the other.
    blocked: BTreeSet<(usize, usize)>,
    /// How many lines clients may still say.
    lines_left: u64,
    attempts: u64,
    /// Nothing goes wrong any more.
    calm: bool,
    trace: Option<Trace<'t>>,
    meter: Option<Meter>,
    digest: Sha256,
    pub(crate) tally: Tally,
    out: Output,
    /// Who is watched on its way, for measuring.
    pub(crate) watch: Option<Watch>,
}

/// Where the events of a run are told.
pub(crate) type Trace<'t> = &'t mut dyn FnMut(Arguments<'_>);

/// A server, alive or not.
pub(crate) struct Server {
    pub(crate) name: String,
    /// Its neighbours, in the order of its configuration.
    pub(crate) neighbours: Vec<usize>,
    pub(crate) life: Option<Life>,
    starts: u32,
    /// Its machine is on.
    on: bool,
    frozen: u64,
    /// How far its wall clock is off.
    wall: i64,
}

/// How one record spreads.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) client: Vec<u8>,
    /// When each server took it, and over how many links.
    pub(crate) reached: Vec<Option<(u64, u64)>>,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Event {
    Timer {
        at: usize,
        start: u32,
    },
    /// Something arrives that began at this side.
    Arrive {
        wire: Key,
        side: Side,
    },
    /// There is room again for what this side sends.
    Pump {
        wire: Key,
        side: Side,
    },
    Knock {
        dial: Dial,
    },
    Knocked {
        dial: Dial,
    },
    GivenUp {
        dial: Dial,
    },
    Answer {
        at: usize,
        start: u32,
        id: LookupId,
    },
    Client {
        who: usize,
    },
    ClientReads {
        who: usize,
        wire: Key,
    },
    Fault,
    Heal {
        from: usize,
        to: usize,
    },
    Start {
        at: usize,
    },
}

/// An attempt of one server to connect to a neighbour.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Dial {
    at: usize,
    start: u32,
    peer: usize,
    attempt: u64,
}

/// The right time when a run begins, in nanoseconds since 1970.
pub(crate) const EPOCH: i64 = 1_600_000_000_000_000_000;
const SECOND: u64 = 1_000_000_000;
const MS: u64 = 1_000_000;

impl<'t> World<'t> {
    pub(crate) fn new(
        plan: Plan,
        random: Random,
        trace: Option<Trace<'t>>,
        meter: Option<Meter>,
    ) -> Self {
        let neighbours = |at: usize| {
            let both = plan.pairs.iter().flat_map(|(a, b)| [(*a, *b), (*b, *a)]);
            both.filter(move |(a, _)| *a == at).map(|(_, b)| b).collect()
        };
        let servers = plan.names.iter().enumerate().map(|(at, name)| Server {
            name: name.clone(),
            neighbours: neighbours(at),
            life: None,
            starts: 0,
            on: true,
            frozen: 0,
            wall: plan.places[at].wall,
        });
        let mut world = Self {
            servers: servers.collect(),
            lines_left: 1200.min(40_000 / plan.pairs.len() as u64),
            plan,
            now: 0,
            queue: BinaryHeap::new(),
            order: 0,
            random,
            wires: Vec::new(),
            clients: Vec::new(),
            blocked: BTreeSet::new(),
            attempts: 0,
            calm: false,
            trace,
            meter,
            digest: Sha256::new(),
            tally: Tally::default(),
            out: Output::new(),
            watch: None,
        };
        for at in 0..world.servers.len() {
            let wait = world.random.below(SECOND);
            world.at(wait, Event::Start { at });
        }
        world
    }

    /// Thinks of something that happens after a while.
    fn after(&mut self, wait: u64, event: Event) {
        self.at(self.now.saturating_add(wait), event);
    }

    fn at(&mut self, at: u64, event: Event) {
        self.order += 1;
        self.queue.push(Reverse((at, self.order, event)));
    }

    /// Lets everything happen that happens until then.
    pub(crate) fn run_until(&mut self, end: u64) -> Verdict {
        while let Some(Reverse((at, _, event))) =
            self.queue.peek().copied().filter(|next| next.0.0 <= end)
        {
            self.queue.pop();
            self.now = self.now.max(at);
            if let Some(server) = self.performer(event)
                && self.servers[server].frozen > self.now
            {
                self.at(self.servers[server].frozen, event);
                continue;
            }
            self.tally.events += 1;
            self.happen(event)?;
        }
        self.now = self.now.max(end);
        Ok(())
    }

    /// The server that must be awake for it.
    fn performer(&self, event: Event) -> Option<usize> {
        match event {
            Event::Timer { at, .. } | Event::Answer { at, .. } => Some(at),
            Event::Knocked { dial } | Event::GivenUp { dial } => Some(dial.at),
            Event::Arrive { wire, side } => self.server_at(wire, 1 - side),
            Event::Pump { wire, side } => self.server_at(wire, side),
            Event::Knock { .. }
            | Event::Client { .. }
            | Event::ClientReads { .. }
            | Event::Fault
            | Event::Heal { .. }
            | Event::Start { .. } => None,
        }
    }

    fn happen(&mut self, event: Event) -> Verdict {
        match event {
            Event::Timer { at, start } => {
                let now = self.now;
                if let Some(life) = &mut self.servers[at].life
                    && life.start == start
                    && life.timer <= now
                {
                    life.timer = u64::MAX;
                    return self.turn(at, Input::Timeout);
                }
                Ok(())
            }
            Event::Arrive { wire, side } => self.arrive(wire, side),
            Event::Pump { wire, side } => self.pumps(wire, side),
            Event::Knock { dial } => {
                self.knocks(dial);
                Ok(())
            }
            Event::Knocked { dial } => self.knocked(dial),
            Event::GivenUp { dial } => self.gives_up(dial),
            Event::Answer { at, start, id } => self.answers(at, start, id),
            Event::Client { who } => {
                self.client_acts(who);
                Ok(())
            }
            Event::ClientReads { who, wire } => {
                self.client_reads(who, wire);
                Ok(())
            }
            Event::Fault => self.goes_wrong(),
            Event::Heal { from, to } => {
                self.heals(from, to);
                Ok(())
            }
            Event::Start { at } => {
                self.starts(at);
                Ok(())
            }
        }
    }

    /// A server starts, with an empty table.
    fn starts(&mut self, at: usize) {
        if self.servers[at].life.is_some() {
            return;
        }
        let mut seed = [0; 32];
        for part in seed.chunks_exact_mut(8) {
            part.copy_from_slice(&self.random.number().to_be_bytes());
        }
        let config = self.config(at, Seed(seed));
        let rules = self.rules(at);
        let server = &mut self.servers[at];
        server.starts += 1;
        server.on = true;
        self.tally.starts += 1;
        let start = server.starts;
        server.life = Some(Life::new(config, rules, start, self.now, self.meter));
        self.tell(at, format_args!("starts with an empty table, start {start}"));
        self.sets_timer(at);
    }

    fn config(&self, at: usize, seed: Seed) -> Config {
        let server = &self.servers[at];
        let name = |other: &usize| self.servers[*other].name.as_str().into();
        let neighbour = |other| Neighbour { name: name(other), kind: LinkKind::Herd };
        let config = Config {
            name: server.name.as_str().into(),
            neighbours: server.neighbours.iter().map(neighbour).collect(),
            secret: Secret::new(*b"a secret of the herd"),
            dialect: if self.plan.is_places { Dialect::Places } else { Dialect::Posts },
            lookup_timeout: core::time::Duration::from_nanos(self.plan.lookup_timeout),
            shared_address: self.plan.places[at].shared,
            secured: Secured::default(),
            limits: self.plan.places[at].limits,
            ring: self.plan.ring,
            seed,
        };
        debug_assert_eq!(config.check(), Ok(()));
        config
    }

    fn rules(&self, at: usize) -> Rules {
        let limits = &self.plan.places[at].limits;
        Rules {
            name: self.servers[at].name.clone(),
            provider: if self.plan.is_places { Provider::Places } else { Provider::Posts },
            line_bytes: limits.line_bytes as usize,
            client_id_bytes: limits.client_id_bytes as usize,
            connections: limits.connections as usize,
            pipeline: limits.pipeline as usize,
            output_bytes: limits.output_bytes as usize,
            answers_bytes: limits.answers_bytes as usize,
            stalled: u64::from(limits.stalled_s) * SECOND,
            idle: u64::from(limits.idle_s) * SECOND,
            lookups: limits.lookups as usize,
            lookup_queue: limits.lookup_queue as usize,
            lookup_timeout: self.plan.lookup_timeout,
            body_bytes: limits.body_bytes as usize,
            clients: limits.clients as usize,
            record_age: i64::from(limits.record_age_s) * 1_000_000_000,
            ahead: i64::from(limits.ahead_s) * 1_000_000_000,
            neighbours: self.servers[at].neighbours.len(),
            handshakes: limits.handshakes as usize,
        }
    }

    /// The wall clock of a server.
    pub(crate) fn wall(&self, at: usize) -> i64 {
        self.right_time() + self.servers[at].wall
    }

    fn right_time(&self) -> i64 {
        EPOCH + i64::try_from(self.now).unwrap_or(i64::MAX)
    }

    /// Hands a server an input, carries out what it wants done, tells it what came of that, and so on
    /// until there is nothing left to do.
    fn turn(&mut self, at: usize, input: Input) -> Verdict {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let wall = self.wall(at);
            let shared = self.plan.places[at].shared;
            let wires = &self.wires;
            let Server { name, life, neighbours, .. } = &mut self.servers[at];
            let Some(life) = life else { return Ok(()) };
            let start_of = |wire: Key| other_start(wires, at, wire);
            self.tally.calls += 1;
            if let Some(trace) = &mut self.trace {
                let neighbour = |peer: usize| self.plan.names[neighbours[peer]].clone();
                Self::tell_input(trace, self.now, name, &neighbour, &input, life);
            }
            let mut out = core::mem::take(&mut self.out);
            let entered = input.enters();
            let around = Around { now: self.now, wall, shared, meter: self.meter };
            let step = life.step(around, input, &mut out, &start_of);
            let step = match step {
                Ok(step) => step,
                Err(violation) => {
                    self.acts(at, &out, &mut inputs);
                    return Err(violation);
                }
            };
            if let Some((wire, side)) = entered {
                self.holds(wire, side, step.conn);
            }
            self.acts(at, &out, &mut inputs);
            out.clear();
            let Some(life) = &mut self.servers[at].life else { return Ok(()) };
            life.weigh(self.meter, &mut out)?;
            life.compare_pauses()?;
            self.out = out;
            if !step.touched.is_empty() && self.watch.is_some() {
                self.watches(at, &step.touched);
            }
        }
        self.sets_timer(at);
        Ok(())
    }

    /// Carries out what a server wants done.
    fn acts(&mut self, at: usize, out: &Output, inputs: &mut VecDeque<Input>) {
        for action in out.actions() {
            self.digests(at, &action);
            let slot = |conn| self.servers[at].life.as_ref().and_then(|life| life.slot(conn));
            match action {
                Action::Send { conn, bytes, .. } => {
                    let Some(slot) = slot(conn) else { continue };
                    self.counts(slot, bytes);
                    self.tells_sent(at, slot, bytes);
                    let taken = self.sends(slot.wire, slot.side, bytes);
                    inputs.push_back(Input::Taken(conn, taken));
                }
                Action::Pause { conn } => self.pauses(at, conn, true),
                Action::Resume { conn } => {
                    self.pauses(at, conn, false);
                    if let Some(Slot { wire, side, .. }) = self.slot(at, conn) {
                        self.after(0, Event::Arrive { wire, side: 1 - side });
                    }
                }
                Action::Shutdown { conn } => {
                    if let Some(slot) = slot(conn) {
                        self.ends_half(slot.wire, slot.side);
                    }
                }
                Action::Close { conn } => {
                    if let Some(slot) = slot(conn) {
                        self.tell(at, format_args!("closes   {:>4}", slot.wire));
                        self.closes(slot.wire, slot.side);
                    }
                    self.leaves(at, conn);
                }
                Action::Dial { peer, within } => {
                    let within = u64::try_from(within.as_nanos()).unwrap_or(u64::MAX);
                    self.dials(at, peer.index(), within);
                }
                Action::Lookup { id, request } => self.looks_up(at, id, life::query(&request)),
                Action::Cancel { id } => {
                    self.tell(at, format_args!("gives up lookup {}", id.number()));
                    let late = self.plan.late_answers;
                    if let Some(life) = &mut self.servers[at].life
                        && !late
                    {
                        life.answers.remove(&id);
                    }
                }
                Action::Linked { .. } => {}
                Action::Log(notice) => {
                    if let herd_core::Notice::LinkUp { resumed, .. } = notice {
                        self.tally.links += 1;
                        self.tally.resumed += u64::from(resumed);
                    }
                    self.tells_notice(at, notice);
                }
                Action::Answer { .. } => {}
            }
        }
    }

    /// Counts records that are sent to neighbours.
    fn counts(&mut self, slot: Slot, bytes: &[u8]) {
        if self.wire(slot.wire).is_some_and(|wire| wire.servers().is_some()) {
            let lines = bytes.split(|byte| *byte == b'\n');
            self.tally.updates += lines.filter(|line| line.starts_with(b"AT ")).count() as u64;
        }
    }

    fn looks_up(&mut self, at: usize, id: LookupId, request: &str) {
        self.tally.lookups += 1;
        let mood = if self.calm { Mood::Good } else { *self.random.pick(&self.plan.moods) };
        let name = format!("{}.{}#{}", self.servers[at].name, self.servers[at].starts, id.number());
        self.tell(at, format_args!("asks     lookup {}: {request}: {mood:?}", id.number()));
        let answer = upstream::answer(mood, &name, self.plan.lookup_timeout, &mut self.random);
        let Some(life) = &mut self.servers[at].life else { return };
        life.answers.insert(id, (answer.said, answer.outcome));
        let start = life.start;
        self.after(answer.after, Event::Answer { at, start, id });
    }

    fn answers(&mut self, at: usize, start: u32, id: LookupId) -> Verdict {
        let life = self.servers[at].life.as_mut().filter(|life| life.start == start);
        let Some((said, outcome)) = life.and_then(|life| life.answers.remove(&id)) else {
            return Ok(());
        };
        self.turn(at, Input::Answer(id, said, outcome))
    }

    fn sets_timer(&mut self, at: usize) {
        let oversleep = if self.calm { 0 } else { self.plan.oversleep };
        let late = if oversleep == 0 { 0 } else { self.random.below(oversleep) };
        let now = self.now;
        let Some(life) = &mut self.servers[at].life else { return };
        let Some(due) = life.due().map(|due| due.max(now) + late) else { return };
        if due < life.timer {
            life.timer = due;
            let start = life.start;
            self.at(due, Event::Timer { at, start });
        }
    }

    fn digests(&mut self, at: usize, action: &Action<'_>) {
        let (tag, number, bytes): (u8, u64, &[u8]) = match action {
            Action::Send { conn, bytes, .. } => (1, conn.index() as u64, bytes),
            Action::Pause { conn } => (2, conn.index() as u64, b""),
            Action::Resume { conn } => (3, conn.index() as u64, b""),
            Action::Shutdown { conn } => (4, conn.index() as u64, b""),
            Action::Close { conn } => (5, conn.index() as u64, b""),
            Action::Dial { peer, .. } => (6, peer.index() as u64, b""),
            Action::Lookup { id, request } => (7, id.number(), life::query(request).as_bytes()),
            Action::Cancel { id } => (8, id.number(), b""),
            Action::Answer { id, body, .. } => (9, id.index() as u64, body),
            Action::Linked { conn, peer } => {
                (10, conn.index() as u64 * 64 + peer.index() as u64, b"")
            }
            Action::Log(_) => return,
        };
        let mut head = [0; 26];
        head[0] = tag;
        head[1] = u8::try_from(at % 256).unwrap_or_default();
        head[2..10].copy_from_slice(&self.now.to_be_bytes());
        head[10..18].copy_from_slice(&number.to_be_bytes());
        head[18..26].copy_from_slice(&(bytes.len() as u64).to_be_bytes());
        self.digest.update(head);
        self.digest.update(bytes);
    }

    /// A digest of everything that the servers did.
    pub(crate) fn digest(&self) -> [u8; 32] {
        self.digest.clone().finalize().into()
    }

    fn watches(&mut self, at: usize, touched: &[Vec<u8>]) {
        let Some(watch) = &mut self.watch else { return };
        if !touched.contains(&watch.client) || watch.reached[at].is_some() {
            return;
        }
        let Some(life) = &self.servers[at].life else { return };
        let Some(record) = life.model.table.record(&watch.client) else { return };
        let (_, chain) = life.model.table.taken(&record.line).unwrap_or_default();
        let from = life.model.peer_of(chain).map(|peer| self.servers[at].neighbours[peer]);
        let hops = from.and_then(|from| watch.reached[from]).map_or(0, |(_, hops)| hops + 1);
        watch.reached[at] = Some((self.now, hops));
    }
}

/// The start of the server at the other end of a wire.
fn other_start(wires: &[Option<Wire>], at: usize, wire: Key) -> u32 {
    use crate::wire::Holder;
    let Some(Some(wire)) = wires.get(wire as usize) else { return 0 };
    let other = wire.ends.iter().find_map(|end| match end.holder {
        Holder::Server { at: other, start, .. } if other != at => Some(start),
        Holder::Server { .. } | Holder::Client(_) => None,
    });
    other.unwrap_or_default()
}
