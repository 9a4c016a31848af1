//! What neighbours have sent, heard before anything else.
//!
//! A link's own task reads it too, and is the one that notices when it ends in good order; this module reads ahead of
//! it, when somebody else's bytes are about to be handed to the core.

use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Host, State};

impl<S: AsFd + Send + Sync + 'static> Host<S> {
    /// Hands the core what neighbours have sent and nobody has read yet, 16 KiB of each at most. An end of
    /// input is left to the task that reads the link; a link that is broken is over.
    pub(super) fn hear_neighbours(&self, state: &mut State<S>) {
        let links = state.connections.links();
        if links.is_empty() {
            return;
        }
        let mut polled: Vec<_> =
            links.iter().map(|link| PollFd::new(&link.stream, PollFlags::IN)).collect();
        if !poll(&mut polled, Some(&Timespec::default())).is_ok_and(|ready| ready > 0) {
            return;
        }
        let speaking: Vec<_> = links
            .iter()
            .zip(&polled)
            .filter(|(_, polled)| !polled.revents().is_empty())
            .map(|(link, _)| Arc::clone(link))
            .collect();
        let mut buffer = core::mem::take(&mut state.heard);
        for link in speaking {
            match link.try_read(&mut buffer) {
                Ok(0) => {}
                Ok(length) => self.receive(state, &link, link.open(&buffer[..length])),
                Err(_) => self.go(state, |state, now| state.break_off(now, link.id)),
            }
        }
        state.heard = buffer;
    }
}
