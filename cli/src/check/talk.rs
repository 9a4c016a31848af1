//! A connection with a server under test: what is sent on it, and what comes back within a time and a size.
//!
//! A server may send without end, a byte now and then, or nothing: every wait has a deadline, and no answer may be
//! longer than the longest that a case can expect.

use super::mismatch::{Got, quoted};
use crate::wire::Wire;
use core::time::Duration;
use std::io;
use std::time::Instant;

/// How long a server may take to answer what it can answer by itself.
const ANSWER: Duration = Duration::from_secs(5);
/// How long it may take where it asks a provider: longer than a server's own patience with that.
const LOOKUP: Duration = Duration::from_secs(15);
/// How long bytes that nobody asked for are waited for, where a server need not answer anything more.
const EXTRA: Duration = Duration::from_millis(300);
/// The longest line: one with all of a provider's answer in it.
const LINE_BYTES: usize = 1 << 20;
/// The longest answer, of several lines.
pub(super) const ANSWER_BYTES: usize = 4 << 20;

/// A connection.
pub(super) struct Talk {
    wire: Wire,
    received: Received,
    /// The letter of the server it is with.
    pub(super) on: char,
    /// Whether our half is ended.
    ended: bool,
    /// Whether theirs is.
    closed: bool,
    /// When the answer that is waited for must be there.
    deadline: Instant,
}

/// A line, and whether it had an end of its own.
pub(super) enum Line {
    Whole(Vec<u8>),
    /// What came before the connection ended.
    CutOff(Vec<u8>),
}

impl Talk {
    pub(super) fn new(wire: Wire, on: char) -> Self {
        let deadline = now() + ANSWER;
        Self { wire, received: Received::default(), on, ended: false, closed: false, deadline }
    }

    /// Sends bytes, `cut` at a time.
    pub(super) fn send(&self, bytes: &[u8], cut: usize) -> io::Result<()> {
        self.wire.set_write_patience(ANSWER)?;
        bytes.chunks(cut.max(1)).try_for_each(|piece| self.wire.send(piece))
    }

    /// Ends our half.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.ended = true;
        self.wire.finish()
    }

    pub(super) fn is_ended(&self) -> bool {
        self.ended
    }

    /// The time for the next answer begins now; `asks` says whether a provider is asked for it.
    pub(super) fn wait_anew(&mut self, asks: bool) {
        self.deadline = now() + if asks { LOOKUP } else { ANSWER };
    }

    /// The next line.
    pub(super) fn line(&mut self) -> Result<Line, Got> {
        loop {
            if let Some(line) = self.received.line() {
                return Ok(Line::Whole(line));
            }
            if self.closed {
                return Ok(Line::CutOff(self.received.rest()));
            }
            if self.received.len() > LINE_BYTES {
                let begun = quoted(self.received.peek());
                return Err(Got::hopeless(format!(
                    "{LINE_BYTES} bytes without a line end: {begun}"
                )));
            }
            self.receive()?;
        }
    }

    /// All that comes until the connection ends.
    pub(super) fn read_to_end(&mut self) -> Result<Vec<u8>, Got> {
        while !self.closed {
            if self.received.len() > ANSWER_BYTES {
                let begun = quoted(self.received.peek());
                return Err(Got::hopeless(format!("{ANSWER_BYTES} bytes and no end: {begun}")));
            }
            self.receive()?;
        }
        Ok(self.received.rest())
    }

    /// Makes sure that the connection ends, and that nothing comes before.
    pub(super) fn expect_end(&mut self) -> Result<(), Got> {
        while self.received.is_empty() && !self.closed {
            self.receive()?;
        }
        if self.received.is_empty() { Ok(()) } else { Err(Got::bytes(self.received.peek())) }
    }

    /// Makes sure that nothing comes for a while, whether or not the connection ends.
    pub(super) fn expect_nothing(&mut self) -> Result<(), Got> {
        self.deadline = now() + EXTRA;
        match self.expect_end() {
            Err(got) if got.is_hopeless => Ok(()),
            other => other,
        }
    }

    /// Whether bytes come before `patience` is over.
    pub(super) fn answers_within(&mut self, patience: Duration) -> bool {
        self.deadline = now() + patience;
        while self.received.is_empty() && !self.closed {
            if self.receive().is_err() {
                return false;
            }
        }
        !self.received.is_empty()
    }

    /// Whether the server ends the connection after an answer, without being asked to.
    pub(super) fn is_closed_by_server(&mut self) -> bool {
        self.deadline = now() + EXTRA;
        while !self.closed && self.received.len() <= LINE_BYTES {
            if self.receive().is_err() {
                break;
            }
        }
        self.closed
    }

    /// Waits for more bytes or the end.
    fn receive(&mut self) -> Result<(), Got> {
        let left = self.deadline.saturating_duration_since(now());
        let outcome = if left.is_zero() {
            Err(io::ErrorKind::TimedOut.into())
        } else {
            self.wire.receive_within(left, self.received.end())
        };
        match outcome {
            Ok(more) => {
                self.closed = !more;
                Ok(())
            }
            Err(error) if is_time_out(&error) => Err(Got::hopeless(if self.received.is_empty() {
                b"nothing in time".to_vec()
            } else {
                [b"nothing more in time, after ", quoted(self.received.peek()).as_bytes()].concat()
            })),
            Err(error) if self.received.is_empty() => Err(Got::words(error.to_string())),
            Err(error) => {
                Err(Got::words(format!("{error}, after {}", quoted(self.received.peek()))))
            }
        }
    }
}

/// Bytes that came, and how far they have been looked at: each is looked at once.
#[derive(Default)]
struct Received {
    bytes: Vec<u8>,
    /// Where what was not taken yet begins.
    begin: usize,
    /// There is no line end from `begin` up to here.
    scanned: usize,
}

impl Received {
    fn line(&mut self) -> Option<Vec<u8>> {
        let Some(at) = self.bytes[self.scanned..].iter().position(|byte| *byte == b'\n') else {
            self.scanned = self.bytes.len();
            return None;
        };
        let end = self.scanned + at;
        let line = self.bytes[self.begin..end].to_vec();
        (self.begin, self.scanned) = (end + 1, end + 1);
        Some(line)
    }

    /// What is left, which is taken.
    fn rest(&mut self) -> Vec<u8> {
        let rest = self.bytes.split_off(self.begin);
        *self = Self::default();
        rest
    }

    fn peek(&self) -> &[u8] {
        &self.bytes[self.begin..]
    }

    fn len(&self) -> usize {
        self.bytes.len() - self.begin
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where more is to be appended.
    fn end(&mut self) -> &mut Vec<u8> {
        if self.begin > LINE_BYTES || self.is_empty() {
            self.bytes.drain(..self.begin);
            self.scanned -= self.begin;
            self.begin = 0;
        }
        &mut self.bytes
    }
}

fn is_time_out(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

#[expect(clippy::disallowed_methods, reason = "a client reads the clock of its own")]
pub(super) fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_out_of_what_comes_however_it_comes() {
        let mut received = Received::default();
        let mut lines = Vec::new();
        for byte in b"one\n\ntwo\nrest" {
            received.end().push(*byte);
            lines.extend(received.line());
        }

        assert_eq!(lines, [&b"one"[..], b"", b"two"]);
        assert_eq!(received.rest(), b"rest");
        assert!(received.is_empty() && received.line().is_none());
    }
}
