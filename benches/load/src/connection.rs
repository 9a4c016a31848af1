//! One connection: lines out of what was built, replies in, in the same order.

use crate::lines::{Lines, Stamps};
use crate::outcome::Tally;
use crate::pace::Schedule;
use crate::reply::{Checker, Found, Verdict};
use core::ops::Range;
use core::time::Duration;
use mio::net::TcpStream;
use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};

/// A connection to a server.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    /// Which server it goes to.
    pub(crate) server: usize,
    lines: Lines,
    /// The line to send next.
    next: usize,
    /// The line that the next reply belongs to.
    oldest: usize,
    /// How many lines were sent and not answered.
    pub(crate) in_flight: u32,
    /// How many lines were answered since they were set.
    answered: u64,
    /// What the system has not taken yet of the lines sent.
    unwritten: Range<usize>,
    /// When lines were sent, and how many together.
    batches: VecDeque<(Duration, u32)>,
    /// The beginning of a reply.
    part: Vec<u8>,
    /// Since when it waits for an answer, if it does.
    pub(crate) waits_since: Duration,
}

/// What replies are measured by.
pub(crate) struct Measure<'a> {
    /// When the lines of this connection were due; in a closed loop that is when they are sent.
    pub(crate) turns: Option<Turns<'a>>,
    /// Lines that were due earlier are not measured.
    pub(crate) from: Duration,
    /// Replies that come now count.
    pub(crate) counts: bool,
}

/// The lines of a schedule that are one connection's: this one, and every so manyth after it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turns<'a> {
    pub(crate) schedule: &'a Schedule,
    pub(crate) first: u64,
    pub(crate) every: u64,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, server: usize) -> Self {
        Self {
            stream,
            server,
            lines: Lines::default(),
            next: 0,
            oldest: 0,
            in_flight: 0,
            answered: 0,
            unwritten: 0..0,
            batches: VecDeque::new(),
            part: Vec::new(),
            waits_since: Duration::ZERO,
        }
    }

    /// Sends these lines from now on. None may be in flight.
    pub(crate) fn set_lines(&mut self, lines: Lines) {
        debug_assert_eq!(self.in_flight, 0, "a reply is checked against the line it answers");
        self.lines = lines;
        (self.next, self.oldest, self.unwritten) = (0, 0, 0..0);
        self.answered = 0;
    }

    /// How many lines there are before they begin again.
    pub(crate) fn round(&self) -> u64 {
        self.lines.len() as u64
    }

    /// Sends up to `most` lines, each with a stamp of its own if there are `stamps`, as far as the
    /// system takes them. What it was given is in flight, also where it fails.
    pub(crate) fn send(
        &mut self,
        most: u64,
        now: Duration,
        mut stamps: Option<&mut Stamps>,
    ) -> io::Result<()> {
        let mut sent = 0;
        while self.flush()? && sent < most {
            let left = self.lines.len() - self.next;
            let count = usize::try_from(most - sent).unwrap_or(usize::MAX).min(left);
            let lines = self.next..self.next + count;
            if let Some(stamps) = &mut stamps {
                self.lines.stamp(lines.clone(), stamps);
            }
            self.next = if count == left { 0 } else { lines.end };
            self.unwritten = self.lines.span(lines);
            let batch = u32::try_from(count).expect("fewer lines than can be in flight");
            if self.in_flight == 0 {
                self.waits_since = now;
            }
            self.in_flight += batch;
            self.batches.push_back((now, batch));
            sent += count as u64;
        }
        Ok(())
    }

    /// Writes what is left of the lines sent, and says whether nothing is left.
    fn flush(&mut self) -> io::Result<bool> {
        while !self.unwritten.is_empty() {
            match self.stream.write(self.lines.bytes(self.unwritten.clone())) {
                Ok(count) => self.unwritten.start += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Reads once into `buffer`; how many bytes there were, 0 at the end of input, or nothing yet.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            return match self.stream.read(buffer) {
                Ok(count) => Ok(Some(count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
        }
    }

    /// Checks the replies in what was read at `now`. An error is a reply that nothing asked for, or one without end.
    pub(crate) fn receive(
        &mut self,
        input: &[u8],
        now: Duration,
        checker: &mut Checker,
        measure: &Measure<'_>,
        tally: &mut Tally,
    ) -> Result<(), Unfit> {
        if self.part.is_empty() {
            let done = self.replies(input, now, checker, measure, tally)?;
            self.part.extend_from_slice(&input[done..]);
            return self.bounded();
        }
        let mut part = core::mem::take(&mut self.part);
        part.extend_from_slice(input);
        let done = self.replies(&part, now, checker, measure, tally)?;
        part.drain(..done);
        self.part = part;
        self.bounded()
    }

    /// Whether the reply that is not whole yet may still become one.
    fn bounded(&self) -> Result<(), Unfit> {
        if self.part.len() > REPLY_BYTES { Err(Unfit::TooLong) } else { Ok(()) }
    }

    /// Checks whole replies, and says how many bytes they were.
    fn replies(
        &mut self,
        input: &[u8],
        now: Duration,
        checker: &mut Checker,
        measure: &Measure<'_>,
        tally: &mut Tally,
    ) -> Result<usize, Unfit> {
        let mut done = 0;
        while done < input.len() {
            if self.in_flight == 0 {
                return Err(Unfit::Unasked);
            }
            let at = self.oldest;
            let Found::Reply(length, verdict) = checker.check(&input[done..], &self.lines, at)
            else {
                break;
            };
            match verdict {
                Verdict::Right => {}
                Verdict::Unprovided => tally.unprovided += 1,
                Verdict::Wrong => tally.wrong(self.lines.line(at), &input[done..done + length]),
            }
            let sent = self.retire();
            let due = measure.turns.map_or(sent, |turns| turns.due(self.answered));
            self.answered += 1;
            tally.answered += u64::from(measure.counts);
            if due >= measure.from {
                tally.took(self.lines.kind(at), now.saturating_sub(due));
            }
            done += length;
        }
        if done > 0 {
            self.waits_since = now;
        }
        Ok(done)
    }

    /// The oldest line has been answered. Says when it was sent.
    fn retire(&mut self) -> Duration {
        self.oldest = if self.oldest + 1 == self.lines.len() { 0 } else { self.oldest + 1 };
        self.in_flight -= 1;
        let batch = self.batches.front_mut().expect("a line in flight belongs to a batch");
        let sent = batch.0;
        batch.1 -= 1;
        if batch.1 == 0 {
            self.batches.pop_front();
        }
        sent
    }
}

impl Turns<'_> {
    fn due(&self, turn: u64) -> Duration {
        self.schedule.due(self.first + turn * self.every)
    }
}

/// The longest reply: more than any provider's answer that a server passes on.
const REPLY_BYTES: usize = 16 << 20;

/// Why a server is not listened to any more.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unfit {
    /// Bytes came that answer nothing.
    Unasked,
    /// A reply has no end.
    TooLong,
}

impl Unfit {
    /// The same in words.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Unasked => "sent what nobody had asked for",
            Self::TooLong => "sent more than 16 MiB without the end of a reply",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Protocol;
    use std::net::{Shutdown, TcpListener};

    const STAMP: u64 = 1_520_023_934_918_963_997;

    /// Whoever counts lines in flight takes off those of a connection that is lost.
    #[test]
    fn what_a_failed_write_was_given_is_in_flight() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut connection = Connection::new(TcpStream::from_std(stream), 0);
        connection.set_lines(Lines::reports(0..8, Protocol::Herd, STAMP));

        assert!(connection.send(5, Duration::ZERO, None).is_err());

        assert_eq!(connection.in_flight, 5);
    }
}
