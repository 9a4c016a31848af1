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
}

/// A lookup. Never used again.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LookupId(pub(crate) u64);

impl LookupId {
    /// The number, counted from 1.
    pub fn number(self) -> u64 {
        self.0
    }
}
