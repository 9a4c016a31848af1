//! A neighbour played by the test: the link's handshake and its lines, written a second time.

use crate::clock::within;
use crate::{Client, PATIENCE, free_address, monotonic, wall_nanos};
use core::fmt::Write as _;
use core::net::SocketAddr;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use std::net::TcpListener;
use std::time::Instant;

/// Who a played neighbour says it is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its server ID.
    pub name: String,
    /// What it believes to be the herd's secret.
    pub secret: Vec<u8>,
    /// Its incarnation, 16 hexadecimal digits. A neighbour that keeps it has not restarted.
    pub incarnation: String,
}

impl Identity {
    /// A neighbour that knows the secret and has just started.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            secret: crate::SECRET.as_bytes().to_vec(),
            incarnation: fresh_hex(16),
        }
    }

    /// The same neighbour after a restart.
    #[must_use]
    pub fn restarted(&self) -> Self {
        Self { incarnation: fresh_hex(16), ..self.clone() }
    }
}

/// The first line of a link.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The version of the link protocol.
    pub version: String,
    /// Who dials.
    pub dialler: String,
    /// Who it believes to have dialled.
    pub acceptor: String,
    /// The dialler's incarnation.
    pub incarnation: String,
    /// What the acceptor must show it has read.
    pub nonce: String,
}

impl Opening {
    /// What `me` says first to `acceptor`.
    pub fn new(me: &Identity, acceptor: &str) -> Self {
        Self {
            version: "1".to_owned(),
            dialler: me.name.clone(),
            acceptor: acceptor.to_owned(),
            incarnation: me.incarnation.clone(),
            nonce: fresh_hex(64),
        }
    }

    /// The line, with its line end.
    pub fn line(&self) -> String {
        let Self { version, dialler, acceptor, incarnation, nonce } = self;
        format!("LINK {version} {dialler} {acceptor} {incarnation} {nonce}\n")
    }

    /// Reads the line, given without its line end.
    pub fn parse(line: &str) -> Option<Self> {
        let fields: Vec<_> = line.split(' ').map(str::to_owned).collect();
        let [link, version, dialler, acceptor, incarnation, nonce] =
            <[String; 6]>::try_from(fields).ok()?;
        let well_formed = link == "LINK" && is_hex(&incarnation, 16) && is_hex(&nonce, 64);
        well_formed.then_some(Self { version, dialler, acceptor, incarnation, nonce })
    }
}

/// The acceptor's answer to the first line.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// The acceptor's incarnation.
    pub incarnation: String,
    /// What the dialler must show it has read.
    pub nonce: String,
}

impl Challenge {
    /// What `me` answers.
    pub fn new(me: &Identity) -> Self {
        Self { incarnation: me.incarnation.clone(), nonce: fresh_hex(64) }
    }

    /// The line, with its line end.
    pub fn line(&self) -> String {
        format!("CHALLENGE {} {}\n", self.incarnation, self.nonce)
    }

    /// Reads the line, given without its line end.
    pub fn parse(line: &str) -> Option<Self> {
        let (incarnation, nonce) = line.strip_prefix("CHALLENGE ")?.split_once(' ')?;
        let well_formed = is_hex(incarnation, 16) && is_hex(nonce, 64);
        well_formed.then(|| Self { incarnation: incarnation.to_owned(), nonce: nonce.to_owned() })
    }
}

/// The line, with its line end, by which the side in `role` proves that it knows `secret`.
pub fn proof(secret: &[u8], role: &str, opening: &Opening, challenge: &Challenge) -> String {
    written_proof(secret, role, opening, challenge, "")
}

/// The same on a connection that TLS secures, of which this is the binding.
pub fn bound_proof(
    secret: &[u8],
    role: &str,
    opening: &Opening,
    challenge: &Challenge,
    binding: [u8; 32],
) -> String {
    let more = format!("tls-exporter {}\n", hex(&binding));
    written_proof(secret, role, opening, challenge, &more)
}

fn written_proof(
    secret: &[u8],
    role: &str,
    opening: &Opening,
    challenge: &Challenge,
    more: &str,
) -> String {
    let Opening { dialler, acceptor, incarnation, nonce, .. } = opening;
    let transcript = format!(
        "herd link 1\n{role}\n{dialler}\n{acceptor}\n{incarnation}\n{nonce}\n{}\n{}\n{more}",
        challenge.incarnation, challenge.nonce
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(transcript.as_bytes());
    format!("PROOF {}\n", hex(&mac.finalize().into_bytes()))
}

/// How far a handshake came before the other side closed the connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refused {
    /// Closed instead of a challenge.
    AtLink,
    /// Closed instead of its own proof.
    AtProof,
}

/// What came on a link.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Heard {
    /// An `AT` line.
    At(String),
    /// Everything up to this number has been sent.
    Mark(u64),
    /// Everything up to this number has been applied.
    Ack(u64),
    /// Anything else.
    Other(String),
}

/// An open link to a server, seen from the neighbour's side.
#[derive(Debug)]
pub struct Link {
    wire: Client,
    /// The incarnation the server gave.
    pub theirs: String,
}

impl Link {
    /// Dials `server` at `address` and goes through the handshake.
    ///
    /// # Errors
    ///
    /// How far it came before the server closed the connection.
    #[track_caller]
    pub fn dial(address: SocketAddr, me: &Identity, server: &str) -> Result<Self, Refused> {
        Self::dial_as(address, &Opening::new(me, server), &me.secret)
    }

    /// Dials with a first line made by hand.
    ///
    /// # Errors
    ///
    /// How far it came before the server closed the connection.
    #[track_caller]
    pub fn dial_as(address: SocketAddr, opening: &Opening, secret: &[u8]) -> Result<Self, Refused> {
        Self::dial_slowly(address, opening, secret, || {})
    }

    /// The same, with a wait between the challenge and the proof.
    ///
    /// # Errors
    ///
    /// How far it came before the server closed the connection.
    #[track_caller]
    pub fn dial_slowly(
        address: SocketAddr,
        opening: &Opening,
        secret: &[u8],
        wait: impl FnOnce(),
    ) -> Result<Self, Refused> {
        let mut wire = Client::connect(address);
        wire.send(opening.line());
        let line = wire.line_or_end().ok_or(Refused::AtLink)?;
        wait();
        let challenge = Challenge::parse(&line).unwrap_or_else(|| panic!("no challenge: {line:?}"));
        if !wire.try_send(proof(secret, "dialler", opening, &challenge)) {
            return Err(Refused::AtProof);
        }
        let line = wire.line_or_end().ok_or(Refused::AtProof)?;
        assert_eq!(format!("{line}\n"), proof(secret, "acceptor", opening, &challenge));
        Ok(Self { wire, theirs: challenge.incarnation })
    }

    /// The connection.
    pub const fn wire(&mut self) -> &mut Client {
        &mut self.wire
    }

    /// Sends a line.
    #[track_caller]
    pub fn say(&mut self, line: &str) {
        self.wire.send(format!("{line}\n"));
    }

    /// The next line, whatever it is.
    #[track_caller]
    pub fn hear(&mut self) -> Heard {
        self.hear_or_end().expect("the link stays open")
    }

    /// The next line, or nothing where the link ends.
    #[track_caller]
    pub fn hear_or_end(&mut self) -> Option<Heard> {
        self.wire.line_or_end().map(heard)
    }

    /// The next line, where `deadline` is for all that is waited for: what else comes meanwhile does not
    /// put it off.
    #[track_caller]
    fn hear_by(&mut self, deadline: Instant) -> Heard {
        assert!(
            monotonic() < deadline,
            "what was waited for did not come in time, other lines did"
        );
        self.wire.line_or_end_by(deadline).map(heard).expect("the link stays open")
    }

    /// The next `AT` line. Marks on the way are acknowledged, acknowledgements passed over.
    #[track_caller]
    pub fn at(&mut self) -> String {
        let deadline = self.wire.deadline();
        loop {
            match self.hear_by(deadline) {
                Heard::At(line) => return line,
                Heard::Mark(number) => self.say(&format!("ACK {number}")),
                Heard::Ack(_) => {}
                Heard::Other(line) => panic!("a link carries nothing else: {line:?}"),
            }
        }
    }

    /// The `AT` lines up to the next mark that comes after `count` of them, and that mark.
    ///
    /// The mark is not acknowledged.
    #[track_caller]
    pub fn ats_and_mark(&mut self, count: usize) -> (Vec<String>, u64) {
        let deadline = self.wire.deadline();
        let mut lines = Vec::new();
        loop {
            match self.hear_by(deadline) {
                Heard::At(line) => lines.push(line),
                Heard::Mark(number) if lines.len() >= count => return (lines, number),
                Heard::Mark(_) | Heard::Ack(_) => {}
                Heard::Other(line) => panic!("a link carries nothing else: {line:?}"),
            }
        }
    }

    /// Sends a mark and waits until it is acknowledged: what was said before has been applied.
    ///
    /// `AT` lines on the way are passed over.
    #[track_caller]
    pub fn settle(&mut self, number: u64) {
        self.say(&format!("MARK {number}"));
        let deadline = self.wire.deadline();
        loop {
            match self.hear_by(deadline) {
                Heard::Ack(acknowledged) if acknowledged == number => return,
                Heard::Mark(theirs) => self.say(&format!("ACK {theirs}")),
                Heard::At(_) | Heard::Ack(_) => {}
                Heard::Other(line) => panic!("a link carries nothing else: {line:?}"),
            }
        }
    }
}

/// A played neighbour that servers dial: one whose name comes after theirs.
#[derive(Debug)]
pub struct Acceptor {
    listener: TcpListener,
}

impl Acceptor {
    /// Listens on a free port.
    pub fn new() -> Self {
        Self { listener: TcpListener::bind(free_address()).expect("the port is free") }
    }

    /// Listens at this address.
    pub fn at(address: SocketAddr) -> Self {
        Self { listener: TcpListener::bind(address).expect("the port is free") }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("a bound socket has an address")
    }

    /// The next connection.
    #[track_caller]
    pub fn next(&self) -> Client {
        self.next_within(PATIENCE).expect("the server dials")
    }

    /// The next connection, if one comes within `span`.
    pub fn next_within(&self, span: Duration) -> Option<Client> {
        self.listener.set_nonblocking(true).expect("an open socket takes options");
        within(span, || {
            let (stream, _) = self.listener.accept().ok()?;
            stream.set_nonblocking(false).expect("an open socket takes options");
            Some(Client::new(stream))
        })
    }

    /// Waits for the dialler `server` and goes through the handshake with it.
    #[track_caller]
    pub fn link(&self, me: &Identity, server: &str) -> Link {
        let mut wire = self.next();
        let opening = opening_of(&mut wire);
        assert_eq!(
            (&*opening.version, &*opening.dialler, &*opening.acceptor),
            ("1", server, &*me.name)
        );
        let challenge = Challenge::new(me);
        wire.send(challenge.line());
        assert_eq!(
            format!("{}\n", wire.line()),
            proof(&me.secret, "dialler", &opening, &challenge)
        );
        wire.send(proof(&me.secret, "acceptor", &opening, &challenge));
        Link { wire, theirs: opening.incarnation }
    }
}

impl Default for Acceptor {
    fn default() -> Self {
        Self::new()
    }
}

/// Reads the first line of a link.
#[track_caller]
fn opening_of(wire: &mut Client) -> Opening {
    let line = wire.line();
    Opening::parse(&line).unwrap_or_else(|| panic!("no first line of a link: {line:?}"))
}

pub(crate) fn heard(line: String) -> Heard {
    let number = |prefix| line.strip_prefix(prefix)?.parse().ok();
    if line.starts_with("AT ") {
        return Heard::At(line);
    }
    if let Some(number) = number("MARK ") {
        return Heard::Mark(number);
    }
    match number("ACK ") {
        Some(number) => Heard::Ack(number),
        None => Heard::Other(line),
    }
}

/// `digits` hexadecimal digits that were never drawn before.
pub(crate) fn fresh_hex(digits: usize) -> String {
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    let drawn = DRAWN.fetch_add(1, Ordering::Relaxed);
    let seed = format!("{} {} {drawn}", std::process::id(), wall_nanos());
    let mut text = hex(&Sha256::digest(seed));
    text.truncate(digits);
    text
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes text");
        text
    })
}

pub(crate) fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
