//! Followers, on the server's side: told every record as a neighbour is, and never heard but for what they have.
//!
//! Nothing is kept of a follower that is gone. It says itself up to where it has been told, so that it may come
//! back, or go to another server, whenever it likes.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Herd;
use super::link::{LINK_WINDOW, MARK_BUSY, MARK_IDLE, SILENCE};
use crate::config::{MIN_SECRET_BYTES, check_name};
use crate::conns::{Opening, Role, Security};
use crate::directory::Origin;
use crate::flood::Cursor;
use crate::follow::{ANY, FOLLOW_VERSION, FollowHello, FollowTranscript};
use crate::followers::Following;
use crate::handshake::{self, Nonce};
use crate::ids::ConnId;
use crate::notice::{Goodbye, Notice, Refusal};
use crate::numbered::{read_numbered, write_numbered};
use crate::output::{Form, Output};
use crate::status::FollowerStatus;
use crate::time::Now;
use crate::timers::Wake;

/// The number of no link: a follower is told every record.
const NO_LINK: Origin = Origin::MAX;

impl Herd {
    /// A connection's first line says that it is a follower's.
    pub(super) fn challenge_follower(
        &mut self,
        now: Now,
        id: ConnId,
        hello: &FollowHello<'_>,
        out: &mut Output,
    ) {
        let name = |bytes| core::str::from_utf8(bytes).ok().filter(|name| check_name(name).is_ok());
        let (Some(follower), Some(server)) = (name(hello.follower), name(hello.server)) else {
            return self.refuse(now, id, Refusal::NotAHandshake, out);
        };
        let Some(conn) = self.conns.get_mut(id) else { return };
        let is_secured = matches!(conn.security, Security::Secured { .. });
        let is_closed_to_all = self.config.limits.followers == 0
            || self.config.secret.bytes().len() < MIN_SECRET_BYTES;
        let refusal = match () {
            () if hello.version != FOLLOW_VERSION => Some(Refusal::Version),
            () if server != ANY && *server != *self.config.name => Some(Refusal::NotMe),
            () if is_closed_to_all => Some(Refusal::NoFollowers),
            () if self.config.secured.links && !is_secured => Some(Refusal::Certificate),
            () => None,
        };
        if let Some(why) = refusal {
            return self.refuse(now, id, why, out);
        }
        let nonce = Nonce(self.entropy.bytes());
        let was_client = conn.is_client();
        conn.following = Some(Box::new(Following {
            name: follower.into(),
            server: server.into(),
            incarnation: hello.incarnation,
            their_nonce: hello.nonce,
            nonce,
            after: hello.after,
            cursor: Cursor::new(1, NO_LINK),
            upto: None,
            acked: 0,
            marked: 0,
            marked_at: now.mono,
            mark_due: false,
        }));
        self.become_role(id, Role::Opening(Opening::Follower));
        if was_client {
            self.expect_handshake(now, id, out);
        }
        let incarnation = self.incarnation;
        self.send_line(now, id, out, |bytes| handshake::write_challenge(incarnation, nonce, bytes));
    }

    /// The line that has to prove that a follower holds the secret.
    pub(super) fn prove_follower(&mut self, now: Now, id: ConnId, line: &[u8], out: &mut Output) {
        let binding = self.binding(id);
        let last = self.directory.changes().last();
        let Some(conn) = self.conns.get_mut(id) else { return };
        let Some(following) = &mut conn.following else { return };
        let transcript = FollowTranscript {
            hello: FollowHello {
                version: FOLLOW_VERSION,
                follower: following.name.as_bytes(),
                server: following.server.as_bytes(),
                incarnation: following.incarnation,
                nonce: following.their_nonce,
                after: following.after,
            },
            incarnation: self.incarnation,
            nonce: following.nonce,
            binding,
        };
        if !transcript.is_followers_proof(&self.config.secret, line) {
            return self.refuse(now, id, Refusal::Proof, out);
        }
        let mut proof = Vec::new();
        transcript.write_servers_proof(last, &self.config.secret, &mut proof);
        let resumed =
            following.after.incarnation == self.incarnation && following.after.change <= last;
        if resumed {
            following.cursor = Cursor::new(following.after.change + 1, NO_LINK);
            following.acked = following.after.change;
        }
        following.upto = Some(last);
        following.marked_at = now.mono;
        let (name, incarnation) = (following.name.clone(), following.incarnation);
        let is_same =
            |following: &Following| following.name == name && following.incarnation == incarnation;
        let old = self.followers.iter().copied().find(|other| {
            let other = self.conns.get(*other).and_then(|conn| conn.following.as_deref());
            other.is_some_and(is_same)
        });
        if let Some(old) = old {
            self.close(now, old, Goodbye::Replaced, out);
        }
        if self.followers.len() >= self.config.limits.followers as usize {
            self.counters.followers_refused += 1;
            return self.refuse(now, id, Refusal::TooManyFollowers, out);
        }
        self.become_role(id, Role::Follower);
        self.followers.push(id);
        self.counters.followers += 1;
        self.send_to_follower(now, id, &proof, out);
        out.log(Notice::FollowerUp { conn: id, resumed });
        self.tell_follower(now, id, out);
        self.set_alarm(id, now.mono.after(MARK_BUSY));
    }

    /// Reads one line of a follower: it may say what it has, and nothing else.
    pub(super) fn read_follower(&mut self, now: Now, id: ConnId, line: &[u8], out: &mut Output) {
        let Some(number) = read_numbered(b"ACK ", line) else {
            return self.close(now, id, Goodbye::NotAnAck, out);
        };
        if let Some(following) = self.following_mut(id)
            && number <= following.marked
        {
            following.acked = following.acked.max(number);
        }
    }

    /// Sends a follower what it has not been sent, as far as there is room for it.
    pub(super) fn tell_follower(&mut self, now: Now, id: ConnId, out: &mut Output) {
        self.mark_for_follower(now, id, out);
        let Some(conn) = self.conns.get_mut(id) else { return };
        let Some(following) = conn.following.as_deref_mut() else { return };
        let room = LINK_WINDOW.saturating_sub(conn.flow.in_flight);
        let (cursor, directory) = (&mut following.cursor, &self.directory);
        if room > 0 && cursor.is_behind(directory) {
            let (lines, sent) =
                out.send(id, Form::Lines, |bytes| cursor.fill(directory, room, b"\n", bytes));
            conn.flow.sent(sent, now.mono);
            self.counters.updates_followed += lines;
            if sent < room && cursor.is_behind(directory) {
                self.timers.set_earlier(&mut self.flood_alarm, now.mono, Wake::Flood);
            }
        }
        if following.upto.take_if(|upto| following.cursor.sent() >= *upto).is_some() {
            following.mark_due = true;
            self.mark_for_follower(now, id, out);
        }
    }

    /// Looks at a follower when its time has come.
    pub(super) fn check_follower(&mut self, now: Now, id: ConnId, out: &mut Output) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        if conn.heard.after(SILENCE) <= now.mono {
            return self.close(now, id, Goodbye::Silent, out);
        }
        let Some(following) = conn.following.as_deref_mut() else { return };
        following.mark_due |= following.cursor.sent() != following.marked
            || following.marked_at.after(MARK_IDLE) <= now.mono;
        self.mark_for_follower(now, id, out);
        self.set_alarm(id, now.mono.after(MARK_BUSY));
    }

    /// Closes the followers of a server that is stopping, each once everything has been sent to it.
    pub(super) fn stop_followers(&mut self, now: Now, out: &mut Output) {
        for id in self.followers.clone() {
            let Some(conn) = self.conns.get(id) else { continue };
            let is_behind = conn
                .following
                .as_ref()
                .is_some_and(|following| following.cursor.is_behind(&self.directory));
            if conn.flow.in_flight == 0 && !is_behind {
                self.close(now, id, Goodbye::Stopping, out);
            }
        }
    }

    /// What the follower at the other end of a connection calls itself.
    pub fn follower_name(&self, id: ConnId) -> Option<&str> {
        let conn = self.conns.get(id).filter(|conn| matches!(conn.role, Role::Follower))?;
        Some(&conn.following.as_ref()?.name)
    }

    /// How each follower is.
    pub(super) fn follower_status(&self, id: ConnId) -> Option<FollowerStatus> {
        let following = self.conns.get(id)?.following.as_ref()?;
        let directory = &self.directory;
        let lacking = |known: u64| (directory.changes().last() - known).min(directory.len() as u64);
        Some(FollowerStatus {
            name: following.name.clone(),
            unsent: lacking(following.cursor.sent()),
            unacknowledged: lacking(following.acked),
            walking: following.cursor.is_walking(directory),
        })
    }

    fn mark_for_follower(&mut self, now: Now, id: ConnId, out: &mut Output) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        if conn.flow.in_flight >= LINK_WINDOW {
            return;
        }
        let Some(following) = conn.following.as_deref_mut().filter(|following| following.mark_due)
        else {
            return;
        };
        following.mark_due = false;
        following.marked = following.cursor.sent();
        following.marked_at = now.mono;
        let mut line = Vec::new();
        write_numbered(b"MARK ", following.marked, &mut line);
        self.send_to_follower(now, id, &line, out);
    }

    /// Followers come behind clients and neighbours.
    fn send_to_follower(&mut self, now: Now, id: ConnId, line: &[u8], out: &mut Output) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let ((), sent) = out.send(id, Form::Lines, |bytes| bytes.extend_from_slice(line));
        conn.flow.sent(sent, now.mono);
    }

    fn following_mut(&mut self, id: ConnId) -> Option<&mut Following> {
        self.conns.get_mut(id)?.following.as_deref_mut()
    }
}
