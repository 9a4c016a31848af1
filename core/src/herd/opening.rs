//! From a connection to a link: the first line, the challenge, the proofs.

use alloc::vec::Vec;

use super::Herd;
use crate::conns::{Conn, Door, Exchange, Opening, Role, Security};
use crate::follow::FollowHello;
use crate::handshake::{self, Binding, Hello, LINK_VERSION, Nonce, Side, Transcript};
use crate::ids::{ConnId, PeerId};
use crate::notice::{Notice, Refusal};
use crate::output::Output;
use crate::peers::PeerState;
use crate::sources::Source;
use crate::time::Now;

impl Herd {
    /// A connection that we dialled is there.
    pub(super) fn open_link(&mut self, now: Now, id: PeerId, out: &mut Output) -> ConnId {
        if self.peers[id.index()].is_plain() {
            let conn = self.admit(Conn::new(Role::Link(id), now.mono));
            out.log(Notice::Opened { conn });
            self.link_up(now, id, conn, None, out);
            return conn;
        }
        let nonce = Nonce(self.entropy.bytes());
        let role = Role::Opening(Opening::Challenge { peer: id, nonce });
        let mut conn = Conn::new(role, now.mono);
        if self.config.secured.links {
            conn.security = Security::Awaited;
        }
        conn.is_quiet = self.peers[id.index()].is_quiet(now.mono);
        let conn = self.admit(conn);
        out.log(Notice::Opened { conn });
        self.peers[id.index()].state = PeerState::Opening(conn);
        let mut line = Vec::new();
        let hello = Hello {
            version: LINK_VERSION,
            dialler: self.config.name.as_bytes(),
            acceptor: self.peers[id.index()].neighbour.name.as_bytes(),
            incarnation: self.incarnation,
            nonce,
        };
        hello.write(&mut line);
        self.send_line(now, conn, out, |bytes| bytes.extend_from_slice(&line));
        conn
    }

    /// The first line of a connection says whether it is a link; how many bytes were read for that.
    pub(super) fn decide(
        &mut self,
        now: Now,
        id: ConnId,
        door: Door,
        line: &[u8],
        out: &mut Output,
    ) -> usize {
        if let Some(hello) = FollowHello::parse(line) {
            self.challenge_follower(now, id, &hello, out);
            return line.len() + 1;
        }
        match (Hello::parse(line), door) {
            (Some(hello), _) => self.challenge(now, id, &hello, out),
            (None, Door::Shared { .. }) => {
                self.become_client_if_undecided(id);
                return 0;
            }
            (None, Door::SharedFull(why)) => self.turn_away(now, id, why, out),
            (None, Door::Links) => self.refuse(now, id, Refusal::NotAHandshake, out),
        }
        line.len() + 1
    }

    pub(super) fn become_client_if_undecided(&mut self, id: ConnId) {
        if let Some(conn) = self.conns.get(id)
            && let Role::Undecided(Door::Shared { plain }) = conn.role
        {
            self.become_role(id, Role::Client { plain });
        }
    }

    fn challenge(&mut self, now: Now, id: ConnId, hello: &Hello<'_>, out: &mut Output) {
        let own_name = self.config.name.as_bytes();
        let position = self
            .peers
            .iter()
            .position(|peer| !peer.is_plain() && peer.neighbour.name.as_bytes() == hello.dialler);
        let refusal = match position {
            _ if hello.version != LINK_VERSION => Some(Refusal::Version),
            _ if hello.acceptor != own_name => Some(Refusal::NotMe),
            None => Some(Refusal::NotANeighbour),
            Some(_) if hello.dialler > own_name => Some(Refusal::Role),
            Some(_) => None,
        };
        let peer = position.and_then(PeerId::at);
        let (None, Some(peer)) = (refusal, peer) else {
            return self.refuse(now, id, refusal.unwrap_or(Refusal::NotANeighbour), out);
        };
        if !self.is_certified(id, peer) {
            return self.refuse(now, id, Refusal::Certificate, out);
        }
        let exchange = Exchange {
            peer,
            ours: Side::Acceptor,
            nonce: Nonce(self.entropy.bytes()),
            theirs: hello.incarnation,
            their_nonce: hello.nonce,
        };
        let was_client = self.conns.get(id).is_some_and(Conn::is_client);
        self.become_role(id, Role::Opening(Opening::Proof(exchange)));
        if was_client {
            self.expect_handshake(now, id, out);
        }
        let (incarnation, nonce) = (self.incarnation, exchange.nonce);
        self.send_line(now, id, out, |bytes| handshake::write_challenge(incarnation, nonce, bytes));
    }

    /// A further line of a handshake.
    pub(super) fn prove(
        &mut self,
        now: Now,
        id: ConnId,
        opening: Opening,
        line: &[u8],
        out: &mut Output,
    ) {
        let exchange = match opening {
            Opening::Challenge { peer, .. } if !self.is_certified(id, peer) => {
                return self.refuse(now, id, Refusal::Certificate, out);
            }
            Opening::Challenge { peer, nonce } => {
                let Some((theirs, their_nonce)) = handshake::parse_challenge(line) else {
                    return self.refuse(now, id, Refusal::NotAHandshake, out);
                };
                let exchange = Exchange { peer, ours: Side::Dialler, nonce, theirs, their_nonce };
                self.become_role(id, Role::Opening(Opening::Proof(exchange)));
                return self.send_proof(now, id, &exchange, out);
            }
            Opening::Proof(exchange) => exchange,
            Opening::Follower => return self.prove_follower(now, id, line, out),
            Opening::Contest { .. } => return self.refuse(now, id, Refusal::NotAHandshake, out),
        };
        let transcript = self.transcript(id, &exchange);
        if !transcript.is_proof(exchange.ours.other(), &self.config.secret, line) {
            if exchange.ours == Side::Dialler
                && let Some(address) = transcript.read_taken(&self.config.secret, line)
            {
                return self.is_taken(now, id, exchange.peer, address, out);
            }
            return self.refuse(now, id, Refusal::Proof, out);
        }
        let peer = &mut self.peers[exchange.peer.index()];
        if exchange.ours == Side::Acceptor {
            peer.proven_from = self.conns.get(id).and_then(|conn| conn.from).map(Source::of);
            if peer.link().is_some() && peer.incarnation != Some(exchange.theirs) {
                return self.begin_contest(now, id, exchange, out);
            }
        }
        self.open(now, id, &exchange, out);
    }

    /// Makes a link of a connection whose other side has proven itself.
    pub(super) fn open(&mut self, now: Now, id: ConnId, exchange: &Exchange, out: &mut Output) {
        self.become_role(id, Role::Link(exchange.peer));
        if exchange.ours == Side::Acceptor {
            self.send_proof(now, id, exchange, out);
        }
        self.link_up(now, exchange.peer, id, Some(exchange.theirs), out);
    }

    fn send_proof(&mut self, now: Now, id: ConnId, exchange: &Exchange, out: &mut Output) {
        let mut line = Vec::new();
        self.transcript(id, exchange).write_proof(exchange.ours, &self.config.secret, &mut line);
        self.send_line(now, id, out, |bytes| bytes.extend_from_slice(&line));
    }

    /// Whether the other side of a connection is this neighbour for all that a certificate can say, where
    /// one is asked for.
    fn is_certified(&self, id: ConnId, peer: PeerId) -> bool {
        match self.conns.get(id).map(|conn| &conn.security) {
            Some(Security::Secured { peers, .. }) => peers.contains(&peer),
            Some(Security::Open | Security::Awaited) | None => !self.config.secured.links,
        }
    }

    /// What no other connection shares with this one, where it is secured.
    pub(super) fn binding(&self, id: ConnId) -> Option<Binding> {
        match self.conns.get(id)?.security {
            Security::Secured { binding, .. } => Some(binding),
            Security::Open | Security::Awaited => None,
        }
    }

    pub(super) fn transcript(&self, id: ConnId, exchange: &Exchange) -> Transcript<'_> {
        let Exchange { peer, ours, nonce, theirs, their_nonce } = *exchange;
        let own_name = self.config.name.as_bytes();
        let their_name = self.peers[peer.index()].neighbour.name.as_bytes();
        match ours {
            Side::Dialler => Transcript {
                dialler: own_name,
                acceptor: their_name,
                dialler_incarnation: self.incarnation,
                dialler_nonce: nonce,
                acceptor_incarnation: theirs,
                acceptor_nonce: their_nonce,
                binding: self.binding(id),
            },
            Side::Acceptor => Transcript {
                dialler: their_name,
                acceptor: own_name,
                dialler_incarnation: theirs,
                dialler_nonce: their_nonce,
                acceptor_incarnation: self.incarnation,
                acceptor_nonce: nonce,
                binding: self.binding(id),
            },
        }
    }
}
