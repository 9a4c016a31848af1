//! Connections that come, change what they are, fall silent and go.

use alloc::vec::Vec;
use core::time::Duration;

use super::{Herd, SPARE_TIMERS};
use crate::conns::{Conn, Exchange, Opening, Role};
use crate::flow::ReadState;
use crate::handshake::Side;
use crate::ids::ConnId;
use crate::notice::{Goodbye, Notice, Refusal};
use crate::output::{Action, Output};
use crate::peers::LAST_BACKOFF;
use crate::sources::Source;
use crate::time::{Instant, Now, seconds};
use crate::timers::Wake;

impl Herd {
    pub(super) fn admit(&mut self, conn: Conn) -> ConnId {
        self.clients += usize::from(conn.is_client());
        self.counters.connections += u64::from(conn.is_client());
        if let Some(source) = conn.source {
            self.sources.enter(conn.opened, source);
        }
        let due = conn.due(&self.config.limits);
        let id = self.conns.insert(conn);
        if let Some(due) = due {
            self.set_alarm(id, due);
        }
        self.sweep_timers();
        id
    }

    /// Drops timers that mean nothing any more, when most do: connections that come and go quickly leave theirs behind
    /// for as long as they might have idled, and so does one that is set earlier again and again.
    pub(super) fn sweep_timers(&mut self) {
        if self.timers.len() > SPARE_TIMERS + 4 * self.conns.len() {
            let conns = &self.conns;
            self.timers.sweep(|at, wake| match wake {
                Wake::Connection(id) => conns.get(id).is_some_and(|conn| conn.alarm == Some(at)),
                Wake::Throttled(id) => conns.get(id).is_some(),
                Wake::Neighbour(_) | Wake::Lookup | Wake::Records | Wake::Flood | Wake::Stop => {
                    true
                }
            });
        }
    }

    /// Changes what a connection is.
    pub(super) fn become_role(&mut self, id: ConnId, role: Role) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let was_unproven = conn.is_unproven();
        self.clients -= usize::from(conn.is_client());
        conn.role = role;
        self.clients += usize::from(conn.is_client());
        if was_unproven
            && !conn.is_unproven()
            && let Some(from) = conn.from
        {
            self.unproven.remove(Source::of(from), id);
        }
        if !conn.is_client()
            && let Some(source) = conn.source.take()
        {
            self.sources.leave(source);
        }
        if let Some(due) = conn.due(&self.config.limits) {
            self.set_alarm(id, due);
        }
    }

    /// Counts a connection that was accepted among those in their handshake. Of too many one is closed, of
    /// the address that has the most; an address from which a neighbour has proven itself before is spared
    /// where another has as many.
    pub(super) fn expect_handshake(&mut self, now: Now, id: ConnId, out: &mut Output) {
        let Some(from) = self.conns.get(id).and_then(|conn| conn.from) else { return };
        self.unproven.insert(Source::of(from), id);
        let most = self.config.limits.handshakes as usize + self.peers.len();
        if self.unproven.len() <= most {
            return;
        }
        let peers = &self.peers;
        let is_trusted = |source| peers.iter().any(|peer| peer.proven_from == Some(source));
        if let Some(victim) = self.unproven.victim(&mut self.entropy, is_trusted) {
            self.counters.handshakes_dropped += 1;
            self.refuse(now, victim, Refusal::TooMany, out);
        }
    }

    /// Closes a client's connection for which there is no room.
    pub(super) fn turn_away(&mut self, now: Now, id: ConnId, why: Goodbye, out: &mut Output) {
        let crowded = why == Goodbye::Crowded;
        self.counters.crowded += u64::from(crowded);
        self.counters.refused += u64::from(!crowded);
        self.close(now, id, why, out);
    }

    /// Reads nothing from a client for a while: its address has had its share.
    pub(super) fn throttle(&mut self, now: Now, id: ConnId, wait: Duration, out: &mut Output) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let may_read = conn.source.is_some() && conn.flow.read == ReadState::Open;
        if may_read && !core::mem::replace(&mut conn.flow.throttled, true) {
            self.counters.throttled += 1;
            conn.flow.update_driver(id, out);
            self.timers.set(now.mono.after(wait), Wake::Throttled(id));
        }
    }

    /// Reads on, once the client's address has made up for what it had.
    pub(super) fn check_throttled(&mut self, now: Now, id: ConnId, out: &mut Output) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        if let Some(wait) = conn.source.and_then(|source| self.sources.overdrawn(now.mono, source))
        {
            return self.timers.set(now.mono.after(wait), Wake::Throttled(id));
        }
        conn.flow.throttled = false;
        // Reading was suspended by us, so it has not been idle.
        conn.heard = now.mono;
        conn.flow.update_driver(id, out);
    }

    /// Makes room for answers: closes the clients that are furthest behind with reading theirs, then those that have
    /// nothing to read because all of it waits for a lookup, and at last, among those that read, the ones with most
    /// to take. Whoever reads is not behind, so those who do not read go first, however little each of them holds.
    /// More is closed than has to be, so that this is seldom looked at; not of those that read.
    pub(super) fn close_unread(&mut self, now: Now, out: &mut Output) {
        let most = self.config.limits.answers_bytes as usize;
        let behind = |conn: &Conn| {
            let has_some = conn.flow.in_flight > 0;
            if has_some { now.mono.since(conn.flow.behind_since).as_secs() } else { 0 }
        };
        let clients =
            self.conns.iter().filter(|(_, conn)| matches!(conn.role, Role::Client { .. }));
        let mut holding: Vec<_> = clients
            .filter(|(_, conn)| conn.answers() > 0)
            .map(|(id, conn)| (behind(conn), conn.flow.in_flight == 0, conn.answers(), id))
            .collect();
        holding.sort_unstable_by(|one, other| other.cmp(one));
        for (behind, _, _, id) in holding {
            let enough = if behind > 0 { most - most / 16 } else { most };
            if self.answers <= enough {
                break;
            }
            self.counters.unread += 1;
            self.close(now, id, Goodbye::Unread, out);
        }
    }

    /// Why a connection was shut.
    pub(super) fn shut_for(&self) -> Goodbye {
        if self.stopping { Goodbye::Stopping } else { Goodbye::Http }
    }

    /// Closes a connection and forgets it.
    pub(super) fn close(&mut self, now: Now, id: ConnId, why: Goodbye, out: &mut Output) {
        if self.forget(now, id, why, out) {
            out.push(Action::Close { conn: id });
        }
    }

    /// Forgets a connection and what hangs on it; whether there was one.
    pub(super) fn forget(&mut self, now: Now, id: ConnId, why: Goodbye, out: &mut Output) -> bool {
        let Some(conn) = self.conns.remove(id) else { return false };
        self.clients -= usize::from(conn.is_client());
        if let Some(source) = conn.source {
            self.sources.leave(source);
        }
        if let Some(from) = conn.from.filter(|_| conn.is_unproven()) {
            self.unproven.remove(Source::of(from), id);
        }
        if matches!(conn.role, Role::Client { .. }) {
            self.answers -= conn.answers();
        }
        if conn.replies.is_some() {
            let abandoned = self.lookups.abandon(now.mono, id, out);
            self.counters.lookups_abandoned += abandoned as u64;
        }
        match conn.role {
            Role::Link(peer) => {
                out.log(Notice::LinkDown { peer, conn: id, why });
                if now.mono.since(conn.opened) >= LAST_BACKOFF {
                    self.peers[peer.index()].is_well();
                }
                self.link_down(now, peer, id, out);
            }
            Role::Opening(
                Opening::Challenge { peer, .. }
                | Opening::Proof(Exchange { peer, ours: Side::Dialler, .. }),
            ) => {
                out.log(Notice::Closed { conn: id, why });
                self.link_down(now, peer, id, out);
            }
            Role::Follower => {
                self.followers.retain(|follower| *follower != id);
                out.log(Notice::FollowerDown { conn: id, why });
            }
            Role::Opening(Opening::Contest { exchange, .. }) => {
                out.log(Notice::Closed { conn: id, why });
                self.peers[exchange.peer.index()].contender.take_if(|contender| *contender == id);
            }
            Role::Client { .. }
            | Role::Undecided(_)
            | Role::Opening(Opening::Proof(_) | Opening::Follower) => {
                out.log(Notice::Closed { conn: id, why });
            }
            Role::Question => self.answers -= conn.answers(),
        }
        true
    }

    pub(super) fn check_conn(&mut self, now: Now, id: ConnId, at: Instant, out: &mut Output) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        if conn.alarm != Some(at) {
            return;
        }
        conn.alarm = None;
        if matches!(conn.role, Role::Follower) {
            return self.check_follower(now, id, out);
        }
        let waiting = conn.flow.in_flight > 0;
        let shut = matches!(conn.flow.read, ReadState::HalfClosed { .. });
        let unproven = conn.is_unproven();
        let awaited = conn.is_awaited();
        let contests = matches!(conn.role, Role::Opening(Opening::Contest { .. }));
        match conn.due(&self.config.limits) {
            Some(due) if due <= now.mono && shut => {
                let why = self.shut_for();
                self.close(now, id, why, out);
            }
            Some(due) if due <= now.mono && awaited => {
                self.counters.insecure += 1;
                self.close(now, id, Goodbye::NeverSecured, out);
            }
            Some(due) if due <= now.mono && contests => self.end_contest(now, id, out),
            Some(due) if due <= now.mono && unproven => {
                self.refuse(now, id, Refusal::TimedOut, out);
            }
            Some(due) if due <= now.mono && waiting => {
                self.counters.stalled += 1;
                self.close(now, id, Goodbye::Stalled, out);
            }
            Some(due) if due <= now.mono => {
                self.counters.idle += 1;
                self.close(now, id, Goodbye::Idle, out);
            }
            Some(due) => self.set_alarm(id, due),
            // An answer is owed; look again when it could have become idle since.
            None if self.config.limits.idle_s > 0 => {
                self.set_alarm(id, now.mono.after(seconds(self.config.limits.idle_s)));
            }
            None => {}
        }
    }

    pub(super) fn set_alarm(&mut self, id: ConnId, due: Instant) {
        if let Some(conn) = self.conns.get_mut(id) {
            self.timers.set_earlier(&mut conn.alarm, due, Wake::Connection(id));
        }
    }
}
