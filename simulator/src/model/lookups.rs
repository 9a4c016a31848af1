//! Lookups: asked, begun in turn, answered or given up.

use std::collections::BTreeMap;

use super::lines::Provider;
use super::rules::{Clock, Key, Rules, Verdict};
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
    /// The number of the last one.
    pub(super) last: u64,
    /// By number.
    pub(super) waiting: BTreeMap<u64, Question>,
    /// How often another connection's lookups have begun since this one had something waiting.
    passed: BTreeMap<Key, BTreeMap<Key, usize>>,
    pub(super) running: BTreeMap<u64, Running>,
    /// Answered or given up in this step, and not yet passed on.
    pub(super) over: BTreeMap<u64, (Running, Option<Outcome>)>,
    /// To be refused in this step.
    pub(super) busy: usize,
}

#[derive(Debug)]
pub(super) struct Question {
    pub(super) key: Key,
    pub(super) ticket: u64,
    pub(super) request: String,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    pub(super) key: Key,
    pub(super) ticket: u64,
    pub(super) begun: u64,
}

impl Lookups {
    /// Takes note of a question. Where there is no room for it, it or another is to be refused.
    pub(super) fn ask(&mut self, key: Key, ticket: u64, request: String, rules: &Rules) {
        let taken = self.running.len() + self.waiting.len() - self.busy;
        self.busy += usize::from(taken >= rules.lookups + rules.lookup_queue);
        self.last += 1;
        self.waiting.insert(self.last, Question { key, ticket, request });
        self.passed.entry(key).or_default();
    }

    /// Takes a question out of those that wait.
    pub(super) fn take(&mut self, id: u64) -> Option<Question> {
        let question = self.waiting.remove(&id)?;
        if !self.waiting.values().any(|other| other.key == question.key) {
            self.passed.remove(&question.key);
        }
        Some(question)
    }

    /// A lookup of `key` begins: everybody else who waits and may begin is passed over, which must not go on.
    pub(super) fn has_turn(&mut self, key: Key, may_begin: impl Fn(Key, u64) -> bool) -> Verdict {
        for (other, passed) in self.passed.iter_mut().filter(|(other, _)| **other != key) {
            let next = self.waiting.values().find(|question| question.key == *other);
            if next.is_none_or(|next| !may_begin(*other, next.ticket)) {
                continue;
            }
            let times = passed.entry(key).or_default();
            *times += 1;
            if *times > PASSED {
                let what = format!("connection {other} was passed over by {key} again and again");
                return Err(Violation::new(Invariant::Lookups, what));
            }
        }
        if let Some(passed) = self.passed.get_mut(&key) {
            passed.clear();
        }
        Ok(())
    }

    /// A connection is gone, and its lookups were given up before.
    pub(super) fn forgets(&mut self, key: Key) -> Verdict {
        self.over.retain(|_, (running, _)| running.key != key);
        let left = self.running.values().any(|running| running.key == key);
        if left || self.waiting.values().any(|question| question.key == key) {
            let what = format!("connection {key} is gone, and a lookup of it is not");
            return Err(Violation::new(Invariant::Lookups, what));
        }
        Ok(())
    }

    pub(super) fn is_settled(
        &mut self,
        rules: &Rules,
        may_begin: impl Fn(Key, u64) -> bool,
        clock: Clock,
        was_timeout: bool,
    ) -> Verdict {
        let mut able = 0;
        for (key, passed) in &mut self.passed {
            let next = self.waiting.values().find(|question| question.key == *key);
            if next.is_some_and(|next| may_begin(*key, next.ticket)) {
                able += 1;
            } else {
                // It has much to read first, and its turn afterwards.
                passed.clear();
            }
        }
        let late =
            self.running.values().any(|lookup| lookup.begun + rules.lookup_timeout <= clock.mono);
        let has_room = self.running.len() < rules.lookups;
        let what = if !self.over.is_empty() {
            "a lookup is over, and its connection was not told"
        } else if self.busy > 0 {
            "a lookup found no room, and its connection was not told"
        } else if has_room && able > 0 {
            "a lookup waits although there is room"
        } else if late && was_timeout {
            "a lookup goes on although its time is up"
        } else {
            return Ok(());
        };
        Err(Violation::new(Invariant::Lookups, what))
    }
}

/// How often one connection may be before another that waits: once in turn, and once more if it had its turn in
/// the step in which the other began to wait.
const PASSED: usize = 2;

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
            let is_end = |c: char| matches!(c, '\r' | '\n');
            let mut text = String::new();
            let mut rest = body.trim_matches(is_end);
            while let Some(at) = rest.find(is_end) {
                let behind = rest[at..].trim_start_matches(is_end);
                let ends = &rest[at..rest.len() - behind.len()];
                text += &rest[..at];
                text += if ends.starts_with("\r\n") { "\r\n" } else { &ends[..1] };
                rest = behind;
            }
            text + rest + "\n\n"
        }
        Provider::Posts => body.replace(['\r', '\n'], "") + "\n",
    }
}
