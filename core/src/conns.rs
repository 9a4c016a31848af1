//! The connections there are.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::num::NonZeroU32;
use core::time::Duration;

use crate::config::Limits;
use crate::flow::{Flow, ReadState};
use crate::followers::Following;
use crate::framer::Framer;
use crate::handshake::{Binding, Incarnation, Nonce, Side};
use crate::ids::{ConnId, PeerId};
use crate::notice::Goodbye;
use crate::replies::Replies;
use crate::sources::Source;
use crate::time::{Instant, seconds};

/// One connection.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) role: Role,
    /// What it counts against, if it is a client's and its address has limits.
    pub(crate) source: Option<Source>,
    /// Where it comes from, if it was accepted.
    pub(crate) from: Option<IpAddr>,
    pub(crate) security: Security,
    pub(crate) framer: Framer,
    /// No line of it was carried out yet.
    pub(crate) is_new: bool,
    pub(crate) flow: Flow,
    /// Answers owed; none is the usual case.
    pub(crate) replies: Option<Box<Replies>>,
    pub(crate) opened: Instant,
    /// When something was last read.
    pub(crate) heard: Instant,
    /// The time its timer is set for.
    pub(crate) alarm: Option<Instant>,
    /// One of many attempts to reach a neighbour that is down.
    pub(crate) is_quiet: bool,
    /// What there is to know of a follower.
    pub(crate) following: Option<Box<Following>>,
}

/// Whether a connection is secured.
#[derive(Debug)]
pub(crate) enum Security {
    /// It need not be.
    Open,
    /// It must be, and is not yet: nothing is read from it until then.
    Awaited,
    /// It is.
    Secured {
        /// What no other connection shares with it.
        binding: Binding,
        /// The neighbours that the other side's certificate is for.
        peers: Box<[PeerId]>,
    },
}

/// What a connection is.
#[derive(Debug)]
pub(crate) enum Role {
    /// A client's.
    Client {
        /// Bare `AT` lines are taken from it: it comes from a plain server's address.
        plain: bool,
    },
    /// Accepted, and its first line will say whether it is a link.
    Undecided(Door),
    /// A handshake is under way.
    Opening(Opening),
    /// A link with this neighbour, proven by both sides, or a plain one.
    Link(PeerId),
    /// A follower that has proven itself.
    Follower,
    /// No connection: a question that a program has handed in, until it is answered.
    Question,
}

impl Role {
    /// Whether it is a neighbour's that we dialled, and its proof is still to come.
    pub(crate) fn is_dialling(&self) -> bool {
        match self {
            Self::Opening(Opening::Challenge { .. }) => true,
            Self::Opening(Opening::Proof(exchange)) => exchange.ours == Side::Dialler,
            Self::Opening(Opening::Contest { .. })
            | Self::Client { .. }
            | Self::Undecided(_)
            | Self::Opening(Opening::Follower)
            | Self::Link(_)
            | Self::Follower
            | Self::Question => false,
        }
    }
}

/// Where a connection was accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Door {
    /// At the address for neighbours alone.
    Links,
    /// At an address for both.
    Shared { plain: bool },
    /// The same, when there is no room for one more client, for this reason.
    SharedFull(Goodbye),
}

/// Whose turn it is in a handshake.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Opening {
    /// We dialled and wait for the challenge.
    Challenge { peer: PeerId, nonce: Nonce },
    /// Both have said who they are, and we wait for the other's proof.
    Proof(Exchange),
    /// The dialler has proven itself while there is a link with another start of the same server: whether that
    /// one still lives is seen when this time has come.
    Contest { exchange: Exchange, until: Instant },
    /// A follower has said who it is, and we wait for its proof.
    Follower,
}

/// What the two sides of a handshake have said to each other, beside their names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange {
    pub(crate) peer: PeerId,
    pub(crate) ours: Side,
    pub(crate) nonce: Nonce,
    pub(crate) theirs: Incarnation,
    pub(crate) their_nonce: Nonce,
}

impl Conn {
    pub(crate) fn new(role: Role, now: Instant) -> Self {
        Self {
            role,
            source: None,
            from: None,
            security: Security::Open,
            framer: Framer::default(),
            is_new: true,
            flow: Flow::new(now),
            replies: None,
            opened: now,
            heard: now,
            alarm: None,
            is_quiet: false,
            following: None,
        }
    }

    pub(crate) fn owed(&self) -> usize {
        self.replies.as_ref().map_or(0, |replies| replies.len())
    }

    /// Whether it counts against `limits.connections`.
    pub(crate) fn is_client(&self) -> bool {
        matches!(self.role, Role::Client { .. } | Role::Undecided(Door::Shared { .. }))
    }

    /// Whether bare `AT` lines are taken from it.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(
            self.role,
            Role::Client { plain: true } | Role::Undecided(Door::Shared { plain: true })
        )
    }

    /// Whether it must prove itself within the time of a handshake.
    pub(crate) fn is_unproven(&self) -> bool {
        match self.role {
            Role::Opening(Opening::Challenge { .. } | Opening::Proof(_) | Opening::Follower)
            | Role::Undecided(Door::Links | Door::SharedFull(_)) => true,
            Role::Opening(Opening::Contest { .. })
            | Role::Undecided(Door::Shared { .. })
            | Role::Client { .. }
            | Role::Link(_)
            | Role::Follower
            | Role::Question => false,
        }
    }

    /// Whether it must be secured within the time of a handshake.
    pub(crate) fn is_awaited(&self) -> bool {
        matches!(self.security, Security::Awaited)
    }

    /// When it is next to be looked at.
    pub(crate) fn due(&self, limits: &Limits) -> Option<Instant> {
        if let ReadState::HalfClosed { at } = self.flow.read {
            return Some(at.after(LINGER));
        }
        if let Role::Opening(Opening::Contest { until, .. }) = self.role {
            return Some(until);
        }
        if self.is_unproven() || self.is_awaited() {
            return Some(self.opened.after(HANDSHAKE));
        }
        if matches!(self.role, Role::Link(_) | Role::Follower | Role::Question) {
            return None;
        }
        if let Some(stalled_at) = self.flow.stalled_at(seconds(limits.stalled_s)) {
            return Some(stalled_at);
        }
        if self.is_plain() {
            return None;
        }
        let may_idle = limits.idle_s > 0 && self.owed() == 0 && !self.flow.throttled;
        may_idle.then(|| self.heard.max(self.flow.progress_at).after(seconds(limits.idle_s)))
    }

    /// Bytes of answers that it has not taken, whether they were sent or wait for those before them.
    pub(crate) fn answers(&self) -> usize {
        self.flow.in_flight + self.replies.as_ref().map_or(0, |replies| replies.bytes())
    }
}

/// The time for connecting to a neighbour, for securing a connection, and for both handshakes of a link
/// together.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long our half of a connection stays ended before the whole is closed.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

/// All connections, by number.
#[derive(Debug, Default)]
pub(crate) struct Conns {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Slot {
    generation: NonZeroU32,
    conn: Option<Conn>,
}

impl Conns {
    pub(crate) fn insert(&mut self, conn: Conn) -> ConnId {
        if let Some(index) = self.free.pop() {
            let slot = &mut self.slots[index as usize];
            slot.conn = Some(conn);
            return ConnId { index, generation: slot.generation };
        }
        let index = u32::try_from(self.slots.len()).expect("fewer than 2^32 connections");
        let generation = NonZeroU32::MIN;
        self.slots.push(Slot { generation, conn: Some(conn) });
        ConnId { index, generation }
    }

    pub(crate) fn get(&self, id: ConnId) -> Option<&Conn> {
        let slot = self.slots.get(id.index())?;
        if slot.generation == id.generation { slot.conn.as_ref() } else { None }
    }

    pub(crate) fn get_mut(&mut self, id: ConnId) -> Option<&mut Conn> {
        let slot = self.slots.get_mut(id.index())?;
        if slot.generation == id.generation { slot.conn.as_mut() } else { None }
    }

    pub(crate) fn remove(&mut self, id: ConnId) -> Option<Conn> {
        self.get(id)?;
        let slot = &mut self.slots[id.index()];
        slot.generation = slot.generation.checked_add(1).unwrap_or(NonZeroU32::MIN);
        self.free.push(id.index);
        slot.conn.take()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (ConnId, &Conn)> {
        self.slots.iter().zip(0_u32..).filter_map(|(slot, index)| {
            let id = ConnId { index, generation: slot.generation };
            slot.conn.as_ref().map(|conn| (id, conn))
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_connection_is_owed_nothing_and_one_that_asked_is_owed_an_answer() {
        let mut conn = Conn::new(Role::Client { plain: false }, Instant::default());
        assert_eq!(conn.owed(), 0);
        for owed in 1..3 {
            conn.replies.get_or_insert_default().push_ready(b"?\n".to_vec());
            assert_eq!(conn.owed(), owed);
        }
    }
}
