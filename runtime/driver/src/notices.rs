//! What the core has to say, as lines of the log.

use core::fmt;
use core::time::Duration;

use crate::host::rations::Kind;
use herd_core::{ConnId, Goodbye, Notice, PeerId, Refusal};

/// A notice in words.
pub(crate) struct Text<'a> {
    pub(crate) notice: &'a Notice,
    /// The connection's number and who is at its other end.
    pub(crate) who: Option<(u64, &'a str)>,
    /// The name of the neighbour it is about.
    pub(crate) neighbour: Option<&'a str>,
    /// The name of this server.
    pub(crate) server: &'a str,
    /// The addresses of the two servers that have one name.
    pub(crate) namesakes: Option<[&'a str; 2]>,
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
        | Notice::TooOld { conn }
        | Notice::NoRoom { conn }
        | Notice::LookupDone { conn, .. }
        | Notice::OwnNameTwice { conn, .. }
        | Notice::LookupAbandoned { conn, .. } => Some(*conn),
        Notice::DialFailed { .. } | Notice::NameTwice { .. } | Notice::Forgotten { .. } => None,
    }
}

/// The neighbour that a notice is about.
pub(crate) fn neighbour(notice: &Notice) -> Option<PeerId> {
    match notice {
        Notice::DialFailed { peer, .. }
        | Notice::LinkUp { peer, .. }
        | Notice::LinkDown { peer, .. }
        | Notice::NameTwice { peer, .. }
        | Notice::OwnNameTwice { peer, .. } => Some(*peer),
        Notice::Opened { .. }
        | Notice::Secured { .. }
        | Notice::Closed { .. }
        | Notice::LinkRefused { .. }
        | Notice::Dropped { .. }
        | Notice::Ahead { .. }
        | Notice::TooOld { .. }
        | Notice::NoRoom { .. }
        | Notice::LookupDone { .. }
        | Notice::LookupAbandoned { .. }
        | Notice::Forgotten { .. } => None,
    }
}

/// What a notice counts as where clients can bring it about as often as they like.
pub(crate) fn kind(notice: &Notice) -> Option<Kind> {
    let of_a_client = |what| Some(Kind { what, limit: 100 });
    let of_a_lookup = |what| Some(Kind { what, limit: 1000 });
    match notice {
        Notice::Opened { .. } => of_a_client("connected"),
        Notice::Secured { .. } => of_a_client("secured by TLS"),
        Notice::Closed { .. } => of_a_client("closed"),
        Notice::LinkRefused { .. } => of_a_client("link refused"),
        Notice::Dropped { .. } => of_a_client("line dropped"),
        Notice::Ahead { .. } => of_a_client(AHEAD),
        Notice::TooOld { .. } => of_a_client(TOO_OLD),
        Notice::NoRoom { .. } => of_a_client(NO_ROOM),
        Notice::LookupDone { .. } => of_a_lookup("lookup answered"),
        Notice::LookupAbandoned { .. } => of_a_lookup("lookup abandoned"),
        Notice::NameTwice { .. }
        | Notice::OwnNameTwice { .. }
        | Notice::DialFailed { .. }
        | Notice::LinkUp { .. }
        | Notice::LinkDown { .. }
        | Notice::Forgotten { .. } => None,
    }
}

/// What a connection counts as that could not be secured.
pub(crate) const NOT_SECURED: Kind = Kind { what: "TLS", limit: 100 };

const AHEAD: &str = "report not kept: stamped too far ahead of this clock";
const TOO_OLD: &str = "report not kept: stamped further back than records are kept";
const NO_ROOM: &str = "report not kept: the table is full of later ones";

/// How much a notice matters: what a wrong configuration brings about is a warning.
pub(crate) fn level(notice: &Notice) -> log::Level {
    if matches!(notice, Notice::NameTwice { .. } | Notice::OwnNameTwice { .. }) {
        return log::Level::Warn;
    }
    let Notice::LinkRefused { why, .. } = notice else { return log::Level::Info };
    match why {
        Refusal::Version
        | Refusal::NotMe
        | Refusal::NotANeighbour
        | Refusal::Role
        | Refusal::Certificate
        | Refusal::Proof => log::Level::Warn,
        Refusal::NotAHandshake | Refusal::TimedOut | Refusal::TooMany | Refusal::Taken => {
            log::Level::Info
        }
    }
}

/// Whether strangers can bring it about, as often as they like.
pub(crate) fn is_by_strangers(notice: &Notice) -> bool {
    matches!(notice, Notice::LinkRefused { .. })
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
            Notice::NameTwice { .. } => {
                let [one, other] = self.namesakes.unwrap_or(["?"; 2]);
                write!(f, "two servers call themselves {neighbour}: {one} and {other}")
            }
            Notice::OwnNameTwice { address, .. } => write!(
                f,
                "two servers call themselves {}: this one, and one at {address} that has a link with {neighbour}",
                self.server
            ),
            Notice::LinkRefused { why, .. } => write!(f, "link refused: {}", refusal(*why)),
            Notice::Dropped { why, .. } => write!(f, "line dropped: {why:?}"),
            Notice::Ahead { .. } => f.write_str(AHEAD),
            Notice::TooOld { .. } => f.write_str(TOO_OLD),
            Notice::NoRoom { .. } => f.write_str(NO_ROOM),
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
        Goodbye::Unread => {
            "does not take its answers, and there is no room for more of all clients'"
        }
        Goodbye::Silent => "nothing heard for 15 s",
        Goodbye::Replaced => "replaced by a newer link",
        Goodbye::Refused => "this server refused the handshake",
        Goodbye::TurnedAway => "the other side refused the handshake",
        Goodbye::Insecure => "not secured by TLS",
        Goodbye::NeverSecured => "not secured by TLS within 5 s",
        Goodbye::Http => "it speaks HTTP",
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
        Refusal::Taken => "another server of the same name has a link",
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
