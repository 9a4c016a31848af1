//! The end of a server: what was read is answered, what is known is passed on.

use alloc::vec::Vec;

use super::Herd;
use crate::conns::Role;
use crate::flow::ReadState;
use crate::ids::ConnId;
use crate::notice::Goodbye;
use crate::output::Output;
use crate::time::Now;

impl Herd {
    /// Reads no more from a connection, but answers what was read.
    pub(super) fn stop_reading(&mut self, now: Now, id: ConnId, out: &mut Output) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        if matches!(conn.role, Role::Link(_) | Role::Follower | Role::Question) {
            return;
        }
        if conn.flow.read == ReadState::Open {
            conn.flow.read = ReadState::Stopped;
            conn.flow.update_driver(id, out);
        }
        self.finish_if_done(now, id, out);
    }

    /// Closes the links of a server that is stopping and has no clients left, each once everything has
    /// been offered to it.
    pub(super) fn stop_links(&mut self, now: Now, out: &mut Output) {
        for position in 0..self.peers.len() {
            let peer = &self.peers[position];
            let Some(id) = peer.link() else { continue };
            let unsent = self.conns.get(id).map_or(0, |conn| conn.flow.in_flight);
            if unsent == 0 && !peer.cursor.is_behind(&self.directory) {
                self.close(now, id, Goodbye::Stopping, out);
            }
        }
    }

    pub(super) fn abandon_all(&mut self, now: Now, out: &mut Output) {
        let open: Vec<_> = self.conns.iter().map(|(id, _)| id).collect();
        for id in open {
            self.abandon_question(now, id, out);
            self.close(now, id, Goodbye::Stopping, out);
        }
    }
}
