//! The one place that reads a clock.

use core::time::Duration;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A monotonic clock that begins at zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    /// A clock that begins now.
    #[expect(clippy::disallowed_methods, reason = "clocks are read here for all of the crate")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since it began.
    pub(crate) fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// The wall clock: nanoseconds since 1970-01-01 UTC.
#[expect(clippy::disallowed_methods, reason = "clocks are read here for all of the crate")]
pub(crate) fn wall_nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
