//! Connections that have not finished their handshake, by the address that they come from.
//!
//! There is room for so many. When there is one too many, the address with the most of them loses one, so that
//! one address cannot keep another out however fast it connects. Between addresses that have equally many, and
//! between the connections of one address, chance decides: who takes its places back at once then has no
//! advantage over who was there before, and a handshake that takes `k` arrivals among `n` places ends well with
//! a probability of about `(1 - 1/n)^k`.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::entropy::Entropy;
use crate::ids::ConnId;
use crate::sources::Source;

#[derive(Debug, Default)]
pub(crate) struct Unproven {
    groups: BTreeMap<Source, Group>,
    /// At `n - 1` the addresses that have `n` connections. The last is not empty.
    levels: Vec<Vec<Source>>,
    /// How many connections there are.
    len: usize,
}

/// The connections of one address: one at least.
#[derive(Debug, Default)]
struct Group {
    conns: Vec<ConnId>,
    /// Where it stands in its level.
    at: usize,
}

impl Unproven {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn insert(&mut self, source: Source, conn: ConnId) {
        let group = self.groups.entry(source).or_default();
        group.conns.push(conn);
        let count = group.conns.len();
        self.len += 1;
        self.leave_level(source, count - 1);
        self.enter_level(source, count);
    }

    pub(crate) fn remove(&mut self, source: Source, conn: ConnId) {
        let Some(group) = self.groups.get_mut(&source) else { return };
        let Some(at) = group.conns.iter().position(|other| *other == conn) else { return };
        group.conns.swap_remove(at);
        let count = group.conns.len();
        self.len -= 1;
        self.leave_level(source, count + 1);
        if count == 0 {
            self.groups.remove(&source);
        } else {
            self.enter_level(source, count);
        }
        while self.levels.pop_if(|level| level.is_empty()).is_some() {}
    }

    /// The connection to close when there is one too many. Among addresses with equally many, one that
    /// `is_trusted` loses only where all others are too.
    pub(crate) fn victim(
        &self,
        entropy: &mut Entropy,
        is_trusted: impl Fn(Source) -> bool,
    ) -> Option<ConnId> {
        let tied = self.levels.last()?;
        let number = entropy.number();
        let start = pick(number >> 32, tied.len())?;
        let (before, behind) = tied.split_at(start);
        let source = behind.iter().chain(before).find(|source| !is_trusted(**source));
        let group = self.groups.get(source.unwrap_or(&tied[start]))?;
        group.conns.get(pick(number & u64::from(u32::MAX), group.conns.len())?).copied()
    }

    fn enter_level(&mut self, source: Source, count: usize) {
        if self.levels.len() < count {
            self.levels.resize_with(count, Vec::new);
        }
        let level = &mut self.levels[count - 1];
        if let Some(group) = self.groups.get_mut(&source) {
            group.at = level.len();
            level.push(source);
        }
    }

    fn leave_level(&mut self, source: Source, count: usize) {
        let Some(level) = count.checked_sub(1).and_then(|level| self.levels.get_mut(level)) else {
            return;
        };
        let Some(at) = self.groups.get(&source).map(|group| group.at) else { return };
        level.swap_remove(at);
        if let Some(moved) = level.get(at)
            && let Some(group) = self.groups.get_mut(moved)
        {
            group.at = at;
        }
    }
}

/// A position below `len` by a number of 32 bits, if there is one.
fn pick(number: u64, len: usize) -> Option<usize> {
    usize::try_from(number.checked_rem(len as u64)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Seed;
    use core::num::NonZeroU32;
    use proptest::prelude::*;

    fn source(n: u8) -> Source {
        Source::of([192, 0, 2, n].into())
    }

    fn conn(index: u32) -> ConnId {
        ConnId { index, generation: NonZeroU32::MIN }
    }

    fn filled(sources: &[u8]) -> Unproven {
        let mut unproven = Unproven::default();
        for (index, n) in (0..).zip(sources) {
            unproven.insert(source(*n), conn(index));
        }
        unproven
    }

    #[test]
    fn the_address_with_the_most_loses_one_and_chance_says_which() {
        let unproven = filled(&[1, 2, 2, 3, 2]);
        let mut entropy = Entropy::new(Seed([1; 32]));
        let victims: alloc::collections::BTreeSet<_> =
            (0..100).filter_map(|_| unproven.victim(&mut entropy, |_| false)).collect();
        assert_eq!(victims.into_iter().collect::<Vec<_>>(), [conn(1), conn(2), conn(4)]);
    }

    #[test]
    fn a_trusted_address_loses_last_among_equals_and_first_if_it_has_the_most() {
        let mut entropy = Entropy::new(Seed([1; 32]));
        let is_trusted = |other| other == source(1);
        let equal = filled(&[1, 2]);
        assert!((0..50).all(|_| equal.victim(&mut entropy, is_trusted) == Some(conn(1))));
        let fuller = filled(&[1, 2, 1]);
        assert!((0..50).all(|_| fuller.victim(&mut entropy, is_trusted) != Some(conn(1))));
        assert_eq!(filled(&[1]).victim(&mut entropy, is_trusted), Some(conn(0)));
    }

    #[test]
    fn what_is_taken_out_is_counted_no_more() {
        let mut unproven = filled(&[1, 1, 2]);
        unproven.remove(source(1), conn(2));
        assert_eq!(unproven.len(), 3, "it is of another address");
        unproven.remove(source(1), conn(0));
        unproven.remove(source(1), conn(0));
        unproven.remove(source(1), conn(1));
        unproven.remove(source(2), conn(2));
        assert_eq!((unproven.len(), unproven.groups.len(), unproven.levels.len()), (0, 0, 0));
        assert_eq!(unproven.victim(&mut Entropy::new(Seed([1; 32])), |_| false), None);
    }

    proptest! {
        /// Whatever comes and goes, an address with the most connections loses one.
        #[test]
        fn the_levels_are_what_counting_says(
            steps in prop::collection::vec((0..6_u8, 0..40_u32, any::<bool>()), 0..200),
        ) {
            let mut unproven = Unproven::default();
            let mut held = BTreeMap::<u8, Vec<u32>>::new();
            let mut entropy = Entropy::new(Seed([1; 32]));
            for (n, index, comes) in steps {
                let conns = held.entry(n).or_default();
                // A connection is of one address, and comes once.
                let index = u32::from(n) * 100 + index;
                if comes && !conns.contains(&index) {
                    conns.push(index);
                    unproven.insert(source(n), conn(index));
                } else if !comes {
                    conns.retain(|other| *other != index);
                    unproven.remove(source(n), conn(index));
                }
                let most = held.values().map(Vec::len).max().unwrap_or(0);
                let all: usize = held.values().map(Vec::len).sum();
                prop_assert_eq!((unproven.len(), unproven.levels.len()), (all, most));
                let victim = unproven.victim(&mut entropy, |_| false).map(|conn| conn.index);
                let of = victim.and_then(|index| held.values().find(|conns| conns.contains(&index)));
                prop_assert_eq!(of.map_or(0, Vec::len), most);
            }
        }
    }
}
