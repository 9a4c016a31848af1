//! Playing a case: connections, what is said on them, what comes back.

use super::cases::{Case, Exchange, Need, Step};
use super::mismatch::{Got, Mismatch, shortened};
use super::talk::{Line, Talk, now};
use super::text::{Body, Words};
use crate::target::Target;
use core::time::Duration;
use std::process;
use std::thread;

/// The servers under test, and how they are spoken to.
pub(super) struct Herd {
    servers: Vec<Target>,
    rules: Rules,
    manner: Manner,
    /// Whether the server ends each connection after an answer, as far as is known.
    closes: bool,
    /// Whether it answers at all, as far as is known.
    answers: bool,
}

/// What is asked of the servers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Only what the text of the original assignment says: the end of a reply may be the end of the connection, and a
    /// time difference may have any number of decimals.
    pub(super) lenient: bool,
    /// Only one command on a connection.
    pub(super) one_command: bool,
}

/// How many commands there are on a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Manner {
    /// All of a step, and the answer to each is waited for.
    Many,
    /// One: it is sent, our half is ended, and all that comes is read.
    One,
}

/// How a case went.
#[derive(Debug)]
pub(super) enum Outcome {
    Passed,
    Failed(Mismatch),
    /// It cannot be played with this server.
    Skipped(&'static str),
}

/// What was expected, and what came.
type Difference = (Vec<u8>, Got);

/// How long the herd may take to know what one of its servers knows.
const FLOOD: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);
/// How long a server may take over a first answer before it is tried whether it waits for the end of what we send.
const PROBE: Duration = Duration::from_secs(2);
/// What is said when a case is over: its answer must be the next thing to come.
const LAST_WORD: &str = "that is all";

impl Herd {
    pub(super) fn new(servers: Vec<Target>, rules: Rules) -> Self {
        let manner = if rules.one_command { Manner::One } else { Manner::Many };
        let mut herd = Self { servers, rules, manner, closes: false, answers: true };
        if rules.lenient && !rules.one_command {
            herd.probe();
        }
        herd
    }

    /// Finds out how many commands the first server takes on a connection.
    fn probe(&mut self) {
        let Ok(mut talk) = self.connect('A') else { return };
        let words = Words::new(nonce());
        let sent =
            talk.send(&words.bytes("IAMAT {kiwi} +34.068930-118.445127 {now}\\n"), usize::MAX);
        if sent.is_ok() && talk.answers_within(PROBE) {
            if talk.is_closed_by_server() {
                (self.manner, self.closes) = (Manner::One, true);
            }
            return;
        }
        self.answers = sent.is_ok() && talk.end().is_ok() && {
            talk.wait_anew(false);
            talk.read_to_end().is_ok_and(|answer| !answer.is_empty())
        };
        if self.answers {
            (self.manner, self.closes) = (Manner::One, true);
        }
    }

    /// Plays a case in the manner that the server is known to take, and where that fails and the assignment allows
    /// both, in the other.
    pub(super) fn play(&mut self, case: &Case) -> Outcome {
        let first = match self.play_in(self.manner, case) {
            Some(outcome) => outcome,
            None if self.closes || self.rules.one_command => {
                return Outcome::Skipped("it needs a connection for several commands");
            }
            None => return self.play_in(Manner::Many, case).unwrap_or(Outcome::Passed),
        };
        let Outcome::Failed(mismatch) = first else { return first };
        // What one server has not heard of another in its time it does not know either when asked in another manner.
        let is_about_herd = case.needs.contains(&Need::Herd);
        if !self.rules.lenient || self.rules.one_command || !self.answers || is_about_herd {
            return Outcome::Failed(mismatch);
        }
        let other = match self.manner {
            Manner::Many => Manner::One,
            Manner::One => Manner::Many,
        };
        match self.play_in(other, case) {
            Some(Outcome::Passed) => {
                // One that leaves us waiting is not asked like that again.
                if mismatch.got.is_hopeless {
                    self.manner = other;
                }
                Outcome::Passed
            }
            _ => Outcome::Failed(mismatch),
        }
    }

    /// How a case goes in a manner; `None` where it cannot be played so.
    fn play_in(&self, manner: Manner, case: &Case) -> Option<Outcome> {
        let played = match manner {
            Manner::Many => self.play_steps(case),
            Manner::One => {
                let exchanges: Option<Vec<_>> = case.steps.iter().map(Step::exchanges).collect();
                self.play_exchanges(case, &exchanges?)
            }
        };
        Some(match played {
            Ok(()) => Outcome::Passed,
            Err((step, (expected, got))) => Outcome::Failed(Mismatch { step, expected, got }),
        })
    }

    /// Many commands on a connection.
    fn play_steps(&self, case: &Case) -> Result<(), (usize, Difference)> {
        let mut words = Words::new(nonce());
        let mut last: Option<Talk> = None;
        for (number, step) in (1..).zip(&case.steps) {
            let here = |difference| (number, difference);
            let talk = match last.take() {
                Some(talk) if step.same => talk,
                before => {
                    before.map_or(Ok(()), |talk| self.finish(talk)).map_err(here)?;
                    self.connect(step.on).map_err(here)?
                }
            };
            last = Some(if step.until {
                self.repeat(step, talk, &mut words).map_err(here)?
            } else {
                self.follow(step, talk, &mut words).map_err(here)?
            });
        }
        last.map_or(Ok(()), |talk| self.finish(talk)).map_err(|it| (case.steps.len(), it))
    }

    /// Plays a step on one connection after another until all is as expected.
    fn repeat(&self, step: &Step, first: Talk, words: &mut Words) -> Result<Talk, Difference> {
        let began = now();
        let mut talk = first;
        loop {
            match self.follow(step, talk, words) {
                Ok(talk) => return Ok(talk),
                Err(difference) if began.elapsed() > FLOOD => return Err(difference),
                Err(_) => thread::sleep(PAUSE),
            }
            talk = self.connect(step.on)?;
        }
    }

    fn follow(&self, step: &Step, mut talk: Talk, words: &mut Words) -> Result<Talk, Difference> {
        let said = words.bytes(&step.send).repeat(step.times);
        let lost =
            |error: std::io::Error| (b"to be able to send".to_vec(), Got::words(error.to_string()));
        talk.send(&said, step.cut.unwrap_or(said.len())).map_err(lost)?;
        if step.end {
            talk.end().map_err(lost)?;
        }
        for _ in 0..step.times {
            for expected in &step.expect {
                talk.wait_anew(step.asks_a_provider());
                match Body::parse(expected) {
                    Some(body) => self.expect_body(body, expected, &mut talk)?,
                    None => self.expect_line(&words.bytes(expected), &mut talk, words)?,
                }
            }
        }
        if step.closed {
            talk.wait_anew(false);
            talk.expect_end().map_err(|got| (b"the end of the connection".to_vec(), got))?;
        }
        Ok(talk)
    }

    fn expect_line(
        &self,
        expected: &[u8],
        talk: &mut Talk,
        words: &mut Words,
    ) -> Result<(), Difference> {
        let line = match talk.line().map_err(|got| (shortened(expected), got))? {
            Line::Whole(line) => line,
            Line::CutOff(line) if self.rules.lenient && !line.is_empty() => line,
            Line::CutOff(begun) => return Err((shortened(expected), Got::end(&begun))),
        };
        if words.fits(expected, &line, talk.on, self.rules.lenient) {
            return Ok(());
        }
        Err((shortened(expected), Got::bytes(&line)))
    }

    /// A provider's answer and the empty line behind it.
    fn expect_body(&self, body: Body, expected: &str, talk: &mut Talk) -> Result<(), Difference> {
        let mut text = Vec::new();
        let here = |got| (expected.as_bytes().to_vec(), got);
        loop {
            match talk.line().map_err(here)? {
                Line::Whole(line) if line.is_empty() => break,
                Line::Whole(line) => {
                    text.extend(line);
                    text.push(b'\n');
                }
                Line::CutOff(line) => {
                    text.extend(line);
                    if !self.rules.lenient || text.is_empty() {
                        return Err(here(Got::end(&text)));
                    }
                    break;
                }
            }
            if text.len() > super::talk::ANSWER_BYTES {
                return Err(here(Got::hopeless(format!("{} bytes and no empty line", text.len()))));
            }
        }
        if body.fits(&text) { Ok(()) } else { Err(here(Got::bytes(&text))) }
    }

    /// Makes sure that nothing came that nobody asked for.
    fn finish(&self, mut talk: Talk) -> Result<(), Difference> {
        if talk.is_ended() {
            return Ok(());
        }
        if self.rules.lenient {
            // Whether the server knows what is no command is for another case to find out.
            let _ = talk.end();
            return talk.expect_nothing().map_err(|got| (b"nothing more".to_vec(), got));
        }
        let expected = format!("? {LAST_WORD}").into_bytes();
        let here = |got| (expected.clone(), got);
        talk.wait_anew(false);
        talk.send(format!("{LAST_WORD}\n").as_bytes(), usize::MAX)
            .map_err(|error| here(Got::words(error.to_string())))?;
        match talk.line().map_err(here)? {
            Line::Whole(line) if line == expected => Ok(()),
            Line::Whole(line) => Err(here(Got::bytes(&line))),
            Line::CutOff(begun) => Err(here(Got::end(&begun))),
        }
    }

    /// One command on a connection.
    fn play_exchanges(
        &self,
        case: &Case,
        steps: &[Vec<Exchange<'_>>],
    ) -> Result<(), (usize, Difference)> {
        let mut words = Words::new(nonce());
        for (number, (step, exchanges)) in (1..).zip(case.steps.iter().zip(steps)) {
            let began = now();
            while let Err(difference) = self.exchange_all(step, exchanges, &mut words) {
                if !step.until || began.elapsed() > FLOOD {
                    return Err((number, difference));
                }
                thread::sleep(PAUSE);
            }
        }
        Ok(())
    }

    fn exchange_all(
        &self,
        step: &Step,
        exchanges: &[Exchange<'_>],
        words: &mut Words,
    ) -> Result<(), Difference> {
        (0..step.times).flat_map(|_| exchanges).try_for_each(|one| self.exchange(step, one, words))
    }

    fn exchange(
        &self,
        step: &Step,
        exchange: &Exchange<'_>,
        words: &mut Words,
    ) -> Result<(), Difference> {
        let mut talk = self.connect(step.on)?;
        let said = words.bytes(exchange.send);
        let first = exchange.expect.first().map_or("nothing", String::as_str);
        // One that has answered already need not take all of it.
        let _ = talk.send(&said, step.cut.unwrap_or(said.len())).and_then(|()| talk.end());
        talk.wait_anew(step.asks_a_provider());
        let answer = talk.read_to_end().map_err(|got| (words.bytes(first), got))?;
        let mut rest = answer.as_slice();
        for expected in exchange.expect {
            if rest.is_empty() {
                return Err((words.bytes(expected), Got::end(&answer)));
            }
            if let Some(body) = Body::parse(expected) {
                let text = core::mem::take(&mut rest);
                if has_empty_line(text) {
                    let got = [b"an empty line inside of the answer: ", text].concat();
                    return Err((expected.clone().into_bytes(), Got::bytes(&got)));
                }
                if !body.fits(text) {
                    return Err((expected.clone().into_bytes(), Got::bytes(text)));
                }
                continue;
            }
            let end = rest.iter().position(|byte| *byte == b'\n');
            let line = &rest[..end.unwrap_or(rest.len())];
            rest = end.map_or(&[], |end| &rest[end + 1..]);
            let expected = words.bytes(expected);
            if !words.fits(&expected, line, talk.on, self.rules.lenient) {
                return Err((shortened(&expected), Got::bytes(line)));
            }
        }
        if rest.is_empty() { Ok(()) } else { Err((b"nothing more".to_vec(), Got::bytes(rest))) }
    }

    fn connect(&self, on: char) -> Result<Talk, Difference> {
        let index = match on {
            'Z' => self.servers.len() - 1,
            letter => u32::from(letter).saturating_sub(u32::from('A')) as usize,
        };
        let server = &self.servers[index.min(self.servers.len() - 1)];
        let expected = || format!("a connection to {}", server.described()).into_bytes();
        let wire = server
            .open()
            .map_err(|unreached| (expected(), Got::hopeless(unreached.failure(server).message)))?;
        Ok(Talk::new(wire, on))
    }
}

/// Tells the client IDs of one case from those of all others.
fn nonce() -> String {
    #[expect(clippy::disallowed_methods, reason = "a client reads the clock of its own")]
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}.{}", since.as_nanos(), process::id())
}

/// Whether there is an empty line before the last line of text.
fn has_empty_line(text: &[u8]) -> bool {
    text.trim_ascii_end().windows(2).any(|two| two == b"\n\n")
}
