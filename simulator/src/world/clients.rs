//! What clients do.

use super::{Event, MS, SECOND, World};
use crate::crowd::{self, Client, Leaves, Reads};
use crate::model::Key;
use crate::wire::Holder;

impl World<'_> {
    /// All clients come.
    pub(crate) fn gathers(&mut self) {
        for who in 0..self.plan.crowd.clients {
            let client = Client::draw(&self.plan.crowd, self.servers.len(), &mut self.random);
            self.clients.push(client);
            let wait = self.random.below(self.plan.length / 2);
            self.after(wait, Event::Client { who });
        }
    }

    pub(super) fn comes(&mut self, client: Client) -> usize {
        let who = self.clients.len();
        self.clients.push(client);
        self.after(0, Event::Client { who });
        who
    }

    /// A client connects, says something, or leaves.
    pub(super) fn client_acts(&mut self, who: usize) {
        let wall = self.right_time();
        let Some(wire) = self.clients[who].wire else {
            let is_over = self.calm && self.clients[who].lines_left == 0;
            if is_over || (self.lines_left == 0 && self.clients[who].script.is_none()) {
                return;
            }
            let at = self.clients[who].at;
            let holder = Holder::Server { at, start: self.servers[at].starts, conn: None };
            let wire = self.lays(Holder::Client(who), holder);
            self.clients[who].wire = Some(wire);
            let Client { reads, leaves, .. } = self.clients[who];
            self.narrate(format_args!(
                "client {who} connects on {wire}, reads {reads:?}, leaves by {leaves:?}",
            ));
            self.after(0, Event::Client { who });
            if self.plan.crowd.bulk && who == 0 && self.lines_left > 0 {
                let bytes = crowd::census(&self.plan.crowd, wall, &mut self.random);
                self.sends(wire, 0, &bytes);
            }
            return;
        };
        if let Some(script) = &mut self.clients[who].script {
            if let Some(bytes) = script.pop() {
                self.sends(wire, 0, &bytes);
                let wait = self.random.spread(MS..=2 * SECOND);
                return self.after(wait, Event::Client { who });
            }
            return self.client_leaves(who, wire);
        }
        if self.clients[who].lines_left == 0 && self.clients[who].unsaid.is_empty() {
            return self.client_leaves(who, wire);
        }
        self.clients[who].lines_left = self.clients[who].lines_left.min(self.lines_left);
        let before = self.clients[who].lines_left;
        let bytes = self.clients[who].says(&self.plan.crowd, wall, &mut self.random);
        let lines = before - self.clients[who].lines_left;
        self.lines_left -= lines;
        self.tally.lines += lines;
        self.sends(wire, 0, &bytes);
        let gap = self.plan.crowd.gap;
        let wait = if self.random.chance(60) {
            self.random.within(gap.0..=2 * gap.1)
        } else {
            self.random.spread(gap.0..=gap.1)
        };
        self.after(wait, Event::Client { who });
    }

    fn client_leaves(&mut self, who: usize, wire: Key) {
        let leaves = self.clients[who].leaves;
        self.narrate(format_args!("client {who} leaves {wire}: {leaves:?}"));
        match leaves {
            Leaves::HalfClose => self.ends_half(wire, 0),
            Leaves::Reset => {
                if let Some(Some(wire)) = self.wires.get_mut(wire as usize) {
                    wire.ends[0].open = false;
                    wire.ways[0].outbox.clear();
                }
                self.launches(wire, 0, crate::wire::Cargo::Reset);
                self.client_returns(who);
            }
            Leaves::Vanish => {
                self.vanishes(wire);
                self.client_returns(who);
            }
            Leaves::Never => {}
        }
    }

    /// The machine at the first end of a wire is gone.
    pub(super) fn vanishes(&mut self, wire: Key) {
        if let Some(Some(wire)) = self.wires.get_mut(wire as usize) {
            wire.ends[0].open = false;
            wire.ends[0].dark = true;
            wire.ways.iter_mut().for_each(crate::wire::Way::deafen);
        }
    }

    /// A client's connection is gone.
    pub(super) fn client_loses(&mut self, who: usize, wire: Key) {
        if self.clients[who].wire == Some(wire) {
            self.client_returns(who);
        }
    }

    /// A client without a connection is another one after a while.
    fn client_returns(&mut self, who: usize) {
        if self.clients[who].script.is_some() || self.calm {
            self.clients[who].wire = None;
            self.clients[who].lines_left = 0;
            return;
        }
        self.clients[who] = Client::draw(&self.plan.crowd, self.servers.len(), &mut self.random);
        let wait = self.random.spread(MS..=3 * SECOND);
        self.after(wait, Event::Client { who });
    }

    /// Something has arrived for a client.
    pub(super) fn client_hears(&mut self, who: usize, wire: Key) {
        match self.clients[who].reads {
            Reads::Well => self.client_reads(who, wire),
            Reads::Slowly => {
                let wait = self.random.spread(10 * MS..=3 * SECOND);
                self.after(wait, Event::ClientReads { who, wire });
            }
            Reads::Never => {}
        }
    }

    pub(super) fn client_reads(&mut self, who: usize, wire: Key) {
        let slowly = self.clients[who].reads == Reads::Slowly;
        let Some(way) = self.wire(wire).map(|wire| &wire.ways[1]) else { return };
        let received = way.received.len();
        if received > 0 {
            let some = if slowly { self.random.size(1..=received.min(300)) } else { received };
            self.takes(wire, 1, some);
            if slowly && some < received {
                self.client_hears(who, wire);
                return;
            }
        }
        let ended = self.wire(wire).is_some_and(|wire| wire.ways[1].ended);
        if ended && self.wire(wire).is_some_and(|wire| wire.ends[0].open) {
            self.closes(wire, 0);
            self.client_loses(who, wire);
        }
    }

    /// Clients of a calm world say no more than the rest of what they have begun, and read.
    pub(super) fn calms_clients(&mut self) {
        for who in 0..self.clients.len() {
            self.clients[who].reads = Reads::Well;
            self.clients[who].lines_left = 0;
            let Some(wire) = self.clients[who].wire else { continue };
            let rest = core::mem::take(&mut self.clients[who].unsaid);
            self.sends(wire, 0, &rest);
            self.client_reads(who, wire);
        }
    }
}
