//! What answers the client that was read from, sent when the lock is free again.
//!
//! A turn puts these bytes aside, one connection's, into memory that the thread keeps. Meanwhile the
//! connection's outbox is held, so that nothing overtakes them. Bytes for anybody else, and those of a connection
//! that is secured, leave under the lock.

use core::cell::Cell;
use std::os::fd::AsFd;
use std::sync::Arc;

use herd_core::ConnId;

use crate::port::{Port, Read};

use super::connections::Entry;
use super::{Host, Job, ROUNDS, State};

/// Bytes that are sent when the lock is free again.
#[derive(Default)]
pub(super) struct Replies {
    /// Where to. Its outbox is not idle from the first byte here until all are sent.
    conn: Option<ConnId>,
    bytes: Vec<u8>,
}

impl Replies {
    /// Puts bytes aside that answer the client that was read from. Whether they do.
    pub(super) fn keep<S>(&mut self, entry: &mut Entry<S>, bytes: &[u8]) -> bool {
        // Where a job is writing already, they go behind what waits for it.
        let is_behind = !entry.outbox.is_idle() && self.bytes.is_empty();
        if self.conn != Some(entry.port.id) || is_behind {
            return false;
        }
        entry.outbox.hold();
        self.bytes.extend_from_slice(bytes);
        true
    }

    /// Sends what there is for a connection that is about to be closed: there is no later. An error says
    /// that the other side was faster.
    pub(super) fn send_last<S: AsFd>(&mut self, port: &Port<S>) {
        if self.conn == Some(port.id) {
            let _ = port.try_send(&core::mem::take(&mut self.bytes));
        }
    }
}

impl<S: AsFd + Send + Sync + 'static> Host<S> {
    /// Bytes of a client were read, or none: hands them to the core, and sends what answers them.
    pub(super) fn converse(&self, port: &Port<S>, bytes: Read<'_>) {
        let mut state = self.lock();
        self.hear_neighbours(&mut state);
        let conn = (!port.is_secured()).then_some(port.id);
        state.replies = Replies { conn, bytes: REPLIES.take() };
        self.receive(&mut state, port, bytes);
        let mut replies = core::mem::take(&mut state.replies);
        for round in 1.. {
            if replies.bytes.is_empty() {
                break;
            }
            drop(state);
            let outcome = port.try_send(&replies.bytes);
            state = self.lock();
            let now = state.now;
            match outcome {
                Ok(taken) => {
                    if let Some(entry) = state.connections.find(port.id)
                        && entry.outbox.let_go(&replies.bytes[taken..])
                    {
                        (self.perform)(Job::Write { port: Arc::clone(&entry.port) });
                    }
                    let State { herd, out, .. } = &mut *state;
                    herd.handle_drained(now, port.id, taken, out);
                }
                Err(_) => state.broken.push(port.id),
            }
            replies.bytes.clear();
            replies.conn = (round < ROUNDS).then_some(port.id);
            state.replies = replies;
            self.follow(&mut state, now);
            replies = core::mem::take(&mut state.replies);
        }
        drop(state);
        replies.bytes.shrink_to(KEPT);
        REPLIES.set(replies.bytes);
    }
}

/// Bytes of memory that a thread keeps for replies.
const KEPT: usize = 256 * 1024;

thread_local! {
    /// Memory for replies, used again.
    static REPLIES: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}
