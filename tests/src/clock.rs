//! Both clocks, and the only places of the tests that sleep.

use core::time::Duration;
use std::thread;
use std::time::{Instant, SystemTime};

/// How long a test waits for what must happen.
///
/// Long, because it is only ever waited out by a test that fails, and the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(20);

const POLL: Duration = Duration::from_millis(5);

/// The monotonic clock.
#[expect(clippy::disallowed_methods, reason = "tests read the clock here and nowhere else")]
pub fn monotonic() -> Instant {
    Instant::now()
}

/// The wall clock: nanoseconds since 1970-01-01 UTC.
#[expect(clippy::disallowed_methods, reason = "tests read the clock here and nowhere else")]
pub fn wall_nanos() -> i128 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i128::try_from(since.expect("the clock is past 1970").as_nanos()).expect("127 bits are enough")
}

/// Waits until `condition` holds, and panics if it does not within `deadline`.
#[track_caller]
pub fn eventually(deadline: Duration, mut condition: impl FnMut() -> bool) {
    eventually_some(deadline, || condition().then_some(()));
}

/// Waits until `question` has an answer, and panics if it has none within `deadline`.
#[track_caller]
pub fn eventually_some<T>(deadline: Duration, question: impl FnMut() -> Option<T>) -> T {
    let Some(answer) = within(deadline, question) else {
        panic!("it did not happen within {deadline:?}");
    };
    answer
}

/// Waits until `question` has an answer, `deadline` at most.
pub fn within<T>(deadline: Duration, mut question: impl FnMut() -> Option<T>) -> Option<T> {
    let end = monotonic() + deadline;
    loop {
        if let Some(answer) = question() {
            return Some(answer);
        }
        if monotonic() >= end {
            return None;
        }
        thread::sleep(POLL);
    }
}

/// Lets time pass, where time itself is what the case is about.
pub fn pass(span: Duration) {
    thread::sleep(span);
}

/// Watches that `condition` holds all the time for `span`.
///
/// For what must *not* happen. It can miss a violation, never invent one.
#[track_caller]
pub fn holds_for(span: Duration, mut condition: impl FnMut() -> bool) {
    let end = monotonic() + span;
    while monotonic() < end {
        assert!(condition(), "it stopped holding");
        thread::sleep(POLL);
    }
}
