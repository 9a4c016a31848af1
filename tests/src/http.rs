//! What the stub upstream is asked and what it may do about it.

use core::time::Duration;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// How many requests came before it.
    pub nth: usize,
    /// The head, byte for byte, up to and with the empty line.
    pub head: String,
    /// What follows it, as long as its `Content-Length` says.
    pub body: Vec<u8>,
}

impl Request {
    /// The first line, without its line end.
    pub fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// The path and the query.
    pub fn target(&self) -> &str {
        self.line().split(' ').nth(1).unwrap_or_default()
    }

    /// The header fields in their order, as `name: value` with the name in lower case.
    pub fn fields(&self) -> Vec<String> {
        self.head.lines().skip(1).filter_map(field).collect()
    }
}

pub(crate) fn field(line: &str) -> Option<String> {
    let (name, value) = line.split_once(':')?;
    Some(format!("{}: {}", name.to_ascii_lowercase(), value.trim()))
}

/// What the stub upstream does about a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Status 200 and this body, its length announced.
    Body(Vec<u8>),
    /// This status and this body.
    Status(u16, Vec<u8>),
    /// Status 302, to this address.
    Redirect(String),
    /// These bytes and nothing else, then the end of the connection.
    Raw(Vec<u8>),
    /// These bytes, then silence.
    Stuck(Vec<u8>),
    /// These bytes, then a space after each such time, for ever.
    Trickle(Vec<u8>, Duration),
    /// A body of unknown length that does not end.
    Endless,
    /// Another answer, once the gate is open.
    Held(Gate, Box<Self>),
    /// Another answer, after this time.
    Late(Duration, Box<Self>),
}

impl Answer {
    /// Status 200 and this body.
    pub fn body(body: impl Into<Vec<u8>>) -> Self {
        Self::Body(body.into())
    }

    /// This answer, once `gate` is open.
    #[must_use]
    pub fn held(self, gate: &Gate) -> Self {
        Self::Held(gate.clone(), Box::new(self))
    }

    /// This answer, after `wait`.
    #[must_use]
    pub fn late(self, wait: Duration) -> Self {
        Self::Late(wait, Box::new(self))
    }

    /// No answer at all.
    pub const fn silence() -> Self {
        Self::Stuck(Vec::new())
    }
}

/// Holds back whoever waits for it until it is opened.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    open: Arc<(Mutex<bool>, Condvar)>,
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets everybody through, now and later.
    pub fn open(&self) {
        let (open, changed) = &*self.open;
        *open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }

    /// Waits until the gate is open, `span` at most, and says whether it is.
    pub fn wait(&self, span: Duration) -> bool {
        let (open, changed) = &*self.open;
        let open = open.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = changed.wait_timeout_while(open, span, |open| !*open);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
