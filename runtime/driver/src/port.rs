//! One connection, as the host and the task that reads from it share it.

use core::future::Future;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::Poll;
use std::borrow::Cow;
use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard};

use futures_util::future::poll_fn;
use futures_util::task::AtomicWaker;
use herd_core::ConnId;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use socket2::SockRef;

use herd_tls::{Opened, Session};

/// A connection that is read by one task and written to through `stream`.
#[derive(Debug)]
pub struct Port<S> {
    pub(crate) id: ConnId,
    /// What the log calls it. Never used again.
    pub(crate) number: u64,
    /// The writing end.
    pub stream: S,
    /// What secures it, where something does.
    session: Option<Mutex<Session>>,
    paused: AtomicBool,
    closed: AtomicBool,
    link: AtomicBool,
    /// Wakes the reading task.
    gate: AtomicWaker,
}

impl<S> Port<S> {
    /// Ends when there may be read again. Whether to: not once the connection is closed.
    pub fn may_read(&self) -> impl Future<Output = bool> + '_ {
        poll_fn(|context| {
            if self.is_closed() || !self.paused.load(Ordering::Acquire) {
                return Poll::Ready(!self.is_closed());
            }
            self.gate.register(context.waker());
            let waits = self.paused.load(Ordering::Acquire) && !self.is_closed();
            if waits { Poll::Pending } else { Poll::Ready(!self.is_closed()) }
        })
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Whether a neighbour is at the other end.
    pub(crate) fn is_link(&self) -> bool {
        self.link.load(Ordering::Acquire)
    }

    pub(crate) fn become_link(&self) {
        self.link.store(true, Ordering::Release);
    }

    /// What came of bytes that were read from the socket.
    pub(crate) fn open<'b>(&self, bytes: &'b [u8]) -> Read<'b> {
        match self.session() {
            None => Read::Plain(bytes),
            Some(mut session) => Read::Opened(session.open(bytes)),
        }
    }

    /// The bytes to write to the socket for those that the core sends.
    pub(crate) fn seal<'b>(&self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        match self.session() {
            None => Cow::Borrowed(bytes),
            Some(mut session) => Cow::Owned(session.seal(bytes)),
        }
    }

    /// The bytes of the core's among `count` that the kernel took.
    pub(crate) fn drained(&self, count: usize) -> usize {
        self.session().map_or(count, |mut session| session.drained(count))
    }

    /// Whether the other side has said over TLS that it ends its half. What comes then is not worth reading.
    pub(crate) fn has_ended(&self) -> bool {
        self.session().is_some_and(|session| session.has_ended())
    }

    pub(crate) fn is_secured(&self) -> bool {
        self.session.is_some()
    }

    pub(crate) fn session(&self) -> Option<MutexGuard<'_, Session>> {
        let session = self.session.as_ref()?;
        Some(session.lock().expect("no session panics"))
    }

    pub(crate) fn pause(&self, paused: bool) {
        self.paused.store(paused, Ordering::Release);
        self.gate.wake();
    }
}

/// Bytes that were read from a socket.
pub(crate) enum Read<'b> {
    /// As the other side says them.
    Plain(&'b [u8]),
    /// By way of a [`Session`].
    Opened(Opened),
}

impl<S: AsFd> Port<S> {
    pub(crate) fn new(id: ConnId, number: u64, stream: S, session: Option<Session>) -> Self {
        let [paused, closed, link] = [(); 3].map(|()| AtomicBool::new(false));
        let session = session.map(Mutex::new);
        Self { id, number, stream, session, paused, closed, link, gate: AtomicWaker::new() }
    }

    /// Offers bytes to the kernel; how many it took.
    pub(crate) fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        none_if_passing(send(&self.stream, bytes, AT_ONCE))
    }

    /// Reads what the kernel has; how many bytes that were. None is the end, or that there are none yet.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = recv(&self.stream, buffer, RecvFlags::DONTWAIT).map(|(read, _)| read);
        none_if_passing(read)
    }

    /// Says over TLS that nothing more will come, if the kernel has taken all else and takes this.
    pub(crate) fn say_goodbye(&self) {
        if let Some(mut session) = self.session()
            && session.is_drained()
        {
            let _ = send(&self.stream, &session.close(), AT_ONCE);
        }
    }

    /// Ends both halves, so that the reading task ends too and the last of the two drops the socket.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.shutdown(Shutdown::Both);
        self.gate.wake();
    }

    /// Ends a half or both. An error says that the other side was faster.
    pub(crate) fn shutdown(&self, how: Shutdown) {
        let _ = SockRef::from(&self.stream).shutdown(how);
    }
}

/// What a call of the kernel's came to: one that would have to wait moves no bytes.
fn none_if_passing(outcome: Result<usize, Errno>) -> io::Result<usize> {
    match outcome {
        Err(Errno::AGAIN | Errno::INTR) => Ok(0),
        outcome => Ok(outcome?),
    }
}

/// How bytes are offered to the kernel: whatever the socket is set to, there is neither waiting nor a signal.
#[cfg(not(target_vendor = "apple"))]
const AT_ONCE: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
#[cfg(target_vendor = "apple")]
const AT_ONCE: SendFlags = SendFlags::DONTWAIT;

/// What the kernel did not take at once.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: Vec<u8>,
    /// Whether a job is writing, and may have taken bytes that come before those waiting.
    writing: bool,
}

impl Outbox {
    /// Whether nothing is being written, so that what comes next may be offered to the kernel at once.
    pub(crate) fn is_idle(&self) -> bool {
        !self.writing
    }

    /// Has what comes next wait: somebody is writing, without a job.
    pub(crate) fn hold(&mut self) {
        self.writing = true;
    }

    /// Ends [`Outbox::hold`] with what the kernel did not take; whether a job must be started to write.
    pub(crate) fn let_go(&mut self, rest: &[u8]) -> bool {
        if !rest.is_empty() {
            self.waiting.splice(..0, rest.iter().copied());
        }
        self.writing = !self.waiting.is_empty();
        self.writing
    }

    /// Appends bytes; whether a job must be started to write them.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> bool {
        self.waiting.extend_from_slice(bytes);
        !core::mem::replace(&mut self.writing, true)
    }

    /// All that waits; none ends the job.
    pub(crate) fn take(&mut self) -> Option<Vec<u8>> {
        self.writing = !self.waiting.is_empty();
        self.writing.then(|| core::mem::take(&mut self.waiting))
    }

    /// Takes back what the kernel did not take of `bytes`: all but the first `count`.
    pub(crate) fn put_back(&mut self, mut bytes: Vec<u8>, count: usize) {
        if count < bytes.len() {
            bytes.drain(..count);
            bytes.append(&mut self.waiting);
            self.waiting = bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_back_comes_before_what_was_added_meanwhile() {
        let mut outbox = Outbox::default();
        assert!(outbox.add(b"one "));
        let taken = outbox.take().unwrap();
        assert!(!outbox.add(b"two"));
        outbox.put_back(taken, 1);
        assert_eq!(outbox.take().unwrap(), b"ne two");
        assert_eq!(outbox.take(), None);
        assert!(outbox.is_idle());
    }

    #[test]
    fn what_was_added_while_it_was_held_comes_after_the_rest() {
        let mut outbox = Outbox::default();
        outbox.hold();
        assert!(!outbox.is_idle());
        assert!(!outbox.let_go(b""));
        assert!(outbox.is_idle());
        outbox.hold();
        assert!(!outbox.add(b"two"));
        assert!(outbox.let_go(b"one "));
        assert_eq!(outbox.take().unwrap(), b"one two");
    }
}
