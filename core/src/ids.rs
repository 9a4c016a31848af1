//! What connections, neighbours and lookups are called.

use core::num::NonZeroU32;

/// A connection. Numbers are used again, but never the whole: one that has gone stale is ignored,
/// not mistaken for another.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ConnId {
    pub(crate) index: u32,
    pub(crate) generation: NonZeroU32,
}

impl ConnId {
    /// A small number that no other open connection has: a place in the driver's own list.
    pub fn index(self) -> usize {
        self.index as usize
    }

    /// The whole of it as a number, for a program in another language to hold.
    pub fn to_bits(self) -> u64 {
        u64::from(self.generation.get()) << 32 | u64::from(self.index)
    }

    /// What [`ConnId::to_bits`] made a number of. Every number is either none, or names a connection that may
    /// be there or not: one that is not is ignored.
    #[expect(clippy::cast_possible_truncation, reason = "each half is taken by itself")]
    pub fn from_bits(bits: u64) -> Option<Self> {
        let generation = NonZeroU32::new((bits >> 32) as u32)?;
        Some(Self { index: bits as u32, generation })
    }
}

/// A neighbour: its position in [`Config::neighbours`](crate::Config::neighbours).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PeerId(pub(crate) u16);

impl PeerId {
    /// The neighbour at `position` of the configuration.
    pub fn at(position: usize) -> Option<Self> {
        u16::try_from(position).ok().map(Self)
    }

    /// The position in the configuration.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The position as a number, for a program in another language to hold.
    pub fn to_bits(self) -> u16 {
        self.0
    }

    /// What [`PeerId::to_bits`] made a number of. Where there is no such neighbour it is ignored.
    pub fn from_bits(bits: u16) -> Self {
        Self(bits)
    }
}

/// A lookup. Never used again.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LookupId(pub(crate) u64);

impl LookupId {
    /// The number, counted from 1.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The number, for a program in another language to hold.
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// What [`LookupId::to_bits`] made a number of. One that is not under way is ignored.
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}
