//! The log file of a server, which never makes it wait.
//!
//! Callers copy what they have to say into a bounded buffer and go on; a thread of its own makes
//! lines of it and writes them. When the disk cannot keep up, what does not fit is dropped and
//! counted, and the log says how much is missing, and where. One line of the log looks like these:
//!
//! ```text
//! 2026-11-21T02:40:00.123456Z < #17 127.0.0.1:54321 IAMAT kiwi +34.068930-118.445127 1520023934.9
//! 2026-11-21T02:40:00.123473Z > #17 127.0.0.1:54321 AT Hill +0.26 kiwi +34.068930-118.445127 ...
//! 2026-11-21T02:40:00.123473Z > #2 Jaquez AT Hill +0.26 kiwi +34.068930-118.445127 1520023934.9
//! 2026-11-21T02:40:01.000219Z * #2 Jaquez link with Jaquez is down: connection lost
//! 2026-11-21T02:40:02.000341Z ! the link with Bona is plain
//! ```
//!
//! - The time is UTC, of when the line was complete. `<` was received, `>` was sent, `*` is an event,
//!   `!` a warning or an error; these go to standard error, too.
//! - `#17` is a connection; then comes the server at its other end, or a client's address.
//! - A byte outside printable ASCII is written `\x0D`, a backslash `\\`, so that a client cannot forge
//!   a line, and nothing of what was said is lost. The line end is left out, but for those within an
//!   answer: a lookup's body stays on one line.
//! - A handshake's proofs are left out: `PROOF (hidden)`.
//! - `\+` at the end says that the line was too long to be held until it was complete; it goes on in
//!   the next line of that connection and direction. `\-` says that what followed was dropped.

use crate::file::RotatingFile;
pub use crate::lines::Direction;
use crate::queue::{Entry, Kind, Queue};
use crate::writer::Writer;
use core::fmt;
use herd_clock as clock;
use herd_config::logging::{Level, LogSettings};
use herd_core::Timestamp;
use log::{LevelFilter, Metadata, Record, SetLoggerError};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

mod file;
mod lines;
mod queue;
mod writer;

/// The log of one server. Clones share it.
#[derive(Clone, Debug)]
pub struct LogFile(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    level: Level,
    is_shared: bool,
    queue: Arc<Queue>,
    thread: Mutex<Thread>,
}

/// The thread that writes.
#[derive(Debug)]
enum Thread {
    /// There is nothing to write yet.
    Unneeded(Writer),
    Running(JoinHandle<()>),
    Ended,
}

/// Bytes that wait to be written, at most, twice: while one buffer is written the other fills.
const QUEUE_BYTES: usize = 8 << 20;

impl LogFile {
    /// Opens the log file of the server called `server`, and starts the thread that writes it. Where there
    /// is no file, the first warning starts it.
    ///
    /// # Errors
    ///
    /// When the file cannot be written; the message names it.
    pub fn start(settings: &LogSettings, server: &str) -> io::Result<Self> {
        let file = match settings.level {
            Level::Off => None,
            Level::Lines | Level::Events => Some(RotatingFile::open(settings, server)?),
        };
        let is_shared = file.as_ref().is_some_and(|file| file.is_shared);
        let queue = Arc::new(Queue::new(QUEUE_BYTES));
        let thread = Thread::Unneeded(Writer::new(Arc::clone(&queue), file));
        let log = Self(Arc::new(Inner {
            level: settings.level,
            is_shared,
            queue,
            thread: Mutex::new(thread),
        }));
        if log.0.level != Level::Off {
            log.begin()?;
        }
        Ok(log)
    }

    /// Has the thread run, unless it did already. Where there can be none, what is logged is dropped and counted.
    fn begin(&self) -> io::Result<()> {
        let mut thread = self.thread();
        *thread = match core::mem::replace(&mut *thread, Thread::Ended) {
            Thread::Unneeded(mut writer) => {
                let builder = thread::Builder::new().name("log".to_owned());
                let thread = builder.spawn(move || writer.run());
                Thread::Running(thread.inspect_err(|_| self.0.queue.ended())?)
            }
            Thread::Running(running) => Thread::Running(running),
            Thread::Ended => Thread::Ended,
        };
        Ok(())
    }

    /// Makes this the place where `log::warn!` and its like go, in the whole process.
    ///
    /// # Errors
    ///
    /// When there is such a place already.
    pub fn install(&self) -> Result<(), SetLoggerError> {
        log::set_boxed_logger(Box::new(self.clone()))?;
        log::set_max_level(LevelFilter::Info);
        Ok(())
    }

    /// Whether another server was writing the file when this one opened it.
    pub fn is_shared(&self) -> bool {
        self.0.is_shared
    }

    /// Whether lines received and sent are logged at all.
    pub fn wants_lines(&self) -> bool {
        self.0.level == Level::Lines
    }

    /// Logs bytes as they were read, or handed to the kernel: each line of them is one of the log, also
    /// when it comes in several buffers.
    pub fn bytes(
        &self,
        at: Timestamp,
        direction: Direction,
        connection: u64,
        peer: &str,
        bytes: &[u8],
    ) {
        if self.wants_lines() && !bytes.is_empty() {
            let kind = match direction {
                Direction::Received => Kind::Received,
                Direction::Sent => Kind::Sent,
            };
            self.0.queue.push(&Entry { kind, at, connection, peer, bytes });
        }
    }

    /// Logs one answer with a body: one line, whatever newlines it holds.
    pub fn answer(&self, at: Timestamp, connection: u64, peer: &str, bytes: &[u8]) {
        if self.wants_lines() {
            self.0.queue.push(&Entry { kind: Kind::Answer, at, connection, peer, bytes });
        }
    }

    /// Logs that something happened.
    pub fn event(&self, at: Timestamp, level: log::Level, text: fmt::Arguments<'_>) {
        let kind = match level {
            log::Level::Error => Kind::Error,
            log::Level::Warn => Kind::Warning,
            log::Level::Info | log::Level::Debug | log::Level::Trace => Kind::Event,
        };
        if self.0.level == Level::Off {
            if kind == Kind::Event {
                return;
            }
            // Without a thread the queue has ended, and counts what it is given.
            let _ = self.begin();
        }
        // Formatted before the buffer is locked: what is formatted may want to log.
        let text = text.to_string();
        self.0.queue.push(&Entry { kind, at, connection: 0, peer: "", bytes: text.as_bytes() });
    }

    /// Logs that something happened of which there may be much: where there is no room for all, room is left to
    /// [`LogFile::event`].
    pub fn minor_event(&self, at: Timestamp, text: fmt::Arguments<'_>) {
        if self.0.level != Level::Off {
            let text = text.to_string();
            let bytes = text.as_bytes();
            self.0.queue.push(&Entry {
                kind: Kind::MinorEvent,
                at,
                connection: 0,
                peer: "",
                bytes,
            });
        }
    }

    /// No more bytes of this connection will come: an unfinished line of it is written as it is. Before that is
    /// answered, and before the connection's end is logged, or the log tells them in the wrong order.
    pub fn gone(&self, at: Timestamp, connection: u64) {
        if self.wants_lines() {
            self.0.queue.push(&Entry { kind: Kind::Gone, at, connection, peer: "", bytes: b"" });
        }
    }

    /// Closes the file and opens it again by its name, which another program has moved or removed.
    ///
    /// What is logged from now on is written to the new one.
    pub fn reopen(&self) {
        self.0.queue.reopen();
    }

    /// How many lines are missing from the log, because they could not be written in time or at all.
    pub fn dropped(&self) -> u64 {
        self.0.queue.dropped()
    }

    /// Waits until everything logged so far is written, or could not be.
    pub fn flush(&self) {
        self.0.queue.flush();
    }

    /// Writes what is left and ends the log; what is logged later is dropped.
    pub fn finish(&self) {
        self.0.queue.stop();
        let thread = core::mem::replace(&mut *self.thread(), Thread::Ended);
        match thread {
            // A writer that panicked has said so itself.
            Thread::Running(thread) => drop(thread.join()),
            Thread::Unneeded(_) => self.0.queue.ended(),
            Thread::Ended => {}
        }
    }

    fn thread(&self) -> MutexGuard<'_, Thread> {
        self.0.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the herd's own crates log is taken from level `Info` up. What libraries log is not: an HTTP
/// client may name a URL, and the URL has the key in it.
impl log::Log for LogFile {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Info && metadata.target().starts_with("herd")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        self.event(clock::now().wall, record.level(), *record.args());
    }

    fn flush(&self) {
        Self::flush(self);
    }
}

#[cfg(test)]
mod tests;
