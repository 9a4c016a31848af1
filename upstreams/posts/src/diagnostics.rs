//! What the operator reads on standard error: what went wrong and, if wished, every SQL statement.
//!
//! Whoever can make requests could make errors too, while the database is away say: there is one line of them
//! a second at most.

use core::fmt::Arguments;
use core::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::ids::now_ms;

/// Under which name the driver logs statements.
const STATEMENTS: &str = "sqlx::query";

/// Under which names this crate logs.
const OURS: &str = "herd_posts";

struct Diagnostics {
    shows_statements: bool,
    throttle: Throttle,
}

/// Prints from now on what is logged. It is for a process of its own: a logger that is there already stays.
pub(crate) fn print(shows_statements: bool) {
    let throttle = Throttle { last: AtomicI64::new(0), left_out: AtomicU64::new(0) };
    let level = if shows_statements { LevelFilter::Debug } else { LevelFilter::Warn };
    if log::set_boxed_logger(Box::new(Diagnostics { shows_statements, throttle })).is_ok() {
        log::set_max_level(level);
    }
}

impl Log for Diagnostics {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        if metadata.target() == STATEMENTS {
            self.shows_statements
        } else {
            metadata.level() <= Level::Warn && metadata.target().starts_with(OURS)
        }
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        if record.target() == STATEMENTS {
            eprintln!("herd-posts: sql: {}", one_line(record.args()));
        } else if let Some(left_out) = self.throttle.pass(now_ms()) {
            let more = if left_out > 0 { format!(" (and {left_out} more)") } else { String::new() };
            let level = if record.level() == Level::Error { "error" } else { "warning" };
            eprintln!("herd-posts: {level}: {}{more}", one_line(record.args()));
        }
    }

    fn flush(&self) {}
}

/// A statement is told in several lines, as they stand in the source or as `\n`.
fn one_line(text: &Arguments<'_>) -> String {
    let text = text.to_string().replace("\\n", " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Lets one in a second pass.
#[derive(Debug)]
struct Throttle {
    last: AtomicI64,
    left_out: AtomicU64,
}

impl Throttle {
    /// Nothing, or how many were held back since the last that passed.
    fn pass(&self, now_ms: i64) -> Option<u64> {
        let last = self.last.load(Ordering::Relaxed);
        let is_early = (last..last + 1000).contains(&now_ms);
        let passes = !is_early
            && self
                .last
                .compare_exchange(last, now_ms, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if passes {
            return Some(self.left_out.swap(0, Ordering::Relaxed));
        }
        self.left_out.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_passes_and_counts_the_others() {
        let throttle = Throttle { last: AtomicI64::new(0), left_out: AtomicU64::new(0) };
        let passed: Vec<_> =
            [5_000, 5_001, 5_999, 6_000, 6_001, 3_000].map(|now| throttle.pass(now)).into();
        assert_eq!(passed, [Some(0), None, None, Some(2), None, Some(1)], "a clock may step back");
    }
}
