//! Servers that connect to their neighbours.

use super::{Dial, Event, SECOND, World};
use crate::life::Input;
use crate::model::Verdict;
use crate::wire::Holder;

impl World<'_> {
    pub(super) fn dials(&mut self, at: usize, peer: usize, within: u64) {
        self.attempts += 1;
        let attempt = self.attempts;
        let other = self.servers[at].neighbours[peer];
        self.tell(at, format_args!("dials    {}", self.servers[other].name.clone()));
        let Some(life) = &mut self.servers[at].life else { return };
        life.dialling[peer] = Some(attempt);
        let dial = Dial { at, start: life.start, peer, attempt };
        let wait = self.delay();
        self.after(wait, Event::Knock { dial });
        self.after(within, Event::GivenUp { dial });
    }

    fn delay(&mut self) -> u64 {
        let (least, most) = self.plan.net.delay;
        self.random.within(least..=most)
    }

    /// The neighbour's kernel is asked for a connection.
    pub(super) fn knocks(&mut self, dial: Dial) {
        if !self.is_current(dial) {
            return;
        }
        let to = self.servers[dial.at].neighbours[dial.peer];
        let wait = self.delay();
        if self.blocked.contains(&(dial.at, to)) || !self.servers[to].on {
            self.after(SECOND, Event::Knock { dial });
        } else if self.servers[to].life.is_some() {
            self.after(wait, Event::Knocked { dial });
        } else if !self.blocked.contains(&(to, dial.at)) {
            self.after(wait, Event::GivenUp { dial });
        }
    }

    /// The neighbour's kernel says that it may come.
    pub(super) fn knocked(&mut self, dial: Dial) -> Verdict {
        if !self.is_current(dial) {
            return Ok(());
        }
        let Dial { at, start, peer, .. } = dial;
        let to = self.servers[at].neighbours[peer];
        if self.blocked.contains(&(to, at)) {
            self.after(SECOND, Event::Knocked { dial });
            return Ok(());
        }
        let Some(life) = &mut self.servers[at].life else { return Ok(()) };
        life.dialling[peer] = None;
        // A process that has died since is told of by the reset that comes for the first bytes.
        let their_start = self.servers[to].starts;
        let begins = Holder::Server { at, start, conn: None };
        let wire = self.lays(begins, Holder::Server { at: to, start: their_start, conn: None });
        self.turn(at, Input::Dialled { peer, wire: Some(wire) })
    }

    pub(super) fn gives_up(&mut self, dial: Dial) -> Verdict {
        if !self.is_current(dial) {
            return Ok(());
        }
        if let Some(life) = &mut self.servers[dial.at].life {
            life.dialling[dial.peer] = None;
        }
        self.turn(dial.at, Input::Dialled { peer: dial.peer, wire: None })
    }

    fn is_current(&self, dial: Dial) -> bool {
        let life = self.servers[dial.at].life.as_ref().filter(|life| life.start == dial.start);
        life.is_some_and(|life| life.dialling[dial.peer] == Some(dial.attempt))
    }
}
