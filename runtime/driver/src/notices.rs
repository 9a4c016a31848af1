//! What the core has to say, as lines of the log: how much it matters, and whose connection it is about.

use core::fmt;
use core::time::Duration;

use crate::host::rations::Kind;
use herd_core::{ConnId, Names, Notice, PeerId, Refusal};

/// A notice in words.
pub(crate) struct Text<'a> {
    pub(crate) notice: &'a Notice,
    /// The connection's number and who is at its other end.
    pub(crate) who: Option<(u64, &'a str)>,
    pub(crate) names: Names<'a>,
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
        | Notice::UpdateRefused { conn, .. }
        | Notice::Ahead { conn }
        | Notice::TooOld { conn }
        | Notice::NoRoom { conn }
        | Notice::LookupDone { conn, .. }
        | Notice::OwnNameTwice { conn, .. }
        | Notice::FollowerUp { conn, .. }
        | Notice::FollowerDown { conn, .. }
        | Notice::LookupAbandoned { conn, .. } => Some(*conn),
        Notice::DialFailed { .. }
        | Notice::Unlinked { .. }
        | Notice::NameTwice { .. }
        | Notice::Forgotten { .. } => None,
    }
}

/// The neighbour that a notice is about.
pub(crate) fn neighbour(notice: &Notice) -> Option<PeerId> {
    match notice {
        Notice::DialFailed { peer, .. }
        | Notice::Unlinked { peer, .. }
        | Notice::LinkUp { peer, .. }
        | Notice::LinkDown { peer, .. }
        | Notice::NameTwice { peer, .. }
        | Notice::OwnNameTwice { peer, .. } => Some(*peer),
        Notice::Opened { .. }
        | Notice::Secured { .. }
        | Notice::Closed { .. }
        | Notice::LinkRefused { .. }
        | Notice::FollowerUp { .. }
        | Notice::FollowerDown { .. }
        | Notice::Dropped { .. }
        | Notice::UpdateRefused { .. }
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
    let limit = match notice {
        Notice::Opened { .. }
        | Notice::Secured { .. }
        | Notice::Closed { .. }
        | Notice::LinkRefused { .. }
        | Notice::Dropped { .. }
        | Notice::UpdateRefused { .. }
        | Notice::Ahead { .. }
        | Notice::TooOld { .. }
        | Notice::NoRoom { .. } => 100,
        Notice::LookupDone { .. } | Notice::LookupAbandoned { .. } => 1000,
        Notice::NameTwice { .. }
        | Notice::OwnNameTwice { .. }
        | Notice::FollowerUp { .. }
        | Notice::FollowerDown { .. }
        | Notice::Unlinked { .. }
        | Notice::DialFailed { .. }
        | Notice::LinkUp { .. }
        | Notice::LinkDown { .. }
        | Notice::Forgotten { .. } => return None,
    };
    Some(Kind { what: notice.summary(), limit })
}

/// What a connection counts as that could not be secured.
pub(crate) const NOT_SECURED: Kind = Kind { what: "TLS", limit: 100 };

/// How much a notice matters: what a wrong configuration brings about is a warning.
pub(crate) fn level(notice: &Notice) -> log::Level {
    if matches!(notice, Notice::NameTwice { .. } | Notice::OwnNameTwice { .. }) {
        return log::Level::Warn;
    }
    // Of what is said ever more seldom one is a warning: a neighbour that is started again is not missed yet.
    if let Notice::DialFailed { down, .. } | Notice::Unlinked { down, .. } = notice
        && (A_MINUTE..10 * A_MINUTE).contains(down)
    {
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
        Refusal::NoFollowers | Refusal::TooManyFollowers => log::Level::Warn,
    }
}

/// Whether it is about a connection that did not become a link: of many attempts a log need not say it each time.
pub(crate) fn is_of_an_attempt(notice: &Notice) -> bool {
    matches!(
        notice,
        Notice::Opened { .. }
            | Notice::Secured { .. }
            | Notice::LinkRefused { .. }
            | Notice::Closed { .. }
    )
}

const A_MINUTE: Duration = Duration::from_secs(60);

/// Whether strangers can bring it about, as often as they like.
pub(crate) fn is_by_strangers(notice: &Notice) -> bool {
    matches!(notice, Notice::LinkRefused { .. })
}

/// Whether nothing more is read from its connection.
pub(crate) fn is_an_end(notice: &Notice) -> bool {
    matches!(notice, Notice::Closed { .. } | Notice::LinkDown { .. } | Notice::LinkRefused { .. })
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((number, peer)) = self.who {
            write!(f, "#{number} {peer} ")?;
        }
        self.notice.with(self.names).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(notice: &Notice) -> String {
        let names = Names {
            neighbour: Some("Smith"),
            address: Some("192.0.2.1:12101"),
            reason: Some("connection refused"),
            ..Names::default()
        };
        Text { notice, who: None, names }.to_string()
    }

    #[test]
    fn a_neighbour_that_cannot_be_reached_is_a_warning_once() {
        let peer = PeerId::at(0).unwrap();
        let failed = |seconds, attempts| Notice::DialFailed {
            peer,
            retry_in: Duration::from_millis(50),
            down: Duration::from_secs(seconds),
            attempts,
        };
        assert_eq!(
            text(&failed(0, 1)),
            "cannot reach Smith at 192.0.2.1:12101: connection refused, again in 0.050000 s"
        );
        assert_eq!(
            text(&failed(61, 40)),
            "cannot reach Smith at 192.0.2.1:12101: connection refused, 40 attempts in 61 s, again in 0.050000 s"
        );
        // The times are those at which the core says it.
        let levels = [0, 61, 601, 3600, 7201].map(|seconds| level(&failed(seconds, 9)));
        assert_eq!(levels.iter().filter(|level| **level == log::Level::Warn).count(), 1);
        let missed = Notice::Unlinked { peer, down: A_MINUTE, attempts: 0 };
        assert_eq!(
            (level(&missed), &*text(&missed)),
            (log::Level::Warn, "no link with Smith for 60 s")
        );
    }
}
