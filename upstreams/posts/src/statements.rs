//! A log of every SQL statement, for whoever looks for a slow one.

use log::{LevelFilter, Log, Metadata, Record};

/// Under which name the driver logs.
const TARGET: &str = "sqlx::query";

struct Statements;

/// Prints every statement on standard error from now on, without the values in it.
pub(crate) fn print() {
    if log::set_logger(&Statements).is_ok() {
        log::set_max_level(LevelFilter::Debug);
    }
}

impl Log for Statements {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == TARGET
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            // Statements are told in several lines, as they stand in the source or as `\n`.
            let text = record.args().to_string().replace("\\n", " ");
            let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
            eprintln!("herd-posts: sql: {line}");
        }
    }

    fn flush(&self) {}
}
