//! From a client's hash to the slot of its record.
//!
//! Open addressing with linear probing over entries of eight bytes: the upper half of a hash beside
//! a slot number. Looking a client up touches one cache line here and those of its record, and the
//! records themselves never move when the index grows.

use alloc::boxed::Box;
use alloc::vec;

#[derive(Debug)]
pub(crate) struct Index {
    /// A power of two of entries; zero is empty, anything else is `tag << 32 | slot + 1`.
    entries: Box<[u64]>,
    len: usize,
}

impl Index {
    pub(crate) fn new() -> Self {
        Self { entries: vec![EMPTY; 64].into_boxed_slice(), len: 0 }
    }

    /// The slot stored under `hash` of which `is_it` is true.
    pub(crate) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let tag = tag(hash);
        let mut at = self.home(tag);
        loop {
            match self.entries[at] {
                EMPTY => return None,
                entry if tag_of(entry) == tag && is_it(slot_of(entry)) => {
                    return Some(slot_of(entry));
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
    pub(crate) fn begin(&self, hash: u64) -> u64 {
        self.entries[self.home(tag(hash))]
    }

    /// Stores `slot` under `hash`. The caller knows that it is not there yet.
    pub(crate) fn insert(&mut self, hash: u64, slot: u32) {
        if (self.len + 1) * 8 > self.entries.len() * 5 {
            self.grow();
        }
        self.place(u64::from(tag(hash)) << 32 | u64::from(slot + 1));
        self.len += 1;
    }

    /// Takes `slot` out from under `hash`, and closes the gap so that no search ends early at it.
    pub(crate) fn remove(&mut self, hash: u64, slot: u32) {
        let entry = u64::from(tag(hash)) << 32 | u64::from(slot + 1);
        let mut gap = self.home(tag(hash));
        while self.entries[gap] != entry {
            if self.entries[gap] == EMPTY {
                return;
            }
            gap = self.next(gap);
        }
        let mut at = self.next(gap);
        while self.entries[at] != EMPTY {
            let home = self.home(tag_of(self.entries[at]));
            let mask = self.entries.len() - 1;
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(gap) & mask) {
                self.entries[gap] = self.entries[at];
                gap = at;
            }
            at = self.next(at);
        }
        self.entries[gap] = EMPTY;
        self.len -= 1;
    }

    fn grow(&mut self) {
        let larger = vec![EMPTY; self.entries.len() * 2].into_boxed_slice();
        let old = core::mem::replace(&mut self.entries, larger);
        for entry in old.into_iter().filter(|entry| *entry != EMPTY) {
            self.place(entry);
        }
    }

    fn place(&mut self, entry: u64) {
        let mut at = self.home(tag_of(entry));
        while self.entries[at] != EMPTY {
            at = self.next(at);
        }
        self.entries[at] = entry;
    }

    fn home(&self, tag: u32) -> usize {
        tag as usize & (self.entries.len() - 1)
    }

    fn next(&self, at: usize) -> usize {
        (at + 1) & (self.entries.len() - 1)
    }
}

const EMPTY: u64 = 0;

fn tag(hash: u64) -> u32 {
    tag_of(hash)
}

fn tag_of(entry: u64) -> u32 {
    (entry >> 32) as u32
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
fn slot_of(entry: u64) -> u32 {
    entry as u32 - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    proptest! {
        /// Few hashes and many slots, so that nearly every entry is displaced from its home.
        #[test]
        fn holds_what_a_set_holds(steps in prop::collection::vec((0..12_u64, 0..40_u32, any::<bool>()), 0..300)) {
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
