//! The liveness phase: everything heals, and the herd must become one again.

use std::collections::{BTreeMap, BTreeSet};

use super::{Event, MS, SECOND, Watch, World};
use crate::crowd::{Client, Leaves, Reads};
use crate::invariants::{Invariant, Violation};
use crate::model::{Record, Verdict, shown};
use crate::wire::Holder;

/// The herd must have become one by then: 15 s until the last dead link is noticed, a pause of 2 s, a
/// handshake, and the way to the other end of the herd.
const PATIENCE: u64 = 90 * SECOND;
/// How often it is looked at.
const LOOK: u64 = 250 * MS;
/// How long nothing may be said about clients any more.
const QUIET: u64 = 6 * SECOND;

impl World<'_> {
    /// Heals everything, and says how long it took until all tables were equal.
    pub(crate) fn heal(&mut self) -> Result<u64, Violation> {
        self.narrate(format_args!("everything heals"));
        self.calm = true;
        for (from, to) in self.blocked.clone() {
            self.heals(from, to);
        }
        for at in 0..self.servers.len() {
            self.thaws(at);
            self.servers[at].on = true;
            if self.servers[at].life.is_none() {
                let wait = self.random.below(SECOND);
                self.after(wait, Event::Start { at });
            }
        }
        self.calms_wires();
        self.calms_clients();
        let begun = self.now;
        self.run_until(begun + SECOND)?;
        self.until(begun + PATIENCE, Self::is_one)?;
        let took = self.now - begun;
        self.narrate(format_args!("all tables are equal"));
        self.is_quiet()?;
        self.probe()?;
        self.until(self.now + PATIENCE, Self::is_well)?;
        for server in &self.servers {
            server.life.as_ref().map_or(Ok(()), |life| life.compare_all())?;
        }
        Ok(took)
    }

    fn until(&mut self, end: u64, holds: fn(&Self) -> Verdict) -> Verdict {
        while let Err(violation) = holds(self) {
            if self.now >= end {
                return Err(violation);
            }
            self.run_until(self.now + LOOK)?;
        }
        Ok(())
    }

    /// Whether all tables are equal, and the right ones.
    fn is_one(&self) -> Verdict {
        let unwell = |what: String| Err(Violation::new(Invariant::Converge, what));
        let oldest = self.oldest();
        let expected = self.expected(oldest);
        for server in &self.servers {
            let Some(life) = &server.life else {
                return unwell(format!("{} is not there", server.name));
            };
            let mut records: BTreeMap<_, _> = life.model.table.records().collect();
            records.retain(|_, record| record.stamp >= oldest);
            if records == expected {
                continue;
            }
            for (client, record) in &expected {
                if records.get(client) != Some(record) {
                    let has = records.get(client).map(|record| shown(&record.line));
                    let lacks = shown(&record.line);
                    let name = &server.name;
                    return unwell(format!(
                        "{name} lacks {lacks:?} after {}, has {has:?}",
                        self.healed()
                    ));
                }
            }
            return unwell(format!("{} has more records than anybody accepted", server.name));
        }
        Ok(())
    }

    fn healed(&self) -> String {
        format!("{} s in all", self.now / SECOND)
    }

    /// The greatest record of each client that a live server has accepted; the greatest of those, where
    /// there is no room for all.
    fn expected(&self, oldest: i64) -> BTreeMap<&Vec<u8>, &Record> {
        let mut greatest: BTreeMap<&Vec<u8>, &Record> = BTreeMap::new();
        let lives = || self.servers.iter().filter_map(|server| server.life.as_ref());
        for (client, record) in lives().flat_map(|life| &life.model.table.best) {
            let known = greatest.entry(client).or_insert(record);
            *known = (*known).max(record);
        }
        let room = lives().map(|life| life.model.rules.clients).min().unwrap_or_default();
        if greatest.len() > room {
            let mut order: BTreeSet<_> =
                greatest.iter().map(|(client, record)| (*record, *client)).collect();
            while order.len() > room {
                if let Some((_, client)) = order.pop_first() {
                    greatest.remove(client);
                }
            }
        }
        greatest.retain(|_, record| record.stamp >= oldest);
        greatest
    }

    /// Older records may be forgotten somewhere.
    fn oldest(&self) -> i64 {
        let age = |at: usize| {
            let limits = &self.plan.places[at].limits;
            let age = i64::from(limits.record_age_s) * 1_000_000_000;
            (age > 0).then(|| self.wall(at) - age + 1_000_000_000)
        };
        (0..self.servers.len()).filter_map(age).max().unwrap_or(i64::MIN)
    }

    /// Nothing more is said about clients, once everybody knows everything. Not at once: what both ends of a
    /// slow link have learnt by other ways still crosses it, each way once, and a client's lines that waited for
    /// its answers may be news yet, for neighbours that are not linked with again.
    fn is_quiet(&mut self) -> Verdict {
        let end = self.now + PATIENCE;
        while self.now < end {
            let (updates, changes) = (self.tally.updates, self.changes());
            self.run_until(self.now + QUIET)?;
            let is_quiet = (updates, changes) == (self.tally.updates, self.changes());
            if is_quiet && self.is_one().is_ok() {
                return Ok(());
            }
        }
        self.is_one()?;
        let what = "records still cross links, long after all tables were equal";
        Err(Violation::new(Invariant::Converge, what))
    }

    /// How often any table has changed.
    fn changes(&self) -> u64 {
        let lives = self.servers.iter().filter_map(|server| server.life.as_ref());
        lives.map(|life| life.model.table.changes).sum()
    }

    /// A client reports somewhere, and all must hear of it.
    fn probe(&mut self) -> Verdict {
        let is_fit = |at: usize| {
            let limits = &self.plan.places[at].limits;
            limits.line_bytes >= 60 && limits.connections > 1000
        };
        let fit: Vec<_> = (0..self.servers.len()).filter(|at| is_fit(*at)).collect();
        if fit.is_empty() {
            return Ok(());
        }
        let at = *self.random.pick(&fit);
        self.reports(at, b"p");
        self.run_until(self.now + 2 * self.plan.net.delay.1 + LOOK)?;
        self.until(self.now + 30 * SECOND, Self::is_one)
    }

    /// Waits until a herd to which nothing happens stands.
    pub(crate) fn stands(&mut self) -> Verdict {
        self.calm = true;
        self.run_until(SECOND)?;
        self.until(PATIENCE, Self::is_well)
    }

    /// Has a client report to a server, and says when the record reached each server, and over how many
    /// links. Looks every `step`.
    pub(crate) fn watched(
        &mut self,
        at: usize,
        client: &[u8],
        step: u64,
    ) -> Result<Vec<(u64, u64)>, Violation> {
        let reached = vec![None; self.servers.len()];
        self.watch = Some(Watch { client: client.to_vec(), reached });
        self.reports(at, client);
        let end = self.now + PATIENCE;
        while self.now < end {
            self.run_until(self.now + step)?;
            let reached = self.watch.iter().flat_map(|watch| &watch.reached);
            if reached.clone().all(Option::is_some) {
                let reached = reached.flatten().copied().collect();
                // What is still under way is counted too.
                self.run_until(self.now + SECOND)?;
                return Ok(reached);
            }
        }
        Err(Violation::new(Invariant::Converge, "a report did not reach everybody"))
    }

    /// A client comes to a server, and reports once.
    fn reports(&mut self, at: usize, client: &[u8]) {
        let probe = Client {
            at,
            wire: None,
            reads: Reads::Well,
            leaves: Leaves::Never,
            lines_left: 0,
            skew: 0,
            unsaid: Vec::new(),
            script: None,
        };
        self.clients.push(probe);
        let who = self.clients.len() - 1;
        let holder = Holder::Server { at, start: self.servers[at].starts, conn: None };
        let wire = self.lays(Holder::Client(who), holder);
        self.clients[who].wire = Some(wire);
        let time = self.right_time() / 1_000_000_000;
        let line = [b"IAMAT ", client, format!(" +1-2 {time}\n").as_bytes()].concat();
        self.sends(wire, 0, &line);
    }

    /// Every two neighbours are linked, and every client whose connection is whole has its answers.
    fn is_well(&self) -> Verdict {
        for (a, b) in &self.plan.pairs {
            for (at, other) in [(*a, *b), (*b, *a)] {
                let server = &self.servers[at];
                let peer = server.neighbours.iter().position(|neighbour| *neighbour == other);
                let life = server.life.as_ref();
                if !life.is_some_and(|life| peer.is_some_and(|peer| life.model.is_linked(peer))) {
                    let names = (&server.name, &self.servers[other].name);
                    let what = format!("{} has no link with {}", names.0, names.1);
                    return Err(Violation::new(Invariant::Converge, what));
                }
            }
        }
        for server in &self.servers {
            let Some(life) = &server.life else { continue };
            for key in life.model.owing() {
                let Some(wire) = self.wire(key) else { continue };
                let whole = wire.ends.iter().all(|end| end.open && !end.dark);
                if whole && wire.ways.iter().all(|way| !way.deaf) {
                    let what = format!("{} owes connection {key} an answer", server.name);
                    return Err(Violation::new(Invariant::Replies, what));
                }
            }
        }
        Ok(())
    }
}
