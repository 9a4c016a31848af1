//! What a follower and a server say to each other before the first record.
//!
//! ```text
//!   follower                                                                server
//!     FOLLOW 1 gate * <incarnation> <nonce> <after-incarnation> <after>  ──▶
//!                                          ◀──  CHALLENGE <incarnation> <nonce>
//!     PROOF <hmac>  ──▶
//!                                          ◀──  PROOF <hmac> <last change>
//! ```
//!
//! A follower is told records and tells none. The proofs are made as those of a [link](crate::handshake), in
//! roles of their own: one for the one opens no other.

use alloc::format;
use alloc::vec::Vec;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::config::Secret;
use crate::handshake::{
    Binding, Incarnation, Nonce, PROOF, fields, read_hex, read_opening, read_version, write_hex,
    write_opening,
};

/// The version of what followers and servers say to each other.
pub const FOLLOW_VERSION: u32 = 1;
/// What the first line of a follower begins with.
pub(crate) const FOLLOW: &[u8] = b"FOLLOW ";
/// The name by which a follower calls a server whose name it does not know.
pub(crate) const ANY: &str = "*";

/// Up to where a follower has been told everything: a change of one start of a server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Position {
    /// The start of the server.
    pub incarnation: Incarnation,
    /// The last change.
    pub change: u64,
}

impl Position {
    /// Nothing yet, of no server.
    pub const START: Self = Self { incarnation: Incarnation(0), change: 0 };
}

/// A follower's first line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct FollowHello<'a> {
    pub(crate) version: u32,
    pub(crate) follower: &'a [u8],
    pub(crate) server: &'a [u8],
    pub(crate) incarnation: Incarnation,
    pub(crate) nonce: Nonce,
    pub(crate) after: Position,
}

impl<'a> FollowHello<'a> {
    pub(crate) fn parse(line: &'a [u8]) -> Option<Self> {
        let [b"FOLLOW", version, follower, server, incarnation, nonce, after, change] =
            fields(line)?
        else {
            return None;
        };
        let version = read_version(version)?;
        let (incarnation, nonce) = read_opening(incarnation, nonce)?;
        let after = Position {
            incarnation: Incarnation(u64::from_be_bytes(read_hex(after)?)),
            change: read_change(change)?,
        };
        Some(Self { version, follower, server, incarnation, nonce, after })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(FOLLOW);
        out.extend_from_slice(itoa::Buffer::new().format(self.version).as_bytes());
        for name in [self.follower, self.server] {
            out.push(b' ');
            out.extend_from_slice(name);
        }
        write_opening(self.incarnation, self.nonce, out);
        out.pop();
        out.push(b' ');
        write_hex(&self.after.incarnation.0.to_be_bytes(), out);
        out.extend_from_slice(format!(" {}\n", self.after.change).as_bytes());
    }
}

/// What both have said before either proves anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FollowTranscript<'a> {
    pub(crate) hello: FollowHello<'a>,
    pub(crate) incarnation: Incarnation,
    pub(crate) nonce: Nonce,
    /// Where the connection is secured.
    pub(crate) binding: Option<Binding>,
}

impl FollowTranscript<'_> {
    /// Appends the follower's proof.
    pub(crate) fn write_followers_proof(&self, secret: &Secret, out: &mut Vec<u8>) {
        out.extend_from_slice(PROOF);
        write_hex(&self.mac("follower", secret).finalize().into_bytes(), out);
        out.push(b'\n');
    }

    pub(crate) fn is_followers_proof(&self, secret: &Secret, line: &[u8]) -> bool {
        let Some(proof) = line.strip_prefix(PROOF).and_then(read_hex::<32>) else { return false };
        self.mac("follower", secret).verify_slice(&proof).is_ok()
    }

    /// Appends the server's proof, which says too what its last change is.
    pub(crate) fn write_servers_proof(&self, last: u64, secret: &Secret, out: &mut Vec<u8>) {
        out.extend_from_slice(PROOF);
        let role = format!("server {last}");
        write_hex(&self.mac(&role, secret).finalize().into_bytes(), out);
        out.extend_from_slice(format!(" {last}\n").as_bytes());
    }

    /// The server's last change, if `line` is its proof.
    pub(crate) fn read_servers_proof(&self, secret: &Secret, line: &[u8]) -> Option<u64> {
        let [proof, last] = fields(line.strip_prefix(PROOF)?)?;
        let (proof, last) = (read_hex::<32>(proof)?, read_change(last)?);
        let role = format!("server {last}");
        self.mac(&role, secret).verify_slice(&proof).ok()?;
        Some(last)
    }

    fn mac(&self, role: &str, secret: &Secret) -> Hmac<Sha256> {
        let FollowHello { follower, server, incarnation, nonce, after, .. } = self.hello;
        let mut text = b"herd follow 1\n".to_vec();
        for field in [role.as_bytes(), follower, server] {
            text.extend_from_slice(field);
            text.push(b'\n');
        }
        for (incarnation, nonce) in [(incarnation, nonce), (self.incarnation, self.nonce)] {
            write_hex(&incarnation.0.to_be_bytes(), &mut text);
            text.push(b'\n');
            write_hex(&nonce.0, &mut text);
            text.push(b'\n');
        }
        write_hex(&after.incarnation.0.to_be_bytes(), &mut text);
        text.extend_from_slice(format!("\n{}\n", after.change).as_bytes());
        if let Some(Binding(binding)) = &self.binding {
            text.extend_from_slice(b"tls-exporter ");
            write_hex(binding, &mut text);
            text.push(b'\n');
        }
        let mut mac =
            Hmac::<Sha256>::new_from_slice(secret.bytes()).expect("HMAC takes keys of any length");
        mac.update(&text);
        mac
    }
}

/// A change's number, written in the only way there is.
pub(crate) fn read_change(text: &[u8]) -> Option<u64> {
    let number = core::str::from_utf8(text).ok()?.parse().ok()?;
    (itoa::Buffer::new().format::<u64>(number).as_bytes() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    /// The vector of `docs/protocol.md`, which was computed by another program.
    const VECTOR: FollowTranscript<'_> = FollowTranscript {
        hello: FollowHello {
            version: 1,
            follower: b"gate",
            server: b"*",
            incarnation: Incarnation(0x0123_4567_89ab_cdef),
            nonce: Nonce([0x11; 32]),
            after: Position { incarnation: Incarnation(0xfedc_ba98_7654_3210), change: 41 },
        },
        incarnation: Incarnation(0xfedc_ba98_7654_3210),
        nonce: Nonce([0x22; 32]),
        binding: None,
    };

    fn secret() -> Secret {
        Secret::new(*b"correct horse battery staple")
    }

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_documented_vectors_hold() {
        let hello = written(|out| VECTOR.hello.write(out));
        let (ones, server) = ("11".repeat(32), "fedcba9876543210");
        assert_eq!(hello, format!("FOLLOW 1 gate * 0123456789abcdef {ones} {server} 41\n"));
        assert_eq!(FollowHello::parse(hello.trim_end().as_bytes()), Some(VECTOR.hello));
        let bound = FollowTranscript { binding: Some(Binding([0x33; 32])), ..VECTOR };
        for (vector, follower, server) in [
            (
                VECTOR,
                "574a9efd6ead485717f2f14c9863d9fa1d5b6fe6c6ff5f27e2ed4fcb39abf964",
                "b1089ae9c4bb8cc09d813c4fbfa300bc791e6a63590cc4d50ca6d78fdbc1a221",
            ),
            (
                bound,
                "6f3f83116b8d4ff44040df05b387a9ac846757d814b8562b18609b490057ed82",
                "93f32bc0beb0a7a9ff5fda391e5ee2b5beb7dcf684a280c88f3b38ea4b293647",
            ),
        ] {
            let proof = written(|out| vector.write_followers_proof(&secret(), out));
            assert_eq!(proof, format!("PROOF {follower}\n"));
            assert!(vector.is_followers_proof(&secret(), proof.trim_end().as_bytes()));
            let proof = written(|out| vector.write_servers_proof(43, &secret(), out));
            assert_eq!(proof, format!("PROOF {server} 43\n"));
            let line = proof.trim_end();
            assert_eq!(vector.read_servers_proof(&secret(), line.as_bytes()), Some(43));
            let other = line.replace(" 43", " 44");
            assert_eq!(vector.read_servers_proof(&secret(), other.as_bytes()), None);
        }
    }
}
