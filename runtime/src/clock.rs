//! The one place that reads a clock.
//!
//! Both clocks are read together, once for all the lines that arrived together, and handed to the
//! core, which never reads one itself.

use herd_core::{Instant, Now, Timestamp};
use rustix::time::{ClockId, clock_gettime};

/// One reading of both clocks.
///
/// The monotonic clock counts from a moment before this process started, on Linux from when the system did.
pub fn now() -> Now {
    let mono = u64::try_from(nanos(ClockId::Monotonic)).unwrap_or_default();
    Now { wall: Timestamp::from_nanos(nanos(ClockId::Realtime)), mono: Instant::from_nanos(mono) }
}

/// A clock of the system: nanoseconds since its zero, or the bound of what 64 bits of them can say.
fn nanos(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec.saturating_mul(NANOS_PER_SECOND).saturating_add(time.tv_nsec)
}

const NANOS_PER_SECOND: i64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_go_on() {
        let first = now();
        let second = now();

        assert!(second.mono >= first.mono);
        assert!(first.wall > Timestamp::from_nanos(1_700_000_000_000_000_000));
    }
}
