//! What goes wrong.

use core::cmp::Reverse;

use super::{Event, MS, SECOND, World};
use crate::crowd::Client;
use crate::model::{Key, Verdict};
use crate::plan::Fault;
use crate::wire::{Cargo, Holder};

impl World<'_> {
    /// Has the first misfortune be thought of.
    pub(crate) fn threatens(&mut self) {
        let wait = self.random.within(0..=2 * self.plan.fault_gap);
        self.after(wait, Event::Fault);
    }

    /// Something goes wrong, and the next thing is thought of.
    pub(super) fn goes_wrong(&mut self) -> Verdict {
        if self.calm {
            return Ok(());
        }
        self.threatens();
        self.tally.faults += 1;
        let all: u64 = self.plan.faults.iter().map(|(_, weight)| weight).sum();
        let mut roll = self.random.below(all);
        let chosen = self.plan.faults.iter().find(|(_, weight)| {
            let hit = roll < *weight;
            roll = roll.saturating_sub(*weight);
            hit
        });
        let Some((fault, _)) = chosen.copied() else { return Ok(()) };
        let at = self.random.place(self.servers.len());
        let (a, b) = *self.random.pick(&self.plan.pairs);
        let (a, b) = if self.random.chance(50) { (a, b) } else { (b, a) };
        self.narrate(format_args!("something goes wrong: {fault:?}"));
        match fault {
            Fault::Reset | Fault::Vanish | Fault::HalfOpen | Fault::Crawl => {
                let links = self.link_wires();
                if !links.is_empty() {
                    let wire = *self.random.pick(&links);
                    return self.harms(fault, wire);
                }
            }
            Fault::CutOneWay => self.cuts(a, b),
            Fault::CutBoth => {
                self.cuts(a, b);
                self.cuts(b, a);
            }
            Fault::Island => self.isolates(),
            Fault::Freeze => {
                let until = self.now + self.lasts().min(40 * SECOND);
                if self.servers[at].life.is_some() && self.servers[at].frozen <= self.now {
                    self.servers[at].frozen = until;
                    self.tell(at, format_args!("freezes"));
                }
            }
            Fault::Kill => self.dies(at, false),
            Fault::PowerLoss => self.dies(at, true),
            Fault::ClockStep => {
                let step = self.random.spread(1..=600 * SECOND);
                let step = i64::try_from(step).unwrap_or_default();
                let step = if self.random.chance(50) { step } else { -step };
                self.servers[at].wall += step;
                self.tell(at, format_args!("has its clock set by {step} ns"));
            }
            Fault::Strangers => self.strangers(at),
        }
        Ok(())
    }

    /// How long something lasts.
    fn lasts(&mut self) -> u64 {
        let usual = self.plan.fault_length;
        self.random.within(usual / 4..=2 * usual)
    }

    /// The wires between servers on which both ends are open.
    fn link_wires(&self) -> Vec<Key> {
        let mut keys = self.wire_keys();
        keys.retain(|key| {
            self.wire(*key).is_some_and(|wire| {
                wire.servers().is_some() && wire.ends.iter().any(|end| end.open)
            })
        });
        keys
    }

    fn harms(&mut self, fault: Fault, key: Key) -> Verdict {
        let one = self.random.place(2);
        let name = self.server_at(key, one).map_or("", |at| &self.servers[at].name).to_owned();
        self.narrate(format_args!("    to connection {key}, at {name}"));
        if fault == Fault::Crawl {
            let slow = self.random.spread(100 * MS..=4 * SECOND);
            if let Some(Some(wire)) = self.wires.get_mut(key as usize) {
                wire.ways[one].delay = (slow / 2, slow);
                wire.ways[one].window = wire.ways[one].window.min(2000);
            }
            return Ok(());
        }
        self.deafens(key, one);
        if fault != Fault::Vanish || self.random.chance(50) {
            self.deafens(key, 1 - one);
        }
        if fault != Fault::Vanish {
            self.breaks(key, one)?;
        }
        if fault == Fault::Reset {
            self.breaks(key, 1 - one)?;
        }
        Ok(())
    }

    fn deafens(&mut self, key: Key, side: usize) {
        if let Some(Some(wire)) = self.wires.get_mut(key as usize) {
            wire.ways[side].deafen();
        }
    }

    fn cuts(&mut self, from: usize, to: usize) {
        self.blocked.insert((from, to));
        let name = self.servers[to].name.clone();
        self.tell(from, format_args!("is not heard by {name} any more"));
        let wait = self.lasts();
        self.after(wait, Event::Heal { from, to });
    }

    /// Some servers cannot reach the others, or not be reached by them, or both.
    fn isolates(&mut self) {
        let island: Vec<_> = (0..self.servers.len()).map(|_| self.random.chance(40)).collect();
        let (out, back) =
            *self.random.pick(&[(true, true), (true, true), (true, false), (false, true)]);
        for (a, b) in self.plan.pairs.clone() {
            if island[a] != island[b] {
                let (inner, outer) = if island[a] { (a, b) } else { (b, a) };
                if out {
                    self.cuts(inner, outer);
                }
                if back {
                    self.cuts(outer, inner);
                }
            }
        }
    }

    /// A server dies. What its kernel has to say is said, unless that dies too.
    fn dies(&mut self, at: usize, power: bool) {
        self.thaws(at);
        let Some(life) = self.servers[at].life.take() else { return };
        self.servers[at].on = !power;
        self.tell(at, format_args!("dies"));
        for key in self.wire_keys() {
            for side in 0..2 {
                let Some(Some(wire)) = self.wires.get_mut(key as usize) else { continue };
                let Holder::Server { at: holder, start, .. } = wire.ends[side].holder else {
                    continue;
                };
                if holder != at || start != life.start || !wire.ends[side].open {
                    continue;
                }
                if power {
                    wire.ends[side].open = false;
                    wire.ends[side].dark = true;
                    wire.ways[side].flight.clear();
                    wire.ways[side].outbox.clear();
                } else if self.random.chance(50) {
                    self.closes(key, side);
                } else {
                    wire.ends[side].open = false;
                    wire.ways[side].outbox.clear();
                    self.launches(key, side, Cargo::Reset);
                }
            }
        }
        let wait = self.lasts();
        self.after(wait, Event::Start { at });
    }

    /// A server is not frozen any more: what was put off happens now, in the order it was put off.
    pub(super) fn thaws(&mut self, at: usize) {
        let now = self.now;
        let until = core::mem::take(&mut self.servers[at].frozen);
        if until <= now {
            return;
        }
        self.tell(at, format_args!("thaws"));
        let queue = core::mem::take(&mut self.queue).into_vec();
        let timed = queue.into_iter().map(|Reverse((due, order, event))| {
            let is_late = due == until && self.performer(event) == Some(at);
            Reverse((if is_late { now } else { due }, order, event))
        });
        self.queue = timed.collect();
        if let Some(life) = &mut self.servers[at].life {
            life.timer = u64::MAX;
        }
        self.sets_timer(at);
    }

    fn strangers(&mut self, at: usize) {
        if self.plan.places[at].shared || self.servers[at].neighbours.is_empty() {
            return;
        }
        let crowd = if self.random.chance(20) { self.random.place(90) } else { 1 };
        for _ in 0..crowd {
            let neighbour = *self.random.pick(&self.servers[at].neighbours);
            let stranger = Client::stranger(
                at,
                &self.servers[at].name,
                &self.servers[neighbour].name,
                &mut self.random,
            );
            self.comes(stranger);
        }
    }
}
