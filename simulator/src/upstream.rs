//! Providers that answer, take their time, hang, and lie.

use herd_core::LookupError;

use crate::model::Outcome;
use crate::random::Random;

/// How a provider answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mood {
    Good,
    /// As good, and late.
    Slow,
    /// Not before everybody has given up.
    Hang,
    Lie,
    Fail,
}

/// A status and a body, or why there is neither.
pub(crate) type Said = Result<(u16, Vec<u8>), LookupError>;

#[derive(Debug)]
pub(crate) struct Answer {
    /// How long it takes.
    pub(crate) after: u64,
    pub(crate) said: Said,
    /// What a client should see of it.
    pub(crate) outcome: Outcome,
}

const MS: u64 = 1_000_000;

/// Answers a lookup. `name` is like no other lookup's.
pub(crate) fn answer(mood: Mood, name: &str, timeout: u64, random: &mut Random) -> Answer {
    let after = match mood {
        Mood::Good | Mood::Lie | Mood::Fail => random.spread(MS..=200 * MS),
        Mood::Slow => random.within(timeout / 2..=timeout + timeout / 8),
        Mood::Hang => random.within(timeout + 1..=3 * timeout),
    };
    let (said, outcome) = match mood {
        Mood::Good | Mood::Slow | Mood::Hang => object(name, random),
        Mood::Lie => lie(name, random),
        Mood::Fail => failure(random),
    };
    Answer { after, said, outcome }
}

const ITEMS: [&str; 8] = [
    "17",
    "null",
    r#""plain""#,
    r#""a ] in \"quotes\", and a \\""#,
    r#"{"name":"caf\u00e9","results":[1,2,3]}"#,
    "[[],{},[\"]\"]]",
    "-1.50e+10",
    "{\n\n  \"geometry\" : {\"lat\":0}\n}",
];
const GAPS: [&str; 4] = ["", "\n", "\r\n      ", "\n\n\n   "];

fn object(name: &str, random: &mut Random) -> (Said, Outcome) {
    let gap = |random: &mut Random| *random.pick(&GAPS);
    let begin = gap(random).replace(' ', "");
    let head = format!("{begin}{{{}\"token\":\"{name}\",\"results\":[", gap(random));
    let count = random.spread(0..=24);
    let items = (0..count).map(|at| {
        let comma = if at == 0 { String::new() } else { format!("{},", gap(random)) };
        (format!("{comma}{}", gap(random)), (*random.pick(&ITEMS)).to_owned())
    });
    let items: Vec<_> = items.collect();
    let status = *random.pick(&["OK", "ZERO_RESULTS", "OVER_QUERY_LIMIT", "REQUEST_DENIED"]);
    let tail = format!("{}],{}\"status\":\"{status}\"}}{}", gap(random), gap(random), gap(random));
    let all: String = items.iter().map(|(gap, item)| format!("{gap}{item}")).collect();
    let body = format!("{head}{all}{tail}");
    (Ok((200, body.into_bytes())), Outcome::Object { head, items, tail })
}

fn lie(name: &str, random: &mut Random) -> (Said, Outcome) {
    let not_json = "the provider's answer is not JSON";
    let (body, why) = match random.below(6) {
        0 => (format!("{{\"token\":\"{name}\",\"results\":[1,2").into_bytes(), not_json),
        1 => (format!("{{\"token\":\"{name}\",\"results\":[1,]}}").into_bytes(), not_json),
        2 => (format!("<html>{name}</html>").into_bytes(), not_json),
        3 => (
            format!("[{{\"token\":\"{name}\"}}]").into_bytes(),
            "the provider's answer is not a JSON object",
        ),
        4 => (
            [b"{\"token\":\"", name.as_bytes(), b"\xff\",\"results\":[]}"].concat(),
            "the provider's answer is not UTF-8",
        ),
        _ => {
            // Nothing is cut where there is no list to be cut.
            let head = format!("{{\"token\":\"{name}\",\"results\":{{\"0\":1}}}}");
            let body = head.clone().into_bytes();
            return (
                Ok((200, body)),
                Outcome::Object { head, items: Vec::new(), tail: String::new() },
            );
        }
    };
    let len = body.len();
    (Ok((200, body)), Outcome::Garbage { len, why })
}

fn failure(random: &mut Random) -> (Said, Outcome) {
    match random.below(3) {
        0 => (Err(LookupError::Unreachable), Outcome::Failed("the provider can not be reached")),
        1 => {
            let status = *random.pick(&[301, 404, 500, 503]);
            (Ok((status, Vec::new())), Outcome::Status(status))
        }
        _ => (Err(LookupError::TimedOut), Outcome::Failed("the provider did not answer in time")),
    }
}
