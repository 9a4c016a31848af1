//! Which record is the smallest in merge order, asked only of a table that is full.
//!
//! Nothing is kept up while there is room. The first question sorts out the smallest sixteenth of the
//! table; further questions are answered from that list, to which later records that belong into it
//! are added, until it is used up. The list has lines of its own, so that any number of records may
//! share a time stamp.

use alloc::boxed::Box;
use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;

use crate::time::Timestamp;

#[derive(Debug, Default)]
pub(crate) struct Smallest {
    /// Candidates, smallest first. One whose record has changed since is stale.
    heap: BinaryHeap<Reverse<Candidate<Box<[u8]>>>>,
    /// Every record up to here is among the candidates; `None` while there are none.
    bound: Option<(Timestamp, Box<[u8]>)>,
}

/// A record as it was: its place in merge order, its slot, and the number of its last change.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Candidate<Line> {
    pub(crate) stamp: Timestamp,
    pub(crate) line: Line,
    pub(crate) slot: u32,
    pub(crate) change: u64,
}

/// The fewest candidates that are sorted out at once; in the tests below so few that they do not hold a whole table.
const FEWEST: usize = if cfg!(test) { 2 } else { 1024 };

impl Smallest {
    /// Takes note of a record that came or changed, if it belongs among the candidates.
    pub(crate) fn note(&mut self, candidate: Candidate<&[u8]>, records: usize) {
        let Some((stamp, line)) = &self.bound else { return };
        if (candidate.stamp, candidate.line) > (*stamp, line) {
            return;
        }
        if self.heap.len() > records / 4 + 4 * FEWEST {
            *self = Self::default();
        } else {
            self.heap.push(Reverse(candidate.to_owned()));
        }
    }

    /// The slot of the smallest record. `all` lists the records, for when the candidates are used up;
    /// `is_current` says of a slot and a number of change whether the slot still has that change.
    pub(crate) fn slot<'a>(
        &mut self,
        all: impl FnOnce() -> Vec<Candidate<&'a [u8]>>,
        is_current: impl Fn(u32, u64) -> bool,
    ) -> Option<u32> {
        while self.heap.peek().is_some_and(|Reverse(next)| !is_current(next.slot, next.change)) {
            self.heap.pop();
        }
        if self.heap.is_empty() {
            self.refill(all());
        }
        self.heap.peek().map(|Reverse(smallest)| smallest.slot)
    }

    fn refill(&mut self, mut all: Vec<Candidate<&[u8]>>) {
        let Some(last) = all.len().checked_sub(1) else { return };
        let share = (all.len() / 16).max(FEWEST).min(last);
        let (_, pivot, _) = all.select_nth_unstable(share);
        self.bound = Some((pivot.stamp, pivot.line.into()));
        self.heap = all[..=share].iter().map(|candidate| Reverse(candidate.to_owned())).collect();
    }
}

impl Candidate<&[u8]> {
    fn to_owned(self) -> Candidate<Box<[u8]>> {
        let Self { stamp, line, slot, change } = self;
        Candidate { stamp, line: line.into(), slot, change }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use alloc::format;
    use alloc::string::String;
    use proptest::prelude::*;

    fn candidate<'a>(
        (slot, (stamp, line, change)): (&u32, &'a (i64, String, u64)),
    ) -> Candidate<&'a [u8]> {
        let stamp = Timestamp::from_nanos(*stamp);
        Candidate { stamp, line: line.as_bytes(), slot: *slot, change: *change }
    }

    proptest! {
        /// A full table in which records change, and the smallest makes room for another.
        #[test]
        fn is_the_least_of_all_records(
            steps in prop::collection::vec((0..40_u32, 0..60_i64, any::<bool>()), 0..400),
        ) {
            let mut smallest = Smallest::default();
            let mut records: BTreeMap<u32, (i64, String, u64)> =
                (0..40).map(|slot| (slot, (0, format!("{}", slot % 5), 0))).collect();
            for ((slot, stamp, make_room), change) in steps.into_iter().zip(1..) {
                let mut slot = slot;
                if make_room {
                    let all = || records.iter().map(candidate).collect();
                    let is_current = |slot, change| {
                        records.get(&slot).is_some_and(|(_, _, last)| *last == change)
                    };
                    let found = smallest.slot(all, is_current).unwrap();
                    let least = records.values().map(|(stamp, line, _)| (*stamp, line)).min();
                    let (stamp, line, _) = &records[&found];
                    prop_assert_eq!(Some((*stamp, line)), least);
                    slot = found;
                }
                // A record only ever gives way to a greater one, unless its place was made room in.
                let before = records[&slot].0;
                let stamp = if make_room { stamp } else { before + stamp };
                records.insert(slot, (stamp, format!("{}", change % 7), change));
                smallest.note(candidate((&slot, &records[&slot])), records.len());
            }
        }
    }
}
