//! Lookups under way and those waiting for their turn.
//!
//! Both are shared: by address, and within one address by connection. Where there is no room for one more to
//! wait, whoever has most waiting gives way, with what it asked last.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::time::Duration;

use crate::config::Dialect;
use crate::ids::{ConnId, LookupId};
use crate::notice::Notice;
use crate::output::{Action, Output};
use crate::replies::Ticket;
use crate::time::Instant;
use crate::turns::{Sharer, Turns};

#[derive(Debug)]
pub(crate) struct Lookups {
    last: u64,
    running: BTreeMap<LookupId, Lookup>,
    /// Those running, the one begun first coming first.
    begun: BTreeSet<(Instant, LookupId)>,
    /// Those running, by connection.
    of_conns: BTreeSet<(ConnId, LookupId)>,
    waiting: Turns<Waiting>,
    most_running: usize,
    most_waiting: usize,
    timeout: Duration,
    dialect: Dialect,
}

/// A lookup that has not begun.
#[derive(Debug)]
struct Waiting {
    id: LookupId,
    lookup: Lookup,
    request: Vec<u8>,
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

/// What came of a lookup that was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asked {
    /// It is under way.
    Begun,
    /// It waits for its turn.
    Waits,
    /// It waits, and this one does not any more: it made room.
    InPlaceOf(LookupId, Lookup),
    /// There is no room.
    Refused(LookupId, Lookup),
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
            begun: BTreeSet::new(),
            of_conns: BTreeSet::new(),
            waiting: Turns::default(),
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

    /// Begins a lookup, if one may begin and nobody else's turn is first, or has it wait for its turn.
    pub(crate) fn ask(
        &mut self,
        now: Instant,
        sharer: Sharer,
        conn: ConnId,
        ticket: Ticket,
        request: Vec<u8>,
        out: &mut Output,
    ) -> Asked {
        self.last += 1;
        let id = LookupId(self.last);
        let lookup = Lookup { conn, ticket, asked: now, begun: now };
        let waiting = Waiting { id, lookup, request };
        if self.running.len() < self.most_running && self.waiting.peek().is_none() {
            self.begin(now, waiting, out);
            return Asked::Begun;
        }
        let mut asked = Asked::Waits;
        if self.waiting.len() >= self.most_waiting {
            match self.waiting.make_room(sharer, conn) {
                Some(newest) => asked = Asked::InPlaceOf(newest.id, newest.lookup),
                None => return Asked::Refused(id, lookup),
            }
        }
        self.waiting.push(sharer, conn, waiting);
        asked
    }

    /// Begins those whose turn it is, as many as may be under way; whether there were any. A connection is passed
    /// over, until it is released, unless `may_begin` lets its next lookup begin.
    pub(crate) fn begin_next(
        &mut self,
        now: Instant,
        may_begin: impl Fn(ConnId, Ticket) -> bool,
        out: &mut Output,
    ) -> bool {
        let mut begins = false;
        while self.running.len() < self.most_running
            && let Some((conn, next)) = self.waiting.peek()
        {
            if !may_begin(conn, next.lookup.ticket) {
                self.waiting.hold_back(conn);
            } else if let Some(next) = self.waiting.pop() {
                self.begin(now, next, out);
                begins = true;
            }
        }
        begins
    }

    /// Passes a connection over no more.
    pub(crate) fn release(&mut self, conn: ConnId) {
        self.waiting.release(conn);
    }

    /// Takes a lookup that has an answer out.
    pub(crate) fn finish(&mut self, id: LookupId) -> Option<Lookup> {
        let done = self.running.remove(&id)?;
        self.begun.remove(&(done.begun, id));
        self.of_conns.remove(&(done.conn, id));
        Some(done)
    }

    /// Takes out a lookup whose time is up.
    pub(crate) fn overdue(&mut self, now: Instant, out: &mut Output) -> Option<(LookupId, Lookup)> {
        let (begun, id) = *self.begun.first()?;
        if now < begun.after(self.timeout) {
            return None;
        }
        out.push(Action::Cancel { id });
        Some((id, self.finish(id)?))
    }

    /// When the next lookup is overdue.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.begun.first().map(|(begun, _)| begun.after(self.timeout))
    }

    /// Takes out the lookups of a question, under way or not.
    pub(crate) fn take_of(&mut self, id: ConnId, out: &mut Output) -> Vec<(LookupId, Lookup)> {
        let waiting =
            self.waiting.remove(id).into_iter().map(|waiting| (waiting.id, waiting.lookup));
        let mut taken: Vec<_> = waiting.collect();
        let of_it = (id, LookupId(0))..=(id, LookupId(u64::MAX));
        let running: Vec<_> = self.of_conns.range(of_it).map(|(_, lookup)| *lookup).collect();
        for lookup in running {
            out.push(Action::Cancel { id: lookup });
            taken.extend(self.finish(lookup).map(|done| (lookup, done)));
        }
        taken
    }

    /// Drops every lookup of a connection that is gone, and says how many there were.
    pub(crate) fn abandon(&mut self, now: Instant, conn: ConnId, out: &mut Output) -> usize {
        let waiting = self.waiting.remove(conn);
        for Waiting { id, lookup, .. } in &waiting {
            out.log(Notice::LookupAbandoned { id: *id, conn, took: now.since(lookup.asked) });
        }
        let of_it = (conn, LookupId(0))..=(conn, LookupId(u64::MAX));
        let running: Vec<_> = self.of_conns.range(of_it).map(|(_, id)| *id).collect();
        for id in &running {
            if let Some(lookup) = self.finish(*id) {
                out.push(Action::Cancel { id: *id });
                out.log(Notice::LookupAbandoned { id: *id, conn, took: now.since(lookup.asked) });
            }
        }
        waiting.len() + running.len()
    }

    fn begin(&mut self, now: Instant, next: Waiting, out: &mut Output) {
        let Waiting { id, lookup, request } = next;
        out.lookup(id, self.dialect, &request);
        self.running.insert(id, Lookup { begun: now, ..lookup });
        self.begun.insert((now, id));
        self.of_conns.insert((lookup.conn, id));
    }
}
