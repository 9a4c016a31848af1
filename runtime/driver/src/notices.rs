//! What the core has to say, as lines of the log.

use core::fmt;
use core::time::Duration;

use herd_core::{ConnId, Goodbye, Notice, PeerId, Refusal};

/// A notice in words.
pub(crate) struct Text<'a> {
    pub(crate) notice: &'a Notice,
    /// The connection's number and who is at its other end.
    pub(crate) who: Option<(u64, &'a str)>,
    /// The name of the neighbour it is about.
    pub(crate) neighbour: Option<&'a str>,
}

/// The connection that a notice is about.
pub(crate) fn connection(notice: &Notice) -> Option<ConnId> {
    match notice {
        Notice::Opened { conn }
        | Notice::Secured { conn }
        | Notice::Closed { conn, .. }
        | Notice::LinkUp { conn, .. }
        | Notice::LinkDown { conn, .. }
        | Notice::LinkRefused { conn, .. }
        | Notice::Dropped { conn, .. }
        | Notice::Ahead { conn }
        | Notice::NoRoom { conn }
        | Notice::LookupDone { conn, .. }
        | Notice::LookupAbandoned { conn, .. } => Some(*conn),
        Notice::DialFailed { .. } | Notice::Forgotten { .. } => None,
    }
}

/// The neighbour that a notice is about.
pub(crate) fn neighbour(notice: &Notice) -> Option<PeerId> {
    match notice {
        Notice::DialFailed { peer, .. }
        | Notice::LinkUp { peer, .. }
        | Notice::LinkDown { peer, .. } => Some(*peer),
        Notice::Opened { .. }
        | Notice::Secured { .. }
        | Notice::Closed { .. }
        | Notice::LinkRefused { .. }
        | Notice::Dropped { .. }
        | Notice::Ahead { .. }
        | Notice::NoRoom { .. }
        | Notice::LookupDone { .. }
        | Notice::LookupAbandoned { .. }
        | Notice::Forgotten { .. } => None,
    }
}

/// How much a notice matters: what a wrong configuration brings about is a warning.
pub(crate) fn level(notice: &Notice) -> log::Level {
    let Notice::LinkRefused { why, .. } = notice else { return log::Level::Info };
    match why {
        Refusal::Version
        | Refusal::NotMe
        | Refusal::NotANeighbour
        | Refusal::Role
        | Refusal::Certificate
        | Refusal::Proof => log::Level::Warn,
        Refusal::NotAHandshake | Refusal::TimedOut | Refusal::TooMany => log::Level::Info,
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((number, peer)) = self.who {
            write!(f, "#{number} {peer} ")?;
        }
        let neighbour = self.neighbour.unwrap_or("?");
        match self.notice {
            Notice::Opened { .. } => f.write_str("connected"),
            Notice::Secured { .. } => f.write_str("secured by TLS"),
            Notice::Closed { why, .. } => write!(f, "closed: {}", goodbye(*why)),
            Notice::DialFailed { retry_in, .. } => {
                write!(f, "{neighbour} can not be reached, again in {}", Seconds(*retry_in))
            }
            Notice::LinkUp { resumed: true, .. } => {
                write!(f, "link with {neighbour} is up again, resumed")
            }
            Notice::LinkUp { resumed: false, .. } => write!(f, "link with {neighbour} is up"),
            Notice::LinkDown { why, .. } => {
                write!(f, "link with {neighbour} is down: {}", goodbye(*why))
            }
            Notice::LinkRefused { why, .. } => write!(f, "link refused: {}", refusal(*why)),
            Notice::Dropped { why, .. } => write!(f, "line dropped: {why:?}"),
            Notice::Ahead { .. } => {
                f.write_str("report not kept: stamped too far ahead of this clock")
            }
            Notice::NoRoom { .. } => {
                f.write_str("report not kept: the table is full of later ones")
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
                write!(
                    f,
                    "lookup {} abandoned after {}: its client has left",
                    id.number(),
                    Seconds(*took)
                )
            }
            Notice::Forgotten { records } => write!(f, "{records} records forgotten for their age"),
        }
    }
}

fn goodbye(why: Goodbye) -> &'static str {
    match why {
        Goodbye::Ended => "ended by the other side",
        Goodbye::Lost => "connection lost",
        Goodbye::TooMany => "too many connections",
        Goodbye::Crowded => "too many connections or bytes from its address",
        Goodbye::Idle => "idle",
        Goodbye::Stalled => "takes nothing of what waits for it",
        Goodbye::Silent => "nothing heard for 15 s",
        Goodbye::Replaced => "replaced by a newer link",
        Goodbye::Refused => "this server refused the handshake",
        Goodbye::TurnedAway => "the other side refused the handshake",
        Goodbye::Insecure => "not secured by TLS",
        Goodbye::NeverSecured => "not secured by TLS within 5 s",
        Goodbye::Stopping => "this server is stopping",
    }
}

fn refusal(why: Refusal) -> &'static str {
    match why {
        Refusal::NotAHandshake => "not a line of a handshake",
        Refusal::Version => "another version of the link protocol",
        Refusal::NotMe => "meant for a server of another name",
        Refusal::NotANeighbour => "not a neighbour of this server",
        Refusal::Role => "the other side is the one to be dialled",
        Refusal::Proof => "the other side does not hold the herd's secret",
        Refusal::Certificate => "the other side showed no certificate of this neighbour's",
        Refusal::TimedOut => "no handshake within 5 s",
        Refusal::TooMany => "too many handshakes under way",
    }
}

/// A duration in seconds, to the microsecond.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6} s", self.0.as_secs_f64())
    }
}
