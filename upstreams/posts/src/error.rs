//! Why something that was asked for was not done.

use core::time::Duration;

/// How long a client is asked to wait for a database that is away.
const RETRY_UNAVAILABLE: Duration = Duration::from_secs(2);

/// Why something that was asked for was not done; nothing has changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was asked for is not well formed or beyond a limit. Says what, for whoever asked.
    #[error("{0}")]
    Invalid(String),
    /// Nobody is logged in, or no longer.
    #[error("log in first")]
    Unauthenticated,
    /// The name or the password is wrong; which of them is not said.
    #[error("the name or the password is wrong")]
    WrongPassword,
    /// Who asked may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// There is no such thing, or it is hidden from who asked: which of them is not said.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// Somebody was there first.
    #[error("{0}")]
    Conflict(String),
    /// Too many attempts.
    #[error("too many attempts: try again in {} s", .retry_after.as_secs().max(1))]
    TooMany {
        /// How long to wait.
        retry_after: Duration,
    },
    /// More people than this server has time for ask for the same.
    #[error("too many ask for this at the moment: try again in {} s", .retry_after.as_secs().max(1))]
    Busy {
        /// How long to wait.
        retry_after: Duration,
    },
    /// It took longer than a request may.
    #[error("this took too long, try again later")]
    TimedOut,
    /// The database did not answer, or not in time.
    #[error("the database is not available, try again later")]
    Unavailable(#[source] sqlx::Error),
    /// The database refused what it should have taken: a fault of this program.
    #[error("something went wrong here")]
    Internal(#[source] sqlx::Error),
}

impl Error {
    /// The kind of error as a word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "INVALID",
            Self::Unauthenticated | Self::WrongPassword => "UNAUTHENTICATED",
            Self::Forbidden(_) => "FORBIDDEN",
            Self::NotFound(_) => "NOT_FOUND",
            Self::Conflict(_) => "CONFLICT",
            Self::TooMany { .. } => "TOO_MANY",
            Self::Busy { .. } | Self::TimedOut | Self::Unavailable(_) => "UNAVAILABLE",
            Self::Internal(_) => "INTERNAL",
        }
    }

    /// With what the database said, which is for the operator and not for whoever asked.
    pub(crate) fn in_full(&self) -> String {
        match core::error::Error::source(self) {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        }
    }

    /// How long whoever asked is to wait before they ask again, where that helps.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooMany { retry_after } | Self::Busy { retry_after } => Some(*retry_after),
            Self::TimedOut | Self::Unavailable(_) => Some(RETRY_UNAVAILABLE),
            Self::Invalid(_)
            | Self::Unauthenticated
            | Self::WrongPassword
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::Conflict(_)
            | Self::Internal(_) => None,
        }
    }

    /// The HTTP status of an answer that is this error and nothing else.
    pub fn status(&self) -> u16 {
        match self {
            Self::Invalid(_) => 400,
            Self::Unauthenticated | Self::WrongPassword => 401,
            Self::Forbidden(_) => 403,
            Self::NotFound(_) => 404,
            Self::Conflict(_) => 409,
            Self::TooMany { .. } => 429,
            Self::Busy { .. } | Self::TimedOut | Self::Unavailable(_) => 503,
            Self::Internal(_) => 500,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the rest are faults of this program")]
        let is_away = match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => true,
            sqlx::Error::Database(error) => error.code().is_some_and(|code| is_passing(&code)),
            _ => false,
        };
        if is_away { Self::Unavailable(error) } else { Self::Internal(error) }
    }
}

/// Whether this code of a database says that it cannot do now what it can do at another time.
fn is_passing(code: &str) -> bool {
    // What SQLite says is in the low byte of a number.
    const SQLITE_READONLY: u32 = 8;
    // Busy, locked, no memory, interrupted, an error of input or output, no room, cannot be opened.
    const SQLITE: [u32; 7] = [5, 6, 7, 9, 10, 13, 14];
    // A transaction that may only read, as on a server that stands by.
    const POSTGRES_READ_ONLY: &str = "25006";
    // The connection, resources, shut down or starting up, given up to untie a knot.
    const POSTGRES_CLASSES: [&str; 4] = ["08", "53", "57P", "40"];
    // Given up for its time-out.
    const POSTGRES_CANCELED: &str = "57014";

    let sqlite = code.parse().ok().filter(|_| code.len() < 5).map(|code: u32| code & 0xff);
    if code == POSTGRES_READ_ONLY || sqlite == Some(SQLITE_READONLY) {
        crate::read_only::note();
        return true;
    }
    sqlite.is_some_and(|code| SQLITE.contains(&code))
        || code == POSTGRES_CANCELED
        || POSTGRES_CLASSES.iter().any(|class| code.starts_with(class))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_from_what_is_wrong_here() {
        // SQLITE_IOERR_WRITE has more than the low byte.
        for passing in [
            "5", "6", "7", "8", "9", "10", "778", "13", "14", "25006", "08006", "57P01", "40001",
            "53300",
        ] {
            assert!(is_passing(passing), "{passing}");
        }
        for wrong in ["1", "11", "19", "23505", "42P01", "22021", "25001"] {
            assert!(!is_passing(wrong), "{wrong}");
        }
    }
}
