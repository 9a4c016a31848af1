//! One start of a server: its core, the model that doubts it, and every step of both.

use core::net::Ipv4Addr;
use std::collections::{BTreeMap, BTreeSet};

use herd_core::{
    Action, Config, ConnId, Dialled, Form, Goodbye, Herd, Instant, Listener, LookupError, LookupId,
    Notice, Now, Output, PeerId, Refusal, Request, Response, Timestamp,
};

use crate::Meter;
use crate::invariants::{Invariant, Violation};
use crate::model::{Clock, End, Key, Kind, Model, Outcome, Record, Rules, Verdict, shown};
use crate::upstream::Said;
use crate::wire::Side;

#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) herd: Herd,
    pub(crate) model: Model,
    pub(crate) start: u32,
    /// When it began.
    pub(crate) began: u64,
    slots: Vec<Option<Slot>>,
    /// The attempt to connect to each neighbour that is under way.
    pub(crate) dialling: Vec<Option<u64>>,
    /// When its timer is set for.
    pub(crate) timer: u64,
    /// The answers that are on their way to it.
    pub(crate) answers: BTreeMap<LookupId, (Said, Outcome)>,
    /// Connections that there were, for who reports things too late.
    pub(crate) gone: Vec<ConnId>,
    /// The records as they were last seen.
    seen: BTreeMap<Vec<u8>, Record>,
    steps: u64,
    ring: u32,
    /// Bytes of memory that the core has allocated and not freed, where somebody counts.
    heap: i64,
}

/// One of its connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) conn: ConnId,
    pub(crate) wire: Key,
    pub(crate) side: Side,
    pub(crate) paused: bool,
}

/// What happens to a server.
#[derive(Debug)]
pub(crate) enum Input {
    Accept { wire: Key, side: Side, kind: Kind },
    Dialled { peer: usize, wire: Option<Key> },
    Bytes(ConnId, Vec<u8>),
    End(ConnId),
    Broke(ConnId),
    Taken(ConnId, usize),
    Answer(LookupId, Said, Outcome),
    Timeout,
}

impl Input {
    /// The end of a wire that is new to the server.
    pub(crate) fn enters(&self) -> Option<(Key, Side)> {
        match self {
            Self::Accept { wire, side, .. } => Some((*wire, *side)),
            Self::Dialled { wire, .. } => wire.map(|wire| (wire, 0)),
            Self::Bytes(..)
            | Self::End(_)
            | Self::Broke(_)
            | Self::Taken(..)
            | Self::Answer(..)
            | Self::Timeout => None,
        }
    }
}

/// What is around a server when something happens to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around {
    /// The clock of the world, and the server's own idea of the right time.
    pub(crate) now: u64,
    pub(crate) wall: i64,
    /// Whether clients and neighbours come to the same address.
    pub(crate) shared: bool,
    pub(crate) meter: Option<Meter>,
}

/// What followed from it, beside the actions.
#[derive(Debug, Default)]
pub(crate) struct Step {
    /// The number of a connection that is new.
    pub(crate) conn: Option<ConnId>,
    /// Clients whose records changed.
    pub(crate) touched: Vec<Vec<u8>>,
}

/// Where the monotonic clock of a server stands when it starts.
const BOOT: u64 = 1_000_000_000;
/// Steps between two looks at the whole table.
const LOOK: u64 = 64;

impl Life {
    pub(crate) fn new(
        config: Config,
        rules: Rules,
        start: u32,
        began: u64,
        meter: Option<Meter>,
    ) -> Self {
        let (ring, peers) = (config.ring, config.neighbours.len());
        let mut herd = None;
        let heap = metered(meter, &mut || herd = Herd::new(config.clone()).ok());
        Self {
            herd: herd.expect("the meter has run it, and the plan's configurations are sound"),
            model: Model::new(rules),
            start,
            began,
            slots: Vec::new(),
            dialling: vec![None; peers],
            timer: u64::MAX,
            answers: BTreeMap::new(),
            gone: Vec::new(),
            seen: BTreeMap::new(),
            steps: 0,
            ring,
            heap,
        }
    }

    pub(crate) fn slot(&self, conn: ConnId) -> Option<Slot> {
        (*self.slots.get(conn.index())?).filter(|slot| slot.conn == conn)
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> {
        self.slots.iter().flatten().copied()
    }

    pub(crate) fn pause(&mut self, conn: ConnId, paused: bool) {
        if let Some(Some(slot)) = self.slots.get_mut(conn.index())
            && slot.conn == conn
        {
            slot.paused = paused;
        }
    }

    pub(crate) fn enter(&mut self, slot: Slot) {
        let at = slot.conn.index();
        self.slots.resize((at + 1).max(self.slots.len()), None);
        self.slots[at] = Some(slot);
    }

    pub(crate) fn leave(&mut self, conn: ConnId) {
        if self.slot(conn).is_some() {
            self.slots[conn.index()] = None;
            self.gone.push(conn);
        }
    }

    /// When it wants to be woken, on the clock of the world.
    pub(crate) fn due(&self) -> Option<u64> {
        let (at, _) = self.herd.poll_timeout()?;
        Some(self.began + at.nanos().saturating_sub(BOOT))
    }

    /// The monotonic clock of a server.
    fn mono(&self, now: u64) -> u64 {
        now - self.began + BOOT
    }

    /// One call of the core, told to the model as well, and everything that must hold after it. What the
    /// core wants done is in `out`.
    pub(crate) fn step(
        &mut self,
        around: Around,
        input: Input,
        out: &mut Output,
        start_of: &dyn Fn(Key) -> u32,
    ) -> Result<Step, Violation> {
        let Around { now, wall, shared, meter } = around;
        let clock = Clock { mono: self.mono(now), wall };
        let was_timeout = matches!(input, Input::Timeout);
        let mut step = Step::default();
        self.tell_model(&input, shared, clock);
        let mut memory = Output::new();
        let mut conn = None;
        let before = out.is_empty();
        debug_assert!(before, "actions are carried out before the next step");
        let herd = &mut self.herd;
        let used = match meter {
            None => {
                conn = call(herd, clock, shared, &input, out);
                0
            }
            Some(_) => {
                metered(meter, &mut || conn = call(herd, clock, shared, &input, &mut memory))
            }
        };
        if meter.is_some() {
            core::mem::swap(out, &mut memory);
        }
        self.heap += used;
        step.conn = conn;
        if let Some(conn) = conn {
            self.admit(conn, &input, clock);
        }
        self.judge(out, clock, start_of)?;
        self.model.is_settled(clock, was_timeout)?;
        step.touched = self.compare()?;
        Ok(step)
    }

    /// Looks at the memory that the core holds, once its output has been dropped again.
    pub(crate) fn weigh(&mut self, meter: Option<Meter>, out: &mut Output) -> Verdict {
        if meter.is_none() {
            return Ok(());
        }
        self.heap += metered(meter, &mut || drop(core::mem::take(out)));
        let most = self.model.fair_share(self.ring);
        if usize::try_from(self.heap).unwrap_or_default() > most {
            let what = format!("{} bytes are allocated, {most} would be fair", self.heap);
            return Err(Violation::new(Invariant::Memory, what));
        }
        Ok(())
    }

    fn tell_model(&mut self, input: &Input, shared: bool, clock: Clock) {
        let key = |conn: &ConnId| self.slot(*conn).map(|slot| slot.wire);
        match input {
            Input::Accept { wire, kind, .. } => self.model.accepts(*wire, *kind, shared, clock),
            Input::Bytes(conn, bytes) => {
                if let Some(key) = key(conn) {
                    self.model.reads(key, bytes, clock);
                }
            }
            Input::End(conn) => {
                if let Some(key) = key(conn) {
                    self.model.ends(key, clock);
                }
            }
            Input::Broke(conn) => {
                if let Some(key) = key(conn) {
                    self.model.breaks(key);
                }
            }
            Input::Taken(conn, bytes) => {
                if let Some(key) = key(conn) {
                    self.model.takes(key, *bytes, clock);
                }
            }
            Input::Answer(id, _, outcome) => self.model.answered(id.number(), outcome.clone()),
            Input::Dialled { .. } | Input::Timeout => {}
        }
    }

    fn admit(&mut self, conn: ConnId, input: &Input, clock: Clock) {
        if let Some((wire, side)) = input.enters() {
            self.enter(Slot { conn, wire, side, paused: false });
        }
        if let Input::Dialled { wire: Some(wire), .. } = input {
            self.model.dialled(*wire, clock);
        }
    }

    /// Has the model look at everything that the core did, in order; what it says to neighbours comes
    /// last, as it may be about what was read in the same step.
    fn judge(&mut self, out: &Output, clock: Clock, start_of: &dyn Fn(Key) -> u32) -> Verdict {
        for action in out.actions() {
            match action {
                Action::Send { conn, bytes, form } => {
                    let Some(slot) = self.slot(conn) else { continue };
                    if self.model.is_client(slot.wire) {
                        self.model.sends(slot.wire, bytes, form == Form::Answer, clock)?;
                    }
                }
                Action::Lookup { id, request } => {
                    let query = query(&request);
                    self.model.begins(id.number(), query, clock)?;
                }
                Action::Cancel { id } => self.model.cancels(id.number())?,
                Action::Log(notice) => self.notice(notice, clock, start_of)?,
                Action::Pause { .. }
                | Action::Resume { .. }
                | Action::Shutdown { .. }
                | Action::Answer { .. }
                | Action::Close { .. }
                | Action::Dial { .. }
                | Action::Linked { .. } => {}
            }
        }
        for action in out.actions() {
            if let Action::Send { conn, bytes, .. } = action
                && let Some(slot) = self.slot(conn)
                && !self.model.is_client(slot.wire)
            {
                self.model.tells(slot.wire, bytes, clock)?;
            }
        }
        Ok(())
    }

    fn notice(&mut self, notice: Notice, clock: Clock, start_of: &dyn Fn(Key) -> u32) -> Verdict {
        let key = |conn| self.slot(conn).map_or(Key::MAX, |slot| slot.wire);
        match notice {
            Notice::LinkUp { peer, conn, resumed, .. } => {
                let key = key(conn);
                self.model.links(key, peer.index(), start_of(key), resumed)
            }
            Notice::LinkRefused { conn, why } => {
                if why == Refusal::Taken {
                    self.model.takes_for_another(key(conn));
                    return Ok(());
                }
                let (late, crowd) = (why == Refusal::TimedOut, why == Refusal::TooMany);
                self.model.refuses(key(conn), late, crowd, clock)
            }
            Notice::Closed { conn, why } | Notice::LinkDown { conn, why, .. } => {
                self.model.closes(key(conn), end(why), clock)
            }
            Notice::LookupAbandoned { id, conn, .. } => self.model.abandons(id.number(), key(conn)),
            Notice::LookupDone { id, error, .. } => {
                self.model.finishes(id.number(), error == Some(LookupError::Busy), clock)
            }
            Notice::Forgotten { records } => self.model.forgets(records, clock),
            // What a server has sent before it died can be on its way for as long as its next start is kept waiting.
            Notice::NameTwice { .. } | Notice::OwnNameTwice { .. } => Ok(()),
            Notice::Dropped { conn, why } | Notice::UpdateRefused { conn, why } => {
                let what = format!("a line of connection {} was refused: {why}", key(conn));
                Err(Violation::new(Invariant::Links, what))
            }
            Notice::Opened { .. }
            | Notice::Secured { .. }
            | Notice::FollowerUp { .. }
            | Notice::FollowerDown { .. }
            | Notice::DialFailed { .. }
            | Notice::Unlinked { .. }
            | Notice::Ahead { .. }
            | Notice::TooOld { .. }
            | Notice::NoRoom { .. } => Ok(()),
        }
    }

    /// Compares the table with the model's, where it changed, and now and then everywhere.
    fn compare(&mut self) -> Result<Vec<Vec<u8>>, Violation> {
        let touched = core::mem::take(&mut self.model.table.touched);
        for client in &touched {
            self.compare_record(client)?;
        }
        if self.herd.records() != self.model.table.len() {
            let (core, model) = (self.herd.records(), self.model.table.len());
            let what = format!("there are {core} records, there should be {model}");
            return Err(Violation::new(Invariant::Table, what));
        }
        if self.herd.records() > self.model.rules.clients {
            return Err(Violation::new(Invariant::Memory, "more records than the limit"));
        }
        self.steps += 1;
        if self.steps.is_multiple_of(LOOK) {
            self.compare_all()?;
        }
        Ok(touched)
    }

    pub(crate) fn compare_all(&self) -> Verdict {
        let mut core: BTreeSet<&[u8]> = self.herd.lines().collect();
        for (client, record) in self.model.table.records() {
            if !core.remove(&record.line[..]) {
                let what = format!("{:?} lacks {:?}", shown(client), shown(&record.line));
                return Err(Violation::new(Invariant::Table, what));
            }
        }
        core.first().map_or(Ok(()), |line| {
            let what = format!("{:?} should not be there", shown(line));
            Err(Violation::new(Invariant::Table, what))
        })
    }

    fn compare_record(&mut self, client: &[u8]) -> Verdict {
        let core = self.herd.record(client);
        let model = self.model.table.record(client);
        if let (Some(line), Some(seen)) = (core, self.seen.get(client))
            && let Some(stamp) =
                crate::model::words(line).last().and_then(|time| crate::model::stamp(time))
            && (Record { stamp, line: line.to_vec() }) < *seen
        {
            let what = format!("{:?} followed {:?}", shown(line), shown(&seen.line));
            return Err(Violation::new(Invariant::Forward, what));
        }
        if core != model.map(|record| &record.line[..]) {
            let shown = |line: Option<&[u8]>| line.map_or_else(|| "nothing".to_owned(), shown);
            let expected = shown(model.map(|record| &record.line[..]));
            let what = format!("the table has {:?}, it should have {expected:?}", shown(core));
            return Err(Violation::new(Invariant::Table, what));
        }
        match model {
            Some(record) => drop(self.seen.insert(client.to_vec(), record.clone())),
            None => drop(self.seen.remove(client)),
        }
        Ok(())
    }

    /// What the driver was told about reading from a client, against what it should have been told.
    pub(crate) fn compare_pauses(&self) -> Verdict {
        for slot in self.slots() {
            if self.model.is_full(slot.wire).is_some_and(|full| full != slot.paused) {
                let how = if slot.paused { "paused" } else { "goes on" };
                let what = format!("reading from connection {} {how}, and should not", slot.wire);
                return Err(Violation::new(Invariant::Memory, what));
            }
        }
        Ok(())
    }
}

fn call(
    herd: &mut Herd,
    clock: Clock,
    shared: bool,
    input: &Input,
    out: &mut Output,
) -> Option<ConnId> {
    let now =
        Now { wall: Timestamp::from_nanos(clock.wall), mono: Instant::from_nanos(clock.mono) };
    match input {
        Input::Accept { kind, .. } => {
            let at_links = !shared && !matches!(kind, Kind::Client | Kind::Full);
            let listener = if at_links {
                Listener::Links { from: Ipv4Addr::LOCALHOST.into() }
            } else {
                Listener::Clients { from: Ipv4Addr::LOCALHOST.into(), plain: false }
            };
            return Some(herd.handle_accept(now, listener, out));
        }
        Input::Dialled { peer, wire } => {
            let outcome = if wire.is_some() { Dialled::Connected } else { Dialled::Failed };
            return herd.handle_dial(now, PeerId::at(*peer)?, outcome, out);
        }
        Input::Bytes(conn, bytes) => herd.handle_input(now, *conn, bytes, out),
        Input::End(conn) => herd.handle_eof(now, *conn, out),
        Input::Broke(conn) => herd.handle_close(now, *conn, out),
        Input::Taken(conn, bytes) => herd.handle_drained(now, *conn, *bytes, out),
        Input::Answer(id, said, _) => {
            let said = said.as_ref().map_err(|error| *error);
            let answer = said.map(|(status, body)| Response { status: *status, body });
            herd.handle_lookup(now, *id, answer, out);
        }
        Input::Timeout => herd.handle_timeout(now, out),
    }
    None
}

/// What a request asks, whichever way.
pub(crate) fn query<'a>(request: &Request<'a>) -> &'a str {
    match request {
        Request::Get { query } => query,
        Request::Post { body, .. } => body,
    }
}

fn metered(meter: Option<Meter>, run: &mut dyn FnMut()) -> i64 {
    if let Some(meter) = meter {
        return meter(run);
    }
    run();
    0
}

fn end(why: Goodbye) -> End {
    match why {
        Goodbye::Ended => End::Ended,
        Goodbye::Lost => End::Lost,
        Goodbye::TooMany | Goodbye::Crowded => End::TooMany,
        Goodbye::Idle => End::Idle,
        Goodbye::Stalled => End::Stalled,
        Goodbye::Unread => End::Unread,
        Goodbye::Silent => End::Silent,
        Goodbye::Replaced => End::Replaced,
        Goodbye::Stopping => End::Stopping,
        Goodbye::Refused | Goodbye::NotAnAck => End::Refused,
        Goodbye::TurnedAway => End::TurnedAway,
        Goodbye::Http => unreachable!("nobody speaks HTTP here"),
        Goodbye::Insecure | Goodbye::NeverSecured => unreachable!("nothing is secured here"),
    }
}
