//! Lines in the order in which a connection sends them, built before they are needed.
//!
//! ```text
//! IAMAT walker-0000007 +… 1520….918963997\nWHATSAT walker-0000002 10 5\nIAMAT …
//! ^ lines[0].start                         ^ lines[1].start             ^ lines[2].start
//! ```
//!
//! A connection goes round and round: it writes straight from here, and compares replies with what lies
//! here. A fresh report differs from the one before in its time stamp only, which is written in place.

use crate::clock;
use crate::plan::{Plan, Protocol};
use crate::population::{Draw, place, write_location, write_name};
use core::ops::Range;
use std::io::Write as _;

/// The lines of one connection; at least one.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    bytes: Vec<u8>,
    lines: Vec<Line>,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    start: usize,
    client: u32,
    kind: Kind,
}

/// What a line asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Report,
    Whatsat,
}

/// Time stamps of which none comes twice, near the wall clock.
#[derive(Debug)]
pub(crate) struct Stamps {
    last: u64,
}

impl Stamps {
    pub(crate) fn new() -> Self {
        Self { last: clock::wall_nanos() }
    }

    /// The last one given, in nanoseconds since 1970.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    fn catch_up(&mut self) {
        self.last = self.last.max(clock::wall_nanos());
    }

    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

/// How many bytes a time stamp has: ten digits, a point, nine digits.
const STAMP: usize = 20;

impl Lines {
    /// Reports of these clients, one each.
    pub(crate) fn reports(
        clients: impl Iterator<Item = u32>,
        protocol: Protocol,
        stamp: u64,
    ) -> Self {
        let mut lines = Self::default();
        for client in clients {
            lines.report(client, protocol, stamp);
        }
        lines
    }

    /// Goes through all of `clients` again and again, or draws from all clients where there are none, until
    /// there are `least` lines, with WHATSATs in between.
    pub(crate) fn mixed(
        clients: &[u32],
        draw: &Draw,
        least: usize,
        plan: &Plan,
        stamp: u64,
        random: &mut fastrand::Rng,
    ) -> Self {
        let mut lines = Self::default();
        let mut whatsats = random.f64();
        let mut own = clients.iter().cycle();
        let least = least.max(clients.len());
        while lines.len() < least {
            whatsats += plan.whatsat;
            if whatsats >= 1.0 {
                whatsats -= 1.0;
                lines.whatsat(draw.next(random), plan);
            } else {
                let client = own.next().copied().unwrap_or_else(|| draw.next(random));
                lines.report(client, plan.protocol, stamp);
            }
        }
        lines
    }

    fn report(&mut self, client: u32, protocol: Protocol, stamp: u64) {
        self.lines.push(Line { start: self.bytes.len(), client, kind: Kind::Report });
        let out = &mut self.bytes;
        match protocol {
            Protocol::Herd | Protocol::Echo => {
                out.extend_from_slice(b"IAMAT ");
                write_name(client, out);
                out.push(b' ');
                write_location(client, out);
                out.push(b' ');
                out.extend_from_slice(&stamp_text(stamp));
                out.push(b'\n');
            }
            Protocol::RedisSet => {
                let (mut name, mut location) = (Vec::new(), Vec::new());
                write_name(client, &mut name);
                write_location(client, &mut location);
                write_redis(&[b"SET", &name, &location], out);
            }
            Protocol::RedisGeoadd => {
                let mut name = Vec::new();
                write_name(client, &mut name);
                let (latitude, longitude) = place(client);
                let (latitude, longitude) = (latitude.to_string(), longitude.to_string());
                let command =
                    [&b"GEOADD"[..], b"clients", longitude.as_bytes(), latitude.as_bytes(), &name];
                write_redis(&command, out);
            }
        }
    }

    fn whatsat(&mut self, client: u32, plan: &Plan) {
        self.lines.push(Line { start: self.bytes.len(), client, kind: Kind::Whatsat });
        self.bytes.extend_from_slice(b"WHATSAT ");
        write_name(client, &mut self.bytes);
        // Writing to a vector does not fail.
        let _ = writeln!(self.bytes, " {} {}", plan.question.radius_km, plan.question.bound);
    }

    /// How many lines there are.
    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// The bytes of these lines, and where they are.
    pub(crate) fn span(&self, lines: Range<usize>) -> Range<usize> {
        self.start(lines.start)..self.start(lines.end)
    }

    /// These bytes.
    pub(crate) fn bytes(&self, span: Range<usize>) -> &[u8] {
        &self.bytes[span]
    }

    /// A line with its end.
    pub(crate) fn line(&self, at: usize) -> &[u8] {
        &self.bytes[self.span(at..at + 1)]
    }

    /// Whom a line is about.
    pub(crate) fn client(&self, at: usize) -> u32 {
        self.lines[at].client
    }

    /// What a line asks.
    pub(crate) fn kind(&self, at: usize) -> Kind {
        self.lines[at].kind
    }

    /// Gives these reports new time stamps.
    pub(crate) fn stamp(&mut self, lines: Range<usize>, stamps: &mut Stamps) {
        stamps.catch_up();
        for at in lines {
            if self.lines[at].kind == Kind::Report {
                let end = self.start(at + 1) - 1;
                self.bytes[end - STAMP..end].copy_from_slice(&stamp_text(stamps.next()));
            }
        }
    }

    fn start(&self, at: usize) -> usize {
        self.lines.get(at).map_or(self.bytes.len(), |line| line.start)
    }
}

/// Nanoseconds as seconds with nine decimals.
fn stamp_text(nanos: u64) -> [u8; STAMP] {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(nanos).as_bytes();
    let (seconds, decimals) = digits.split_at(10);
    let mut text = [b'.'; STAMP];
    text[..10].copy_from_slice(seconds);
    text[11..].copy_from_slice(decimals);
    text
}

/// Appends a command as Redis takes it.
fn write_redis(command: &[&[u8]], out: &mut Vec<u8>) {
    // Writing to a vector does not fail.
    let _ = write!(out, "*{}\r\n", command.len());
    for word in command {
        let _ = write!(out, "${}\r\n", word.len());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Distribution;

    const STAMP: u64 = 1_520_023_934_918_963_997;

    fn text(lines: &Lines) -> Vec<String> {
        let line = |at| String::from_utf8(lines.line(at).to_vec()).unwrap();
        (0..lines.len()).map(line).collect()
    }

    #[test]
    fn a_report_is_an_iamat() {
        let lines = Lines::reports([7, 8].into_iter(), Protocol::Herd, STAMP);

        let text = text(&lines);
        assert!(text[0].starts_with("IAMAT walker-0000007 "), "{text:?}");
        assert!(text[1].ends_with(" 1520023934.918963997\n"), "{text:?}");
    }

    #[test]
    fn a_new_stamp_is_later_than_any_before() {
        let mut lines = Lines::reports([7, 8].into_iter(), Protocol::Herd, STAMP);

        lines.stamp(0..2, &mut Stamps { last: 9_000_000_000_999_999_999 });

        let text = text(&lines);
        assert!(text[0].ends_with(" 9000000001.000000000\n"), "{text:?}");
        assert!(text[1].ends_with(" 9000000001.000000001\n"), "{text:?}");
    }

    #[test]
    fn one_line_in_four_is_a_whatsat_where_that_is_asked_for() {
        let plan = Plan { whatsat: 0.25, ..Plan::new(Vec::new()) };
        let draw = Draw::new(10, Distribution::Uniform);
        let mut random = fastrand::Rng::with_seed(7);

        let lines = Lines::mixed(&[1, 2, 3], &draw, 100, &plan, STAMP, &mut random);

        let whatsats = text(&lines).iter().filter(|line| line.starts_with("WHATSAT ")).count();
        assert_eq!((lines.len(), whatsats), (100, 25));
        assert!(text(&lines).iter().any(|line| line.ends_with(" 10 5\n")));
    }

    #[test]
    fn redis_is_told_the_length_of_every_word() {
        let lines = Lines::reports([7].into_iter(), Protocol::RedisSet, STAMP);

        let text = text(&lines);
        assert!(
            text[0].starts_with("*3\r\n$3\r\nSET\r\n$14\r\nwalker-0000007\r\n$21\r\n"),
            "{text:?}"
        );
    }
}
