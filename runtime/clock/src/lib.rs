//! The one place that reads a clock.
//!
//! Both clocks are read together, once for all the lines that arrived together, and handed to the
//! core, which never reads one itself. They are read by way of the C library, where `libfaketime` and its like
//! can put a clock of their own.

use herd_core::{Instant, Now, Timestamp};
use std::sync::OnceLock;
use std::time;

/// One reading of both clocks.
///
/// The monotonic clock counts from the first call in this process.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where the clocks are read for everybody else"
)]
pub fn now() -> Now {
    static START: OnceLock<time::Instant> = OnceLock::new();
    let start = START.get_or_init(time::Instant::now);
    let mono = Instant::from_nanos(0).after(start.elapsed());
    let wall = match time::SystemTime::now().duration_since(time::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
    };
    Now { wall: Timestamp::from_nanos(wall), mono }
}

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
