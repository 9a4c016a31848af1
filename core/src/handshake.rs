//! How two servers prove to each other that they hold the herd's secret.
//!
//! ```text
//!   dialler                                          acceptor
//!     LINK 1 Hill Jaquez <incarnation> <nonce>  ──▶
//!                        ◀──  CHALLENGE <incarnation> <nonce>
//!     PROOF <hmac>  ──▶
//!                        ◀──  PROOF <hmac>
//! ```
//!
//! A proof is HMAC-SHA-256, under the secret, of everything said before and of the role of who makes
//! it, so that neither can be replayed, reflected, or used towards another server. The dialler proves
//! itself first: who only connects is told nothing that a guess at the secret could be tried on.
//! On a secured connection a proof is of that connection too. An acceptor that has a link with another server
//! of the dialler's name, which lives, refuses by a proof in another role.

use alloc::format;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::config::Secret;

/// The version of the link protocol that this is.
pub const LINK_VERSION: u32 = 1;

/// What the first line of a link begins with, and no command of a client's.
pub(crate) const HELLO: &[u8] = b"LINK ";

/// What a line that proves something begins with. What follows does not belong into a log: a secret that
/// can be guessed could be tried on it.
pub const PROOF: &[u8] = b"PROOF ";

/// One start of a server: two never share a number.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Incarnation(pub(crate) u64);

impl Incarnation {
    /// The number, to be kept.
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// What [`Incarnation::to_bits`] made a number of.
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

/// A number used once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Nonce(pub(crate) [u8; 32]);

/// What both ends of a secured connection know of it, and the ends of no other: the keying material
/// `EXPORTER-Channel-Binding` of TLS 1.3 (RFC 9266). A proof made for one connection holds on no other.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Binding(pub [u8; 32]);

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Binding(..)")
    }
}

/// What both sides say before either proves anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transcript<'a> {
    pub(crate) dialler: &'a [u8],
    pub(crate) acceptor: &'a [u8],
    pub(crate) dialler_incarnation: Incarnation,
    pub(crate) dialler_nonce: Nonce,
    pub(crate) acceptor_incarnation: Incarnation,
    pub(crate) acceptor_nonce: Nonce,
    /// Where the connection is secured: neither says it, since both know it.
    pub(crate) binding: Option<Binding>,
}

/// A side of a handshake, by what it did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    Dialler,
    Acceptor,
}

/// What an acceptor says instead of its proof: it has a link with another server of the dialler's name, which
/// lives and has this address.
pub(crate) const TAKEN: &str = " TAKEN ";

impl Side {
    fn role(self) -> &'static [u8] {
        match self {
            Self::Dialler => b"dialler",
            Self::Acceptor => b"acceptor",
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Dialler => Self::Acceptor,
            Self::Acceptor => Self::Dialler,
        }
    }
}

impl Transcript<'_> {
    /// Appends the proof line of `side`.
    pub(crate) fn write_proof(&self, side: Side, secret: &Secret, out: &mut Vec<u8>) {
        out.extend_from_slice(PROOF);
        write_hex(&self.mac(side.role(), secret).finalize().into_bytes(), out);
        out.push(b'\n');
    }

    /// Whether `line` is the proof line of `side`. Takes as long for a near miss as for a far one.
    pub(crate) fn is_proof(&self, side: Side, secret: &Secret, line: &[u8]) -> bool {
        let Some(proof) = line.strip_prefix(PROOF).and_then(read_hex::<32>) else {
            return false;
        };
        self.mac(side.role(), secret).verify_slice(&proof).is_ok()
    }

    /// Appends the line that refuses the dialler, because another server of its name is at `address`.
    pub(crate) fn write_taken(&self, address: IpAddr, secret: &Secret, out: &mut Vec<u8>) {
        out.extend_from_slice(PROOF);
        let role = format!("taken {address}");
        write_hex(&self.mac(role.as_bytes(), secret).finalize().into_bytes(), out);
        out.extend_from_slice(format!("{TAKEN}{address}\n").as_bytes());
    }

    /// The address in the line that refuses the dialler, if `line` is that.
    pub(crate) fn read_taken(&self, secret: &Secret, line: &[u8]) -> Option<IpAddr> {
        let (proof, address) = core::str::from_utf8(line).ok()?.split_once(TAKEN)?;
        let proof = proof.as_bytes().strip_prefix(PROOF).and_then(read_hex::<32>)?;
        let role = format!("taken {address}");
        self.mac(role.as_bytes(), secret).verify_slice(&proof).ok()?;
        address.parse().ok()
    }

    fn mac(&self, role: &[u8], secret: &Secret) -> Hmac<Sha256> {
        let mut text = b"herd link 1\n".to_vec();
        for field in [role, self.dialler, self.acceptor] {
            text.extend_from_slice(field);
            text.push(b'\n');
        }
        let sides = [
            (self.dialler_incarnation, self.dialler_nonce),
            (self.acceptor_incarnation, self.acceptor_nonce),
        ];
        for (incarnation, nonce) in sides {
            write_hex(&incarnation.0.to_be_bytes(), &mut text);
            text.push(b'\n');
            write_hex(&nonce.0, &mut text);
            text.push(b'\n');
        }
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

/// A dialler's first line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Hello<'a> {
    pub(crate) version: u32,
    pub(crate) dialler: &'a [u8],
    pub(crate) acceptor: &'a [u8],
    pub(crate) incarnation: Incarnation,
    pub(crate) nonce: Nonce,
}

impl<'a> Hello<'a> {
    pub(crate) fn parse(line: &'a [u8]) -> Option<Self> {
        let [b"LINK", version, dialler, acceptor, incarnation, nonce] = fields(line)? else {
            return None;
        };
        let version = read_version(version)?;
        let (incarnation, nonce) = read_opening(incarnation, nonce)?;
        Some(Self { version, dialler, acceptor, incarnation, nonce })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(HELLO);
        out.extend_from_slice(itoa::Buffer::new().format(self.version).as_bytes());
        for name in [self.dialler, self.acceptor] {
            out.push(b' ');
            out.extend_from_slice(name);
        }
        write_opening(self.incarnation, self.nonce, out);
    }
}

/// Appends an acceptor's answer to a [`Hello`].
pub(crate) fn write_challenge(incarnation: Incarnation, nonce: Nonce, out: &mut Vec<u8>) {
    out.extend_from_slice(b"CHALLENGE");
    write_opening(incarnation, nonce, out);
}

pub(crate) fn parse_challenge(line: &[u8]) -> Option<(Incarnation, Nonce)> {
    let [b"CHALLENGE", incarnation, nonce] = fields(line)? else { return None };
    read_opening(incarnation, nonce)
}

pub(crate) fn write_opening(incarnation: Incarnation, nonce: Nonce, out: &mut Vec<u8>) {
    out.push(b' ');
    write_hex(&incarnation.0.to_be_bytes(), out);
    out.push(b' ');
    write_hex(&nonce.0, out);
    out.push(b'\n');
}

/// A version as [`Hello::write`] writes it: other ways to write a number are none.
pub(crate) fn read_version(text: &[u8]) -> Option<u32> {
    let version = core::str::from_utf8(text).ok()?.parse().ok()?;
    (itoa::Buffer::new().format(version).as_bytes() == text).then_some(version)
}

pub(crate) fn read_opening(incarnation: &[u8], nonce: &[u8]) -> Option<(Incarnation, Nonce)> {
    Some((Incarnation(u64::from_be_bytes(read_hex(incarnation)?)), Nonce(read_hex(nonce)?)))
}

/// The fields of a line in which single spaces stand between `N` of them.
pub(crate) fn fields<const N: usize>(line: &[u8]) -> Option<[&[u8]; N]> {
    let mut split = line.split(|byte| *byte == b' ');
    let mut fields = [&[][..]; N];
    for field in &mut fields {
        *field = split.next()?;
    }
    split.next().is_none().then_some(fields)
}

pub(crate) fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

pub(crate) fn read_hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of `docs/protocol.md`, which was computed by another program.
    const VECTOR: Transcript<'_> = Transcript {
        dialler: b"Hill",
        acceptor: b"Jaquez",
        dialler_incarnation: Incarnation(0x0123_4567_89ab_cdef),
        dialler_nonce: Nonce([0x11; 32]),
        acceptor_incarnation: Incarnation(0xfedc_ba98_7654_3210),
        acceptor_nonce: Nonce([0x22; 32]),
        binding: None,
    };

    fn secret() -> Secret {
        Secret::new(*b"correct horse battery staple")
    }

    fn proof(transcript: &Transcript<'_>, side: Side) -> alloc::string::String {
        let mut out = Vec::new();
        transcript.write_proof(side, &secret(), &mut out);
        alloc::string::String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_documented_vector_holds() {
        assert_eq!(
            proof(&VECTOR, Side::Dialler),
            "PROOF a5e1bb907b9fc1e0307e8bef0031c3cdeaa36987b8078af34a1843f318569b53\n"
        );
        assert_eq!(
            proof(&VECTOR, Side::Acceptor),
            "PROOF bd1934c58adb21270b5878718bbf946a48bff00d6d9910e110787d5d536b76c1\n"
        );
    }

    #[test]
    fn the_documented_vector_of_a_refusal_holds() {
        let line = "PROOF 1ebe7fdc97559bd7531e9f8f8683b984215f88a5d0cec7e0d16a72cb1c18296d TAKEN 192.0.2.7";
        let address = "192.0.2.7".parse().unwrap();
        let mut out = Vec::new();
        VECTOR.write_taken(address, &secret(), &mut out);
        assert_eq!(out, [line.as_bytes(), b"\n"].concat());
        assert_eq!(VECTOR.read_taken(&secret(), line.as_bytes()), Some(address));
        let elsewhere = line.replace("192.0.2.7", "192.0.2.8");
        assert_eq!(VECTOR.read_taken(&secret(), elsewhere.as_bytes()), None);
        assert!(!VECTOR.is_proof(Side::Acceptor, &secret(), line.as_bytes()));
    }

    #[test]
    fn the_documented_vector_of_a_secured_connection_holds() {
        let secured = Transcript { binding: Some(Binding([0x33; 32])), ..VECTOR };
        assert_eq!(
            proof(&secured, Side::Dialler),
            "PROOF 118b893ee563b71b7af2c3b467af89c3088159d4a1e137ad43172d0f0b5852e3\n"
        );
        assert_eq!(
            proof(&secured, Side::Acceptor),
            "PROOF 5fb2ca03fc5c1882688355fcc82c5d12725d7ef5ebcef932cde0b58293d0407e\n"
        );
    }

    #[test]
    fn a_proof_for_one_secured_connection_holds_on_no_other() {
        let bound = |binding| Transcript { binding, ..VECTOR };
        let one = bound(Some(Binding([0x33; 32])));
        let line = proof(&one, Side::Dialler);
        let line = line.trim_end().as_bytes();
        assert!(one.is_proof(Side::Dialler, &secret(), line));
        for other in [Some(Binding([0x34; 32])), None] {
            assert!(!bound(other).is_proof(Side::Dialler, &secret(), line));
        }
    }

    #[test]
    fn a_proof_holds_only_for_its_side_and_its_conversation() {
        let dialler = proof(&VECTOR, Side::Dialler);
        let line = dialler.trim_end().as_bytes();
        assert!(VECTOR.is_proof(Side::Dialler, &secret(), line));
        assert!(!VECTOR.is_proof(Side::Acceptor, &secret(), line));
        let fresh = Transcript { acceptor_nonce: Nonce([0x23; 32]), ..VECTOR };
        assert!(!fresh.is_proof(Side::Dialler, &secret(), line));
        assert!(!VECTOR.is_proof(Side::Dialler, &Secret::new(*b"another secret of 16"), line));
    }

    #[test]
    fn a_first_line_can_be_read_back() {
        let hello = Hello {
            version: 1,
            dialler: b"Hill",
            acceptor: b"Jaquez",
            incarnation: Incarnation(7),
            nonce: Nonce([9; 32]),
        };
        let mut out = Vec::new();
        hello.write(&mut out);
        assert_eq!(Hello::parse(out.strip_suffix(b"\n").unwrap()), Some(hello));
        assert_eq!(Hello::parse(b"LINK 1 Hill Jaquez 7 9"), None);
        assert_eq!(Hello::parse(b"LINK up"), None);
        for version in ["01", "+1", "-1", "1.0", "", "one", "4294967296"] {
            let text = alloc::string::String::from_utf8(out.clone()).unwrap();
            let line = text.trim_end().replacen("LINK 1 ", &alloc::format!("LINK {version} "), 1);
            assert_eq!(Hello::parse(line.as_bytes()), None, "{version}");
        }
    }
}
