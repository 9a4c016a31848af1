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

use super::connections::find;
use super::{Host, Job, ROUNDS, try_send};

/// Bytes that are sent when the lock is free again.
#[derive(Default)]
pub(super) struct Replies {
    /// Where to. Its outbox is not idle from the first byte here until all are sent.
    pub(super) conn: Option<ConnId>,
    pub(super) bytes: Vec<u8>,
}

thread_local! {
    /// Memory for replies, used again.
    static REPLIES: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
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
            let outcome = try_send(&port.stream, &replies.bytes);
            state = self.lock();
            let now = state.now;
            match outcome {
                Ok(taken) => {
                    if let Some(entry) = find(&mut state.entries, port.id)
                        && entry.outbox.let_go(&replies.bytes[taken..])
                    {
                        (self.perform)(Job::Write { port: Arc::clone(&entry.port) });
                    }
                    state.taken.push((port.id, taken));
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
