//! Why something that was asked for was not done.

use core::time::Duration;

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
            // PostgreSQL's classes 08 (connection), 53 (resources) and 57P (shut down, starting up), what
            // it gave up for its time-out (57014) or to untie a knot (40), and SQLITE_BUSY, SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN in the low byte of the code.
            sqlx::Error::Database(error) => error.code().is_some_and(|code| {
                code.starts_with("08")
                    || code.starts_with("53")
                    || code.starts_with("57P")
                    || code.starts_with("40")
                    || code == "57014"
                    || code.parse().is_ok_and(|code: u32| matches!(code & 0xff, 5 | 10 | 13 | 14))
                        && code.len() < 5
            }),
            _ => false,
        };
        if is_away { Self::Unavailable(error) } else { Self::Internal(error) }
    }
}
