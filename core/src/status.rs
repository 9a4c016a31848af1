//! What a server looks like from outside, at one moment: for whoever watches it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::config::Limits;
use crate::counters::Counters;
use crate::durations::Durations;

/// How a server is. Nothing is decided by it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Status {
    /// Whether it was told to stop.
    pub stopping: bool,
    /// What it allows.
    pub limits: Limits,
    /// What has been counted since the start.
    pub counters: Counters,
    /// Records in the table.
    pub records: usize,
    /// How many entries of the table's index the longest search for a client reads, 128 at most. Some 35 are usual for
    /// a million records.
    pub longest_probe: usize,
    /// Connections that count against `limits.connections`.
    pub clients: usize,
    /// All connections: clients, links, and those that are neither yet; questions of programs that wait count too.
    pub connections: usize,
    /// Bytes of answers that clients have not taken.
    pub answers_bytes: usize,
    /// Lookups under way.
    pub lookups_running: usize,
    /// Lookups that wait for their turn.
    pub lookups_waiting: usize,
    /// How long the provider took, or failed to answer, from the time the lookup had its turn.
    pub lookups_took: Durations,
    /// How long these lookups had waited for their turn.
    pub lookups_waited: Durations,
    /// The neighbours, in the order of the configuration.
    pub neighbours: Vec<NeighbourStatus>,
    /// The followers, in the order in which they came.
    pub followers: Vec<FollowerStatus>,
}

/// How a follower is, as far as this server knows.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct FollowerStatus {
    /// What it calls itself. Two may have one name.
    pub name: Box<str>,
    /// Upper bound on records still to be sent.
    pub unsent: u64,
    /// Upper bound on records that it has not acknowledged.
    pub unacknowledged: u64,
    /// Whether it is sent the table instead of the changes.
    pub walking: bool,
}

/// How a neighbour is, as far as this server knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct NeighbourStatus {
    /// Whether there is a link.
    pub up: bool,
    /// Links with it that came up since the start.
    pub links: u64,
    /// Links among them that went on where the last one had ended.
    pub resumed: u64,
    /// Upper bound on records still to be sent. Superseded changes count until the cursor passes them; during a walk
    /// over the table all records in its range count.
    pub unsent: u64,
    /// Upper bound on records that it has not acknowledged; nothing for a plain neighbour, which acknowledges nothing.
    pub unacknowledged: Option<u64>,
    /// Whether it is sent the table instead of the changes: it is new, or has fallen behind by more
    /// changes than are remembered.
    pub walking: bool,
}
