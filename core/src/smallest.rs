//! Which record is the smallest in merge order, asked only of a table that is full.
//!
//! Nothing is kept up while there is room. When little is left, a tournament begins: the smallest record of each
//! group of neighbouring slots is a leaf of a binary tree, and each node has the smaller one of the two below it.
//!
//! ```text
//!                  7                     the smallest of all
//!              ┌───┴───┐
//!              7      40                 the smallest of two groups
//!            ┌─┴─┐   ┌─┴─┐
//!           12   7  40  63               the smallest of a group
//!   slots 0-15  …             48-63
//! ```
//!
//! A change of a record that is not the smallest of its group costs one comparison. Of one that is, its group is looked
//! through, and the nodes above it as far up as they had it. So no call looks at more than a few groups, however large
//! the table is and whatever is in it.

use alloc::vec;
use alloc::vec::Vec;

use crate::time::Timestamp;

/// What records are ordered by: the time stamp, then the line.
pub(crate) type Key<'a> = (Timestamp, &'a [u8]);

#[derive(Debug, Default)]
pub(crate) struct Smallest {
    /// The slot of the smallest record below each node, or [`NONE`]. The root is 1, below node `n` are `2n` and
    /// `2n + 1`, and the upper half are the groups.
    winners: Vec<u32>,
    /// The groups that are in the tournament: the first so many.
    groups: u32,
}

/// Slots that are looked through together.
const GROUP: u32 = 16;
/// Groups that enter the tournament with each record that the table has no slot to spare for.
const ENTER: u32 = 2;
/// No slot has this number.
const NONE: u32 = u32::MAX;

impl Smallest {
    /// Takes note that the table has a record more, `records` of `capacity` in `slots` slots. `key` is what the record
    /// in a slot is ordered by, if there is one.
    ///
    /// When fifteen in sixteen are there groups begin to enter, so many with each record that none is left out when
    /// the table is full.
    pub(crate) fn grow<'a>(
        &mut self,
        records: usize,
        capacity: usize,
        slots: u32,
        key: impl Fn(u32) -> Option<Key<'a>>,
    ) {
        if records < capacity - capacity / 16 {
            return;
        }
        if self.winners.is_empty() {
            let leaves = capacity.div_ceil(GROUP as usize).next_power_of_two();
            self.winners = vec![NONE; 2 * leaves];
        }
        for _ in 0..ENTER {
            if self.groups < slots.div_ceil(GROUP) {
                self.enter(&key);
            }
        }
    }

    /// Takes note that a slot has a record, another record or none any more.
    #[inline]
    pub(crate) fn note<'a>(&mut self, slot: u32, key: impl Fn(u32) -> Option<Key<'a>>) {
        let group = slot / GROUP;
        if group >= self.groups {
            return;
        }
        let leaf = self.leaf(group);
        let known = self.winners[leaf];
        let winner =
            if known == slot { smallest_of(group, &key) } else { smaller(known, slot, &key) };
        self.climb(leaf, winner, slot, &key);
    }

    /// The slot of the smallest record.
    pub(crate) fn slot<'a>(
        &mut self,
        slots: u32,
        key: impl Fn(u32) -> Option<Key<'a>>,
    ) -> Option<u32> {
        // None of a table that has filled up record by record.
        while self.groups < slots.div_ceil(GROUP) {
            self.enter(&key);
        }
        self.winners.get(1).copied().filter(|slot| *slot != NONE)
    }

    /// The next group enters.
    fn enter<'a>(&mut self, key: &impl Fn(u32) -> Option<Key<'a>>) {
        let group = self.groups;
        self.groups += 1;
        let winner = smallest_of(group, key);
        self.climb(self.leaf(group), winner, winner, key);
    }

    fn leaf(&self, group: u32) -> usize {
        self.winners.len() / 2 + group as usize
    }

    /// Puts `winner` at `node` and plays the matches above it, as far as a change in the slot `changed` matters.
    fn climb<'a>(
        &mut self,
        mut node: usize,
        mut winner: u32,
        changed: u32,
        key: &impl Fn(u32) -> Option<Key<'a>>,
    ) {
        while self.winners[node] != winner || winner == changed {
            self.winners[node] = winner;
            if node == 1 {
                return;
            }
            node /= 2;
            winner = smaller(self.winners[2 * node], self.winners[2 * node + 1], key);
        }
    }
}

fn smallest_of<'a>(group: u32, key: &impl Fn(u32) -> Option<Key<'a>>) -> u32 {
    let slots = group * GROUP..(group + 1) * GROUP;
    let least = slots.filter_map(|slot| Some((key(slot)?, slot))).min();
    least.map_or(NONE, |(_, slot)| slot)
}

fn smaller<'a>(one: u32, other: u32, key: &impl Fn(u32) -> Option<Key<'a>>) -> u32 {
    let key = |slot| if slot == NONE { None } else { key(slot) };
    match (key(one), key(other)) {
        (None, None) => NONE,
        (Some(_), None) => one,
        (None, Some(_)) => other,
        (Some(first), Some(second)) => {
            if first < second {
                one
            } else {
                other
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use alloc::format;
    use alloc::string::String;
    use core::cell::Cell;
    use proptest::prelude::*;

    const CAPACITY: u32 = 100;

    #[derive(Default)]
    struct Table {
        records: BTreeMap<u32, (i64, String)>,
        slots: u32,
        smallest: Smallest,
        /// Records looked at since this was last set to 0.
        looked_at: Cell<u32>,
    }

    impl Table {
        fn put(&mut self, slot: u32, stamp: i64, text: u32) {
            let is_new = self.records.insert(slot, (stamp, format!("{text}"))).is_none();
            self.slots = self.slots.max(slot + 1);
            let (records, looked_at) = (&self.records, &self.looked_at);
            let key = |slot| look(records, looked_at, slot);
            if is_new {
                self.smallest.grow(records.len(), CAPACITY as usize, self.slots, key);
            }
            self.smallest.note(slot, key);
        }

        fn remove(&mut self, slot: u32) {
            self.records.remove(&slot);
            self.smallest.note(slot, |slot| look(&self.records, &self.looked_at, slot));
        }

        fn smallest(&mut self) -> Option<u32> {
            self.smallest.slot(self.slots, |slot| look(&self.records, &self.looked_at, slot))
        }
    }

    fn look<'a>(
        records: &'a BTreeMap<u32, (i64, String)>,
        looked_at: &Cell<u32>,
        slot: u32,
    ) -> Option<Key<'a>> {
        looked_at.set(looked_at.get() + 1);
        let (stamp, text) = records.get(&slot)?;
        Some((Timestamp::from_nanos(*stamp), text.as_bytes()))
    }

    proptest! {
        /// Records come in any slot, change to greater and to smaller ones, and go; the smallest makes room for
        /// another when there are too many.
        #[test]
        fn is_the_least_of_all_records(
            steps in prop::collection::vec((0..CAPACITY, 0..60_i64, 0..7_u32, 0..8_u8), 0..1000),
        ) {
            let mut table = Table::default();
            for (slot, stamp, text, what) in steps {
                if what == 0 && table.records.contains_key(&slot) {
                    table.remove(slot);
                } else {
                    table.put(slot, stamp, text);
                }
                if what == 1 || table.records.len() == CAPACITY as usize {
                    if table.smallest.winners.is_empty() {
                        continue;
                    }
                    let found = table.smallest().map(|slot| table.records[&slot].clone());
                    prop_assert_eq!(found.as_ref(), table.records.values().min());
                }
            }
        }
    }

    /// However the stamps stand to the slots, rising, falling or all alike.
    #[test]
    fn no_call_looks_at_more_than_a_few_groups() {
        // A group that changes and those that enter with it; two records for each node above each of them.
        let levels = CAPACITY.div_ceil(GROUP).next_power_of_two().ilog2();
        let most = (1 + ENTER) * (GROUP + 2 * levels) + 2;
        let orders: [fn(i64) -> i64; 4] = [|at| at, |at| -at, |_| 0, |at| at * 37 % 101];
        for stamp_of in orders {
            let mut table = Table::default();
            for at in 0..10 * CAPACITY {
                table.looked_at.set(0);
                let slot = if at < CAPACITY { at } else { table.smallest().unwrap() };
                table.put(slot, stamp_of(i64::from(at)), at);
                let looked_at = table.looked_at.get();
                assert!(looked_at <= most, "record {at} has {looked_at} slots looked at");
            }
        }
    }
}
