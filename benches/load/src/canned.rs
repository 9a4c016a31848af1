//! Replies that are right and cost next to nothing, for a server that has none of its own.

use std::sync::{Mutex, PoisonError};

/// What a server answers that holds one record, and one answer for everybody who asks.
#[derive(Debug)]
pub struct Canned {
    /// The `AT` line of the newest report.
    record: Mutex<Vec<u8>>,
    answer: Vec<u8>,
}

impl Canned {
    /// `answer` follows the record where a WHATSAT is answered, line ends and all.
    pub fn new(answer: Vec<u8>) -> Self {
        Self { record: Mutex::default(), answer }
    }

    /// The reply to `line`, if that is an IAMAT, which is kept. Every other line is a WHATSAT, for [`Canned::answer`].
    pub fn report(&self, line: &[u8]) -> Option<Vec<u8>> {
        let record = [b"AT Hill +0.000000000 ", line.strip_prefix(b"IAMAT ")?].concat();
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&record);
        Some(record)
    }

    /// The reply to a WHATSAT.
    pub fn answer(&self) -> Vec<u8> {
        let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        [record.as_slice(), &self.answer].concat()
    }
}
