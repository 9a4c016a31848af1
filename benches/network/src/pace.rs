//! When a client means to ask.
//!
//! Clients ask at a fixed rate, whether or not the servers keep up. A client that still waits for an answer
//! when the next question is due asks late, and what it waits is counted from when the question was due: else
//! the very waits that matter would be left out.

use core::time::Duration;

use clap::Args;
use jiff::Timestamp;
use tokio::time::Instant;

/// How long before the measured time clients ask already, so that connections and tables are there.
pub(crate) const WARM_UP: Duration = Duration::from_secs(3);

/// When to measure, and how often each client asks.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct PaceArgs {
    /// When the measured time begins, in milliseconds since 1970
    #[arg(long, value_name = "MS")]
    start_ms: i64,
    /// How long the measured time is
    #[arg(long)]
    seconds: u32,
    /// How long each client waits between two questions
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32).range(1..))]
    interval_ms: u32,
}

/// The moments at which one client means to ask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// When the measured time begins.
    pub(crate) start: Instant,
    /// When nothing more is asked. Not before `start`.
    pub(crate) end: Instant,
    interval: Duration,
    phase: Duration,
}

impl PaceArgs {
    /// For client `number` of `all`: they take turns evenly within an interval.
    pub(crate) fn client(&self, number: u32, all: u32) -> Pace {
        let wait_ms = self.start_ms - Timestamp::now().as_millisecond();
        let now = Instant::now();
        let start = match u64::try_from(wait_ms) {
            Ok(ahead_ms) => now + Duration::from_millis(ahead_ms),
            Err(_) => now,
        };
        let interval = Duration::from_millis(self.interval_ms.into());
        let end = start + self.length();
        Pace { start, end, interval, phase: interval * number / all.max(1) }
    }

    /// How long the measured time is.
    pub(crate) fn length(&self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }
}

impl Pace {
    /// Of a client that asks alone.
    #[cfg(test)]
    pub(crate) fn new(start: Instant, length: Duration, interval: Duration) -> Self {
        Self { start, end: start + length, interval, phase: Duration::ZERO }
    }

    /// When the `step`th question is due, or `None` when the time is over by then.
    pub(crate) fn due(&self, step: u32) -> Option<Instant> {
        let first = self.start.checked_sub(WARM_UP).unwrap_or(self.start) + self.phase;
        let due = first + self.interval * step;
        (due < self.end).then_some(due)
    }

    /// Whether what was due then is measured.
    pub(crate) fn counts(&self, due: Instant) -> bool {
        self.start <= due && due < self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn clients_take_turns_and_ask_as_often_as_they_should() {
        let start_ms = Timestamp::now().as_millisecond() + 60_000;
        let args = PaceArgs { start_ms, seconds: 10, interval_ms: 500 };

        let counted = |pace: &Pace| -> Vec<Instant> {
            (0..).map_while(|step| pace.due(step)).filter(|due| pace.counts(*due)).collect()
        };
        let first = args.client(0, 4);
        let last = args.client(3, 4);

        assert_eq!(counted(&first).len(), 20);
        assert_eq!(counted(&last).len(), 20);
        assert_eq!(counted(&first)[0], first.start);
        assert_eq!(counted(&last)[0] - last.start, Duration::from_millis(375));
        assert_eq!(first.start - first.due(0).expect("the warm-up"), WARM_UP);
    }
}
