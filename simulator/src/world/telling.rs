//! A run as a person reads it: when, which server, what, on which connection.
//!
//! ```text
//!    3.584292 Singleton    reads       0: IAMAT kiwi +34.0-118.4 1600000003\n
//!    3.584292 Singleton    sends       0: AT Singleton +0.584292011 kiwi +34.0-118.4 1600000003\n
//! ```

use core::fmt::Arguments;

use herd_core::Notice;

use super::{SECOND, Trace, World};
use crate::life::{Input, Life, Slot};
use crate::model::{Key, Kind, shown};

impl World<'_> {
    /// Tells what a server does.
    pub(super) fn tell(&mut self, at: usize, what: Arguments<'_>) {
        if let Some(trace) = &mut self.trace {
            let name = &self.servers[at].name;
            trace(format_args!("{} {name:<12} {what}", clock(self.now)));
        }
    }

    /// Tells what happens to nobody in particular.
    pub(super) fn narrate(&mut self, what: Arguments<'_>) {
        if let Some(trace) = &mut self.trace {
            trace(format_args!("{} {:<12} {what}", clock(self.now), "***"));
        }
    }

    pub(super) fn tells_sent(&mut self, at: usize, slot: Slot, bytes: &[u8]) {
        if self.trace.is_none() {
            return;
        }
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.tell(at, format_args!("sends    {:>4}: {}", slot.wire, shown(line)));
        }
    }

    pub(super) fn tells_notice(&mut self, at: usize, notice: Notice) {
        let Some(life) = &self.servers[at].life else { return };
        if self.trace.is_none() {
            return;
        }
        let wire = |conn| life.slot(conn).map_or(Key::MAX, |slot| slot.wire);
        let neighbour = |peer: herd_core::PeerId| {
            let other = self.servers[at].neighbours.get(peer.index());
            other.map_or("?", |other| &self.servers[*other].name)
        };
        let text = match notice {
            Notice::Opened { .. } | Notice::Secured { .. } => return,
            Notice::Closed { conn, why } => format!("         {:>4}: {why}", wire(conn)),
            Notice::DialFailed { peer, retry_in, .. } => {
                format!("         {} cannot be reached, again in {retry_in:?}", neighbour(peer))
            }
            Notice::Unlinked { peer, down, .. } => {
                format!("         no link with {} for {down:?}", neighbour(peer))
            }
            Notice::LinkUp { peer, conn, resumed, .. } => {
                let how = if resumed { "goes on where it ended" } else { "begins anew" };
                format!("links    {:>4}: with {}, {how}", wire(conn), neighbour(peer))
            }
            Notice::LinkDown { peer, conn, why } => {
                format!("unlinks  {:>4}: from {}, {why}", wire(conn), neighbour(peer))
            }
            Notice::LinkRefused { conn, why } => {
                format!("refuses  {:>4}: {why}", wire(conn))
            }
            Notice::FollowerUp { conn, .. } => format!("         {:>4}: follows", wire(conn)),
            Notice::FollowerDown { conn, .. } => {
                format!("         {:>4}: follows no longer", wire(conn))
            }
            Notice::NameTwice { peer, other, .. } => {
                let name = neighbour(peer);
                format!("         {:>4}: another {name} lives", wire(other))
            }
            Notice::OwnNameTwice { peer, conn, .. } => {
                let name = neighbour(peer);
                format!("         {:>4}: {name} knows another of this name", wire(conn))
            }
            Notice::Dropped { conn, why } => format!("drops    {:>4}: {why}", wire(conn)),
            Notice::UpdateRefused { conn, why } => format!("refuses  {:>4}: {why}", wire(conn)),
            Notice::Ahead { conn } => format!("         {:>4}: too far ahead", wire(conn)),
            Notice::TooOld { conn } => format!("         {:>4}: too old", wire(conn)),
            Notice::NoRoom { conn } => format!("         {:>4}: no room for it", wire(conn)),
            Notice::LookupDone { id, conn, error, .. } => {
                let how = error.map_or_else(|| "answered".to_owned(), |error| error.to_string());
                format!("         {:>4}: lookup {} is over, {how}", wire(conn), id.number())
            }
            Notice::LookupAbandoned { id, conn, .. } => {
                format!("         {:>4}: nobody waits for lookup {}", wire(conn), id.number())
            }
            Notice::Forgotten { records } => format!("forgets  {records} records"),
        };
        self.tell(at, format_args!("{text}"));
    }

    /// Tells what happens to a server.
    pub(super) fn tell_input(
        trace: &mut Trace<'_>,
        now: u64,
        name: &str,
        neighbours: &dyn Fn(usize) -> String,
        input: &Input,
        life: &Life,
    ) {
        let wire =
            |conn| life.slot(conn).map_or_else(|| "gone".to_owned(), |slot| slot.wire.to_string());
        let mut tell =
            |what: Arguments<'_>| trace(format_args!("{} {name:<12} {what}", clock(now)));
        match input {
            Input::Accept { wire, kind, .. } => {
                let who = match kind {
                    Kind::Client | Kind::Full => "a client",
                    Kind::Neighbour { .. } => "a neighbour",
                    Kind::Stranger => "a stranger",
                };
                tell(format_args!("accepts  {wire:>4}: {who}"));
            }
            Input::Dialled { peer, wire: Some(wire) } => {
                tell(format_args!("reaches  {wire:>4}: {}", neighbours(*peer)));
            }
            Input::Dialled { peer, wire: None } => {
                tell(format_args!("does not reach {}", neighbours(*peer)));
            }
            Input::Bytes(conn, bytes) => {
                for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                    tell(format_args!("reads    {:>4}: {}", wire(*conn), shown(line)));
                }
            }
            Input::End(conn) => tell(format_args!("reads    {:>4}: (the end)", wire(*conn))),
            Input::Broke(conn) => tell(format_args!("loses    {:>4}", wire(*conn))),
            Input::Answer(id, Ok((status, body)), _) => {
                tell(format_args!("hears    lookup {}: {status} {}", id.number(), shown(body)));
            }
            Input::Answer(id, Err(error), _) => {
                tell(format_args!("hears    lookup {}: {error}", id.number()));
            }
            Input::Taken(..) | Input::Timeout => {}
        }
    }
}

/// Seconds, to the microsecond.
fn clock(now: u64) -> String {
    format!("{:>4}.{:06}", now / SECOND, now % SECOND / 1000)
}
