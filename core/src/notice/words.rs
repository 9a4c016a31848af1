//! Notices in words, as lines of a log have them.
//!
//! A sentence begins with what happened; behind a colon comes why. The core knows neither neighbours' names nor
//! addresses: a driver adds them by [`Notice::with`].

use core::fmt;
use core::time::Duration;

use super::{Goodbye, Notice, Refusal};
use crate::ids::PeerId;

/// The names that a notice may need, as far as a driver knows them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names<'a> {
    /// This server.
    pub server: Option<&'a str>,
    /// The neighbour that the notice is about; without a name it is shown by its position in the configuration.
    pub neighbour: Option<&'a str>,
    /// Where that neighbour is dialled.
    pub address: Option<&'a str>,
    /// Why it could not be connected to.
    pub reason: Option<&'a str>,
    /// The addresses of the two connections of [`Notice::NameTwice`].
    pub addresses: Option<[&'a str; 2]>,
}

/// A notice in words, with names.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    notice: &'a Notice,
    names: Names<'a>,
}

impl Notice {
    /// What happened, in words: one sentence, with the names that are known.
    pub const fn with<'a>(&'a self, names: Names<'a>) -> Words<'a> {
        Words { notice: self, names }
    }

    /// What happened, without reasons, numbers and names: the same for all notices of a kind.
    pub const fn summary(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "connected",
            Self::Secured { .. } => "secured by TLS",
            Self::Closed { .. } => "closed",
            Self::DialFailed { .. } => "neighbour cannot be reached",
            Self::Unlinked { .. } => "no link",
            Self::LinkUp { .. } => "link is up",
            Self::FollowerUp { .. } => "follows",
            Self::FollowerDown { .. } => "follows no longer",
            Self::LinkDown { .. } => "link is down",
            Self::LinkRefused { .. } => "link refused",
            Self::NameTwice { .. } | Self::OwnNameTwice { .. } => "two servers have one name",
            Self::Dropped { .. } => "line dropped",
            Self::UpdateRefused { .. } => "update refused",
            Self::Ahead { .. } => "report not kept: stamped too far ahead of this clock",
            Self::TooOld { .. } => "report not kept: stamped further back than records are kept",
            Self::NoRoom { .. } => "report not kept: the table is full of later ones",
            Self::LookupDone { .. } => "lookup answered",
            Self::LookupAbandoned { .. } => "lookup abandoned",
            Self::Forgotten { .. } => "records forgotten for their age",
        }
    }
}

/// Without names.
impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(Names::default()).fmt(f)
    }
}

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { notice, names } = self;
        let neighbour = |peer: &PeerId| Neighbour { peer: *peer, name: names.neighbour };
        match notice {
            Notice::Opened { .. }
            | Notice::Secured { .. }
            | Notice::Ahead { .. }
            | Notice::TooOld { .. }
            | Notice::NoRoom { .. } => f.write_str(notice.summary()),
            Notice::Closed { why, .. } => write!(f, "{}: {why}", notice.summary()),
            Notice::LinkRefused { why, .. } => write!(f, "{}: {why}", notice.summary()),
            Notice::Dropped { why, .. } | Notice::UpdateRefused { why, .. } => {
                write!(f, "{}: {why}", notice.summary())
            }
            Notice::DialFailed { peer, retry_in, down, attempts } => {
                write!(f, "cannot reach {}", neighbour(peer))?;
                if let Some(address) = names.address {
                    write!(f, " at {address}")?;
                }
                if let Some(reason) = names.reason {
                    write!(f, ": {reason}")?;
                }
                if *attempts > 1 {
                    write!(f, ", {attempts} attempts in {} s", down.as_secs())?;
                }
                write!(f, ", again in {}", Seconds(*retry_in))
            }
            Notice::Unlinked { peer, down, attempts } => {
                write!(f, "no link with {} for {} s", neighbour(peer), down.as_secs())?;
                match (attempts, names.address) {
                    (0, _) => Ok(()),
                    (_, Some(address)) => {
                        write!(f, ", {attempts} attempts at {address} have failed")
                    }
                    (_, None) => write!(f, ", {attempts} attempts have failed"),
                }
            }
            Notice::LinkUp { peer, resumed, down, .. } => {
                let how = if *resumed { " again, resumed" } else { "" };
                write!(f, "link with {} is up{how}", neighbour(peer))?;
                if *down >= A_MINUTE {
                    write!(f, ", after {} s without", down.as_secs())?;
                }
                Ok(())
            }
            Notice::FollowerUp { resumed: true, .. } => f.write_str("follows again, resumed"),
            Notice::FollowerUp { resumed: false, .. } => f.write_str(notice.summary()),
            Notice::FollowerDown { why, .. } => write!(f, "{}: {why}", notice.summary()),
            Notice::LinkDown { peer, why, .. } => {
                write!(f, "link with {} is down: {why}", neighbour(peer))
            }
            Notice::NameTwice { peer, .. } => {
                write!(f, "two servers call themselves {}", neighbour(peer))?;
                match names.addresses {
                    Some([one, other]) => write!(f, ": {one} and {other}"),
                    None => Ok(()),
                }
            }
            Notice::OwnNameTwice { peer, address, .. } => {
                let server = names.server.unwrap_or("by the name of this one");
                let neighbour = neighbour(peer);
                write!(
                    f,
                    "two servers call themselves {server}: this one, and one at {address} that has a link with {neighbour}"
                )
            }
            Notice::LookupDone { id, error, waited, took, .. } => {
                write!(f, "lookup {} took {}", id.number(), Seconds(*took))?;
                if !waited.is_zero() {
                    write!(f, " after waiting {}", Seconds(*waited))?;
                }
                match error {
                    None => f.write_str(": answered"),
                    Some(error) => write!(f, ": {error}"),
                }
            }
            Notice::LookupAbandoned { id, took, .. } => {
                let (number, seconds) = (id.number(), Seconds(*took));
                write!(f, "lookup {number} abandoned after {seconds}: its client has left")
            }
            Notice::Forgotten { records } => write!(f, "{records} {}", notice.summary()),
        }
    }
}

impl fmt::Display for Goodbye {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ended => "ended by the other side",
            Self::Lost => "connection lost",
            Self::TooMany => "too many connections",
            Self::Crowded => "too many connections or bytes from its address",
            Self::Idle => "idle",
            Self::Stalled => "takes nothing of what waits for it",
            Self::Unread => {
                "does not take its answers, and there is no room for more of all clients'"
            }
            Self::Silent => "nothing heard for 15 s",
            Self::Replaced => "replaced by a newer link",
            Self::NotAnAck => "a follower said something other than an ACK",
            Self::Refused => "this server refused the handshake",
            Self::TurnedAway => "the other side refused the handshake",
            Self::Insecure => "not secured by TLS",
            Self::NeverSecured => "not secured by TLS within 5 s",
            Self::Http => "it speaks HTTP",
            Self::Stopping => "this server is stopping",
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAHandshake => "not a line of a handshake",
            Self::Version => "another version of the link protocol",
            Self::NotMe => "meant for a server of another name",
            Self::NotANeighbour => "not a neighbour of this server",
            Self::Role => "the other side is the one to be dialled",
            Self::Proof => "the other side does not hold the herd's secret",
            Self::Taken => "another server of the same name has a link",
            Self::Certificate => "the other side showed no certificate of this neighbour's",
            Self::NoFollowers => "this server has no secret, or `followers` is 0",
            Self::TooManyFollowers => "too many followers",
            Self::TimedOut => "no handshake within 5 s",
            Self::TooMany => "too many handshakes under way",
        })
    }
}

/// A neighbour by its name, or by its position.
struct Neighbour<'a> {
    peer: PeerId,
    name: Option<&'a str>,
}

impl fmt::Display for Neighbour<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            Some(name) => f.write_str(name),
            None => write!(f, "neighbour {}", self.peer.index()),
        }
    }
}

/// A link that was down for less than this is not said to have been.
const A_MINUTE: Duration = Duration::from_secs(60);

/// A duration in seconds, to the microsecond.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6} s", self.0.as_secs_f64())
    }
}
