//! A neighbour, and a link with it.

use std::collections::BTreeSet;

use super::rules::SECOND;
use super::table::Chain;

/// A neighbour, over all its links.
#[derive(Debug, Default)]
pub(crate) struct Peer {
    /// The start of the neighbour that was last linked with.
    pub(super) start: Option<u32>,
    /// What it has acknowledged since.
    pub(super) acked: u64,
    pub(super) chain: Chain,
}

/// One connection with a neighbour, proven.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) peer: usize,
    pub(super) chain: Chain,
    /// Changes up to here had been acknowledged when it came up.
    pub(super) from: u64,
    /// Changes that were sent on it.
    pub(super) sent: BTreeSet<u64>,
    pub(super) marked: u64,
    pub(super) marks_heard: BTreeSet<u64>,
}

/// After this much silence a link is closed.
pub(super) const SILENCE: u64 = 15 * SECOND;
/// Bytes that may wait for a neighbour; one line may go beyond, and what is not a record.
pub(crate) const LINK_WINDOW: usize = 256 * 1024;

impl Link {
    pub(super) fn peer(&self) -> usize {
        self.peer
    }
}
