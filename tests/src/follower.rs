//! A follower played by the test: its handshake and its lines, written a second time.

use crate::link::{fresh_hex, hex, is_hex};
use crate::{Client, Heard, PATIENCE, SECRET, monotonic};
use core::net::SocketAddr;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What a played follower says of itself.
#[derive(Clone, Debug)]
pub struct Follow {
    /// What it calls itself.
    pub name: String,
    /// The server that it wants.
    pub server: String,
    /// What it believes to be the herd's secret.
    pub secret: String,
    /// Its incarnation, 16 hexadecimal digits.
    pub incarnation: String,
    /// Up to where it has everything: a server's incarnation and a change.
    pub after: (String, u64),
}

impl Follow {
    /// One that knows the secret, has nothing, and takes any server.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            server: "*".to_owned(),
            secret: SECRET.to_owned(),
            incarnation: fresh_hex(16),
            after: ("0".repeat(16), 0),
        }
    }

    /// Connects to `address` and goes through the handshake; nothing if the server closes before its end.
    #[track_caller]
    pub fn dial(&self, address: SocketAddr) -> Option<Follower> {
        let Self { name, server, incarnation, after: (after, change), .. } = self;
        let nonce = fresh_hex(64);
        let mut wire = Client::connect(address);
        wire.send(format!("FOLLOW 1 {name} {server} {incarnation} {nonce} {after} {change}\n"));
        let line = wire.line_or_end()?;
        let (theirs, their_nonce) = line
            .strip_prefix("CHALLENGE ")
            .and_then(|rest| rest.split_once(' '))
            .expect("a challenge");
        assert!(is_hex(theirs, 16) && is_hex(their_nonce, 64), "{line}");
        let proof = |role: &str| {
            let text = format!(
                "herd follow 1\n{role}\n{name}\n{server}\n{incarnation}\n{nonce}\n{theirs}\n{their_nonce}\n{after}\n{change}\n"
            );
            let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes())
                .expect("HMAC takes a key of any length");
            mac.update(text.as_bytes());
            hex(&mac.finalize().into_bytes())
        };
        wire.send(format!("PROOF {}\n", proof("follower")));
        let answer = wire.line_or_end()?;
        let (_, last) = answer.rsplit_once(' ').expect("a proof and a number");
        assert_eq!(answer, format!("PROOF {} {last}", proof(&format!("server {last}"))));
        let last = last.parse().expect("a number");
        Some(Follower { wire, theirs: theirs.to_owned(), last })
    }
}

/// A follower that is told records.
#[derive(Debug)]
pub struct Follower {
    wire: Client,
    /// The incarnation of the server.
    pub theirs: String,
    /// The server's last change when it began.
    pub last: u64,
}

impl Follower {
    /// Sends a line.
    #[track_caller]
    pub fn say(&mut self, line: &str) {
        self.wire.send(format!("{line}\n"));
    }

    /// The next line, or nothing where the connection ends. A `MARK` is acknowledged.
    #[track_caller]
    pub fn hear(&mut self) -> Option<Heard> {
        let heard = crate::link::heard(self.wire.line_or_end()?);
        if let Heard::Mark(number) = heard {
            self.wire.try_send(format!("ACK {number}\n"));
        }
        Some(heard)
    }

    /// The `AT` lines that come until the server says that everything up to `change` has been sent.
    #[track_caller]
    pub fn hear_upto(&mut self, change: u64) -> Vec<String> {
        let deadline = monotonic() + PATIENCE;
        let mut lines = Vec::new();
        while monotonic() < deadline {
            match self.hear().expect("the connection stays open") {
                Heard::At(line) => lines.push(line),
                Heard::Mark(number) if number >= change => return lines,
                Heard::Mark(_) => {}
                other @ (Heard::Ack(_) | Heard::Other(_)) => {
                    panic!("not what a follower is told: {other:?}")
                }
            }
        }
        panic!("change {change} was not marked in time");
    }
}
