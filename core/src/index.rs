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

use alloc::boxed::Box;
use alloc::vec;

#[derive(Debug)]
pub(crate) struct Index {
    /// A power of two of entries, [`Self::mask`] the bits of their number. Zero is empty; anything else is a
    /// hash, and in the place of the bits of the mask a slot's number and one.
    entries: Box<[u32]>,
    /// The whole hash beside each entry that is not empty, for when entries move.
    hashes: Box<[u32]>,
    len: usize,
}

impl Index {
    pub(crate) fn new() -> Self {
        Self::with_entries(64)
    }

    fn with_entries(count: usize) -> Self {
        let [entries, hashes] = [EMPTY; 2].map(|entry| vec![entry; count].into_boxed_slice());
        Self { entries, hashes, len: 0 }
    }

    /// The slot stored under `hash` of which `is_it` is true.
    #[inline(always)]
    pub(crate) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let (hash, mask) = (upper(hash), self.mask());
        let mut at = self.home(hash);
        loop {
            match self.entries[at] {
                EMPTY => return None,
                entry if (entry ^ hash) & !mask == 0 && is_it((entry & mask) - 1) => {
                    return Some((entry & mask) - 1);
                }
                _ => at = self.next(at),
            }
        }
    }

    /// The first slot that [`Index::find`] would ask about, to have it fetched from memory early.
    pub(crate) fn first(&self, hash: u64) -> Option<u32> {
        self.find(hash, |_| true)
    }

    /// The entry where a search for `hash` begins, likewise.
    pub(crate) fn begin(&self, hash: u64) -> u32 {
        self.entries[self.home(upper(hash))]
    }

    /// Stores `slot` under `hash`. The caller knows that it is not there yet.
    pub(crate) fn insert(&mut self, hash: u64, slot: u32) {
        while (self.len + 1) * 8 > self.entries.len() * 5 || slot >= self.mask() {
            self.grow();
        }
        self.place(upper(hash), slot);
    }

    /// Takes `slot` out from under `hash`, and closes the gap so that no search ends early at it.
    pub(crate) fn remove(&mut self, hash: u64, slot: u32) {
        let entry = self.entry(upper(hash), slot);
        let mut gap = self.home(upper(hash));
        while self.entries[gap] != entry {
            if self.entries[gap] == EMPTY {
                return;
            }
            gap = self.next(gap);
        }
        let mut at = self.next(gap);
        while self.entries[at] != EMPTY {
            let home = self.home(self.hashes[at]);
            let mask = self.entries.len() - 1;
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(gap) & mask) {
                self.entries[gap] = self.entries[at];
                self.hashes[gap] = self.hashes[at];
                gap = at;
            }
            at = self.next(at);
        }
        self.entries[gap] = EMPTY;
        self.len -= 1;
    }

    fn grow(&mut self) {
        let larger = Self::with_entries(self.entries.len() * 2);
        let old = core::mem::replace(self, larger);
        let mask = old.mask();
        for (entry, hash) in old.entries.into_iter().zip(old.hashes) {
            if entry != EMPTY {
                self.place(hash, (entry & mask) - 1);
            }
        }
    }

    fn place(&mut self, hash: u32, slot: u32) {
        let mut at = self.home(hash);
        while self.entries[at] != EMPTY {
            at = self.next(at);
        }
        self.entries[at] = self.entry(hash, slot);
        self.hashes[at] = hash;
        self.len += 1;
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
    use proptest::prelude::*;

    proptest! {
        /// Few hashes and many slots, so that nearly every entry is displaced from its home, and some slots
        /// have a number that is too large for the index until it grows.
        #[test]
        fn holds_what_a_set_holds(steps in prop::collection::vec((0..12_u64, 0..200_u32, any::<bool>()), 0..300)) {
            let mut index = Index::new();
            let mut model = BTreeSet::new();
            for (hash, slot, add) in steps {
                let hash = hash << 60 | hash << 32;
                if !add {
                    index.remove(hash, slot);
                    model.remove(&(hash, slot));
                } else if model.insert((hash, slot)) {
                    index.insert(hash, slot);
                }
                let held: Vec<_> = model.iter().filter(|(h, s)| index.find(*h, |found| found == *s).is_none()).collect();
                prop_assert!(held.is_empty(), "lost {held:?}");
                prop_assert_eq!(index.len, model.len());
            }
        }
    }
}
