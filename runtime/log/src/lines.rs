//! Makes lines of the log out of what was said.

use crate::queue::{Entry, Kind};
use herd_core::{PROOF, Timestamp};
use std::collections::BTreeMap;
use std::io::Write;

/// Which way bytes went.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Direction {
    /// From the other end to this server.
    Received,
    /// From this server to the other end.
    Sent,
}

/// Lines that have begun, and the time of day.
#[derive(Debug)]
pub(super) struct Lines {
    partial: BTreeMap<(u64, Direction), Partial>,
    /// The sum of their lengths.
    partial_bytes: usize,
    stamp: Stamp,
    /// What the lines of an entry begin with: time, direction, connection, peer.
    head: Vec<u8>,
}

/// A line whose end has not come yet.
#[derive(Debug)]
struct Partial {
    peer: Box<str>,
    bytes: Vec<u8>,
}

/// A line is held until it is complete, up to this length,
const LINE_BYTES: usize = 64 << 10;
/// and up to this many bytes of all lines together.
const ALL_BYTES: usize = 8 << 20;

/// Bytes that are looked at together.
const BLOCK: usize = 16;

/// The line goes on below.
const GOES_ON: &[u8] = b"\\+";
/// Stands for what a handshake's proof is.
const HIDDEN: &[u8] = b"(hidden)";
/// What came next was dropped.
const CUT: &[u8] = b"\\-";

impl Lines {
    pub(super) fn new() -> Self {
        Self { partial: BTreeMap::new(), partial_bytes: 0, stamp: Stamp::new(), head: Vec::new() }
    }

    /// Appends the lines that an entry makes, or completes.
    pub(super) fn write(&mut self, entry: &Entry<'_>, out: &mut Vec<u8>) {
        match entry.kind {
            Kind::Received => self.bytes(entry, Direction::Received, out),
            Kind::Sent => self.bytes(entry, Direction::Sent, out),
            Kind::Answer => {
                let whole = entry.bytes.strip_suffix(b"\n").unwrap_or(entry.bytes);
                self.set_head(entry, Direction::Sent);
                self.line(&[whole], b"", out);
            }
            Kind::Event | Kind::MinorEvent => self.event(entry.at, b'*', entry.bytes, out),
            Kind::Warning | Kind::Error => self.event(entry.at, b'!', entry.bytes, out),
            Kind::Gone => self.gone(entry.connection, out),
        }
    }

    /// Appends that something happened.
    pub(super) fn event(&mut self, at: Timestamp, mark: u8, text: &[u8], out: &mut Vec<u8>) {
        self.stamp.write(at, out);
        out.extend_from_slice(&[b' ', mark, b' ']);
        escape(text, out);
        out.push(b'\n');
    }

    /// Ends all lines that have begun: what comes next does not belong to them.
    pub(super) fn cut(&mut self, at: Timestamp, out: &mut Vec<u8>) {
        self.end_all(at, CUT, out);
    }

    /// Ends all lines that have begun: nothing comes any more.
    pub(super) fn finish(&mut self, at: Timestamp, out: &mut Vec<u8>) {
        self.end_all(at, b"", out);
    }

    fn bytes(&mut self, entry: &Entry<'_>, direction: Direction, out: &mut Vec<u8>) {
        let key = (entry.connection, direction);
        let mut rest = entry.bytes;
        self.set_head(entry, direction);
        // What came before may have begun the first line.
        if !self.partial.is_empty()
            && let Some(end) = memchr::memchr(b'\n', rest)
            && let Some(begun) = self.take(key)
        {
            self.line(&[&begun.bytes, &rest[..end]], b"", out);
            rest = &rest[end + 1..];
        }
        let whole = memchr::memrchr(b'\n', rest).map_or(0, |end| end + 1);
        let (whole, rest) = rest.split_at(whole);
        self.whole_lines(whole, out);
        if rest.is_empty() {
            return;
        }
        let begun = self.partial.get(&key).map_or(0, |partial| partial.bytes.len());
        if begun + rest.len() > LINE_BYTES || self.partial_bytes + rest.len() > ALL_BYTES {
            let begun = self.take(key);
            let before = begun.as_ref().map_or(&b""[..], |partial| &partial.bytes);
            self.line(&[before, rest], GOES_ON, out);
            return;
        }
        let peer = || Partial { peer: entry.peer.into(), bytes: Vec::new() };
        self.partial.entry(key).or_insert_with(peer).bytes.extend_from_slice(rest);
        self.partial_bytes += rest.len();
    }

    fn take(&mut self, key: (u64, Direction)) -> Option<Partial> {
        let partial = self.partial.remove(&key)?;
        self.partial_bytes -= partial.bytes.len();
        Some(partial)
    }

    fn gone(&mut self, connection: u64, out: &mut Vec<u8>) {
        for direction in [Direction::Received, Direction::Sent] {
            if let Some(partial) = self.take((connection, direction)) {
                let at = self.stamp.at;
                self.set_head(&partial.entry(at, connection), direction);
                self.line(&[&partial.bytes], b"", out);
            }
        }
    }

    fn end_all(&mut self, at: Timestamp, marker: &[u8], out: &mut Vec<u8>) {
        for ((connection, direction), partial) in core::mem::take(&mut self.partial) {
            self.set_head(&partial.entry(at, connection), direction);
            self.line(&[&partial.bytes], marker, out);
        }
        self.partial_bytes = 0;
    }

    /// The lines that follow are of this time, connection and peer.
    fn set_head(&mut self, entry: &Entry<'_>, direction: Direction) {
        let head = &mut self.head;
        head.clear();
        self.stamp.write(entry.at, head);
        head.extend_from_slice(match direction {
            Direction::Received => b" < #",
            Direction::Sent => b" > #",
        });
        write_number(entry.connection, head);
        head.push(b' ');
        escape(entry.peer.as_bytes(), head);
        head.push(b' ');
    }

    /// Appends `lines`, each of which has its end.
    fn whole_lines(&self, lines: &[u8], out: &mut Vec<u8>) {
        // One look at all of them: few hold anything that is not written as it is.
        let is_odd = |byte: &u8| is_escaped(*byte) & (*byte != b'\n');
        let is_plain = !lines.iter().fold(false, |any, byte| any | is_odd(byte));
        let mut begin = 0;
        for end in memchr::memchr_iter(b'\n', lines) {
            if is_plain && !lines[begin..end].starts_with(PROOF) {
                out.extend_from_slice(&self.head);
                out.extend_from_slice(&lines[begin..=end]);
            } else {
                self.line(&[&lines[begin..end]], b"", out);
            }
            begin = end + 1;
        }
    }

    /// Appends one line, which came in `parts`, and `end`.
    fn line(&self, parts: &[&[u8]], end: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        if parts.iter().copied().flatten().take(PROOF.len()).eq(PROOF) {
            out.extend_from_slice(PROOF);
            out.extend_from_slice(HIDDEN);
        } else {
            for part in parts {
                escape(part, out);
            }
        }
        out.extend_from_slice(end);
        out.push(b'\n');
    }
}

impl Partial {
    fn entry(&self, at: Timestamp, connection: u64) -> Entry<'_> {
        Entry { kind: Kind::Gone, at, connection, peer: &self.peer, bytes: b"" }
    }
}

fn write_number(number: u64, out: &mut Vec<u8>) {
    write!(out, "{number}").expect("a vector takes everything");
}

/// Appends bytes so that they are printable, stay on their line, and can be told from each other.
fn escape(mut bytes: &[u8], out: &mut Vec<u8>) {
    while let Some(at) = first_escaped(bytes) {
        out.extend_from_slice(&bytes[..at]);
        match bytes[at] {
            b'\\' => out.extend_from_slice(b"\\\\"),
            byte => {
                let digit = |nibble: u8| b"0123456789ABCDEF"[usize::from(nibble)];
                out.extend_from_slice(&[b'\\', b'x', digit(byte >> 4), digit(byte & 15)]);
            }
        }
        bytes = &bytes[at + 1..];
    }
    out.extend_from_slice(bytes);
}

/// Where the first byte is that is not written as it is. Few lines have one.
fn first_escaped(bytes: &[u8]) -> Option<usize> {
    // All of a block, without a look at where in it: that is what vector instructions are for.
    let has_none = |block: &&[u8]| !block.iter().fold(false, |any, byte| any | is_escaped(*byte));
    let clear = bytes.chunks_exact(BLOCK).take_while(has_none).count() * BLOCK;
    let at = bytes[clear..].iter().position(|byte| is_escaped(*byte))?;
    Some(clear + at)
}

fn is_escaped(byte: u8) -> bool {
    !matches!(byte, b' '..=b'~') || byte == b'\\'
}

/// Writes times, and remembers the second it wrote last: the next line is mostly of the same one.
#[derive(Debug)]
struct Stamp {
    at: Timestamp,
    second: Option<i64>,
    /// `2026-11-21T02:40:00`
    text: String,
}

impl Stamp {
    fn new() -> Self {
        Self { at: Timestamp::default(), second: None, text: String::new() }
    }

    fn write(&mut self, at: Timestamp, out: &mut Vec<u8>) {
        let micros = at.nanos().div_euclid(1000);
        let (second, mut rest) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
        if self.second != Some(second) {
            self.text = jiff::Timestamp::from_second(second).unwrap_or_default().to_string();
            self.text.pop();
            self.second = Some(second);
        }
        self.at = at;
        out.extend_from_slice(self.text.as_bytes());
        let mut fraction = *b".000000Z";
        for digit in fraction[1..7].iter_mut().rev() {
            *digit += u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
        }
        out.extend_from_slice(&fraction);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21T02:40:00.123456789Z
    const AT: Timestamp = Timestamp::from_nanos(1_795_228_800_123_456_789);

    struct Log {
        lines: Lines,
        out: Vec<u8>,
    }

    impl Log {
        fn new() -> Self {
            Self { lines: Lines::new(), out: Vec::new() }
        }

        fn says(&mut self, kind: Kind, connection: u64, peer: &str, bytes: &[u8]) {
            self.lines.write(&Entry { kind, at: AT, connection, peer, bytes }, &mut self.out);
        }

        fn receives(&mut self, connection: u64, bytes: &str) {
            self.says(Kind::Received, connection, "peer", bytes.as_bytes());
        }

        /// What was written since the last question, without the time.
        fn wrote(&mut self) -> Vec<String> {
            let text = String::from_utf8(core::mem::take(&mut self.out)).unwrap();
            text.lines().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
        }
    }

    #[test]
    fn a_line_has_time_direction_connection_and_peer() {
        let mut log = Log::new();
        log.says(Kind::Received, 17, "127.0.0.1:54321", b"IAMAT kiwi\n");
        log.says(Kind::Sent, 2, "Jaquez", b"AT Hill\r\n");
        log.says(Kind::Event, 0, "", b"all is well");
        log.says(Kind::Warning, 0, "", b"not so well");

        assert_eq!(
            String::from_utf8(log.out).unwrap(),
            "2026-11-21T02:40:00.123456Z < #17 127.0.0.1:54321 IAMAT kiwi\n\
             2026-11-21T02:40:00.123456Z > #2 Jaquez AT Hill\\x0D\n\
             2026-11-21T02:40:00.123456Z * all is well\n\
             2026-11-21T02:40:00.123456Z ! not so well\n"
        );
    }

    #[test]
    fn times_before_1970_and_of_another_second_are_right() {
        let mut stamp = Stamp::new();
        let mut out = Vec::new();
        stamp.write(Timestamp::from_nanos(-1), &mut out);
        stamp.write(Timestamp::from_nanos(0), &mut out);
        stamp.write(Timestamp::from_nanos(i64::MAX), &mut out);

        let times =
            "1969-12-31T23:59:59.999999Z1970-01-01T00:00:00.000000Z2262-04-11T23:47:16.854775Z";
        assert_eq!(String::from_utf8(out).unwrap(), times);
    }

    #[test]
    fn a_proof_is_hidden_however_it_comes() {
        let line = "PROOF a5e1bb90";
        for at in 1..line.len() {
            let mut log = Log::new();
            log.receives(1, &line[..at]);
            log.receives(1, &line[at..]);
            log.receives(1, "\nMARK 1\n");
            assert_eq!(log.wrote(), ["< #1 peer PROOF (hidden)", "< #1 peer MARK 1"], "at {at}");
        }
        let mut log = Log::new();
        log.says(Kind::Sent, 1, "peer", b"PROOF a5e1bb90\n");
        log.receives(1, "PROOF a5e1");
        log.says(Kind::Gone, 1, "", b"");
        log.receives(1, "PROOFS\n");
        let hidden = ["> #1 peer PROOF (hidden)", "< #1 peer PROOF (hidden)", "< #1 peer PROOFS"];
        assert_eq!(log.wrote(), hidden);

        log.receives(1, "MARK 1\nPROOF a5e1bb90\nMARK 2\n");
        assert_eq!(
            log.wrote(),
            ["< #1 peer MARK 1", "< #1 peer PROOF (hidden)", "< #1 peer MARK 2"]
        );
    }

    #[test]
    fn lines_that_come_together_are_written_as_each_would_be_alone() {
        let together = ["", "IAMAT kiwi", "\r", "PROOF 1", "back\\slash", "\u{e9}", "last"];
        let mut log = Log::new();
        log.receives(1, &format!("{}\n", together.join("\n")));
        let wrote = log.wrote();
        together.iter().for_each(|line| log.receives(1, &format!("{line}\n")));

        assert_eq!(wrote, log.wrote());
        assert_eq!(wrote.len(), together.len());
    }

    #[test]
    fn no_byte_can_forge_a_line() {
        let mut log = Log::new();
        log.says(Kind::Received, 1, "peer", b"a\\b\x00\x1b[31m\x7f\xff\r~ \n");
        log.says(Kind::Event, 0, "", b"one\ntwo");

        assert_eq!(log.wrote(), [r"< #1 peer a\\b\x00\x1B[31m\x7F\xFF\x0D~ ", r"* one\x0Atwo"]);
    }

    #[test]
    fn a_byte_is_escaped_wherever_it_stands() {
        for at in 0..3 * BLOCK {
            let mut bytes = [b'x'; 3 * BLOCK];
            bytes[at] = 0x7F;
            let mut out = Vec::new();
            escape(&bytes, &mut out);

            let mut wanted = vec![b'x'; 3 * BLOCK];
            wanted.splice(at..=at, *b"\\x7F");
            assert_eq!(out, wanted, "at {at}");
        }
    }

    #[test]
    fn however_a_line_is_cut_it_is_one_line() {
        let mut log = Log::new();
        log.receives(1, "one\nIA");
        log.receives(2, "other\n");
        log.says(Kind::Sent, 1, "peer", b"? one\n");
        log.receives(1, "MAT");
        log.receives(1, " kiwi\n\nlast");

        let lines = [
            "< #1 peer one",
            "< #2 peer other",
            "> #1 peer ? one",
            "< #1 peer IAMAT kiwi",
            "< #1 peer ",
        ];
        assert_eq!(log.wrote(), lines);
        assert_eq!(log.lines.partial_bytes, 4);
    }

    #[test]
    fn an_unfinished_line_is_written_when_its_connection_is_gone() {
        let mut log = Log::new();
        log.receives(1, "unfinished");
        log.says(Kind::Gone, 1, "", b"");
        log.says(Kind::Gone, 1, "", b"");

        assert_eq!(log.wrote(), ["< #1 peer unfinished"]);
        assert_eq!(log.lines.partial_bytes, 0);
    }

    #[test]
    fn a_line_without_end_is_written_in_parts() {
        let mut log = Log::new();
        let long = "x".repeat(40_000);
        log.receives(1, &long);
        log.receives(1, &long);
        log.receives(1, "end\n");

        assert_eq!(log.wrote(), [format!("< #1 peer {long}{long}\\+"), "< #1 peer end".to_owned()]);
    }

    #[test]
    fn unfinished_lines_of_many_connections_are_bounded_together() {
        let mut log = Log::new();
        let long = "x".repeat(60_000);
        for connection in 0..1000 {
            log.receives(connection, &long);
        }

        assert!(log.lines.partial_bytes <= ALL_BYTES);
        assert_eq!(log.wrote().len(), 1000 - ALL_BYTES / 60_000);
    }

    #[test]
    fn an_answer_is_one_line_whatever_it_holds() {
        let mut log = Log::new();
        log.says(Kind::Answer, 1, "peer", b"AT Hill\n{\n}\n\n");

        assert_eq!(log.wrote(), [r"> #1 peer AT Hill\x0A{\x0A}\x0A"]);
    }

    #[test]
    fn where_something_is_missing_no_line_is_made_of_two() {
        let mut log = Log::new();
        log.receives(1, "IAMAT ki");
        log.lines.cut(AT, &mut log.out);
        log.receives(1, "rest\n");

        assert_eq!(log.wrote(), [r"< #1 peer IAMAT ki\-", "< #1 peer rest"]);
    }
}
