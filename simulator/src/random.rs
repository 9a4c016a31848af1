//! Everything that is left to chance, drawn from one seed.

use core::ops::RangeInclusive;

/// A stream of random numbers, the same for the same seed on every machine.
#[derive(Debug)]
pub(crate) struct Random(oorandom::Rand64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(oorandom::Rand64::new(u128::from(seed)))
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0.rand_u64()
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0.rand_range(0..end)
    }

    pub(crate) fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        let (first, last) = range.into_inner();
        first + self.below(last - first + 1)
    }

    /// A number of the range whose length in bits is what chance decides first: small ones are as likely
    /// as large ones.
    pub(crate) fn spread(&mut self, range: RangeInclusive<u64>) -> u64 {
        let (first, last) = range.into_inner();
        let doublings = (last / first.max(1)).max(1).ilog2();
        let base = first.max(1) << self.below(u64::from(doublings) + 1);
        (base + self.below(base)).clamp(first, last)
    }

    /// The same for lengths and places in memory.
    pub(crate) fn size(&mut self, range: RangeInclusive<usize>) -> usize {
        let (first, last) = range.into_inner();
        first + self.place(last - first + 1)
    }

    /// A place in something of length `len`, which is not 0.
    pub(crate) fn place(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("it is below a usize")
    }

    /// True in `percent` of 100 cases.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.place(from.len())]
    }

    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.place(at + 1));
        }
    }

    /// A stream of its own, which does not depend on how many numbers this one gives later.
    pub(crate) fn branch(&mut self) -> Self {
        Self::new(self.number())
    }
}
