//! Two servers of one name.
//!
//! A server that was started again has another incarnation, and comes back while its old connection may look alive
//! still, where no reset has come for it. So does a second server that was given the same name by mistake. What tells
//! them apart is whether the old connection still answers: it is sent a `MARK`, and the newcomer waits for the `ACK`. If
//! the old connection ends meanwhile, or does not answer, the newcomer takes its place. Otherwise the newcomer is refused,
//! and both sides say so. Records do not count as an answer: they may have been on their way when their server died.

use core::net::IpAddr;
use core::time::Duration;

use super::Herd;
use crate::conns::{Exchange, Opening, Role};
use crate::ids::{ConnId, PeerId};
use crate::notice::{Goodbye, Notice, Refusal};
use crate::output::Output;
use crate::time::Now;

/// What a link has to answer a `MARK` within, while another start of the neighbour waits for its place.
const PROBE: Duration = Duration::from_secs(2);

impl Herd {
    /// A neighbour has proven itself that there is a link with, and is another start of it.
    pub(super) fn begin_contest(
        &mut self,
        now: Now,
        id: ConnId,
        exchange: Exchange,
        out: &mut Output,
    ) {
        let until = now.mono.after(PROBE);
        let peer = &mut self.peers[exchange.peer.index()];
        peer.mark_due = true;
        if let Some(other) = peer.contender.replace(id) {
            self.close(now, other, Goodbye::Replaced, out);
        }
        self.become_role(id, Role::Opening(Opening::Contest { exchange, until }));
        self.say_progress(now, exchange.peer, out);
    }

    /// The time of a contest is over.
    pub(super) fn end_contest(&mut self, now: Now, id: ConnId, out: &mut Output) {
        let Some(conn) = self.conns.get(id) else { return };
        let Role::Opening(Opening::Contest { exchange, until }) = conn.role else { return };
        let peer = &self.peers[exchange.peer.index()];
        let answers = peer.acked_at.after(PROBE) > until;
        let old = peer.link().and_then(|link| Some((link, self.conns.get(link)?)));
        match old {
            Some((link, old)) if answers => {
                let address = old.from;
                self.refuse_taken(now, id, exchange, (link, address), out);
            }
            _ => self.win_contest(now, exchange.peer, out),
        }
    }

    /// A connection that waited for the place of a link gets it.
    pub(super) fn win_contest(&mut self, now: Now, peer: PeerId, out: &mut Output) {
        let Some(id) = self.peers[peer.index()].contender.take() else { return };
        let Some(conn) = self.conns.get(id) else { return };
        if let Role::Opening(Opening::Contest { exchange, .. }) = conn.role {
            self.open(now, id, &exchange, out);
        }
    }

    fn refuse_taken(
        &mut self,
        now: Now,
        id: ConnId,
        exchange: Exchange,
        (link, address): (ConnId, Option<IpAddr>),
        out: &mut Output,
    ) {
        let peer = &mut self.peers[exchange.peer.index()];
        if peer.refused.replace(exchange.theirs) != Some(exchange.theirs) {
            out.log(Notice::NameTwice { peer: exchange.peer, link, other: id });
        }
        if let Some(address) = address {
            let mut line = alloc::vec::Vec::new();
            let transcript = self.transcript(id, &exchange);
            transcript.write_taken(address, &self.config.secret, &mut line);
            self.send_line(now, id, out, |bytes| bytes.extend_from_slice(&line));
        }
        self.refuse(now, id, Refusal::Taken, out);
    }

    /// A neighbour has said that it has a link with another server of our name, which is at `address`.
    pub(super) fn is_taken(
        &mut self,
        now: Now,
        id: ConnId,
        peer: PeerId,
        address: IpAddr,
        out: &mut Output,
    ) {
        self.peers[peer.index()].is_refused();
        if self.namesake.replace(address) != Some(address) {
            out.log(Notice::OwnNameTwice { peer, conn: id, address });
        }
        self.refuse(now, id, Refusal::Taken, out);
    }
}
