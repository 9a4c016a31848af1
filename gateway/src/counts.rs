//! What the gateway counts, and how it tells Prometheus.

use core::fmt::Write as _;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::formats::{Format, Reason};

/// The media type.
pub(crate) const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Counters of what came in.
#[derive(Debug)]
pub struct Counts([[AtomicU64; OUTCOMES]; Format::ALL.len()]);

const OUTCOMES: usize = 2 + Reason::ALL.len();

/// What became of a fix, or of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// A server has answered the fix.
    Accepted,
    /// No server has answered in time; counts requests.
    Unavailable,
    /// Nothing can be made of it.
    Useless(Reason),
}

impl Outcome {
    fn index(self) -> usize {
        match self {
            Self::Accepted => 0,
            Self::Unavailable => 1,
            Self::Useless(reason) => 2 + reason as usize,
        }
    }
}

/// What is read at the moment it is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gauges {
    pub(crate) clients: usize,
    pub(crate) waiting: usize,
    pub(crate) subscribers: usize,
    pub(crate) is_following: bool,
}

impl Counts {
    /// All zero.
    pub fn new() -> Self {
        Self(Default::default())
    }

    /// Adds to one of them.
    pub fn add(&self, format: Format, outcome: Outcome, count: usize) {
        let counter = &self.0[format as usize][outcome.index()];
        counter.fetch_add(count.try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn of(&self, format: Format, outcome: Outcome) -> u64 {
        self.0[format as usize][outcome.index()].load(Ordering::Relaxed)
    }

    /// The text format of OpenMetrics.
    pub(crate) fn text(&self, gauges: Gauges) -> String {
        let mut text = String::new();
        let accepted = |format| self.of(format, Outcome::Accepted);
        by_format(&mut text, "accepted_fixes", "Fixes that a server has answered.", accepted);
        let words = "Requests that no server has answered in time.";
        by_format(&mut text, "unavailable_requests", words, |format| {
            self.of(format, Outcome::Unavailable)
        });
        head(&mut text, "useless_fixes", "counter", "What nothing can ever be made of, by reason.");
        for format in Format::ALL {
            for reason in Reason::ALL {
                let count = self.of(format, Outcome::Useless(reason));
                _ = writeln!(
                    text,
                    "herd_gateway_useless_fixes_total{{format=\"{}\",reason=\"{}\"}} {count}",
                    format.name(),
                    reason.name()
                );
            }
        }
        for (name, value, help) in [
            ("clients", gauges.clients, "Clients in the copy of the herd's table."),
            ("waiting_fixes", gauges.waiting, "Fixes that wait for a server's answer."),
            ("subscribers", gauges.subscribers, "Streams and maps that are open."),
            ("following", usize::from(gauges.is_following), "Whether a server sends its records."),
        ] {
            head(&mut text, name, "gauge", help);
            _ = writeln!(text, "herd_gateway_{name} {value}");
        }
        text.push_str("# EOF\n");
        text
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self::new()
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    _ = writeln!(text, "# HELP herd_gateway_{name} {help}");
    _ = writeln!(text, "# TYPE herd_gateway_{name} {kind}");
}

fn by_format(text: &mut String, name: &str, help: &str, count: impl Fn(Format) -> u64) {
    head(text, name, "counter", help);
    for format in Format::ALL {
        _ = writeln!(
            text,
            "herd_gateway_{name}_total{{format=\"{}\"}} {}",
            format.name(),
            count(format)
        );
    }
}
