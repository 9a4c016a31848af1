//! Whether a connection is read from, and what was sent on it and is not taken yet.
//!
//! There are three reasons not to read: the client is owed too much, its address has had its share, or
//! no more is wanted from it. They are independent of each other. The driver is told only when the sum of
//! them changes, and that happens in one place, [`Flow::update_driver`].

use core::time::Duration;

use crate::ids::ConnId;
use crate::output::{Action, Output};
use crate::time::Instant;

/// The flow of one connection.
#[derive(Debug)]
pub(crate) struct Flow {
    pub(crate) lines: Lines,
    /// Whether its address has had its share, so that nothing is read for a while.
    pub(crate) throttled: bool,
    pub(crate) read: ReadState,
    /// Whether the driver was told to read no more.
    driver_paused: bool,
    /// Bytes sent and not yet reported as taken.
    pub(crate) in_flight: usize,
    /// When bytes in flight were last taken, or began to wait.
    pub(crate) progress_at: Instant,
    /// Since when the client has had something to take, later by the time that what it took since may take.
    pub(crate) behind_since: Instant,
}

/// Whether lines that are there are carried out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Lines {
    /// As soon as they come.
    Flowing,
    /// Not while so much is owed.
    Held,
    /// There is room again: what was held is read before the input that made the room is over.
    Due,
}

/// Whether more will be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ReadState {
    Open,
    /// The other side has ended its half: what is buffered behind the last line end is its last line.
    PeerClosed,
    /// We read no more: what is buffered behind the last line end is no line.
    Stopped,
    /// We read no more, and nothing of what is buffered or comes means anything.
    Ignored,
    /// Everything is answered and our half has been ended, at this time.
    HalfClosed {
        at: Instant,
    },
}

impl Flow {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            lines: Lines::Flowing,
            throttled: false,
            read: ReadState::Open,
            driver_paused: false,
            in_flight: 0,
            progress_at: now,
            behind_since: now,
        }
    }

    /// Tells the driver to read or not to, if that is news.
    pub(crate) fn update_driver(&mut self, id: ConnId, out: &mut Output) {
        let pauses = match self.read {
            ReadState::Open => self.throttled || self.lines != Lines::Flowing,
            ReadState::Stopped | ReadState::Ignored => true,
            // There is nothing to read but the end.
            ReadState::HalfClosed { .. } => false,
            ReadState::PeerClosed => return,
        };
        if pauses != self.driver_paused {
            self.driver_paused = pauses;
            out.push(if pauses { Action::Pause { conn: id } } else { Action::Resume { conn: id } });
        }
    }

    /// Counts bytes that were sent.
    pub(crate) fn sent(&mut self, bytes: usize, now: Instant) {
        if self.in_flight == 0 {
            self.progress_at = now;
            self.behind_since = now;
        }
        self.in_flight += bytes;
    }

    /// Counts bytes that the driver says were taken; how many of them there can have been.
    pub(crate) fn drained(&mut self, bytes: usize, now: Instant) -> usize {
        let bytes = bytes.min(self.in_flight);
        self.in_flight -= bytes;
        if bytes > 0 {
            self.progress_at = now;
        }
        bytes
    }

    /// Since when the client is behind with reading, now that it has taken so much.
    pub(crate) fn behind_less(&self, taken: usize, now: Instant) -> Instant {
        let nanos = (taken as u64).saturating_mul(1_000_000_000) / READING_BYTES_S;
        self.behind_since.after(Duration::from_nanos(nanos)).min(now)
    }

    /// When a client that takes nothing has taken nothing for `limit`, if anything waits for it.
    pub(crate) fn stalled_at(&self, limit: Duration) -> Option<Instant> {
        (self.in_flight > 0).then(|| self.progress_at.after(limit))
    }
}

/// Bytes a second that a client which reads takes at the least. It decides nothing unless there is no room for
/// answers.
const READING_BYTES_S: u64 = 64 * 1024;
