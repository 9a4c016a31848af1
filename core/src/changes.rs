//! The last so many changes of the table: which slot changed, by number of change.
//!
//! A ring of fixed size. Each neighbour has its own place in it, so that what waits for a neighbour
//! costs nothing however slow it is; one that the ring has overtaken walks over the table instead.

use alloc::boxed::Box;
use alloc::vec;

/// How many changes a server remembers for its neighbours, unless it is told otherwise.
pub const DEFAULT_RING: u32 = 1 << 16;

#[derive(Debug)]
pub(crate) struct Changes {
    /// The slot of change `n` at `n` modulo the length, a power of two.
    ring: Box<[u32]>,
    last: u64,
}

impl Changes {
    pub(crate) fn new(length: u32) -> Self {
        let length = length.clamp(1, 1 << 24).next_power_of_two();
        Self { ring: vec![0; length as usize].into_boxed_slice(), last: 0 }
    }

    /// The number of the last change; the first is 1.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Takes note of a change, and numbers it.
    pub(crate) fn push(&mut self, slot: u32) -> u64 {
        self.last += 1;
        let at = self.place(self.last);
        self.ring[at] = slot;
        self.last
    }

    /// The slot that change `number` was made to, unless that is forgotten or not made yet.
    pub(crate) fn slot(&self, number: u64) -> Option<u32> {
        let remembered = number <= self.last && self.remembers(number);
        remembered.then(|| self.ring[self.place(number)])
    }

    /// Whether the ring has not overtaken `number` yet.
    pub(crate) fn remembers(&self, number: u64) -> bool {
        number + self.ring.len() as u64 > self.last
    }

    #[expect(clippy::cast_possible_truncation, reason = "masked to the length of the ring")]
    fn place(&self, number: u64) -> usize {
        number as usize & (self.ring.len() - 1)
    }
}
