//! Links with neighbours: dialling, updates in, updates out, progress.

use alloc::vec::Vec;
use core::time::Duration;

use super::{Herd, Subject, recycle};
use crate::command::{Malformed, Update};
use crate::conns::HANDSHAKE;
use crate::directory::{Newcomer, News, Origin, Place};
use crate::flood::Cursor;
use crate::handshake::Incarnation;
use crate::ids::{ConnId, PeerId};
use crate::notice::{Goodbye, Notice, Refusal};
use crate::numbered::{read_numbered, write_numbered};
use crate::output::{Action, Output};
use crate::peers::{Outage, PeerState};
use crate::time::{Instant, Now};
use crate::timers::Wake;

/// Bytes that may wait to be taken by one neighbour. More is left in the table.
pub(super) const LINK_WINDOW: usize = 256 * 1024;
/// How often progress is marked while there is any.
pub(super) const MARK_BUSY: Duration = Duration::from_secs(1);
/// How often it is marked all the same.
pub(super) const MARK_IDLE: Duration = Duration::from_secs(4);
/// After this much silence a link is closed.
pub(super) const SILENCE: Duration = Duration::from_secs(15);

impl Herd {
    /// Looks at a neighbour when its time has come: dials it, or tells it how far it has been told.
    pub(super) fn check_peer(&mut self, now: Now, id: PeerId, at: Instant, out: &mut Output) {
        let Some(peer) = self.peers.get_mut(id.index()) else { return };
        if peer.alarm != Some(at) {
            return;
        }
        peer.alarm = None;
        match peer.state {
            PeerState::Down if peer.dials && !self.stopping => {
                peer.state = PeerState::Dialling;
                out.push(Action::Dial { peer: id, within: HANDSHAKE });
            }
            PeerState::Up(conn) => self.check_link(now, id, conn, out),
            PeerState::Down if !peer.dials && !self.stopping => {
                if let Some(Outage { down, attempts }) = peer.is_missed(now.mono) {
                    out.log(Notice::Unlinked { peer: id, down, attempts });
                }
                let due = peer.outage_said_at();
                self.timers.set_earlier(&mut peer.alarm, due, Wake::Neighbour(id));
            }
            PeerState::Down | PeerState::Dialling | PeerState::Opening(_) => {}
        }
    }

    fn check_link(&mut self, now: Now, id: PeerId, conn_id: ConnId, out: &mut Output) {
        let Some(conn) = self.conns.get(conn_id) else { return };
        let peer = &mut self.peers[id.index()];
        if peer.is_plain() {
            return;
        }
        if conn.heard.after(SILENCE) <= now.mono {
            return self.close(now, conn_id, Goodbye::Silent, out);
        }
        let progressed = peer.cursor.sent() != peer.marked;
        peer.mark_due |= progressed || peer.marked_at.after(MARK_IDLE) <= now.mono;
        self.say_progress(now, id, out);
        self.set_peer_alarm(id, MARK_BUSY, now);
    }

    /// Sends what is due of `MARK` and `ACK`, if there is room.
    pub(super) fn say_progress(&mut self, now: Now, id: PeerId, out: &mut Output) {
        let peer = &self.peers[id.index()];
        if !peer.mark_due && peer.ack_due.is_none() {
            return;
        }
        let Some(conn_id) = peer.link() else { return };
        if self.conns.get(conn_id).is_none_or(|conn| conn.flow.in_flight >= LINK_WINDOW) {
            return;
        }
        if peer.mark_due {
            self.mark(now, id, conn_id, out);
        }
        if let Some(number) = self.peers[id.index()].ack_due.take() {
            self.send_line(now, conn_id, out, |bytes| write_numbered(b"ACK ", number, bytes));
        }
    }

    fn mark(&mut self, now: Now, id: PeerId, conn_id: ConnId, out: &mut Output) {
        let peer = &mut self.peers[id.index()];
        peer.mark_due = false;
        peer.marked = peer.cursor.sent();
        peer.marked_at = now.mono;
        let number = peer.marked;
        self.send_line(now, conn_id, out, |bytes| write_numbered(b"MARK ", number, bytes));
    }

    fn set_peer_alarm(&mut self, id: PeerId, wait: Duration, now: Now) {
        let peer = &mut self.peers[id.index()];
        self.timers.set_earlier(&mut peer.alarm, now.mono.after(wait), Wake::Neighbour(id));
    }

    /// Both sides have proven themselves, or the neighbour is a plain one, which has no incarnation.
    pub(super) fn link_up(
        &mut self,
        now: Now,
        id: PeerId,
        conn: ConnId,
        theirs: Option<Incarnation>,
        out: &mut Output,
    ) {
        if let Some(old) = self.peers[id.index()].link() {
            // Its place is taken already.
            let contender = self.peers[id.index()].contender.take();
            self.close(now, old, Goodbye::Replaced, out);
            self.peers[id.index()].contender = contender;
        }
        let peer = &mut self.peers[id.index()];
        let resumed = theirs.is_some() && peer.incarnation == theirs;
        if resumed {
            peer.cursor = Cursor::new(peer.acked + 1, peer.cursor.origin());
        } else {
            self.last_origin += 1;
            peer.cursor = Cursor::new(1, self.last_origin);
            peer.acked = 0;
        }
        peer.is_not_refused();
        peer.refused.take_if(|refused| Some(*refused) == theirs);
        peer.incarnation = theirs;
        peer.marked = 0;
        peer.marked_at = now.mono;
        // Whoever waits for its place is waiting for an answer.
        peer.mark_due = peer.contender.is_some();
        peer.ack_due = None;
        peer.state = PeerState::Up(conn);
        peer.alarm = None;
        peer.links += 1;
        peer.resumed += u64::from(resumed);
        self.counters.links += 1;
        self.counters.resumed += u64::from(resumed);
        if let Some(conn) = self.conns.get_mut(conn) {
            // How long the link lasts, handshakes apart.
            conn.opened = now.mono;
            conn.is_quiet = false;
        }
        let down = peer.is_up(now.mono);
        out.push(Action::Linked { conn, peer: id });
        out.log(Notice::LinkUp { peer: id, conn, resumed, down });
        // The records that go out now are sent on a link that is known as one.
        out.hasten();
        self.set_peer_alarm(id, MARK_BUSY, now);
        self.tell(now, id, out);
    }

    /// The connection of a link, or of one that was about to be, is gone.
    pub(super) fn link_down(&mut self, now: Now, id: PeerId, conn: ConnId, out: &mut Output) {
        let peer = &self.peers[id.index()];
        if [PeerState::Up(conn), PeerState::Opening(conn)].contains(&peer.state) {
            self.retry(now, id, out);
            self.win_contest(now, id, out);
        }
    }

    /// Has the neighbour dialled again after a while, where that is ours to do.
    pub(super) fn retry(&mut self, now: Now, id: PeerId, out: &mut Output) {
        let peer = &mut self.peers[id.index()];
        let (was_up, dialled) = (peer.link().is_some(), peer.state == PeerState::Dialling);
        peer.alarm = None;
        if dialled {
            // The server that refused us is gone, whoever it was.
            peer.is_not_refused();
        }
        let outage =
            if was_up { peer.begin_outage(now.mono) } else { peer.attempt_failed(now.mono) };
        let Some(retry_in) = peer.down(&mut self.entropy) else {
            let due = peer.outage_said_at();
            return self.timers.set_earlier(&mut peer.alarm, due, Wake::Neighbour(id));
        };
        match outage {
            Some(Outage { down, attempts }) if dialled => {
                out.log(Notice::DialFailed { peer: id, retry_in, down, attempts });
            }
            // Of the first one a log has said more.
            Some(Outage { down, attempts }) if attempts > 1 => {
                out.log(Notice::Unlinked { peer: id, down, attempts });
            }
            _ => {}
        }
        self.set_peer_alarm(id, retry_in, now);
    }

    /// Closes a connection that does not become a link.
    pub(super) fn refuse(&mut self, now: Now, id: ConnId, why: Refusal, out: &mut Output) {
        self.counters.links_refused += 1;
        out.log(Notice::LinkRefused { conn: id, why });
        self.close(now, id, Goodbye::Refused, out);
    }

    /// Applies the lines that `input` begins with, as many as one batch holds; says how many bytes
    /// that were.
    pub(super) fn read_updates(
        &mut self,
        now: Now,
        peer: PeerId,
        id: ConnId,
        input: &[u8],
        limit: usize,
        out: &mut Output,
    ) -> usize {
        let batch = self.find_lines(input, limit, Update::client_of);
        let is_plain = self.peers[peer.index()].is_plain();
        let mut done = 0;
        for entry in &batch {
            let line = &input[done..entry.end - 1];
            done = entry.end;
            let subject = self.subject(entry);
            if is_plain {
                self.drop_line(id, Malformed::Unexpected, out);
            } else if self.directory.at(subject.place).is_some_and(|record| record.line == line) {
                // News comes by every way there is: much of what is heard is known, and needs no second look.
                self.counters.updates_received += 1;
            } else {
                self.read_update(now, peer, id, line, subject, out);
            }
        }
        self.batch = recycle(batch);
        done
    }

    /// Applies a line of a neighbour's, given without its line end, that the table does not hold word for word.
    fn read_update(
        &mut self,
        now: Now,
        peer: PeerId,
        id: ConnId,
        line: &[u8],
        subject: Subject<'_>,
        out: &mut Output,
    ) {
        match Update::parse(line) {
            Ok(update) => {
                let place = self.place_of(update.report.client, subject);
                let origin = self.peers[peer.index()].cursor.origin();
                self.take_update(place, line, &update, origin);
            }
            Err(_) if self.note_progress(now, peer, line, out) => {}
            Err(why) => self.drop_line(id, why, out),
        }
    }

    /// Keeps what a neighbour says about a client, if it is news.
    pub(super) fn take_update(
        &mut self,
        place: Place,
        line: &[u8],
        update: &Update<'_>,
        origin: Origin,
    ) {
        self.counters.updates_received += 1;
        let client_at = b"AT ".len() + update.server.len() + 1 + update.skew.len() + 1;
        if !update.is_spaced() {
            self.scratch.clear();
            let crate::Report { client, location, time, .. } = update.report;
            for field in [b"AT", update.server, update.skew, client, location, time] {
                self.scratch.extend_from_slice(field);
                self.scratch.push(b' ');
            }
            self.scratch.pop();
        }
        let newcomer = Newcomer {
            line: if update.is_spaced() { line } else { &self.scratch },
            client_at,
            client_len: update.report.client.len(),
            stamp: update.report.stamp,
            origin,
        };
        match self.directory.learn(place, &newcomer) {
            News::Fresh => self.counters.records += 1,
            News::NoRoom => self.counters.no_room += 1,
            News::Stale => {}
        }
    }

    /// Takes note of a `MARK` or an `ACK`; whether it was one.
    fn note_progress(&mut self, now: Now, id: PeerId, line: &[u8], out: &mut Output) -> bool {
        let peer = &mut self.peers[id.index()];
        if let Some(number) = read_numbered(b"MARK ", line) {
            peer.ack_due = Some(number);
            self.say_progress(now, id, out);
            return true;
        }
        let Some(number) = read_numbered(b"ACK ", line) else { return false };
        peer.acked_at = now.mono;
        if number <= peer.marked {
            peer.acked = peer.acked.max(number);
        }
        true
    }

    /// Drops a line of a neighbour's that means nothing.
    pub(super) fn drop_line(&mut self, conn: ConnId, why: Malformed, out: &mut Output) {
        self.counters.dropped += 1;
        out.log(Notice::Dropped { conn, why });
    }

    /// Sends a neighbour what it has not been sent, as far as there is room for it.
    pub(super) fn tell(&mut self, now: Now, id: PeerId, out: &mut Output) {
        // First, or there would be no room for it as long as there is more to send.
        self.say_progress(now, id, out);
        let peer = &mut self.peers[id.index()];
        let Some(conn_id) = peer.link() else { return };
        let Some(conn) = self.conns.get_mut(conn_id) else { return };
        let room = LINK_WINDOW.saturating_sub(conn.flow.in_flight);
        if room > 0 && peer.cursor.is_behind(&self.directory) {
            let line_end: &[u8] = if peer.is_plain() { b"\r\n" } else { b"\n" };
            let (cursor, directory) = (&mut peer.cursor, &self.directory);
            let (lines, sent) = out
                .send_to_neighbour(conn_id, |bytes| cursor.fill(directory, room, line_end, bytes));
            conn.flow.sent(sent, now.mono);
            self.counters.updates_sent += lines;
            if sent < room && cursor.is_behind(directory) {
                self.timers.set_earlier(&mut self.flood_alarm, now.mono, Wake::Flood);
            }
        }
    }

    pub(super) fn send_line(
        &mut self,
        now: Now,
        id: ConnId,
        out: &mut Output,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        if let Some(conn) = self.conns.get_mut(id) {
            let ((), sent) = out.send_to_neighbour(id, write);
            conn.flow.sent(sent, now.mono);
        }
    }
}
