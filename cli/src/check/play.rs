//! Playing a case: connections, what is said on them, what comes back.

use super::cases::{Case, Step};
use super::text::{Body, Words};
use crate::target::Target;
use crate::wire::Wire;
use core::time::Duration;
use std::io;
use std::process;
use std::thread;
use std::time::Instant;

/// The servers under test.
pub(super) struct Herd {
    servers: Vec<Target>,
}

/// What was not as it should be.
#[derive(Debug)]
pub(super) struct Mismatch {
    /// The step of the case, counted from 1.
    pub(super) step: usize,
    pub(super) expected: String,
    pub(super) got: String,
}

/// How long any single answer may take: longer than a server's own patience with its upstream.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long the herd may take to know what one of its servers knows.
const FLOOD: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);
/// What is said when a case is over: its answer must be the next thing to come.
const LAST_WORD: &str = "that is all";
/// The most of an answer that is shown when it is wrong.
const SHOWN: usize = 300;

impl Herd {
    pub(super) fn new(servers: Vec<Target>) -> Self {
        Self { servers }
    }

    pub(super) fn play(&self, case: &Case) -> Result<(), Mismatch> {
        #[expect(clippy::disallowed_methods, reason = "a client reads the clock of its own")]
        let nonce = std::time::SystemTime::now()
            .duration_since(std::time::SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_nanos();
        let mut words = Words::new(format!("{nonce:x}.{}", process::id()));
        let mut last: Option<Talk> = None;
        for (number, step) in (1..).zip(&case.steps) {
            let said = |(expected, got)| Mismatch { step: number, expected, got };
            let talk = match last.take() {
                Some(talk) if step.same => talk,
                before => {
                    before.map_or(Ok(()), Talk::finish).map_err(said)?;
                    self.connect(step.on).map_err(said)?
                }
            };
            last = Some(if step.until {
                self.repeat(step, &mut words, talk).map_err(said)?
            } else {
                talk.follow(step, &mut words).map_err(said)?
            });
        }
        let over = |(expected, got)| Mismatch { step: case.steps.len(), expected, got };
        last.map_or(Ok(()), Talk::finish).map_err(over)
    }

    /// Plays a step on one connection after another until all is as expected.
    fn repeat(&self, step: &Step, words: &mut Words, first: Talk) -> Result<Talk, Difference> {
        #[expect(clippy::disallowed_methods, reason = "a client reads the clock of its own")]
        let began = Instant::now();
        let mut talk = first;
        loop {
            match talk.follow(step, words) {
                Ok(talk) => return Ok(talk),
                Err(difference) if began.elapsed() > FLOOD => return Err(difference),
                Err(_) => thread::sleep(PAUSE),
            }
            talk = self.connect(step.on)?;
        }
    }

    fn connect(&self, on: char) -> Result<Talk, Difference> {
        let index = match on {
            'Z' => self.servers.len() - 1,
            letter => u32::from(letter).saturating_sub(u32::from('A')) as usize,
        };
        let server = &self.servers[index.min(self.servers.len() - 1)];
        let lost = |why: String| (format!("a connection to {}", server.described()), why);
        let wire = server.open().map_err(|failure| lost(failure.message))?;
        wire.set_patience(PATIENCE).map_err(|error| lost(error.to_string()))?;
        Ok(Talk { wire, received: Vec::new(), on, ended: false })
    }
}

/// What was expected, and what came.
type Difference = (String, String);

/// A connection.
struct Talk {
    wire: Wire,
    /// What came and was not looked at yet.
    received: Vec<u8>,
    /// The letter of the server it is with.
    on: char,
    /// Whether our half is ended.
    ended: bool,
}

impl Talk {
    fn follow(mut self, step: &Step, words: &mut Words) -> Result<Self, Difference> {
        let said = words.bytes(&step.send).repeat(step.times);
        let sent = self.send(&said, step.cut.unwrap_or(said.len()));
        let lost = |error: io::Error| ("to be able to send".to_owned(), error.to_string());
        sent.map_err(lost)?;
        if step.end {
            self.wire.finish().map_err(lost)?;
            self.ended = true;
        }
        for _ in 0..step.times {
            for expected in &step.expect {
                match Body::parse(expected) {
                    Some(body) => self.expect_body(body, expected)?,
                    None => self.expect_line(&words.bytes(expected), words)?,
                }
            }
        }
        if step.closed {
            self.expect_end()?;
        }
        Ok(self)
    }

    fn send(&self, bytes: &[u8], cut: usize) -> io::Result<()> {
        bytes.chunks(cut.max(1)).try_for_each(|piece| self.wire.send(piece))
    }

    fn expect_line(&mut self, expected: &[u8], words: &mut Words) -> Result<(), Difference> {
        let on = self.on;
        let line = self.read_line().map_err(|got| (shown(expected), got))?;
        if words.fits(expected, &line, on) { Ok(()) } else { Err((shown(expected), shown(&line))) }
    }

    /// A provider's answer and the empty line behind it.
    fn expect_body(&mut self, body: Body, expected: &str) -> Result<(), Difference> {
        let mut text = Vec::new();
        loop {
            let line = self.read_line().map_err(|got| (expected.to_owned(), got))?;
            if line.is_empty() {
                break;
            }
            text.extend(line);
            text.push(b'\n');
        }
        if body.fits(&text) { Ok(()) } else { Err((expected.to_owned(), shown(&text))) }
    }

    fn expect_end(&mut self) -> Result<(), Difference> {
        let expected = || "the end of the connection".to_owned();
        loop {
            match self.wire.receive(&mut self.received) {
                _ if !self.received.is_empty() => return Err((expected(), shown(&self.received))),
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => return Err((expected(), error.to_string())),
            }
        }
    }

    /// Makes sure that nothing came that nobody asked for.
    fn finish(mut self) -> Result<(), Difference> {
        if self.ended {
            return Ok(());
        }
        let expected = format!("? {LAST_WORD}");
        let lost = |error: io::Error| (expected.clone(), error.to_string());
        self.send(format!("{LAST_WORD}\n").as_bytes(), usize::MAX).map_err(lost)?;
        let line = self.read_line().map_err(|got| (expected.clone(), got))?;
        if line == expected.as_bytes() { Ok(()) } else { Err((expected, shown(&line))) }
    }

    /// A line without its LF, or what came instead.
    fn read_line(&mut self) -> Result<Vec<u8>, String> {
        let mut may_come = true;
        loop {
            if let Some(end) = self.received.iter().position(|byte| *byte == b'\n') {
                let rest = self.received.split_off(end + 1);
                let mut line = core::mem::replace(&mut self.received, rest);
                line.truncate(end);
                return Ok(line);
            }
            if !may_come {
                return Err("the end of the connection".to_owned());
            }
            match self.wire.receive(&mut self.received) {
                // The end may come together with a line.
                Ok(more) => may_come = more,
                Err(error) if is_time_out(&error) => {
                    let (wait, begun) = (PATIENCE.as_secs(), shown(&self.received));
                    return Err(format!("nothing more for {wait} s, after {begun:?}"));
                }
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

fn is_time_out(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Bytes for people to read, not too many.
fn shown(bytes: &[u8]) -> String {
    let head = &bytes[..bytes.len().min(SHOWN)];
    let more = if head.len() < bytes.len() {
        format!("... ({} bytes)", bytes.len())
    } else {
        String::new()
    };
    format!("{}{more}", head.escape_ascii())
}
