//! The bounded buffer between those who log and the thread that writes.
//!
//! Entries stand one after another in one run of bytes, each a head of fixed size, the peer, the
//! bytes:
//!
//! ```text
//! | kind 1 | at 8 | connection 8 | peer length 1 | length 4 | peer ... | bytes ... |
//! ```
//!
//! The writer takes the whole run at once and leaves an empty one, so that those who log wait for
//! nobody but each other, and for one copy. Once a line does not fit, none does until the writer has
//! taken the run: what is missing is missing in one place, at its end. Events have a room of their own
//! behind that of the lines, and those of links one behind that of clients', so that no flood of either hides that a
//! link went down.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use herd_core::Timestamp;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// One thing to log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Entry<'e> {
    pub(super) kind: Kind,
    pub(super) at: Timestamp,
    pub(super) connection: u64,
    pub(super) peer: &'e str,
    pub(super) bytes: &'e [u8],
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Received,
    Sent,
    Answer,
    Event,
    Warning,
    Error,
    Gone,
    MinorEvent,
}

const KINDS: [Kind; 8] = [
    Kind::Received,
    Kind::Sent,
    Kind::Answer,
    Kind::Event,
    Kind::Warning,
    Kind::Error,
    Kind::Gone,
    Kind::MinorEvent,
];

/// A run of entries, and how many lines would have followed had there been room.
#[derive(Debug)]
pub(super) struct Batch {
    entries: Vec<u8>,
    pub(super) dropped: u64,
}

/// What the writer is asked for beside writing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Orders {
    pub(super) reopen: bool,
    pub(super) stop: bool,
}

#[derive(Debug)]
pub(super) struct Queue {
    capacity: usize,
    state: Mutex<State>,
    /// The writer waits here for something to do.
    work: Condvar,
    /// Those who flush wait here for the writer.
    written: Condvar,
    dropped: AtomicU64,
}

#[derive(Debug)]
struct State {
    batch: Batch,
    orders: Orders,
    /// Somebody waits for what is there, or there is much of it.
    hurry: bool,
    /// The writer has ended.
    ended: bool,
    /// Counts batches: the one that fills, and the ones written.
    filling: u64,
    done: u64,
}

/// What is logged is on disk this long after, and no more often written.
const LINGER: Duration = Duration::from_millis(50);

/// Bytes that are not waited with: enough that waking the writer costs little, few enough to leave
/// most of the buffer to those who log while it writes.
const MUCH: usize = 1024 * 1024;

/// Bytes that lines leave to events, and half of that which events of clients leave to those of links.
const FOR_EVENTS: usize = 64 * 1024;

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        let state = State {
            batch: Batch::new(capacity + FOR_EVENTS),
            orders: Orders::default(),
            hurry: false,
            ended: false,
            filling: 1,
            done: 0,
        };
        Self {
            capacity,
            state: Mutex::new(state),
            work: Condvar::new(),
            written: Condvar::new(),
            dropped: AtomicU64::new(0),
        }
    }

    /// Appends an entry, or counts it when there is no room.
    pub(super) fn push(&self, entry: &Entry<'_>) {
        let mut state = self.lock();
        let had = state.batch.entries.len();
        let (room, is_full) = match entry.kind {
            Kind::Received | Kind::Sent | Kind::Answer => (self.capacity, state.batch.dropped > 0),
            Kind::MinorEvent => (self.capacity + FOR_EVENTS / 2, false),
            Kind::Event | Kind::Warning | Kind::Error | Kind::Gone => {
                (self.capacity + FOR_EVENTS, false)
            }
        };
        if state.ended || is_full || had + entry.size() > room {
            if entry.kind != Kind::Gone {
                state.batch.dropped += entry.lines();
                self.dropped.fetch_add(entry.lines(), Ordering::Relaxed);
            }
            return;
        }
        entry.append(&mut state.batch.entries);
        let is_much = state.batch.entries.len() >= MUCH.min(self.capacity / 2);
        // The writer is woken twice a batch at most: to wait a little, and to wait no longer.
        let wakes = had == 0 || (is_much && !state.hurry);
        state.hurry |= is_much;
        drop(state);
        if wakes {
            self.work.notify_one();
        }
    }

    /// Asks for the file to be opened again before anything else is written.
    pub(super) fn reopen(&self) {
        self.order(|orders| orders.reopen = true);
    }

    /// Asks the writer to write what is left and to end.
    pub(super) fn stop(&self) {
        self.order(|orders| orders.stop = true);
    }

    fn order(&self, order: impl FnOnce(&mut Orders)) {
        let mut state = self.lock();
        order(&mut state.orders);
        state.hurry = true;
        drop(state);
        self.work.notify_one();
    }

    /// Waits until what has been logged so far is written.
    pub(super) fn flush(&self) {
        let mut state = self.lock();
        state.hurry = true;
        self.work.notify_one();
        self.wait_written(state);
    }

    /// Waits like `flush`, but asks for no haste.
    #[cfg(test)]
    pub(super) fn settle(&self) {
        self.wait_written(self.lock());
    }

    fn wait_written(&self, state: MutexGuard<'_, State>) {
        let mine = if state.batch.is_empty() { state.filling - 1 } else { state.filling };
        let waiting = |state: &mut State| state.done < mine && !state.ended;
        drop(self.written.wait_while(state, waiting).unwrap_or_else(PoisonError::into_inner));
    }

    /// An empty batch for the writer to begin with.
    pub(super) fn spare(&self) -> Batch {
        Batch::new(self.capacity + FOR_EVENTS)
    }

    /// Waits until there is something to do, and swaps what there is for the empty `batch`.
    pub(super) fn take(&self, batch: &mut Batch) -> Orders {
        batch.clear();
        let mut state = self.lock();
        let idle = |state: &mut State| state.batch.is_empty() && !state.hurry;
        state = self.work.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
        state = self
            .work
            .wait_timeout_while(state, LINGER, |state| !state.hurry)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        core::mem::swap(&mut state.batch, batch);
        state.hurry = false;
        state.filling += 1;
        core::mem::take(&mut state.orders)
    }

    /// Says that the batch taken last is written.
    pub(super) fn done(&self) {
        let mut state = self.lock();
        state.done = state.filling - 1;
        drop(state);
        self.written.notify_all();
    }

    /// Says that nothing will be taken any more.
    pub(super) fn ended(&self) {
        self.lock().ended = true;
        self.written.notify_all();
    }

    /// Counts lines that the writer could not write.
    pub(super) fn lost(&self, lines: u64) {
        self.dropped.fetch_add(lines, Ordering::Relaxed);
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// A panic elsewhere leaves whole entries behind: an entry is appended by one copy at a time, and
    /// none of them panics.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batch {
    /// Memory for all it may hold, so that nobody who logs waits for it to grow; the operating system
    /// gives what is used.
    fn new(capacity: usize) -> Self {
        Self { entries: Vec::with_capacity(capacity), dropped: 0 }
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.dropped = 0;
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.dropped == 0
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut rest = &self.entries[..];
        core::iter::from_fn(move || Entry::split_off(&mut rest))
    }
}

impl<'e> Entry<'e> {
    const HEAD: usize = 22;

    fn size(&self) -> usize {
        Self::HEAD + self.peer.len() + self.bytes.len()
    }

    /// How many lines of the log it would have been, about.
    fn lines(&self) -> u64 {
        match self.kind {
            Kind::Received | Kind::Sent => {
                (memchr::memchr_iter(b'\n', self.bytes).count() as u64).max(1)
            }
            Kind::Answer | Kind::Event | Kind::MinorEvent | Kind::Warning | Kind::Error => 1,
            Kind::Gone => 0,
        }
    }

    fn append(&self, out: &mut Vec<u8>) {
        // Names and addresses are far shorter; for a longer one the number of the connection has to do.
        let peer = if self.peer.len() <= usize::from(u8::MAX) { self.peer.as_bytes() } else { b"" };
        let bytes = &self.bytes[..self.bytes.len().min(u32::MAX as usize)];
        out.push(self.kind as u8);
        out.extend_from_slice(&self.at.nanos().to_ne_bytes());
        out.extend_from_slice(&self.connection.to_ne_bytes());
        out.push(u8::try_from(peer.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_ne_bytes());
        out.extend_from_slice(peer);
        out.extend_from_slice(bytes);
    }

    /// Takes the first entry off a run of them; `None` at its end.
    fn split_off(rest: &mut &'e [u8]) -> Option<Self> {
        let (kind, tail) = rest.split_first()?;
        let (at, tail) = tail.split_first_chunk()?;
        let (connection, tail) = tail.split_first_chunk()?;
        let (peer, tail) = tail.split_first()?;
        let (length, tail) = tail.split_first_chunk()?;
        let (peer, tail) = tail.split_at_checked(usize::from(*peer))?;
        let (bytes, tail) = tail.split_at_checked(u32::from_ne_bytes(*length) as usize)?;
        *rest = tail;
        Some(Self {
            kind: *KINDS.get(usize::from(*kind))?,
            at: Timestamp::from_nanos(i64::from_ne_bytes(*at)),
            connection: u64::from_ne_bytes(*connection),
            peer: core::str::from_utf8(peer).ok()?,
            bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(bytes: &[u8]) -> Entry<'_> {
        let at = Timestamp::from_nanos(-5);
        Entry { kind: Kind::Sent, at, connection: 7, peer: "Hill", bytes }
    }

    fn taken(queue: &Queue) -> Batch {
        let mut batch = Batch::new(0);
        queue.take(&mut batch);
        batch
    }

    #[test]
    fn entries_come_out_as_they_went_in() {
        let queue = Queue::new(1000);
        let kinds = KINDS.map(|kind| Entry { kind, ..entry(b"a line\n") });
        kinds.iter().for_each(|entry| queue.push(entry));

        assert_eq!(taken(&queue).entries().collect::<Vec<_>>(), kinds);
    }

    #[test]
    fn what_does_not_fit_is_dropped_whole_and_counted_by_lines() {
        let queue = Queue::new(100);
        queue.push(&entry(&[b'a'; 50]));
        queue.push(&entry(b"one\ntwo\nthree\nand one that would fit if it were alone..."));
        queue.push(&entry(b"short"));

        assert_eq!(queue.dropped(), 4);
        let batch = taken(&queue);
        assert_eq!(batch.entries().collect::<Vec<_>>(), [entry(&[b'a'; 50])]);
        assert_eq!(batch.dropped, 4);
    }

    #[test]
    fn an_event_finds_room_where_a_line_does_not() {
        let queue = Queue::new(60);
        queue.push(&entry(&[b'x'; 60]));
        let event = Entry { kind: Kind::Event, ..entry(b"a link is down") };
        queue.push(&event);

        assert_eq!(taken(&queue).entries().collect::<Vec<_>>(), [event]);
        assert_eq!(queue.dropped(), 1);
    }

    #[test]
    fn a_flood_of_minor_events_leaves_room_for_others() {
        let queue = Queue::new(60);
        let minor = Entry { kind: Kind::MinorEvent, ..entry(b"report not kept") };
        for _ in 0..FOR_EVENTS {
            queue.push(&minor);
        }
        let event = Entry { kind: Kind::Event, ..entry(b"link down") };
        queue.push(&event);

        let batch = taken(&queue);
        assert_eq!(batch.entries().last(), Some(event));
        assert!(batch.dropped > 0);
    }

    #[test]
    fn there_is_room_again_once_the_writer_has_taken_what_was_there() {
        let queue = Queue::new(60);
        queue.push(&entry(b"first"));
        queue.push(&entry(&[b'x'; 60]));
        let _ = taken(&queue);

        queue.push(&entry(b"second"));

        let batch = taken(&queue);
        assert_eq!(batch.entries().collect::<Vec<_>>(), [entry(b"second")]);
        assert_eq!((batch.dropped, queue.dropped()), (0, 1));
    }
}
