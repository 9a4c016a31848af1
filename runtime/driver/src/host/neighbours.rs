//! What neighbours have sent, heard before anything else.
//!
//! A link's own task reads it too, and is the one that notices when it ends in good order; this module reads ahead of
//! it, when somebody else's bytes are about to be handed to the core.

use core::array::from_fn;
use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Host, Job, State};

impl<S: AsFd, P: Fn(Job<S>)> Host<S, P> {
    /// Hands the core what neighbours have sent and nobody has read yet, 16 KiB of each at most. An end of
    /// input is left to the task that reads the link; a link that is broken is over.
    pub(super) fn hear_neighbours(&self, state: &mut State<S>) {
        if !self.reads_links_ahead {
            return;
        }
        // Nothing of it is there in most turns: an empty list takes no memory.
        let mut speaking = Vec::new();
        for links in state.connections.links().chunks(POLLED) {
            let polled =
                |at: usize| PollFd::new(&links[at.min(links.len() - 1)].stream, PollFlags::IN);
            let polled = &mut from_fn::<_, POLLED, _>(polled)[..links.len()];
            if poll(polled, Some(&Timespec::default())).is_ok_and(|ready| ready > 0) {
                let ready = links.iter().zip(&*polled).filter(|(_, one)| !one.revents().is_empty());
                speaking.extend(ready.map(|(link, _)| Arc::clone(link)));
            }
        }
        if speaking.is_empty() {
            return;
        }
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

/// Links that the kernel is asked about at once.
const POLLED: usize = 16;
