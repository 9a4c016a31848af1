//! The connections there are, by the number that the core has for them.
//!
//! A number that has gone stale finds nothing. What is written to a connection, and what the core is told of
//! it, is others' to know.

use core::net::IpAddr;
use std::os::fd::AsFd;
use std::sync::Arc;

use herd_core::ConnId;

use crate::port::{Outbox, Port};
use herd_tls::Session;

/// The connections there are.
pub(super) struct Connections<S> {
    /// By the index that the core has for them, which it uses again.
    entries: Vec<Option<Entry<S>>>,
    /// Those of the links that are up.
    links: Vec<Arc<Port<S>>>,
    /// The number of the last one.
    last: u64,
}

/// A connection, and what is known of it.
pub(super) struct Entry<S> {
    pub(super) port: Arc<Port<S>>,
    /// Who is at the other end: an address, or a neighbour's name.
    pub(super) peer: Arc<str>,
    /// The address at the other end, or where it was dialled.
    pub(super) address: Arc<str>,
    /// Where it comes from, where it was accepted.
    pub(super) from: Option<IpAddr>,
    pub(super) outbox: Outbox,
    /// Whether the log leaves out what becomes of it: one of many attempts to reach a neighbour that is down.
    pub(super) is_quiet: bool,
}

impl<S: AsFd> Connections<S> {
    pub(super) const fn new() -> Self {
        Self { entries: Vec::new(), links: Vec::new(), last: 0 }
    }

    pub(super) fn open(
        &mut self,
        id: ConnId,
        stream: S,
        peer: Arc<str>,
        from: Option<IpAddr>,
        session: Option<Session>,
    ) -> Arc<Port<S>> {
        self.last += 1;
        let port = Arc::new(Port::new(id, self.last, stream, session));
        if self.entries.len() <= id.index() {
            self.entries.resize_with(id.index() + 1, || None);
        }
        let address = Arc::clone(&peer);
        let (outbox, is_quiet) = (Outbox::default(), false);
        let entry = Entry { port: Arc::clone(&port), peer, address, from, outbox, is_quiet };
        self.entries[id.index()] = Some(entry);
        port
    }

    pub(super) fn find(&mut self, id: ConnId) -> Option<&mut Entry<S>> {
        self.entries.get_mut(id.index())?.as_mut().filter(|entry| entry.port.id == id)
    }

    /// Has a connection not be read from, or read from again.
    pub(super) fn pause(&mut self, id: ConnId, paused: bool) {
        if let Some(entry) = self.find(id) {
            entry.port.pause(paused);
        }
    }

    /// A connection has become a link with the neighbour called `name`.
    pub(super) fn become_link(&mut self, id: ConnId, name: &Arc<str>) {
        if let Some(entry) = self.find(id) {
            entry.peer = Arc::clone(name);
            entry.is_quiet = false;
            entry.port.become_link();
            let port = Arc::clone(&entry.port);
            self.links.push(port);
        }
    }

    /// The connections of the links that are up.
    pub(super) fn links(&self) -> &[Arc<Port<S>>] {
        &self.links
    }

    pub(super) fn remove(&mut self, id: ConnId) -> Option<Entry<S>> {
        self.find(id)?;
        self.links.retain(|link| link.id != id);
        self.entries[id.index()].take()
    }
}
