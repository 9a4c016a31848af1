//! What answers the client that was read from, put aside until the lock is free again.
//!
//! Meanwhile the connection's outbox is held, so that nothing overtakes these bytes.

use std::os::fd::AsFd;

use herd_core::ConnId;

use crate::port::Port;

use super::connections::Entry;

/// Bytes that are sent when the lock is free again.
#[derive(Default)]
pub(super) struct Replies {
    /// Where to. Its outbox is not idle from the first byte here until all are sent.
    pub(super) conn: Option<ConnId>,
    pub(super) bytes: Vec<u8>,
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
