//! One connection's TLS: what came from its socket in, what is for the core out, and the other way round.

use core::fmt;
use std::io::{Read as _, Write as _};
use std::sync::Arc;

use herd_core::{Binding, PeerId};
use rustls::client::verify_server_name;
use rustls::pki_types::ServerName;
use rustls::server::ParsedCertificate;
use rustls::{
    ClientConfig, ClientConnection, Connection, ProtocolVersion, ServerConfig, ServerConnection,
};

/// A connection's TLS. It holds what of a record or of the handshake's messages has come so far, which rustls
/// bounds by 64 KiB, and nothing that was sent.
#[derive(Debug)]
pub struct Session {
    tls: Connection,
    stage: Stage,
    /// Whom this side dialled, or whom the other side's certificate may be for.
    other: Other,
    /// Bytes on their way to the kernel, and those among them that the core knows of.
    sealed: usize,
    plain: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// Nothing has come yet.
    First {
        may_be_clear: bool,
    },
    Opening,
    Open,
    /// The other side has said that it ends its half.
    Ended,
    /// The other side does without.
    Clear,
}

#[derive(Debug)]
enum Other {
    Dialled(Option<PeerId>),
    AnyOf(Arc<[Option<ServerName<'static>>]>),
}

/// What came of bytes that were read.
#[derive(Debug, Default)]
pub struct Opened {
    /// What the other side says.
    pub plain: Vec<u8>,
    /// The connection is secured from here on: what it shares with no other, and the neighbours that the
    /// other side's certificate is for.
    pub secured: Option<(Binding, Vec<PeerId>)>,
    /// Nothing more will come.
    pub end: Option<End>,
}

/// Why nothing more comes from a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// The other side said so.
    Closed,
    /// The connection ended and the other side had not said so: what it said last may lack its end.
    Torn,
    /// The other side does not speak TLS.
    Clear,
    /// It does, and went wrong: most likely it shows no certificate that will do, or will not do with ours.
    Failed(rustls::Error),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("ended by the other side"),
            Self::Torn => f.write_str("ended without a word"),
            Self::Clear => f.write_str("the other side does not speak TLS"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

/// The first byte of whoever speaks TLS: a record of its handshake.
const HANDSHAKE: u8 = 0x16;

impl Session {
    /// For a connection that was accepted; `may_be_clear` says that the other side may go without TLS.
    pub(super) fn accepted(
        config: Arc<ServerConfig>,
        names: Arc<[Option<ServerName<'static>>]>,
        may_be_clear: bool,
    ) -> Self {
        let tls = ServerConnection::new(config).expect("it was tried when the server started");
        Self::new(Connection::Server(tls), Stage::First { may_be_clear }, Other::AnyOf(names))
    }

    /// For a connection that this side opened, to who has a certificate for `name`.
    pub(super) fn dialled(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        peer: Option<PeerId>,
    ) -> Self {
        let tls =
            ClientConnection::new(config, name).expect("it was tried when the server started");
        Self::new(Connection::Client(tls), Stage::Opening, Other::Dialled(peer))
    }

    fn new(tls: Connection, stage: Stage, other: Other) -> Self {
        Self { tls, stage, other, sealed: 0, plain: 0 }
    }

    /// Whether this side opened the connection.
    pub fn is_dialled(&self) -> bool {
        matches!(self.other, Other::Dialled(_))
    }

    /// Whether both sides are sure of the connection.
    pub fn is_secured(&self) -> bool {
        self.stage == Stage::Open
    }

    /// Whether the other side has said that it ends its half.
    pub fn has_ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    /// Whether the kernel has taken all that was sealed.
    pub fn is_drained(&self) -> bool {
        self.sealed == 0
    }

    /// Takes what was read from the socket; nothing is its end. [`Session::seal`] then has what TLS itself
    /// wants to say.
    pub fn open(&mut self, bytes: &[u8]) -> Opened {
        let mut opened = Opened::default();
        if let (Stage::First { may_be_clear }, Some(first)) = (self.stage, bytes.first()) {
            self.stage = match (*first == HANDSHAKE, may_be_clear) {
                (true, _) => Stage::Opening,
                (false, true) => Stage::Clear,
                (false, false) => {
                    opened.end = Some(End::Clear);
                    return opened;
                }
            };
        }
        if bytes.is_empty() {
            opened.end = Some(if self.stage == Stage::Open { End::Torn } else { End::Closed });
        } else if self.stage == Stage::Ended {
            opened.end = Some(End::Closed);
        } else if self.stage == Stage::Clear {
            opened.plain.extend_from_slice(bytes);
        } else {
            opened.end = self.decrypt(bytes, &mut opened.plain).err();
        }
        if self.stage == Stage::Opening && !self.tls.is_handshaking() {
            self.stage = Stage::Open;
            opened.secured = Some((self.binding(), self.peers()));
        }
        if self.stage == Stage::Open && opened.end == Some(End::Closed) {
            self.stage = Stage::Ended;
        }
        opened
    }

    fn decrypt(&mut self, mut bytes: &[u8], plain: &mut Vec<u8>) -> Result<(), End> {
        let failed = |error: std::io::Error| End::Failed(rustls::Error::General(error.to_string()));
        while !bytes.is_empty() {
            self.tls.read_tls(&mut bytes).map_err(failed)?;
            let state = self.tls.process_new_packets().map_err(End::Failed)?;
            let start = plain.len();
            plain.resize(start + state.plaintext_bytes_to_read(), 0);
            self.tls.reader().read_exact(&mut plain[start..]).map_err(failed)?;
            if state.peer_has_closed() {
                return Err(End::Closed);
            }
        }
        Ok(())
    }

    /// What no other connection shares with this one: RFC 9266's `tls-exporter`.
    fn binding(&self) -> Binding {
        let label = b"EXPORTER-Channel-Binding";
        let exported = self.tls.export_keying_material([0; 32], label, Some(&[]));
        Binding(exported.expect("what is open has keys to export from"))
    }

    /// The neighbours that the other side's certificate, which was verified, is for.
    fn peers(&self) -> Vec<PeerId> {
        let names = match &self.other {
            Other::Dialled(peer) => return peer.iter().copied().collect(),
            Other::AnyOf(names) => names,
        };
        let is_new = self.tls.protocol_version() == Some(ProtocolVersion::TLSv1_3);
        let certificate = self.tls.peer_certificates().and_then(<[_]>::first).filter(|_| is_new);
        let Some(Ok(certificate)) = certificate.map(ParsedCertificate::try_from) else {
            return Vec::new();
        };
        let is_for = |name: &ServerName<'_>| verify_server_name(&certificate, name).is_ok();
        let positions = names.iter().enumerate();
        let matching = positions.filter(|(_, name)| name.as_ref().is_some_and(is_for));
        matching.filter_map(|(position, _)| PeerId::at(position)).collect()
    }

    /// What is to be written to the socket: what TLS itself wants to say, and `plain`. Before the connection
    /// is secured some of it is kept until it is.
    pub fn seal(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::new();
        if self.stage == Stage::Clear {
            sealed.extend_from_slice(plain);
        } else {
            let mut rest = plain;
            while !rest.is_empty() {
                let written = self.tls.writer().write(rest).unwrap_or(0);
                self.flush(&mut sealed);
                if written == 0 {
                    debug_assert!(false, "too much is said before the connection is secured");
                    break;
                }
                rest = &rest[written..];
            }
            self.flush(&mut sealed);
        }
        self.sealed += sealed.len();
        self.plain += plain.len();
        sealed
    }

    /// What is to be written to the socket last.
    pub fn close(&mut self) -> Vec<u8> {
        let has_begun = matches!(self.stage, Stage::Opening | Stage::Open | Stage::Ended);
        if has_begun {
            self.tls.send_close_notify();
        }
        if has_begun { self.seal(b"") } else { Vec::new() }
    }

    fn flush(&mut self, sealed: &mut Vec<u8>) {
        while self.tls.wants_write() {
            self.tls.write_tls(sealed).expect("a vector takes all");
        }
    }

    /// The kernel took `count` bytes of what was sealed: how many of what the core sent that is. It comes
    /// out even when the kernel has taken all, and is a share until then.
    pub fn drained(&mut self, count: usize) -> usize {
        let count = count.min(self.sealed);
        let plain = if count == self.sealed {
            self.plain
        } else {
            let share = (count as u128) * (self.plain as u128) / (self.sealed as u128);
            usize::try_from(share).unwrap_or(self.plain)
        };
        self.sealed -= count;
        self.plain -= plain;
        plain
    }
}

#[cfg(test)]
mod tests;
