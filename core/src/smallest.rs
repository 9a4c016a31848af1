//! Which record is the smallest in merge order, asked only of a table that is full.
//!
//! Nothing is kept up while there is room. The first question sorts out the smallest sixteenth of the
//! table; further questions are answered from that list, to which later records that belong into it
//! are added, until it is used up.

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;

use crate::time::Timestamp;

#[derive(Debug, Default)]
pub(crate) struct Smallest {
    /// Candidates, smallest time stamp first. One whose record has changed since is stale.
    heap: BinaryHeap<Reverse<Candidate>>,
    /// Every record stamped up to here is among the candidates; `None` while there are none.
    bound: Option<Timestamp>,
}

/// A record as it was: its time stamp, its slot, and the number of its last change.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Candidate {
    pub(crate) stamp: Timestamp,
    pub(crate) slot: u32,
    pub(crate) change: u64,
}

impl Smallest {
    /// Takes note of a record that came or changed, if it belongs among the candidates.
    pub(crate) fn note(&mut self, candidate: Candidate, records: usize) {
        let Some(bound) = self.bound else { return };
        if self.heap.len() > records * 2 {
            *self = Self::default();
        } else if candidate.stamp <= bound {
            self.heap.push(Reverse(candidate));
        }
    }

    /// The candidates with the smallest time stamp; more than one only where they tie. `all` lists the
    /// records, for when the candidates are used up; `is_current` says whether one is not stale.
    pub(crate) fn tied(
        &mut self,
        all: impl FnOnce() -> Vec<Candidate>,
        is_current: impl Fn(&Candidate) -> bool,
    ) -> Vec<Candidate> {
        self.drop_stale(&is_current);
        if self.heap.is_empty() {
            self.refill(all());
        }
        let mut tied: Vec<Candidate> = Vec::new();
        while let Some(Reverse(next)) = self.heap.peek().copied() {
            if tied.first().is_some_and(|first| first.stamp != next.stamp) {
                break;
            }
            self.heap.pop();
            if is_current(&next) && !tied.contains(&next) {
                tied.push(next);
            }
        }
        self.heap.extend(tied.iter().copied().map(Reverse));
        tied
    }

    fn drop_stale(&mut self, is_current: impl Fn(&Candidate) -> bool) {
        while self.heap.peek().is_some_and(|Reverse(next)| !is_current(next)) {
            self.heap.pop();
        }
    }

    fn refill(&mut self, mut all: Vec<Candidate>) {
        let Some(last) = all.len().checked_sub(1) else { return };
        let share = (all.len() / 16).max(1024).min(last);
        let (_, pivot, _) = all.select_nth_unstable(share);
        let bound = pivot.stamp;
        all.retain(|candidate| candidate.stamp <= bound);
        self.bound = Some(bound);
        self.heap = all.into_iter().map(Reverse).collect();
    }
}
