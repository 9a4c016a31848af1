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
pub(super) const WARN_EVERY: Duration = Duration::from_secs(10);
