//! Lookups under way and those waiting for their turn.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use crate::config::Dialect;
use crate::ids::{ConnId, LookupId};
use crate::notice::Notice;
use crate::output::{Action, Output};
use crate::replies::Ticket;
use crate::time::Instant;

#[derive(Debug)]
pub(crate) struct Lookups {
    last: u64,
    /// By number, which is also the order they were begun in.
    running: BTreeMap<LookupId, Lookup>,
    waiting: VecDeque<(LookupId, Lookup, Vec<u8>)>,
    most_running: usize,
    most_waiting: usize,
    timeout: Duration,
    dialect: Dialect,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Lookup {
    pub(crate) conn: ConnId,
    /// Where the answer goes among the connection's replies.
    pub(crate) ticket: Ticket,
    pub(crate) asked: Instant,
    /// When its turn came; equal to `asked` before that.
    pub(crate) begun: Instant,
}

impl Lookups {
    pub(crate) fn new(
        most_running: u32,
        most_waiting: u32,
        timeout: Duration,
        dialect: Dialect,
    ) -> Self {
        Self {
            dialect,
            last: 0,
            running: BTreeMap::new(),
            waiting: VecDeque::new(),
            most_running: most_running as usize,
            most_waiting: most_waiting as usize,
            timeout,
        }
    }

    /// How many are under way.
    pub(crate) fn running(&self) -> usize {
        self.running.len()
    }

    /// How many wait for their turn.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether the next lookup has to wait for its turn.
    pub(crate) fn is_full(&self) -> bool {
        self.running.len() >= self.most_running
    }

    /// Begins a lookup, or has it wait for its turn. Its number, and whether there was room for it.
    pub(crate) fn ask(
        &mut self,
        now: Instant,
        conn: ConnId,
        ticket: Ticket,
        request: Vec<u8>,
        out: &mut Output,
    ) -> (LookupId, bool) {
        self.last += 1;
        let id = LookupId(self.last);
        let lookup = Lookup { conn, ticket, asked: now, begun: now };
        if !self.is_full() {
            out.lookup(id, self.dialect, &request);
            self.running.insert(id, lookup);
        } else if self.waiting.len() < self.most_waiting {
            self.waiting.push_back((id, lookup, request));
        } else {
            return (id, false);
        }
        (id, true)
    }

    /// Takes a lookup that has an answer out, and lets the next begin.
    pub(crate) fn finish(
        &mut self,
        now: Instant,
        id: LookupId,
        out: &mut Output,
    ) -> Option<Lookup> {
        let done = self.running.remove(&id)?;
        self.begin_next(now, out);
        Some(done)
    }

    /// Takes out a lookup whose time is up.
    pub(crate) fn overdue(&mut self, now: Instant, out: &mut Output) -> Option<(LookupId, Lookup)> {
        let (id, lookup) = self.running.first_key_value()?;
        if now < lookup.begun.after(self.timeout) {
            return None;
        }
        let (id, lookup) = (*id, *lookup);
        out.push(Action::Cancel { id });
        self.finish(now, id, out);
        Some((id, lookup))
    }

    /// When the next lookup is overdue.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.running.first_key_value().map(|(_, lookup)| lookup.begun.after(self.timeout))
    }

    /// Drops every lookup of a connection that is gone, and says how many there were.
    pub(crate) fn abandon(&mut self, now: Instant, conn: ConnId, out: &mut Output) -> usize {
        let before = self.waiting.len() + self.running.len();
        self.waiting.retain(|(id, lookup, _)| {
            if lookup.conn == conn {
                out.log(Notice::LookupAbandoned { id: *id, conn, took: now.since(lookup.asked) });
            }
            lookup.conn != conn
        });
        self.running.retain(|id, lookup| {
            if lookup.conn == conn {
                out.push(Action::Cancel { id: *id });
                out.log(Notice::LookupAbandoned { id: *id, conn, took: now.since(lookup.asked) });
            }
            lookup.conn != conn
        });
        let left = self.waiting.len() + self.running.len();
        self.begin_next(now, out);
        before - left
    }

    fn begin_next(&mut self, now: Instant, out: &mut Output) {
        while !self.is_full()
            && let Some((id, lookup, request)) = self.waiting.pop_front()
        {
            out.lookup(id, self.dialect, &request);
            self.running.insert(id, Lookup { begun: now, ..lookup });
        }
    }
}
