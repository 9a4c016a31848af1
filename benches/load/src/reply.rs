//! What a line must be answered with.

use crate::lines::{Kind, Lines};
use crate::plan::{Body, Protocol, Question};
use crate::population::{write_location, write_name};
use memchr::{memchr, memmem};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;

/// Checks the replies of one server.
#[derive(Debug)]
pub(crate) struct Checker {
    protocol: Protocol,
    question: Question,
    /// `AT`, the server's ID and the blanks around it; empty before the first reply of a server whose ID
    /// nobody knows.
    prefix: Vec<u8>,
    /// No record is older, in nanoseconds since 1970.
    since: u64,
    /// For the fields that a WHATSAT must be answered with.
    scratch: Vec<u8>,
}

/// What stands at the beginning of the input.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Found {
    /// Not all of a reply yet.
    Part,
    /// A reply of so many bytes.
    Reply(usize, Verdict),
}

/// What a reply is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    Right,
    /// Right, with the body that a server makes up where its provider has failed.
    Unprovided,
    Wrong,
}

impl Checker {
    pub(crate) fn new(
        protocol: Protocol,
        question: Question,
        name: Option<&str>,
        since: u64,
    ) -> Self {
        let prefix = name.map(|name| format!("AT {name} ").into_bytes()).unwrap_or_default();
        Self { protocol, question, prefix, since, scratch: Vec::new() }
    }

    /// Looks at the reply to line `at` of `lines`.
    pub(crate) fn check(&mut self, input: &[u8], lines: &Lines, at: usize) -> Found {
        let Some(length) = memchr(b'\n', input) else { return Found::Part };
        let line = &input[..length];
        let is_right = match (self.protocol, lines.kind(at)) {
            (Protocol::Herd, Kind::Report) => self.answers_report(line, lines.line(at)),
            (Protocol::Herd, Kind::Whatsat) => {
                return self.check_whatsat(input, length, lines.client(at));
            }
            (Protocol::Echo, _) => &input[..=length] == lines.line(at),
            (Protocol::RedisSet, _) => line == b"+OK\r",
            (Protocol::RedisGeoadd, _) => line == b":0\r" || line == b":1\r",
        };
        Found::Reply(length + 1, if is_right { Verdict::Right } else { Verdict::Wrong })
    }

    /// Whether `line` is `AT`, this server, a difference of time, and the report's own operands.
    fn answers_report(&mut self, line: &[u8], report: &[u8]) -> bool {
        // From the blank after IAMAT up to the line end.
        let operands = &report[5..report.len() - 1];
        if self.prefix.is_empty() {
            self.prefix = prefix(line).unwrap_or_default();
        }
        line.strip_prefix(self.prefix.as_slice())
            .and_then(|rest| rest.strip_suffix(operands))
            .is_some_and(is_skew)
            && !self.prefix.is_empty()
    }

    /// The `AT` line of the client and the provider's body. Whatever is no `AT` line has no body.
    fn check_whatsat(&mut self, input: &[u8], length: usize, client: u32) -> Found {
        let line = &input[..length];
        if !line.starts_with(b"AT ") {
            return Found::Reply(length + 1, Verdict::Wrong);
        }
        let rest = &input[length + 1..];
        let (end, terminator): (_, &[u8]) = match self.question.body {
            Body::Places => (memmem::find(rest, b"\n\n"), b"\n\n"),
            Body::Posts => (memchr(b'\n', rest), b"\n"),
        };
        let Some(end) = end else { return Found::Part };
        let verdict = if self.is_record(line, client) {
            body(&rest[..end], self.question.bound)
        } else {
            Verdict::Wrong
        };
        Found::Reply(length + 1 + end + terminator.len(), verdict)
    }

    /// Whether `line` is a record of this client, whichever server heard it, and none from before.
    fn is_record(&mut self, line: &[u8], client: u32) -> bool {
        self.scratch.clear();
        write_name(client, &mut self.scratch);
        self.scratch.push(b' ');
        write_location(client, &mut self.scratch);
        let Some(rest) = prefix(line).map(|prefix| &line[prefix.len()..]) else { return false };
        let Some(blank) = memchr(b' ', rest) else { return false };
        let Some(time) = rest[blank + 1..]
            .strip_prefix(self.scratch.as_slice())
            .and_then(|time| time.strip_prefix(b" "))
        else {
            return false;
        };
        is_skew(&rest[..blank]) && nanos(time).is_some_and(|nanos| nanos >= self.since)
    }
}

/// `AT`, the server's ID, and the blanks around it.
fn prefix(line: &[u8]) -> Option<Vec<u8>> {
    let server = line.strip_prefix(b"AT ")?;
    let length = memchr(b' ', server).filter(|length| *length > 0)?;
    Some(line[..3 + length + 1].to_vec())
}

/// A sign, digits, a point and nine digits.
fn is_skew(text: &[u8]) -> bool {
    let [b'+' | b'-', seconds @ .., b'.', _, _, _, _, _, _, _, _, _] = text else { return false };
    !seconds.is_empty()
        && seconds.iter().all(u8::is_ascii_digit)
        && text[text.len() - 9..].iter().all(u8::is_ascii_digit)
}

/// Nanoseconds of a time stamp as this crate writes them.
fn nanos(text: &[u8]) -> Option<u64> {
    let text = str::from_utf8(text).ok()?;
    let (seconds, decimals) = text.split_once('.').filter(|(_, decimals)| decimals.len() == 9)?;
    let seconds: u64 = seconds.parse().ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(decimals.parse().ok()?)
}

/// A provider's answer, as far as it is looked at.
#[derive(Deserialize)]
struct Provided<'a> {
    results: Option<Vec<IgnoredAny>>,
    #[serde(borrow)]
    status: Option<Cow<'a, str>>,
    #[serde(borrow)]
    error: Option<Cow<'a, str>>,
}

fn body(text: &[u8], bound: u32) -> Verdict {
    let Ok(provided) = serde_json::from_slice::<Provided<'_>>(text) else { return Verdict::Wrong };
    let is_bounded = provided.results.is_none_or(|results| results.len() <= bound as usize);
    let is_failure =
        provided.status.as_deref() == Some("UNKNOWN_ERROR") || provided.error.is_some();
    match (is_bounded, is_failure) {
        (false, _) => Verdict::Wrong,
        (true, true) => Verdict::Unprovided,
        (true, false) => Verdict::Right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canned::Canned;
    use crate::plan::{Distribution, Plan};
    use crate::population::Draw;

    const STAMP: u64 = 1_520_023_934_918_963_997;

    fn checker() -> Checker {
        Checker::new(Protocol::Herd, Question::default(), Some("Hill"), STAMP)
    }

    fn report(reply: &str) -> Found {
        let lines = Lines::reports([7].into_iter(), Protocol::Herd, STAMP);
        checker().check(reply.as_bytes(), &lines, 0)
    }

    fn right(text: &str) -> Found {
        Found::Reply(text.len(), Verdict::Right)
    }

    fn wrong(text: &str) -> Found {
        Found::Reply(text.len(), Verdict::Wrong)
    }

    /// The operands of client 7.
    fn operands() -> String {
        let mut text = Vec::new();
        write_name(7, &mut text);
        text.push(b' ');
        write_location(7, &mut text);
        String::from_utf8(text).unwrap() + " 1520023934.918963997"
    }

    #[test]
    fn a_report_is_answered_with_its_own_operands() {
        let good = format!("AT Hill +0.263873386 {}\n", operands());

        assert_eq!(report(&good), right(&good));
        assert_eq!(report(&good[..good.len() - 1]), Found::Part);
        assert_eq!(report(&(good.clone() + "AT")), right(&good));
    }

    #[test]
    fn any_other_reply_to_a_report_is_wrong() {
        let operands = operands();
        for bad in [
            format!("AT Jaquez +0.263873386 {operands}\n"),
            format!("AT Hill 0.263873386 {operands}\n"),
            format!("AT Hill +0.26387338 {operands}\n"),
            format!("AT Hill +.263873386 {operands}\n"),
            format!("AT Hill +0.263873386 {operands}0\n"),
            format!("AT Hill +0.263873386  {operands}\n"),
            format!("AT Hill +0.263873386 {}\n", operands.replace('7', "8")),
            format!("? IAMAT {operands}\n"),
            "\n".to_owned(),
        ] {
            assert_eq!(report(&bad), wrong(&bad));
        }
    }

    #[test]
    fn the_first_reply_tells_the_name_of_a_server() {
        let lines = Lines::reports([7].into_iter(), Protocol::Herd, STAMP);
        let mut checker = Checker::new(Protocol::Herd, Question::default(), None, STAMP);
        let hill = format!("AT Hill +0.263873386 {}\n", operands());
        let jaquez = hill.replace("Hill", "Jaquez");

        assert_eq!(checker.check(hill.as_bytes(), &lines, 0), right(&hill));
        assert_eq!(checker.check(jaquez.as_bytes(), &lines, 0), wrong(&jaquez));
    }

    /// The reply to a WHATSAT about client 7, at most 5 results.
    fn whatsat(reply: &str, body: Body) -> Found {
        let question = Question { body, ..Question::default() };
        let plan = Plan { whatsat: 1.0, question, ..Plan::new(Vec::new()) };
        let draw = Draw::new(8, Distribution::Uniform);
        let mut random = fastrand::Rng::with_seed(7);
        let lines = Lines::mixed(&[], &draw, 100, &plan, STAMP, &mut random);
        let at = (0..100).find(|at| lines.client(*at) == 7).unwrap();
        let mut checker = Checker::new(Protocol::Herd, question, Some("Hill"), STAMP);
        checker.check(reply.as_bytes(), &lines, at)
    }

    #[test]
    fn a_whatsat_is_answered_with_a_record_and_a_body() {
        let line = format!("AT Jaquez -0.000000001 {}\n", operands());
        let body = "{\"results\" : [\n1, 2],\n\"status\":\"OK\"}\n\n";
        let places = line.clone() + body;

        assert_eq!(whatsat(&places, Body::Places), right(&places));
        assert_eq!(whatsat(&places[..places.len() - 1], Body::Places), Found::Part);
        assert_eq!(whatsat(&line, Body::Places), Found::Part);
        let posts = line + "{\"results\":[]}\n";
        assert_eq!(whatsat(&posts, Body::Posts), right(&posts));
    }

    #[test]
    fn canned_replies_are_right() {
        let canned = Canned::new(b"{\"results\":[1]}\n\n".to_vec());
        assert_eq!(canned.report(b"WHATSAT walker-0000007 10 5\n"), None);
        let reply = canned.report(format!("IAMAT {}\n", operands()).as_bytes()).unwrap();
        let reply = String::from_utf8(reply).unwrap();
        assert_eq!(report(&reply), right(&reply));

        let reply = String::from_utf8(canned.answer()).unwrap();
        assert_eq!(whatsat(&reply, Body::Places), right(&reply));
    }

    #[test]
    fn a_failed_provider_is_no_fault_of_the_server() {
        let line = format!("AT Hill +0.000000001 {}\n", operands());
        let reply = line + "{\"results\":[],\"status\":\"UNKNOWN_ERROR\"}\n\n";

        assert_eq!(whatsat(&reply, Body::Places), Found::Reply(reply.len(), Verdict::Unprovided));
    }

    #[test]
    fn any_other_reply_to_a_whatsat_is_wrong() {
        let operands = operands();
        for bad in [
            "? WHATSAT walker-0000007 10 5\n".to_owned(),
            format!("AT Hill +0.000000001 {operands}\n{{\"results\":[1,2,3,4,5,6]}}\n\n"),
            format!("AT Hill +0.000000001 {operands}\n{{\"results\":[1,2,3,4,5}}\n\n"),
            format!("AT Hill +0.000000001 {}\n{{}}\n\n", operands.replace("1520", "1519")),
            format!("AT Hill +0.000000001 {}\n{{}}\n\n", operands.replace("0007", "0008")),
            format!("AT Hill 1 {operands}\n{{}}\n\n"),
        ] {
            assert_eq!(whatsat(&bad, Body::Places), wrong(&bad));
        }
    }
}
