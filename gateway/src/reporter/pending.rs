//! Reports that wait for their answers.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// A report that waits for its answer.
#[derive(Debug)]
pub(super) struct Pending {
    /// `IAMAT ...`, without its line feed.
    pub(super) line: String,
    pub(super) answer: oneshot::Sender<Answer>,
    /// Given back when the last report of the request has its answer.
    pub(super) _places: Arc<OwnedSemaphorePermit>,
}

/// What a server has answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// `AT`: this server has heard the report, and has said so by this line.
    Heard(Arc<str>, Box<[u8]>),
    /// `?`: no server will ever take it.
    Refused,
}
