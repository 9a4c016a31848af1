//! Waiting for sockets, and for a moment that a line is due at.

use core::time::Duration;
use mio::{Events, Poll};
use std::io;

/// Waits for events, `most` at most; where that matters exactly, then not by the millisecond, in which
/// `epoll_wait` counts.
pub(crate) fn wait(
    poll: &mut Poll,
    events: &mut Events,
    most: Duration,
    exactly: bool,
) -> io::Result<()> {
    let most = if exactly && !most.is_zero() { wait_exactly(poll, most)? } else { most };
    match poll.poll(events, Some(most)) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        done => done,
    }
}

/// Waits until there are events, `most` at most. How long is left to wait.
#[cfg(unix)]
fn wait_exactly(poll: &Poll, most: Duration) -> io::Result<Duration> {
    use rustix::event::{PollFd, PollFlags, Timespec};

    let most = Timespec::try_from(most).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut polled = [PollFd::new(poll.registry(), PollFlags::IN)];
    match rustix::event::poll(&mut polled, Some(&most)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(Duration::ZERO),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(unix))]
fn wait_exactly(_: &Poll, most: Duration) -> io::Result<Duration> {
    Ok(most)
}
