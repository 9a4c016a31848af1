//! Why a client got no proper answer, in words that add up in a table.

use std::borrow::Cow;

/// Why a client got no proper answer. Failures of one kind have the same text.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failure(Cow<'static, str>);

impl Failure {
    /// The other side ended the connection before it answered.
    pub(crate) const CLOSED: Self = Self(Cow::Borrowed("closed"));
    /// No connection came about.
    pub(crate) const NOT_CONNECTED: Self = Self(Cow::Borrowed("not connected"));
    /// The answer did not come within [`crate::drive::PATIENCE`].
    pub(crate) const TIMED_OUT: Self = Self(Cow::Borrowed("timed out"));

    /// Another kind.
    pub(crate) fn new(kind: impl Into<Cow<'static, str>>) -> Self {
        Self(kind.into())
    }
}
