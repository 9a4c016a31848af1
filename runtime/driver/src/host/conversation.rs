//! What a client has sent, and what answers it, which is sent when the lock is free again.
//!
//! A turn puts these bytes aside, one connection's, into memory that the thread keeps. Bytes for anybody else, and
//! those of a connection that is secured, leave under the lock.

use core::cell::Cell;
use std::os::fd::AsFd;
use std::sync::Arc;

use crate::port::{Port, Read};

use super::replies::Replies;
use super::{Host, Job, ROUNDS, State};

impl<S: AsFd, P: Fn(Job<S>)> Host<S, P> {
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
