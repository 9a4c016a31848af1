//! The actions of a core, carried out.
//!
//! What can be done at once is: bytes are offered to the kernel, connections paused and closed, notices
//! written to the log. What takes waiting becomes a [`Job`]. When to act, and what the core is told of it,
//! is the turn's to say.

use std::net::Shutdown;
use std::os::fd::AsFd;
use std::sync::Arc;

use futures_util::future::AbortHandle;
use herd_core::{Action, ConnId, Form, Names, Notice, Now};

use crate::notices;
use herd_log::Direction;

use super::connections::Entry;
use super::warnings::rationed;
use super::{Host, Job, State};

impl<S: AsFd, P: Fn(Job<S>)> Host<S, P> {
    /// Carries out the actions there are.
    pub(super) fn act(&self, state: &mut State<S>, now: Now, at_once: bool) {
        let mut out = core::mem::take(&mut state.out);
        for action in out.actions() {
            match action {
                Action::Send { conn, bytes, form } => {
                    self.send(state, now, conn, bytes, form, at_once);
                }
                Action::Pause { conn } => state.connections.pause(conn, true),
                Action::Resume { conn } => state.connections.pause(conn, false),
                Action::Shutdown { conn } => {
                    if let Some(entry) = state.connections.find(conn) {
                        entry.port.say_goodbye();
                        entry.port.shutdown(Shutdown::Write);
                    }
                }
                Action::Close { conn } => state.close(conn),
                Action::Dial { peer, within } => {
                    let address = Arc::clone(&self.peers[peer.index()].0);
                    (self.perform)(Job::Dial { peer, address, within });
                }
                Action::Lookup { id, request } => {
                    let (handle, abort) = AbortHandle::new_pair();
                    state.lookups.insert(id, handle);
                    let request = self.upstream.request(request);
                    (self.perform)(Job::Ask { id, request, abort });
                }
                Action::Cancel { id } => {
                    if let Some(handle) = state.lookups.remove(&id) {
                        handle.abort();
                    }
                }
                Action::Linked { conn, peer } => {
                    state.connections.become_link(conn, &self.peers[peer.index()].1);
                }
                // Nobody hands questions in through this driver.
                Action::Answer { .. } => {}
                Action::Log(notice) => self.note(state, now, &notice),
            }
        }
        out.clear();
        state.out = out;
    }

    /// Offers bytes to the kernel, and keeps what it does not take for a job.
    fn send(
        &self,
        state: &mut State<S>,
        now: Now,
        conn: ConnId,
        bytes: &[u8],
        form: Form,
        at_once: bool,
    ) {
        let Some(entry) = state.connections.find(conn) else { return };
        let number = entry.port.number;
        if self.log.wants_lines() {
            match form {
                Form::Lines => {
                    self.log.bytes(now.wall, Direction::Sent, number, &entry.peer, bytes);
                }
                Form::Answer => self.log.answer(now.wall, number, &entry.peer, bytes),
            }
        }
        if !state.replies.keep(entry, bytes) {
            self.offer(entry, &mut state.taken, &mut state.broken, bytes, at_once);
        }
    }

    /// The same for bytes that the log has, or that are none of the core's; notes what became of it.
    pub(super) fn offer(
        &self,
        entry: &mut Entry<S>,
        taken_now: &mut Vec<(ConnId, usize)>,
        broken: &mut Vec<ConnId>,
        bytes: &[u8],
        at_once: bool,
    ) {
        let conn = entry.port.id;
        let bytes = entry.port.seal(bytes);
        if bytes.is_empty() {
            return;
        }
        let taken = if entry.outbox.is_idle() && at_once {
            match entry.port.try_send(&bytes) {
                Ok(taken) => taken,
                Err(_) => return broken.push(conn),
            }
        } else {
            0
        };
        taken_now.push((conn, entry.port.drained(taken)));
        if taken < bytes.len() && entry.outbox.add(&bytes[taken..]) {
            (self.perform)(Job::Write { port: Arc::clone(&entry.port) });
        }
    }

    fn note(&self, state: &mut State<S>, now: Now, notice: &Notice) {
        let (address, neighbour) = notices::neighbour(notice)
            .and_then(|peer| self.peers.get(peer.index()))
            .map_or(("?", "?"), |(address, name)| (&**address, &**name));
        if let Notice::FollowerUp { conn, .. } = notice
            && let Some(name) = state.herd.follower_name(*conn)
            && let Some(entry) = state.connections.find(*conn)
        {
            entry.peer = Arc::from(name);
        }
        let mut address_of = |conn| {
            let entry = state.connections.find(conn);
            entry.map_or_else(|| Arc::from("?"), |entry| Arc::clone(&entry.address))
        };
        let namesakes = if let Notice::NameTwice { link, other, .. } = notice {
            Some([address_of(*link), address_of(*other)])
        } else {
            None
        };
        let entry = notices::connection(notice).and_then(|conn| state.connections.find(conn));
        if let Some(entry) = &entry
            && notices::is_an_end(notice)
        {
            self.log.gone(now.wall, entry.port.number);
        }
        if entry.as_ref().is_some_and(|entry| entry.is_quiet) && notices::is_of_an_attempt(notice) {
            return;
        }
        let mut level = notices::level(notice);
        if notices::is_by_strangers(notice) {
            level = rationed(&mut state.warned, now, level);
        }
        let kind = notices::kind(notice).filter(|_| level == log::Level::Info);
        let from = entry.as_ref().and_then(|entry| entry.from);
        if kind.is_some_and(|kind| !state.rations.admit(now.mono, from, kind)) {
            return;
        }
        let who = entry.map(|entry| (entry.port.number, &*entry.peer));
        let names = Names {
            server: Some(&self.name),
            neighbour: Some(neighbour),
            address: Some(address),
            reason: state.dial_error.as_deref(),
            addresses: namesakes.as_ref().map(|both| both.each_ref().map(|address| &**address)),
        };
        let text = notices::Text { notice, who, names };
        match kind {
            Some(_) => self.log.minor_event(now.wall, format_args!("{text}")),
            None => self.log.event(now.wall, level, format_args!("{text}")),
        }
    }
}
