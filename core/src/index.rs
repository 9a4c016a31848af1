//! From a client's hash to the slot of its record.
//!
//! Open addressing with linear probing over entries of four bytes, so that those of a hundred thousand clients
//! take a megabyte; as much again, which only growing and removing look at, keeps the hashes. The lower bits of a
//! hash say where to begin, the others stand in the entry above the slot's number. The larger the index, the fewer
//! there are of them: among a hundred million clients one probe in sixteen takes another's record for the one that
//! is looked for, until it is read.
//!
//! Looking a client up touches one cache line here and those of its record, and the records themselves
//! never move when the index grows.
//!
//! Clients choose their IDs. The hash is keyed, so that nobody outside can choose IDs that meet in one place; that a
//! search stays short does not rest on it. An entry that would stand too far from where its search begins goes into
//! a tree ordered by client ID instead, where no choice of IDs makes a search long.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec;

#[derive(Debug)]
pub(crate) struct Index {
    /// A power of two of entries, [`Self::mask`] the bits of their number. Zero is empty; anything else is a
    /// hash, and in the place of the bits of the mask a slot's number and one.
    entries: Box<[u32]>,
    /// The whole hash beside each entry that is not empty, for when entries move.
    hashes: Box<[u32]>,
    /// Entries that are not empty.
    len: usize,
    /// How many entries the longest search for an entry reads, since the index last grew.
    longest: usize,
    /// Slots by client ID that have no entry, because a search for it would read more than [`LONGEST_PROBE`].
    overflow: BTreeMap<Box<[u8]>, u32>,
}

/// Entries that a search reads at most.
///
/// Hashes that are spread evenly do not come near it: among a million clients the longest search reads some 35
/// entries, and some 70 before the index grows. Whatever the hashes, a client beyond it costs one search in a tree.
pub(crate) const LONGEST_PROBE: usize = 128;

impl Index {
    pub(crate) fn new() -> Self {
        Self::with_entries(64)
    }

    fn with_entries(count: usize) -> Self {
        let [entries, hashes] = [EMPTY; 2].map(|entry| vec![entry; count].into_boxed_slice());
        Self { entries, hashes, len: 0, longest: 0, overflow: BTreeMap::new() }
    }

    /// The slot of `client`, whose hash is `hash`. `client_of` says whose record is in a slot.
    #[inline(always)]
    pub(crate) fn find<'a>(
        &self,
        hash: u64,
        client: &[u8],
        client_of: impl Fn(u32) -> &'a [u8],
    ) -> Option<u32> {
        let slot = self.probe(hash, |slot| client_of(slot) == client);
        if slot.is_none() && !self.overflow.is_empty() {
            return self.overflow.get(client).copied();
        }
        slot
    }

    /// The first slot stored under `hash` of which `is_it` is true.
    #[inline(always)]
    fn probe(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let (hash, mask) = (upper(hash), self.mask());
        let mut at = self.home(hash);
        for _ in 0..LONGEST_PROBE {
            match self.entries[at] {
                EMPTY => return None,
                entry if (entry ^ hash) & !mask == 0 && is_it((entry & mask) - 1) => {
                    return Some((entry & mask) - 1);
                }
                _ => at = self.next(at),
            }
        }
        None
    }

    /// The first slot that [`Index::find`] would ask about, to have it fetched from memory early.
    pub(crate) fn first(&self, hash: u64) -> Option<u32> {
        self.probe(hash, |_| true)
    }

    /// The entry where a search for `hash` begins, likewise.
    pub(crate) fn begin(&self, hash: u64) -> u32 {
        self.entries[self.home(upper(hash))]
    }

    /// How many entries the longest search reads that finds one, [`LONGEST_PROBE`] at most; removing does not make
    /// it less.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// Stores `slot` under `hash`. The caller knows that its client is not there yet. `client_of` says whose record
    /// is in a slot, this one included.
    pub(crate) fn insert<'a>(&mut self, hash: u64, slot: u32, client_of: impl Fn(u32) -> &'a [u8]) {
        while (self.len + 1) * 8 > self.entries.len() * 5 || slot >= self.mask() {
            self.grow(&client_of);
        }
        self.place(upper(hash), slot, &client_of);
    }

    /// Takes the `slot` of `client` out from under `hash`, and closes the gap so that no search ends early at it.
    pub(crate) fn remove(&mut self, hash: u64, slot: u32, client: &[u8]) {
        let Some(mut gap) = self.position(upper(hash), slot) else {
            self.overflow.remove(client);
            return;
        };
        let mut at = self.next(gap);
        // What stands further away does not begin its search at the gap or before it.
        while self.entries[at] != EMPTY && self.distance(gap, at) < LONGEST_PROBE {
            let home = self.home(self.hashes[at]);
            if self.distance(home, at) >= self.distance(gap, at) {
                self.entries[gap] = self.entries[at];
                self.hashes[gap] = self.hashes[at];
                gap = at;
            }
            at = self.next(at);
        }
        self.entries[gap] = EMPTY;
        self.len -= 1;
    }

    /// Where the entry of `slot` stands, if it has one.
    fn position(&self, hash: u32, slot: u32) -> Option<usize> {
        let entry = self.entry(hash, slot);
        let mut at = self.home(hash);
        for _ in 0..LONGEST_PROBE {
            match self.entries[at] {
                EMPTY => return None,
                found if found == entry => return Some(at),
                _ => at = self.next(at),
            }
        }
        None
    }

    fn grow<'a>(&mut self, client_of: &impl Fn(u32) -> &'a [u8]) {
        let larger = Self::with_entries(self.entries.len() * 2);
        let old = core::mem::replace(self, larger);
        self.overflow = old.overflow;
        let mask = self.mask() >> 1;
        for (entry, hash) in old.entries.into_iter().zip(old.hashes) {
            if entry != EMPTY {
                self.place(hash, (entry & mask) - 1, client_of);
            }
        }
    }

    fn place<'a>(&mut self, hash: u32, slot: u32, client_of: &impl Fn(u32) -> &'a [u8]) {
        let mut at = self.home(hash);
        for passed in 0..LONGEST_PROBE {
            if self.entries[at] == EMPTY {
                self.entries[at] = self.entry(hash, slot);
                self.hashes[at] = hash;
                self.len += 1;
                self.longest = self.longest.max(passed + 1);
                return;
            }
            at = self.next(at);
        }
        self.longest = LONGEST_PROBE;
        self.overflow.insert(client_of(slot).into(), slot);
    }

    fn entry(&self, hash: u32, slot: u32) -> u32 {
        hash & !self.mask() | (slot + 1)
    }

    #[expect(clippy::cast_possible_truncation, reason = "slots are numbered in 32 bits")]
    fn mask(&self) -> u32 {
        (self.entries.len() - 1) as u32
    }

    fn home(&self, hash: u32) -> usize {
        hash as usize & (self.entries.len() - 1)
    }

    fn next(&self, at: usize) -> usize {
        (at + 1) & (self.entries.len() - 1)
    }

    /// How many entries further on than `from` the entry `to` stands.
    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & (self.entries.len() - 1)
    }
}

const EMPTY: u32 = 0;

fn upper(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;
    use core::cell::Cell;
    use proptest::prelude::*;

    /// Whose record is in a slot, for tests in which all IDs have one length.
    fn client_of(slot: u32) -> &'static [u8] {
        static IDS: [[u8; 2]; 400] = {
            let mut ids = [[0; 2]; 400];
            let mut slot = 0_u16;
            while slot < 400 {
                ids[slot as usize] = slot.to_be_bytes();
                slot += 1;
            }
            ids
        };
        &IDS[slot as usize]
    }

    #[test]
    fn an_index_grows_when_more_than_five_eighths_are_taken() {
        let mut index = Index::new();
        (0..40).for_each(|slot| index.insert(u64::from(slot) << 32, slot, client_of));
        assert_eq!(index.entries.len(), 64);
        index.insert(40 << 32, 40, client_of);
        assert_eq!(index.entries.len(), 128);
    }

    #[test]
    fn a_search_is_short_where_all_hashes_are_alike() {
        let mut index = Index::new();
        (0..400).for_each(|slot| index.insert(7 << 32, slot, client_of));
        assert_eq!((index.len, index.overflow.len()), (LONGEST_PROBE, 400 - LONGEST_PROBE));
        for slot in 0..400 {
            let asked = Cell::new(0);
            let found = index.find(7 << 32, client_of(slot), |slot| {
                asked.set(asked.get() + 1);
                client_of(slot)
            });
            assert_eq!(found, Some(slot));
            assert!(asked.get() <= LONGEST_PROBE);
        }
        (0..400).for_each(|slot| index.remove(7 << 32, slot, client_of(slot)));
        assert_eq!((index.len, index.overflow.len()), (0, 0));
    }

    #[test]
    fn a_client_without_an_entry_is_found_when_others_have_gone() {
        let mut index = Index::new();
        (0..130).for_each(|slot| index.insert(7 << 32, slot, client_of));
        (0..128).for_each(|slot| index.remove(7 << 32, slot, client_of(slot)));
        assert_eq!(index.find(7 << 32, client_of(129), client_of), Some(129));
        assert_eq!(index.find(7 << 32, client_of(3), client_of), None);
    }

    proptest! {
        /// Few hashes and many slots, so that nearly every entry is displaced from its home, some have no place
        /// there at all, and some slots have a number that is too large for the index until it grows.
        #[test]
        fn holds_what_a_set_holds(
            steps in prop::collection::vec((0..400_u32, any::<bool>()), 0..1000), bits in 0..4_u32, spread in 0..9_u32,
        ) {
            let hash_of = |slot: u32| {
                let hash = u64::from(slot.wrapping_mul(0x9e37_79b9) >> 16) & ((1 << bits) - 1);
                hash << 60 | hash << (32 + spread)
            };
            let mut index = Index::new();
            let mut model = BTreeSet::new();
            for (slot, add) in steps {
                if !add {
                    index.remove(hash_of(slot), slot, client_of(slot));
                    model.remove(&slot);
                } else if model.insert(slot) {
                    index.insert(hash_of(slot), slot, client_of);
                }
                prop_assert_eq!(index.len + index.overflow.len(), model.len());
                prop_assert!(index.longest() <= LONGEST_PROBE);
            }
            let found = |slot: u32| index.find(hash_of(slot), client_of(slot), client_of);
            let wrong: Vec<_> = (0..400)
                .filter(|slot| found(*slot) != model.contains(slot).then_some(*slot))
                .collect();
            prop_assert!(wrong.is_empty(), "wrong about {wrong:?}");
        }
    }
}
