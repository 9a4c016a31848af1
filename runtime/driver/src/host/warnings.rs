//! Warnings of what strangers can bring about, rationed.
//!
//! Standard error is told of such things now and then, whoever tries how often; what there is to say is others'
//! to know.

use core::time::Duration;

use herd_core::{Instant, Now};

/// The level of something that strangers can bring about: standard error is told of it now and then, the log
/// always.
pub(super) fn rationed(warned: &mut Option<Instant>, now: Now, level: log::Level) -> log::Level {
    if level != log::Level::Warn {
        return level;
    }
    if warned.is_some_and(|last| now.mono.since(last) < WARN_EVERY) {
        return log::Level::Info;
    }
    *warned = Some(now.mono);
    level
}

/// How often standard error is told of what strangers can bring about.
const WARN_EVERY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use log::Level::{Error, Info, Warn};

    #[test]
    fn what_goes_on_is_said_again_after_a_while() {
        let mut warned = None;
        let mut level = |millis: u64, level| {
            let mono = Instant::from_nanos(millis * 1_000_000);
            rationed(&mut warned, Now { mono, ..Now::default() }, level)
        };
        // Accepting is tried every 50 ms.
        let said = (0..600).filter(|count| level(count * 50, Warn) == Warn).count();
        assert_eq!(said, 3);
        assert_eq!(level(30_000, Warn), Warn);
        assert_eq!((level(30_001, Warn), level(30_001, Error)), (Info, Error));
    }
}
