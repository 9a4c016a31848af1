//! Lookups: asked, begun in that order, answered or given up.

use std::collections::{BTreeMap, VecDeque};

use super::{Clock, Due, Key, Model, Provider, Reply, Rules, Verdict};
use crate::invariants::{Invariant, Violation};

/// What a provider makes of a lookup, in the plainest terms.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// A JSON object in pieces; what stands between them belongs to the item before it, or to the opening
    /// bracket.
    Object { head: String, items: Vec<(String, String)>, tail: String },
    /// So many bytes of something else, and what is wrong with them.
    Garbage { len: usize, why: &'static str },
    /// It failed for this reason.
    Failed(&'static str),
    /// It failed with this status.
    Status(u16),
}

const TOO_LONG: &str = "the provider's answer is too long";

/// What every body has its lookup's name behind.
pub(crate) const TOKEN: &str = "\"token\"";

#[derive(Debug, Default)]
pub(super) struct Lookups {
    waiting: VecDeque<Question>,
    running: BTreeMap<u64, Running>,
    /// Answered or given up in this step, and not yet passed on.
    over: BTreeMap<u64, (Running, Option<Outcome>)>,
    /// Refused in this step.
    busy: usize,
}

#[derive(Debug)]
struct Question {
    key: Key,
    ticket: u64,
    request: String,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    key: Key,
    ticket: u64,
    begun: u64,
}

impl Lookups {
    /// Takes note of a question; false if there is no room for it.
    pub(super) fn ask(&mut self, key: Key, ticket: u64, request: String, rules: &Rules) -> bool {
        if self.running.len() + self.waiting.len() >= rules.lookups + rules.lookup_queue {
            self.busy += 1;
            return false;
        }
        self.waiting.push_back(Question { key, ticket, request });
        true
    }

    /// A connection is gone, and its lookups were given up before.
    pub(super) fn forgets(&mut self, key: Key) -> Verdict {
        self.over.retain(|_, (running, _)| running.key != key);
        let left = self.running.values().any(|running| running.key == key);
        if left || self.waiting.iter().any(|question| question.key == key) {
            let what = format!("connection {key} is gone, and a lookup of it is not");
            return Err(Violation::new(Invariant::Lookups, what));
        }
        Ok(())
    }

    pub(super) fn is_settled(&self, rules: &Rules, clock: Clock, was_timeout: bool) -> Verdict {
        let late =
            self.running.values().any(|lookup| lookup.begun + rules.lookup_timeout <= clock.mono);
        let has_room = self.running.len() < rules.lookups;
        let what = if !self.over.is_empty() {
            "a lookup is over, and its connection was not told"
        } else if self.busy > 0 {
            "a lookup found no room, and its connection was not told"
        } else if has_room && !self.waiting.is_empty() {
            "a lookup waits although there is room"
        } else if late && was_timeout {
            "a lookup goes on although its time is up"
        } else {
            return Ok(());
        };
        Err(Violation::new(Invariant::Lookups, what))
    }
}

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
        let Some(question) = lookups.waiting.pop_front() else {
            return Err(Violation::new(Invariant::Lookups, "a lookup that nobody asked for"));
        };
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
        let waiting = &mut self.lookups.waiting;
        let Some(at) = waiting.iter().position(|question| question.key == key) else {
            return Err(Violation::new(
                Invariant::Lookups,
                "dropped a lookup that nobody waits for",
            ));
        };
        waiting.remove(at);
        Ok(())
    }

    /// The core has an answer for the client.
    pub(crate) fn finishes(&mut self, id: u64, is_busy: bool, clock: Clock) -> Verdict {
        let stray = |what: &str| Err(Violation::new(Invariant::Lookups, what));
        if is_busy {
            if self.lookups.busy == 0 {
                return stray("a lookup was refused although there is room");
            }
            self.lookups.busy -= 1;
            return Ok(());
        }
        let Some((running, outcome)) = self.lookups.over.remove(&id) else {
            let what = "the answer to one lookup was taken for that of another";
            return Err(Violation::new(Invariant::Stray, what));
        };
        if outcome.is_none() && running.begun + self.rules.lookup_timeout > clock.mono {
            return stray("a lookup was given up before its time");
        }
        let outcome = outcome.unwrap_or(Outcome::Failed("the provider did not answer in time"));
        let Some(conn) = self.conns.get_mut(&running.key) else {
            return stray("an answer for a connection that is gone");
        };
        for reply in &mut conn.replies {
            if let Reply::Waiting { ticket, at_line, bound } = reply
                && *ticket == running.ticket
            {
                let bytes = answer(at_line, &outcome, *bound, &self.rules);
                *reply = Reply::Ready(Due { bytes, is_answer: true });
            }
        }
        self.dirty.insert(running.key);
        self.advance(running.key, clock);
        Ok(())
    }
}

/// A whole answer: the `AT` line and the provider's body as the client gets it.
pub(super) fn answer(at_line: &[u8], outcome: &Outcome, bound: u32, rules: &Rules) -> Vec<u8> {
    let failed = |why: &str| match rules.provider {
        Provider::Places => format!(
            "{{\"html_attributions\":[],\"results\":[],\"status\":\"UNKNOWN_ERROR\",\
             \"error_message\":\"{why}\"}}\n\n"
        ),
        Provider::Posts => format!("{{\"results\":[],\"error\":\"{why}\"}}\n"),
    };
    let body = match outcome {
        Outcome::Garbage { len, .. } if *len > rules.body_bytes => failed(TOO_LONG),
        Outcome::Garbage { why, .. } | Outcome::Failed(why) => failed(why),
        Outcome::Status(status) => failed(&format!("the provider answered with status {status}")),
        Outcome::Object { head, items, tail } => {
            let whole: usize = items.iter().map(|(item, gap)| item.len() + gap.len()).sum();
            if head.len() + whole + tail.len() > rules.body_bytes {
                failed(TOO_LONG)
            } else {
                let kept: String = kept(items, bound as usize);
                laid_out(&format!("{head}{kept}{tail}"), rules.provider)
            }
        }
    };
    [at_line, body.as_bytes()].concat()
}

/// The items kept, each with the gap before it; what follows the last item is part of the tail.
fn kept(items: &[(String, String)], bound: usize) -> String {
    items.iter().take(bound).map(|(gap, item)| format!("{gap}{item}")).collect()
}

fn laid_out(body: &str, provider: Provider) -> String {
    match provider {
        Provider::Places => {
            let mut text = body.trim_matches('\n').to_owned();
            while text.contains("\n\n") {
                text = text.replace("\n\n", "\n");
            }
            text + "\n\n"
        }
        Provider::Posts => body.replace(['\r', '\n'], "") + "\n",
    }
}
