//! The other end of following: a program that is told the records of a herd without standing in its roster.
//!
//! [`Follower`] speaks to one server at a time and opens nothing itself: the driver connects, hands in what it
//! reads, and writes what [`Follower::take_output`] gives. When the connection is lost it connects to any server
//! of the herd. The same start of the same server goes on where it was; any other sends its whole table, of which
//! what is known already is no news: records are merged by their own order
//! (`docs/protocol.md`, section 8), so none is missed.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::command::Update;
use crate::config::{ConfigError, MIN_SECRET_BYTES, Secret, Seed, check_name};
use crate::entropy::Entropy;
use crate::follow::{ANY, FOLLOW_VERSION, FollowHello, FollowTranscript, Position};
use crate::handshake::{Binding, Incarnation, Nonce, parse_challenge};
use crate::numbered::{read_numbered, write_numbered};
use crate::time::Instant;

/// What a [`Follower`] is told once.
#[derive(Clone, Debug)]
pub struct FollowerConfig {
    /// What it calls itself: printable ASCII without spaces, as a server's name.
    pub name: Box<str>,
    /// The name of the server that it connects to, which is then part of what both prove. Nothing if it does not
    /// know whom it connects to: any server of the herd will do.
    pub server: Option<Box<str>>,
    /// The herd's secret.
    pub secret: Secret,
    /// Where an earlier one ended that kept its records; [`Position::START`] asks for all of them.
    pub after: Position,
    /// Entropy; two starts must never share one.
    pub seed: Seed,
}

/// A follower of a herd, without its socket and its clock.
///
/// What it has to write is fetched with [`Follower::take_output`] after each call.
#[derive(Debug)]
pub struct Follower {
    config: FollowerConfig,
    entropy: Entropy,
    incarnation: Incarnation,
    position: Position,
    state: State,
    /// What has come of a line that has only begun.
    held: Vec<u8>,
    output: Vec<u8>,
    /// When something was last read, or the connection was made or lost.
    heard: Instant,
    backoff: Duration,
    retry_at: Instant,
}

#[derive(Debug)]
enum State {
    Down,
    Challenge {
        nonce: Nonce,
        binding: Option<Binding>,
    },
    Proof {
        nonce: Nonce,
        binding: Option<Binding>,
        theirs: Incarnation,
        their_nonce: Nonce,
    },
    /// The server's last change when it began, unless that has been reached.
    Up {
        upto: Option<u64>,
    },
}

/// What a [`Follower`] has been told.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum FollowerEvent<'a> {
    /// The server has proven itself. `resumed` says that it goes on where the follower was; otherwise all records
    /// of its table follow.
    Up {
        /// Whether it goes on.
        resumed: bool,
    },
    /// A record, with the `AT` line that it came in. It may be older than one that is known.
    Record {
        /// The line without its line end.
        line: &'a [u8],
        /// Its fields.
        update: Update<'a>,
    },
    /// Everything that the server knew when the follower came has been told; what follows is new.
    CaughtUp,
    /// Everything up to this has been told, and the server will be told that it has been taken: who keeps records
    /// writes this down with them.
    Marked(Position),
}

/// Why a connection is no use: close it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FollowerError {
    /// The server's line is not one of the handshake.
    NotAHandshake,
    /// The server does not hold the herd's secret, or says again what it heard.
    Proof,
    /// A line is longer than any that a server sends.
    LongLine,
    /// Nothing was heard for 15 seconds.
    Silent,
    /// The handshake took more than 5 seconds.
    TimedOut,
}

impl fmt::Display for FollowerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAHandshake => "not a line of a handshake",
            Self::Proof => "the server does not hold the herd's secret",
            Self::LongLine => "a line longer than any that a server sends",
            Self::Silent => "nothing heard for 15 s",
            Self::TimedOut => "no handshake within 5 s",
        })
    }
}

impl core::error::Error for FollowerError {}

/// Bytes of a line.
const LINE_BYTES: usize = 8192;
/// A server marks at least every 4 s.
const SILENCE: Duration = Duration::from_secs(15);
/// The time for the handshake.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// The first and the longest pause before the next connection, before jitter.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LAST_BACKOFF: Duration = Duration::from_secs(2);

impl Follower {
    /// A follower that has no connection yet.
    ///
    /// # Errors
    ///
    /// When a name or the secret cannot be one.
    pub fn new(config: FollowerConfig) -> Result<Self, ConfigError> {
        check_name(&config.name)?;
        if let Some(server) = &config.server {
            check_name(server)?;
        }
        if config.secret.bytes().len() < MIN_SECRET_BYTES {
            return Err(ConfigError::ShortSecret);
        }
        let mut entropy = Entropy::new(config.seed);
        Ok(Self {
            incarnation: Incarnation(entropy.number()),
            position: config.after,
            entropy,
            state: State::Down,
            held: Vec::new(),
            output: Vec::new(),
            heard: Instant::default(),
            backoff: FIRST_BACKOFF,
            retry_at: Instant::default(),
            config,
        })
    }

    /// Up to where everything has been told: what to begin with after a restart, if the records were kept.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Whether the server has proven itself.
    pub fn is_up(&self) -> bool {
        matches!(self.state, State::Up { .. })
    }

    /// There is a connection. `binding` is what it shares with no other, where TLS secures it.
    pub fn handle_connected(&mut self, now: Instant, binding: Option<Binding>) {
        let nonce = Nonce(self.entropy.bytes());
        self.held.clear();
        self.output.clear();
        self.heard = now;
        let mut line = Vec::new();
        self.hello(nonce).write(&mut line);
        self.output.extend_from_slice(&line);
        self.state = State::Challenge { nonce, binding };
    }

    /// The connection is gone, or there could be none. [`Follower::connect_at`] says when to try again.
    pub fn handle_disconnected(&mut self, now: Instant) {
        if self.is_up() && now.since(self.heard) < SILENCE {
            self.backoff = FIRST_BACKOFF;
        }
        let half = self.backoff / 2;
        let span = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX).max(1);
        self.retry_at = now.after(half + Duration::from_nanos(self.entropy.number() % span));
        self.backoff = (self.backoff * 2).min(LAST_BACKOFF);
        self.state = State::Down;
        self.held.clear();
        self.output.clear();
    }

    /// When to connect next, if there is no connection.
    pub fn connect_at(&self) -> Option<Instant> {
        matches!(self.state, State::Down).then_some(self.retry_at)
    }

    /// When [`Follower::handle_timeout`] is next due, if there is a connection.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Down => None,
            State::Challenge { .. } | State::Proof { .. } => Some(self.heard.after(HANDSHAKE)),
            State::Up { .. } => Some(self.heard.after(SILENCE)),
        }
    }

    /// Time has passed.
    ///
    /// # Errors
    ///
    /// When the connection is no use any more.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), FollowerError> {
        if self.poll_timeout().is_none_or(|due| now < due) {
            return Ok(());
        }
        Err(if self.is_up() { FollowerError::Silent } else { FollowerError::TimedOut })
    }

    /// What is to be written to the connection, in order.
    pub fn take_output(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.output)
    }

    /// Bytes were read; what they say is handed to `event`.
    ///
    /// # Errors
    ///
    /// When the connection is no use: close it, and call [`Follower::handle_disconnected`].
    pub fn handle_input(
        &mut self,
        now: Instant,
        bytes: &[u8],
        mut event: impl FnMut(FollowerEvent<'_>),
    ) -> Result<(), FollowerError> {
        if matches!(self.state, State::Down) {
            return Ok(());
        }
        if self.is_up() {
            self.heard = now;
        }
        let mut held = core::mem::take(&mut self.held);
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, behind) = (&rest[..end], &rest[end + 1..]);
            if held.len() + line.len() > LINE_BYTES {
                return Err(FollowerError::LongLine);
            }
            if held.is_empty() {
                self.handle_line(now, line, &mut event)?;
            } else {
                held.extend_from_slice(line);
                self.handle_line(now, &held, &mut event)?;
                held.clear();
            }
            rest = behind;
        }
        if held.len() + rest.len() > LINE_BYTES {
            return Err(FollowerError::LongLine);
        }
        held.extend_from_slice(rest);
        self.held = held;
        Ok(())
    }

    fn handle_line(
        &mut self,
        now: Instant,
        line: &[u8],
        event: &mut impl FnMut(FollowerEvent<'_>),
    ) -> Result<(), FollowerError> {
        match self.state {
            State::Down => Ok(()),
            State::Challenge { nonce, binding } => {
                let (theirs, their_nonce) =
                    parse_challenge(line).ok_or(FollowerError::NotAHandshake)?;
                let mut proof = Vec::new();
                self.transcript(nonce, binding, theirs, their_nonce)
                    .write_followers_proof(&self.config.secret, &mut proof);
                self.output.extend_from_slice(&proof);
                self.state = State::Proof { nonce, binding, theirs, their_nonce };
                Ok(())
            }
            State::Proof { nonce, binding, theirs, their_nonce } => {
                let upto = self
                    .transcript(nonce, binding, theirs, their_nonce)
                    .read_servers_proof(&self.config.secret, line)
                    .ok_or(FollowerError::Proof)?;
                // What the server does with a position that is ahead of it is what this does.
                let resumed = theirs == self.position.incarnation && self.position.change <= upto;
                if !resumed {
                    self.position = Position { incarnation: theirs, change: 0 };
                }
                self.heard = now;
                self.state = State::Up { upto: Some(upto) };
                event(FollowerEvent::Up { resumed });
                Ok(())
            }
            State::Up { upto } => {
                if let Some(change) = read_numbered(b"MARK ", line) {
                    self.position.change = self.position.change.max(change);
                    write_numbered(b"ACK ", change, &mut self.output);
                    if upto.is_some_and(|upto| change >= upto) {
                        self.state = State::Up { upto: None };
                        event(FollowerEvent::CaughtUp);
                    }
                    event(FollowerEvent::Marked(self.position));
                } else if let Ok(update) = Update::parse(line) {
                    event(FollowerEvent::Record { line, update });
                }
                // Other lines are for followers that know more.
                Ok(())
            }
        }
    }

    fn hello(&self, nonce: Nonce) -> FollowHello<'_> {
        FollowHello {
            version: FOLLOW_VERSION,
            follower: self.config.name.as_bytes(),
            server: self.config.server.as_deref().unwrap_or(ANY).as_bytes(),
            incarnation: self.incarnation,
            nonce,
            after: self.position,
        }
    }

    fn transcript(
        &self,
        ours: Nonce,
        binding: Option<Binding>,
        incarnation: Incarnation,
        nonce: Nonce,
    ) -> FollowTranscript<'_> {
        FollowTranscript { hello: self.hello(ours), incarnation, nonce, binding }
    }
}
