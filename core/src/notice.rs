//! What happened, for the log.

use core::net::IpAddr;
use core::time::Duration;

use crate::command::Malformed;
use crate::ids::{ConnId, LookupId, PeerId};
use crate::provider::LookupError;

mod words;

pub use words::{Names, Words};

/// Something worth a line of the log. The lines that were read and sent are not among them: a driver
/// sees those itself. Prints as a sentence; [`Notice::with`] puts names into it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Notice {
    /// A connection was accepted.
    Opened {
        /// Which.
        conn: ConnId,
    },
    /// A connection is secured.
    Secured {
        /// Which.
        conn: ConnId,
    },
    /// A connection is over.
    Closed {
        /// Which.
        conn: ConnId,
        /// Why.
        why: Goodbye,
    },
    /// A neighbour could not be connected to. Said when that comes for the first time since there was a link, and at
    /// the first attempt after a minute, after ten minutes, and after each hour.
    DialFailed {
        /// Which.
        peer: PeerId,
        /// How long until the next attempt.
        retry_in: Duration,
        /// How long there has been no link.
        down: Duration,
        /// How many attempts there were meanwhile.
        attempts: u32,
    },
    /// There is still no link with a neighbour, though connections may have been made. Said as seldom.
    Unlinked {
        /// With whom.
        peer: PeerId,
        /// How long there has been none.
        down: Duration,
        /// How many attempts there were meanwhile. None where the neighbour is the one that dials.
        attempts: u32,
    },
    /// A link is open, proven by both sides.
    LinkUp {
        /// With whom.
        peer: PeerId,
        /// On which connection.
        conn: ConnId,
        /// Whether it goes on where the last one ended; otherwise the whole table is sent.
        resumed: bool,
        /// How long there was none before, since the start if it is the first.
        down: Duration,
    },
    /// A link is over.
    LinkDown {
        /// With whom.
        peer: PeerId,
        /// On which connection.
        conn: ConnId,
        /// Why.
        why: Goodbye,
    },
    /// A follower has proven itself. [`Herd::follower_name`](crate::Herd::follower_name) says what it calls itself.
    FollowerUp {
        /// On which connection.
        conn: ConnId,
        /// Whether it goes on where it was; otherwise the whole table is sent.
        resumed: bool,
    },
    /// A follower is gone.
    FollowerDown {
        /// On which connection it was.
        conn: ConnId,
        /// Why.
        why: Goodbye,
    },
    /// A connection did not become a link.
    LinkRefused {
        /// Which.
        conn: ConnId,
        /// Why.
        why: Refusal,
    },
    /// A neighbour was refused because there is a link with another server of its name, and that one lives. Said
    /// once for each start of the neighbour.
    NameTwice {
        /// The name that two servers have.
        peer: PeerId,
        /// The connection of the one that there is a link with.
        link: ConnId,
        /// The connection of the other.
        other: ConnId,
    },
    /// A neighbour has refused this server because it has a link with another of the same name, and that one lives.
    /// Said once for each address of the other.
    OwnNameTwice {
        /// The neighbour.
        peer: PeerId,
        /// The connection with it.
        conn: ConnId,
        /// Where the neighbour says that the other server is.
        address: IpAddr,
    },
    /// A line on a link was dropped.
    Dropped {
        /// On which connection.
        conn: ConnId,
        /// What was wrong with it.
        why: Malformed,
    },
    /// An `AT` line from the address of a plain neighbour was no update: it was answered like a client's invalid line.
    UpdateRefused {
        /// On which connection.
        conn: ConnId,
        /// What was wrong with it.
        why: Malformed,
    },
    /// A report was stamped too far ahead of this server's clock: answered, not kept.
    Ahead {
        /// Whose connection it came on.
        conn: ConnId,
    },
    /// A report was stamped further back than `limits.record_age_s`: answered, not kept.
    TooOld {
        /// Whose connection it came on.
        conn: ConnId,
    },
    /// The table was full of greater records: a report was answered, not kept.
    NoRoom {
        /// Whose connection it came on.
        conn: ConnId,
    },
    /// A lookup is over.
    LookupDone {
        /// Which.
        id: LookupId,
        /// For whom.
        conn: ConnId,
        /// The error, unless the provider's answer was passed on.
        error: Option<LookupError>,
        /// How long it waited for its turn.
        waited: Duration,
        /// How long the provider took.
        took: Duration,
    },
    /// Nobody waits for a lookup any more: its client has left.
    LookupAbandoned {
        /// Which.
        id: LookupId,
        /// For whom it was.
        conn: ConnId,
        /// How long ago it was asked for.
        took: Duration,
    },
    /// Records were older than `limits.record_age_s`.
    Forgotten {
        /// How many.
        records: usize,
    },
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Goodbye {
    /// The other side ended it, and everything it asked for was answered.
    Ended,
    /// The connection broke.
    Lost,
    /// More connections than `limits.connections`.
    TooMany,
    /// Its address has as many connections as `limits.address_connections` allows, or has sent more than
    /// `limits.address_bytes_s` for now.
    Crowded,
    /// Nothing was said for `limits.idle_s`.
    Idle,
    /// Nothing of what waited was taken for `limits.stalled_s`.
    Stalled,
    /// All clients' answers were more than `limits.answers_bytes`, and it was furthest behind with reading its own.
    Unread,
    /// Nothing was heard from the neighbour for 15 seconds.
    Silent,
    /// A newer link with the same neighbour took its place.
    Replaced,
    /// A follower said something other than an `ACK`.
    NotAnAck,
    /// This server did not want it for a link; [`Notice::LinkRefused`] said why.
    Refused,
    /// The other side was dialled, and ended it instead of going on with the handshake.
    TurnedAway,
    /// It was to be secured, and could not be.
    Insecure,
    /// It was to be secured, and was not within 5 seconds.
    NeverSecured,
    /// Its first line was a request of HTTP.
    Http,
    /// This server is stopping.
    Stopping,
}

/// Why a connection did not become a link.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// The line that was due is not one of a handshake.
    NotAHandshake,
    /// Another version of the link protocol.
    Version,
    /// It is meant for a server of another name.
    NotMe,
    /// The other side is not a neighbour of this server.
    NotANeighbour,
    /// The other side is the one to be dialled.
    Role,
    /// The other side does not hold the secret, or says again what it heard.
    Proof,
    /// There is a link with another server of the dialler's name, and that one lives.
    Taken,
    /// The connection is not secured, or not by a certificate of this neighbour's.
    Certificate,
    /// Followers are not let in: `limits.followers` is 0, or this server has no secret.
    NoFollowers,
    /// More followers than `limits.followers`.
    TooManyFollowers,
    /// The handshake took more than 5 seconds.
    TimedOut,
    /// Too many connections were in their handshake.
    TooMany,
}
