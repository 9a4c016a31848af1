//! Bytes on their way.

use herd_core::ConnId;

use super::{Event, MS, SECOND, World};
use crate::life::{Input, Slot};
use crate::model::{Key, Kind, Verdict};
use crate::wire::{Cargo, End, Holder, Side, Way, Wire};

/// When something happens that waits for a blockade to end.
const STUCK: u64 = u64::MAX / 2;

impl World<'_> {
    pub(super) fn wire(&self, wire: Key) -> Option<&Wire> {
        self.wires.get(wire as usize)?.as_ref()
    }

    fn wire_mut(&mut self, wire: Key) -> Option<&mut Wire> {
        self.wires.get_mut(wire as usize)?.as_mut()
    }

    /// The numbers of all wires that there are.
    pub(super) fn wire_keys(&self) -> Vec<Key> {
        let keys = (0..).zip(&self.wires);
        keys.filter(|(_, wire)| wire.is_some()).map(|(key, _)| key).collect()
    }

    /// A new wire, which the first end has begun.
    pub(super) fn lays(&mut self, begins: Holder, other: Holder) -> Key {
        let net = &self.plan.net;
        let key = Key::try_from(self.wires.len()).unwrap_or(Key::MAX);
        let (delay, pieces, windows) = (net.delay, net.pieces, net.windows);
        let delay = if net.uneven && !self.calm {
            let middle = self.random.within(delay.0..=delay.1);
            (delay.0.max(middle / 2), middle)
        } else {
            delay
        };
        let window = if self.calm { (65_536, 65_536) } else { windows };
        let mut way = || Way::new(self.random.size(window.0..=window.1), delay, pieces);
        let wire = Wire { ends: [End::new(begins), End::new(other)], ways: [way(), way()] };
        self.wires.push(Some(wire));
        self.launches(key, 0, Cargo::Open);
        key
    }

    pub(super) fn launches(&mut self, key: Key, side: Side, cargo: Cargo) {
        let now = self.now;
        let Some(Some(wire)) = self.wires.get_mut(key as usize) else { return };
        let at = wire.ways[side].launch(now, cargo, &mut self.random);
        self.at(at, Event::Arrive { wire: key, side });
    }

    /// The server that holds an end.
    pub(super) fn server_at(&self, key: Key, side: Side) -> Option<usize> {
        match self.wire(key)?.ends[side].holder {
            Holder::Server { at, .. } => Some(at),
            Holder::Client(_) => None,
        }
    }

    /// A server has got a number for its end; without one it did not want it.
    pub(super) fn holds(&mut self, key: Key, side: Side, got: Option<ConnId>) {
        let Some(wire) = self.wire_mut(key) else { return };
        let end = &mut wire.ends[side];
        if let (Holder::Server { conn, .. }, Some(got)) = (&mut end.holder, got) {
            *conn = Some(got);
            return;
        }
        self.closes(key, side);
    }

    pub(super) fn slot(&self, at: usize, conn: ConnId) -> Option<Slot> {
        self.servers[at].life.as_ref()?.slot(conn)
    }

    pub(super) fn pauses(&mut self, at: usize, conn: ConnId, paused: bool) {
        if let Some(life) = &mut self.servers[at].life {
            life.pause(conn, paused);
        }
    }

    pub(super) fn leaves(&mut self, at: usize, conn: ConnId) {
        if let Some(life) = &mut self.servers[at].life {
            life.leave(conn);
        }
    }

    /// Whoever holds this end sends bytes; how many of all that waits the kernel takes at once.
    pub(super) fn sends(&mut self, key: Key, side: Side, bytes: &[u8]) -> usize {
        let Some(wire) = self.wire_mut(key) else { return 0 };
        wire.ways[side].outbox.extend(bytes);
        self.pump(key, side)
    }

    fn pump(&mut self, key: Key, side: Side) -> usize {
        let now = self.now;
        let Some(Some(wire)) = self.wires.get_mut(key as usize) else { return 0 };
        let (taken, arrivals) = wire.ways[side].pump(now, &mut self.random);
        let opens = wire.ways[side].opens();
        for at in arrivals {
            self.at(at, Event::Arrive { wire: key, side });
        }
        if let Some(at) = opens.filter(|at| *at < STUCK) {
            self.at(at.max(now), Event::Pump { wire: key, side });
        }
        taken
    }

    pub(super) fn pumps(&mut self, key: Key, side: Side) -> Verdict {
        let taken = self.pump(key, side);
        let Some(wire) = self.wire(key).filter(|_| taken > 0) else { return Ok(()) };
        let end = &wire.ends[side];
        let Holder::Server { at, conn: Some(conn), .. } = end.holder else { return Ok(()) };
        if !end.open {
            return Ok(());
        }
        self.turn(at, Input::Taken(conn, taken))
    }

    /// Ends one's half, once everything has been handed over.
    pub(super) fn ends_half(&mut self, key: Key, side: Side) {
        if let Some(wire) = self.wire_mut(key) {
            wire.ways[side].ending = true;
            self.pump(key, side);
        }
    }

    /// Whoever holds this end closes it. What the kernel has is sent, unless something is left unread.
    pub(super) fn closes(&mut self, key: Key, side: Side) {
        let Some(wire) = self.wire_mut(key) else { return };
        if !wire.ends[side].open {
            return;
        }
        wire.ends[side].open = false;
        wire.ways[side].outbox.clear();
        let unread = !wire.ways[1 - side].received.is_empty();
        wire.ways[1 - side].received.clear();
        self.launches(key, side, if unread { Cargo::Reset } else { Cargo::End });
    }

    /// This end breaks, and whoever holds it is told at once.
    pub(super) fn breaks(&mut self, key: Key, side: Side) -> Verdict {
        let Some(wire) = self.wire_mut(key) else { return Ok(()) };
        let end = &mut wire.ends[side];
        if !core::mem::take(&mut end.open) {
            return Ok(());
        }
        wire.ways[side].outbox.clear();
        wire.ways[1 - side].received.clear();
        match wire.ends[side].holder {
            Holder::Server { at, start, conn: Some(conn) } => {
                let life = self.servers[at].life.as_ref();
                if life.is_some_and(|life| life.start == start) {
                    let done = self.turn(at, Input::Broke(conn));
                    self.leaves(at, conn);
                    return done;
                }
            }
            Holder::Server { conn: None, .. } => {}
            Holder::Client(who) => self.client_loses(who, key),
        }
        Ok(())
    }

    /// What is due arrives, and is read.
    pub(super) fn arrive(&mut self, key: Key, side: Side) -> Verdict {
        while let Some(cargo) = self.due(key, side) {
            let Some(wire) = self.wire_mut(key) else { return Ok(()) };
            let end = &wire.ends[1 - side];
            let (open, dark, holder) = (end.open, end.dark, end.holder);
            match cargo {
                Cargo::Open => self.accepts(key, 1 - side, holder)?,
                Cargo::Bytes(bytes) if open => wire.ways[side].received.extend(bytes),
                Cargo::Bytes(_) => {
                    let on = match holder {
                        Holder::Server { at, .. } => self.servers[at].on,
                        Holder::Client(_) => !dark,
                    };
                    if on {
                        self.launches(key, 1 - side, Cargo::Reset);
                    }
                }
                Cargo::End => wire.ways[side].ended = true,
                Cargo::Reset => self.breaks(key, 1 - side)?,
            }
        }
        self.reads(key, side)?;
        let over = self.wire(key).is_some_and(Wire::is_over);
        if over
            && self.wire(key).is_some_and(|wire| wire.ways.iter().all(|way| way.flight.is_empty()))
        {
            self.wires[key as usize] = None;
        }
        Ok(())
    }

    /// What has arrived by now, unless the way is blocked.
    fn due(&mut self, key: Key, side: Side) -> Option<Cargo> {
        let now = self.now;
        let between = self.wire(key)?.servers();
        if between.is_some_and(|ends| self.blocked.contains(&(ends[side], ends[1 - side]))) {
            return None;
        }
        let flight = &mut self.wire_mut(key)?.ways[side].flight;
        if flight.front()?.0 > now {
            return None;
        }
        flight.pop_front().map(|(_, cargo)| cargo)
    }

    fn accepts(&mut self, key: Key, side: Side, holder: Holder) -> Verdict {
        let Holder::Server { at, start, .. } = holder else { return Ok(()) };
        let alive = self.servers[at].life.as_ref().is_some_and(|life| life.start == start);
        if !alive {
            if let Some(wire) = self.wire_mut(key) {
                wire.ends[side].open = false;
            }
            if self.servers[at].on {
                self.launches(key, side, Cargo::Reset);
            }
            return Ok(());
        }
        let other = self.wire(key).map(|wire| wire.ends[1 - side].holder);
        let kind = match other {
            Some(Holder::Client(who)) if self.clients[who].script.is_some() => Kind::Stranger,
            Some(Holder::Server { .. }) => Kind::Neighbour { counted: false },
            Some(Holder::Client(_)) | None => Kind::Client,
        };
        self.turn(at, Input::Accept { wire: key, side, kind })
    }

    /// Whoever is at the other end reads, if it wants to.
    fn reads(&mut self, key: Key, side: Side) -> Verdict {
        loop {
            let pieces = self.plan.net.pieces;
            let Some(wire) = self.wire_mut(key) else { return Ok(()) };
            let end = &wire.ends[1 - side];
            let (at, conn) = match end.holder {
                _ if !end.open => return Ok(()),
                Holder::Client(who) => {
                    self.client_hears(who, key);
                    return Ok(());
                }
                Holder::Server { at, conn: Some(conn), .. } => (at, conn),
                Holder::Server { conn: None, .. } => return Ok(()),
            };
            if self.slot(at, conn).is_none_or(|slot| slot.paused) {
                return Ok(());
            }
            let Some(wire) = self.wire_mut(key) else { return Ok(()) };
            let way = &mut wire.ways[side];
            let received = way.received.len();
            if received == 0 {
                if !core::mem::take(&mut way.ended) {
                    return Ok(());
                }
                self.turn(at, Input::End(conn))?;
                continue;
            }
            let most = received.min(65_536);
            let taken = if pieces { self.random.size(1..=most.min(2000)) } else { most };
            let bytes = self.takes(key, side, taken);
            self.turn(at, Input::Bytes(conn, bytes))?;
            self.reports_stale(at)?;
        }
    }

    /// Takes bytes that were received, and lets the sender know that there is room again.
    pub(super) fn takes(&mut self, key: Key, side: Side, bytes: usize) -> Vec<u8> {
        let between = self.wire(key).and_then(Wire::servers);
        let is_cut =
            between.is_some_and(|ends| self.blocked.contains(&(ends[1 - side], ends[side])));
        let now = self.now;
        let Some(Some(wire)) = self.wires.get_mut(key as usize) else { return Vec::new() };
        let back = &wire.ways[1 - side];
        let stuck = is_cut || back.deaf;
        let at = if stuck { STUCK } else { now + self.random.within(back.delay.0..=back.delay.1) };
        let way = &mut wire.ways[side];
        let taken = way.received.drain(..bytes).collect();
        way.read(bytes, at);
        if let Some(at) = way.opens().filter(|at| *at < STUCK) {
            self.at(at.max(now), Event::Pump { wire: key, side });
        }
        taken
    }

    /// Reports something of a connection that is gone, as a driver with threads may.
    fn reports_stale(&mut self, at: usize) -> Verdict {
        if !self.plan.stale_reports || !self.random.chance(3) {
            return Ok(());
        }
        let Some(life) = &self.servers[at].life else { return Ok(()) };
        if life.gone.is_empty() {
            return Ok(());
        }
        let conn = *self.random.pick(&life.gone);
        if self.slot(at, conn).is_some() {
            return Ok(());
        }
        let input = match self.random.below(4) {
            0 => Input::Bytes(conn, b"IAMAT stale +1-2 9000000000\nWHATSAT c0 1 1\n".to_vec()),
            1 => Input::End(conn),
            2 => Input::Broke(conn),
            _ => Input::Taken(conn, 10),
        };
        self.turn(at, input)
    }

    /// Something gets from one server to another again.
    pub(super) fn heals(&mut self, from: usize, to: usize) {
        if !self.blocked.remove(&(from, to)) {
            return;
        }
        self.tell(from, format_args!("is heard by {} again", self.servers[to].name.clone()));
        let again = self.now + self.random.spread(MS..=SECOND);
        for key in self.wire_keys() {
            let Some(wire) = self.wire_mut(key) else { continue };
            let Some(ends) = wire.servers() else { continue };
            let Some(side) = (0..2).find(|side| (ends[*side], ends[1 - side]) == (from, to)) else {
                continue;
            };
            wire.ways[side].unblock(again);
            wire.ways[1 - side].release(STUCK, again);
            self.at(again, Event::Arrive { wire: key, side });
            self.at(again, Event::Pump { wire: key, side: 1 - side });
        }
    }

    /// How the wires of a calm world are.
    pub(super) fn calms_wires(&mut self) {
        let delay = self.plan.net.delay;
        for wire in self.wires.iter_mut().flatten() {
            for way in &mut wire.ways {
                way.window = 65_536;
                way.delay = delay;
            }
        }
        for key in self.wire_keys() {
            for side in 0..2 {
                self.after(1, Event::Pump { wire: key, side });
            }
        }
    }
}
