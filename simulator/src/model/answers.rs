//! What the core does with lookups, held against what it may.

use super::conn::{Due, Reply};
use super::lookups::{Outcome, Question, Running, answer};
use super::{Clock, Key, Model, Verdict};
use crate::invariants::{Invariant, Violation};

impl Model {
    /// The provider has answered.
    pub(crate) fn answered(&mut self, id: u64, outcome: Outcome) {
        if let Some(running) = self.lookups.running.remove(&id) {
            self.lookups.over.insert(id, (running, Some(outcome)));
        }
    }

    /// The core begins a lookup.
    pub(crate) fn begins(&mut self, id: u64, request: &str, clock: Clock) -> Verdict {
        let lookups = &mut self.lookups;
        let Some(question) = lookups.take(id) else {
            return Err(Violation::new(Invariant::Lookups, "a lookup that nobody asked for"));
        };
        let key = question.key;
        if lookups.waiting.range(..id).any(|(_, other)| other.key == key) {
            return Err(Violation::new(Invariant::Lookups, "an older one of its connection waits"));
        }
        let (conns, rules) = (&self.conns, &self.rules);
        let may_begin =
            |key, ticket| conns.get(&key).is_some_and(|conn| conn.may_begin(ticket, rules));
        lookups.has_turn(key, may_begin)?;
        if question.request != request {
            let what = format!("asked {request:?}, due was {:?}", question.request);
            return Err(Violation::new(Invariant::Lookups, what));
        }
        if lookups.running.len() >= self.rules.lookups {
            let what = format!("more than {} lookups at once", self.rules.lookups);
            return Err(Violation::new(Invariant::Memory, what));
        }
        let Question { key, ticket, .. } = question;
        lookups.running.insert(id, Running { key, ticket, begun: clock.mono });
        Ok(())
    }

    /// The core gives a lookup up.
    pub(crate) fn cancels(&mut self, id: u64) -> Verdict {
        let Some(running) = self.lookups.running.remove(&id) else {
            return Err(Violation::new(
                Invariant::Lookups,
                "gave up a lookup that is not under way",
            ));
        };
        self.lookups.over.insert(id, (running, None));
        Ok(())
    }

    /// The core drops a lookup because its client is gone.
    pub(crate) fn abandons(&mut self, id: u64, key: Key) -> Verdict {
        if self.lookups.over.contains_key(&id) {
            return Ok(());
        }
        match self.lookups.take(id) {
            Some(question) if question.key == key => Ok(()),
            _ => Err(Violation::new(Invariant::Lookups, "dropped a lookup that nobody waits for")),
        }
    }

    /// The core has an answer for the client.
    pub(crate) fn finishes(&mut self, id: u64, is_busy: bool, clock: Clock) -> Verdict {
        let stray = |what: &str| Err(Violation::new(Invariant::Lookups, what));
        if is_busy {
            if self.lookups.busy == 0 {
                return stray("a lookup was refused although there is room");
            }
            self.lookups.busy -= 1;
            let Some(Question { key, ticket, .. }) = self.lookups.take(id) else {
                return stray("a lookup was refused that does not wait");
            };
            let left = self.lookups.waiting.range(id..).filter(|(_, other)| other.key == key);
            if left.count() > self.lookups.busy {
                return stray("another than the newest of a connection was refused");
            }
            let busy = Outcome::Failed("too many lookups are waiting");
            return self.settles(key, ticket, &busy, clock);
        }
        let Some((running, outcome)) = self.lookups.over.remove(&id) else {
            let what = "the answer to one lookup was taken for that of another";
            return Err(Violation::new(Invariant::Stray, what));
        };
        if outcome.is_none() && running.begun + self.rules.lookup_timeout > clock.mono {
            return stray("a lookup was given up before its time");
        }
        let outcome = outcome.unwrap_or(Outcome::Failed("the provider did not answer in time"));
        self.settles(running.key, running.ticket, &outcome, clock)
    }

    /// The answer takes the place of what waited for it.
    fn settles(&mut self, key: Key, due: u64, outcome: &Outcome, clock: Clock) -> Verdict {
        let Some(conn) = self.conns.get_mut(&key) else {
            let what = "an answer for a connection that is gone";
            return Err(Violation::new(Invariant::Lookups, what));
        };
        for reply in &mut conn.replies {
            if let Reply::Waiting { ticket, at_line, bound } = reply
                && *ticket == due
            {
                let bytes = answer(at_line, outcome, *bound, &self.rules);
                *reply = Reply::Ready(Due { bytes, is_answer: true });
            }
        }
        self.dirty.insert(key);
        self.advance(key, clock);
        Ok(())
    }
}
