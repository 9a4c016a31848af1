//! The thread that writes the log.

use crate::file::RotatingFile;
use crate::lines::Lines;
use crate::queue::{Batch, Entry, Kind, Queue};
use herd_clock as clock;
use std::io;
use std::io::Write;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Writer {
    queue: Arc<Queue>,
    /// `None` when only warnings matter, which go to standard error.
    file: Option<RotatingFile>,
    lines: Lines,
    /// Lines to be written in one go.
    out: Vec<u8>,
    /// Lines that could not be written, and of which the file does not say so yet.
    lost: u64,
    /// Standard error was told that writing does not work; how many lines that has cost by now.
    trouble: Option<u64>,
}

/// As much is handed to the kernel at once: much, as every write has its price, but no more than fits
/// into the processor's cache.
const CHUNK_BYTES: usize = 256 << 10;

impl Writer {
    pub(super) fn new(queue: Arc<Queue>, file: Option<RotatingFile>) -> Self {
        Self { queue, file, lines: Lines::new(), out: Vec::new(), lost: 0, trouble: None }
    }

    /// Writes until it is told to stop.
    pub(super) fn run(&mut self) {
        let mut batch = self.queue.spare();
        loop {
            let orders = self.queue.take(&mut batch);
            // First, so that nothing more goes into the old file once it was asked for.
            if orders.reopen {
                self.reopen();
            }
            self.write_batch(&batch);
            if orders.stop {
                self.lines.finish(clock::now().wall, &mut self.out);
                self.write_out();
            }
            self.queue.done();
            if orders.stop {
                self.queue.ended();
                return;
            }
        }
    }

    fn write_batch(&mut self, batch: &Batch) {
        for entry in batch.entries() {
            if matches!(entry.kind, Kind::Warning | Kind::Error) {
                warn(&entry);
            }
            self.lines.write(&entry, &mut self.out);
            if self.out.len() >= CHUNK_BYTES {
                self.write_out();
            }
        }
        if batch.dropped > 0 {
            let now = clock::now().wall;
            self.lines.cut(now, &mut self.out);
            let text = format!(
                "{} lines are missing here: they came faster than they could be written",
                batch.dropped
            );
            self.lines.event(now, b'!', text.as_bytes(), &mut self.out);
        }
        self.write_out();
    }

    /// Writes the lines that are there, or counts them.
    fn write_out(&mut self) {
        if let Some(file) = &mut self.file
            && !self.out.is_empty()
        {
            if file.is_full(self.out.len())
                && let Err(error) = file.rotate()
            {
                tell(&format!("warning: the log goes on unrotated: {error}"));
            }
            let owned_up = if self.lost == 0 {
                Ok(())
            } else {
                file.write(&missing(&mut self.lines, self.lost)).map(|()| self.lost = 0)
            };
            match owned_up.and_then(|()| file.write(&self.out)) {
                Ok(()) => self.recover(),
                Err(error) => self.lose(&error),
            }
        }
        self.out.clear();
    }

    fn lose(&mut self, error: &io::Error) {
        let lines = memchr::memchr_iter(b'\n', &self.out).count() as u64;
        self.lost += lines;
        self.queue.lost(lines);
        if self.trouble.is_none() {
            tell(&format!("warning: the log loses lines: {error}"));
        }
        *self.trouble.get_or_insert_default() += lines;
    }

    fn recover(&mut self) {
        if let Some(lost) = self.trouble.take() {
            tell(&format!("warning: the log is written again; {lost} lines are missing"));
        }
    }

    fn reopen(&mut self) {
        if let Some(file) = &mut self.file
            && let Err(error) = file.reopen()
        {
            self.lose(&error);
        }
    }
}

/// The line that says how much of the log could not be written.
fn missing(lines: &mut Lines, lost: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let text = format!("{lost} lines are missing here: they could not be written");
    lines.event(clock::now().wall, b'!', text.as_bytes(), &mut out);
    out
}

/// Passes a warning on to whoever started the server.
fn warn(entry: &Entry<'_>) {
    let word = if entry.kind == Kind::Error { "error" } else { "warning" };
    let text = String::from_utf8_lossy(entry.bytes);
    tell(&format!("{word}: {}", text.replace(char::is_control, " ")));
}

/// Whoever closed standard error does not want to know.
fn tell(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
