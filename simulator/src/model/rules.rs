//! What a server is told, and the words in which it is spoken of.

use super::lines::Provider;
use crate::invariants::Violation;

/// What a server was told when it started.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) name: String,
    pub(crate) provider: Provider,
    pub(crate) line_bytes: usize,
    pub(crate) client_id_bytes: usize,
    pub(crate) connections: usize,
    pub(crate) pipeline: usize,
    pub(crate) output_bytes: usize,
    pub(crate) answers_bytes: usize,
    pub(crate) stalled: u64,
    pub(crate) idle: u64,
    pub(crate) lookups: usize,
    pub(crate) lookup_queue: usize,
    pub(crate) lookup_timeout: u64,
    pub(crate) body_bytes: usize,
    pub(crate) clients: usize,
    pub(crate) record_age: i64,
    pub(crate) ahead: i64,
    pub(crate) neighbours: usize,
    pub(crate) handshakes: usize,
}

/// One reading of a server's clocks, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    pub(crate) mono: u64,
    pub(crate) wall: i64,
}

/// A connection, by a number that is never used again.
pub(crate) type Key = u32;
pub(crate) type Verdict = Result<(), Violation>;

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Client,
    /// A client at a door that it shares with neighbours, when there is no room for one more.
    Full,
    /// A neighbour. `counted` while it may still turn out to be a client.
    Neighbour {
        counted: bool,
    },
    /// Somebody who is no neighbour, at the door for neighbours.
    Stranger,
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    Ended,
    Lost,
    TooMany,
    Idle,
    Stalled,
    Unread,
    Silent,
    Replaced,
    Stopping,
    Refused,
    TurnedAway,
}

pub(super) const SECOND: u64 = 1_000_000_000;
