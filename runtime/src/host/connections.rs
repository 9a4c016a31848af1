//! The connections there are, by the number that the core has for them.
//!
//! A number that has gone stale finds nothing. What is written to a connection, and what the core is told of
//! it, is others' to know.

use std::os::fd::AsFd;
use std::sync::Arc;

use herd_core::ConnId;

use crate::log::LogFile;
use crate::port::{Outbox, Port};
use crate::tls::Session;

use super::{State, try_send};

pub(super) struct Entry<S> {
    pub(super) port: Arc<Port<S>>,
    /// Who is at the other end: an address, or a neighbour's name.
    pub(super) peer: Arc<str>,
    pub(super) outbox: Outbox,
}

impl<S: AsFd> State<S> {
    pub(super) fn open(
        &mut self,
        id: ConnId,
        stream: S,
        peer: Arc<str>,
        session: Option<Session>,
    ) -> Arc<Port<S>> {
        self.connections += 1;
        let port = Arc::new(Port::new(id, self.connections, stream, session));
        if self.entries.len() <= id.index() {
            self.entries.resize_with(id.index() + 1, || None);
        }
        let entry = Entry { port: Arc::clone(&port), peer, outbox: Outbox::default() };
        self.entries[id.index()] = Some(entry);
        port
    }

    pub(super) fn with_port(&mut self, conn: ConnId, act: impl FnOnce(&Port<S>)) {
        if let Some(entry) = find(&mut self.entries, conn) {
            act(&entry.port);
        }
    }

    pub(super) fn close(&mut self, conn: ConnId, log: &LogFile) {
        if let Some(entry) = find(&mut self.entries, conn) {
            if self.replies.conn == Some(conn) {
                // There is no later. An error says that the other side was faster.
                let _ = try_send(&entry.port.stream, &core::mem::take(&mut self.replies.bytes));
            }
            entry.port.say_goodbye();
            entry.port.close();
            log.gone(entry.port.number);
            self.entries[conn.index()] = None;
            self.links.retain(|link| link.id != conn);
        }
    }
}

pub(super) fn find<S>(entries: &mut [Option<Entry<S>>], conn: ConnId) -> Option<&mut Entry<S>> {
    entries.get_mut(conn.index())?.as_mut().filter(|entry| entry.port.id == conn)
}
