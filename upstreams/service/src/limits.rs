//! Resource limits of a service.

use core::time::Duration;

/// What the clients of a service may take of it.
///
/// [`Limits::default`] is for a service on its own machine; change what does not fit:
///
/// ```
/// let limits = herd_service::Limits { connections: 100, ..Default::default() };
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most connections at a time, 4096 by default, WebSockets among them.
    ///
    /// It is lowered to what the limit of open files has room for. When it is met, the address with most
    /// connections gives one up for a new one, see [`serve`](crate::serve()).
    pub connections: usize,
    /// How long a client may take for the head of a request, 10 s by default: the first from when it connected,
    /// others from their first byte.
    pub head: Duration,
    /// How long a client may take for the body of a request, 30 s by default.
    pub body: Duration,
    /// How long a connection is kept between requests, 60 s by default.
    pub idle: Duration,
    /// How long a client may take nothing of what is sent to it, 30 s by default. It holds for WebSockets too.
    pub stalled: Duration,
    /// The most bytes that are kept of a request's head and of what is to be sent, 64 KiB by default, and at least 8 KiB.
    pub buffer_bytes: usize,
    /// How long requests under way may take once the service is to stop, [`GRACE`] by default.
    pub grace: Duration,
}

/// How long requests under way may take once a service is to stop, unless its limits say otherwise.
pub const GRACE: Duration = Duration::from_secs(5);

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            head: Duration::from_secs(10),
            body: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            stalled: Duration::from_secs(30),
            buffer_bytes: 64 * 1024,
            grace: GRACE,
        }
    }
}

/// Descriptors for what a service opens besides connections: its database, files, and what its runtime holds.
const SPARE_DESCRIPTORS: usize = 128;

impl Limits {
    /// How often to look for connections that take too long: a connection has up to this more.
    pub(crate) fn tick(&self) -> Duration {
        let shortest = self.head.min(self.body).min(self.idle).min(self.stalled);
        (shortest / 8).clamp(Duration::from_millis(10), Duration::from_secs(1))
    }

    /// Raises the limit of open files as far as the system lets us, and lowers the number of connections to what it
    /// has room for. Says what an operator should know.
    pub(crate) fn fit_descriptors(&mut self) -> Option<String> {
        let most = match rlimit::increase_nofile_limit(u64::MAX) {
            Ok(most) => usize::try_from(most).unwrap_or(usize::MAX),
            Err(error) => return Some(format!("the limit of open files cannot be read: {error}")),
        };
        let room = room(most);
        if room >= self.connections {
            return None;
        }
        let wanted = core::mem::replace(&mut self.connections, room);
        Some(format!(
            "{most} open files are allowed, so there is room for {room} connections, not {wanted}"
        ))
    }
}

/// How many connections there is room for among so many descriptors.
fn room(descriptors: usize) -> usize {
    (descriptors - SPARE_DESCRIPTORS.min(descriptors / 2)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_descriptors_are_left_for_the_rest_but_not_more_than_half() {
        for (descriptors, connections) in [(20_000, 19_872), (256, 128), (64, 32), (1, 1)] {
            assert_eq!(room(descriptors), connections);
        }
    }
}
