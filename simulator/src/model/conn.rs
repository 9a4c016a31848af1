//! One connection of a server: what was read and not obeyed, and what is owed.

use std::collections::VecDeque;

use super::peer::Link;
use super::rules::{Clock, Kind, Rules};

#[derive(Debug)]
pub(super) struct Conn {
    pub(super) kind: Kind,
    /// Bytes read and not obeyed yet.
    pub(super) held: Vec<u8>,
    pub(super) skipping: bool,
    pub(super) ended: bool,
    /// Refused as a link.
    pub(super) refused: bool,
    /// One too many: closed before anything is said.
    pub(super) unwelcome: bool,
    pub(super) replies: VecDeque<Reply>,
    pub(super) next_ticket: u64,
    /// What must be sent before the step is over.
    pub(super) due: VecDeque<Due>,
    pub(super) unsent: usize,
    pub(super) opened: u64,
    pub(super) heard: u64,
    pub(super) taken: u64,
    /// Whole lines of the other's handshake.
    pub(super) handshake: u8,
    pub(super) link: Option<Link>,
}

#[derive(Debug)]
pub(super) enum Reply {
    Ready(Due),
    Waiting { ticket: u64, at_line: Vec<u8>, bound: u32 },
}

#[derive(Clone, Debug, Default)]
pub(super) struct Due {
    pub(super) bytes: Vec<u8>,
    /// Goes in a write of its own.
    pub(super) is_answer: bool,
}

pub(super) enum Line {
    Whole(Vec<u8>),
    Long(Vec<u8>),
}

impl Conn {
    pub(super) fn new(kind: Kind, now: u64) -> Self {
        Self {
            kind,
            held: Vec::new(),
            skipping: false,
            ended: false,
            refused: false,
            unwelcome: false,
            replies: VecDeque::new(),
            next_ticket: 0,
            due: VecDeque::new(),
            unsent: 0,
            opened: now,
            heard: now,
            taken: now,
            handshake: 0,
            link: None,
        }
    }

    pub(super) fn is_counted(&self) -> bool {
        matches!(self.kind, Kind::Client | Kind::Neighbour { counted: true })
    }

    pub(super) fn is_full(&self, rules: &Rules) -> bool {
        self.replies.len() >= rules.pipeline || self.answers() >= rules.output_bytes
    }

    /// Bytes of answers that it has not taken, whether it could or not.
    pub(super) fn answers(&self) -> usize {
        let bytes = |reply: &Reply| match reply {
            Reply::Ready(due) => due.bytes.len(),
            Reply::Waiting { .. } => 0,
        };
        self.unsent_soon() + self.replies.iter().map(bytes).sum::<usize>()
    }

    /// Whether its next lookup, that of `ticket`, may begin.
    pub(super) fn may_begin(&self, ticket: u64, rules: &Rules) -> bool {
        let first = self.replies.front();
        let is_first =
            matches!(first, Some(Reply::Waiting { ticket: first, .. }) if *first == ticket);
        self.unsent_soon() < rules.output_bytes && (self.answers() < rules.output_bytes || is_first)
    }

    pub(super) fn is_done(&self) -> bool {
        self.held.is_empty() && self.replies.is_empty() && self.unsent_soon() == 0
    }

    /// What waits to be taken, with what must be sent before the step is over.
    pub(super) fn unsent_soon(&self) -> usize {
        self.unsent + self.due.iter().map(|due| due.bytes.len()).sum::<usize>()
    }

    pub(super) fn sent(&mut self, bytes: usize, clock: Clock) {
        if self.unsent == 0 {
            self.taken = clock.mono;
        }
        self.unsent += bytes;
    }

    /// Has the replies go whose turn it is, as long as there is room.
    pub(super) fn deliver(&mut self, rules: &Rules) {
        while self.unsent_soon() < rules.output_bytes
            && let Some(reply) = self.replies.pop_front()
        {
            match reply {
                Reply::Ready(due) => self.due.push_back(due),
                waiting @ Reply::Waiting { .. } => return self.replies.push_front(waiting),
            }
        }
    }

    pub(super) fn next_line(&mut self, limit: usize) -> Option<Line> {
        let end = |bytes: &[u8]| bytes.iter().position(|byte| *byte == b'\n');
        if self.skipping {
            let Some(end) = end(&self.held) else {
                self.held.clear();
                return None;
            };
            self.held.drain(..=end);
            self.skipping = false;
        }
        let within = self.held.len().min(limit + 1);
        if let Some(end) = end(&self.held[..within]) {
            let mut line: Vec<u8> = self.held.drain(..=end).collect();
            line.pop();
            return Some(Line::Whole(line));
        }
        if self.held.len() > limit {
            self.skipping = true;
            return Some(Line::Long(self.held.drain(..limit).collect()));
        }
        let is_last = self.ended && !self.held.is_empty();
        is_last.then(|| Line::Whole(core::mem::take(&mut self.held)))
    }
}

impl Reply {
    pub(super) fn line(text: &[u8]) -> Self {
        Self::Ready(Due { bytes: [text, b"\n"].concat(), is_answer: false })
    }

    pub(super) fn invalid(line: &[u8]) -> Self {
        Self::line(&[b"? ", line].concat())
    }
}
