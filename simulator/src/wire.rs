//! A TCP connection as its two ends see it.
//!
//! ```text
//!   sender ─▶ outbox ─▶ window: in flight ─────▶ received, not read ─▶ reader
//!             (its own)  └────────── freed when the reader reads ────────┘
//! ```
//!
//! Bytes arrive in order and whole or not at all, in pieces of any size, after any time. The sender's
//! kernel takes no more than the window holds. Either way can be blocked, in which case what is in flight
//! waits and arrives late, as TCP sends it again; or be deaf, in which case nothing will ever come of it
//! and neither end is told.

use std::collections::VecDeque;

use herd_core::ConnId;

use crate::random::Random;

/// Who holds an end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Holder {
    /// This start of a server; its number for the connection, once it has accepted it.
    Server { at: usize, start: u32, conn: Option<ConnId> },
    /// A client, or a stranger.
    Client(usize),
}

#[derive(Debug)]
pub(crate) struct End {
    pub(crate) holder: Holder,
    pub(crate) open: bool,
    /// Its machine lost power: what comes is not even refused, until it is on again.
    pub(crate) dark: bool,
}

/// What travels.
#[derive(Debug)]
pub(crate) enum Cargo {
    /// The connection is there, for the side that did not begin it.
    Open,
    Bytes(Vec<u8>),
    /// No more will come.
    End,
    /// The connection is broken.
    Reset,
}

/// From one end to the other.
#[derive(Debug)]
pub(crate) struct Way {
    /// What the sender could not hand to its kernel yet.
    pub(crate) outbox: VecDeque<u8>,
    pub(crate) flight: VecDeque<(u64, Cargo)>,
    last: u64,
    pub(crate) window: usize,
    used: usize,
    /// When how much of the window is free again.
    credits: VecDeque<(u64, usize)>,
    /// The time at which somebody will look at the window.
    opening: Option<u64>,
    pub(crate) received: VecDeque<u8>,
    /// The sender has ended its half, and the outbox may still hold something.
    pub(crate) ending: bool,
    /// The end has arrived.
    pub(crate) ended: bool,
    pub(crate) deaf: bool,
    /// Time to arrive, at least and at most.
    pub(crate) delay: (u64, u64),
    /// Whether bytes are cut into small pieces on the way.
    pub(crate) pieces: bool,
}

#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) ends: [End; 2],
    /// From the first end to the second, and back.
    pub(crate) ways: [Way; 2],
}

/// Which of both ends, or of both ways by its beginning.
pub(crate) type Side = usize;

impl End {
    pub(crate) fn new(holder: Holder) -> Self {
        Self { holder, open: true, dark: false }
    }
}

impl Way {
    pub(crate) fn new(window: usize, delay: (u64, u64), pieces: bool) -> Self {
        Self {
            outbox: VecDeque::new(),
            flight: VecDeque::new(),
            last: 0,
            window,
            used: 0,
            credits: VecDeque::new(),
            opening: None,
            received: VecDeque::new(),
            ending: false,
            ended: false,
            deaf: false,
            delay,
            pieces,
        }
    }

    /// Sends something on its way, behind what is there, and says when it arrives.
    pub(crate) fn launch(&mut self, now: u64, cargo: Cargo, random: &mut Random) -> u64 {
        let at = (now + random.within(self.delay.0..=self.delay.1)).max(self.last);
        self.last = at;
        if !self.deaf {
            self.flight.push_back((at, cargo));
        }
        at
    }

    /// Hands the kernel what it takes. How many bytes that were, and when they arrive.
    pub(crate) fn pump(&mut self, now: u64, random: &mut Random) -> (usize, Vec<u64>) {
        while let Some((_, freed)) = self.credits.front().filter(|(at, _)| *at <= now) {
            self.used -= freed;
            self.credits.pop_front();
        }
        let taken = self.outbox.len().min(self.window.saturating_sub(self.used));
        self.used += taken;
        let mut arrivals = Vec::new();
        let mut left = taken;
        while left > 0 {
            let piece = if self.pieces { random.size(1..=left.min(200)) } else { left };
            let bytes = self.outbox.drain(..piece).collect();
            arrivals.push(self.launch(now, Cargo::Bytes(bytes), random));
            left -= piece;
        }
        if self.ending && self.outbox.is_empty() {
            self.ending = false;
            arrivals.push(self.launch(now, Cargo::End, random));
        }
        arrivals.dedup();
        (taken, arrivals)
    }

    /// The reader has read so many bytes; when the sender learns of it.
    pub(crate) fn read(&mut self, bytes: usize, at: u64) {
        let at = self.credits.back().map_or(at, |(last, _)| at.max(*last));
        self.credits.push_back((at, bytes));
    }

    /// When the window opens next, if there is something to send and nobody was told yet.
    pub(crate) fn opens(&mut self) -> Option<u64> {
        let (at, _) = self.credits.front().filter(|_| !self.outbox.is_empty())?;
        (self.opening != Some(*at)).then(|| {
            self.opening = Some(*at);
            *at
        })
    }

    /// A blockade is over: what was stuck arrives at this time or later.
    pub(crate) fn unblock(&mut self, at: u64) {
        for (arrival, _) in &mut self.flight {
            *arrival = at.max(*arrival);
        }
        self.last = self.last.max(at);
    }

    /// What the sender could not be told of while the way back was blocked, it is told now.
    pub(crate) fn release(&mut self, stuck: u64, at: u64) {
        for (credit, _) in &mut self.credits {
            *credit = if *credit >= stuck { at } else { *credit };
        }
    }

    /// Nothing will come of anything any more.
    pub(crate) fn deafen(&mut self) {
        self.deaf = true;
        self.flight.clear();
    }
}

impl Wire {
    pub(crate) fn is_over(&self) -> bool {
        self.ends.iter().all(|end| !end.open)
    }

    /// The two servers, if it is between servers.
    pub(crate) fn servers(&self) -> Option<[usize; 2]> {
        match [self.ends[0].holder, self.ends[1].holder] {
            [Holder::Server { at: a, .. }, Holder::Server { at: b, .. }] => Some([a, b]),
            _ => None,
        }
    }
}
