//! The two clocks a server reads, and how the difference to a client's clock is written.
//!
//! The core never reads a clock: each call is handed a [`Now`], one reading of both clocks, and one
//! reading serves all the lines that arrived together.

use alloc::vec::Vec;
use core::time::Duration;

use crate::config::MAX_TIME_BYTES;
use crate::decimal::{Digits, POWERS_OF_TEN, eight_digits};

/// A point on the wall clock: nanoseconds since 1970-01-01 UTC, leap seconds not counted.
///
/// This is what reports are stamped with and what records are compared by.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The time stamp `nanos` nanoseconds after 1970-01-01 UTC, or before it when negative.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since 1970-01-01 UTC.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// The time that `text` says in POSIX seconds: an optional sign, digits, and optionally a point
    /// and one to nine digits, in [`MAX_TIME_BYTES`] at most. `None` also where it does not fit.
    pub fn parse(text: &[u8]) -> Option<Self> {
        match Self::split_from(text)? {
            (stamp, []) => Some(stamp),
            _ => None,
        }
    }

    /// The time that `text` begins with, and what follows it.
    #[inline(always)]
    pub(crate) fn split_from(text: &[u8]) -> Option<(Self, &[u8])> {
        let (negative, unsigned) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] | rest => (false, rest),
        };
        let (whole, rest) = Digits::split_from(unsigned)?;
        let (nanos, rest) = nanos(rest)?;
        if text.len() - rest.len() > MAX_TIME_BYTES {
            return None;
        }
        let magnitude = whole.value?.checked_mul(NANOS_PER_SECOND as u64)?.checked_add(nanos)?;
        let signed = if negative {
            0_i64.checked_sub_unsigned(magnitude)
        } else {
            i64::try_from(magnitude).ok()
        };
        Some((Self(signed?), rest))
    }

    /// This time stamp moved back by `seconds`, or the earliest there is.
    pub const fn minus_seconds(self, seconds: u32) -> Self {
        Self(self.0.saturating_sub(seconds as i64 * NANOS_PER_SECOND))
    }

    /// This time stamp moved on by `seconds`, or the latest there is.
    pub const fn plus_seconds(self, seconds: u32) -> Self {
        Self(self.0.saturating_add(seconds as i64 * NANOS_PER_SECOND))
    }
}

/// A point on the monotonic clock: nanoseconds since some moment before the server started.
///
/// Timers use it. It is never shown to anybody.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Instant(u64);

impl Instant {
    /// The instant `nanos` nanoseconds after the clock's zero.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the clock's zero.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The instant `wait` after this one, or the last there is.
    pub fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// One reading of both clocks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Now {
    /// The wall clock.
    pub wall: Timestamp,
    /// The monotonic clock.
    pub mono: Instant,
}

/// How far this server's clock was ahead of the client's when its report arrived, network delay
/// included.
///
/// Written with its sign and nine decimals, as an `AT` line carries it: `+0.263873386`. Two 64-bit
/// counts can be 65 bits apart, which is why it is wider than either.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Skew {
    nanos: i128,
}

impl Skew {
    /// The difference between the time of receipt and the time the client wrote.
    pub fn between(received: Timestamp, reported: Timestamp) -> Self {
        Self { nanos: i128::from(received.0) - i128::from(reported.0) }
    }

    /// Appends the difference in seconds: sign, digits, point, nine digits.
    #[inline(always)]
    pub fn write(self, out: &mut Vec<u8>) {
        let magnitude = self.nanos.unsigned_abs();
        let (seconds, nanos) = match u64::try_from(magnitude) {
            Ok(small) => (small / NANOS_PER_SECOND as u64, small % NANOS_PER_SECOND as u64),
            Err(_) => split_wide(magnitude),
        };
        out.push(if self.nanos < 0 { b'-' } else { b'+' });
        out.extend_from_slice(itoa::Buffer::new().format(seconds).as_bytes());
        let mut fraction = [b'.'; 10];
        let [.., first] = eight_digits(nanos / 100_000_000);
        fraction[1] = first;
        fraction[2..].copy_from_slice(&eight_digits(nanos % 100_000_000));
        out.extend_from_slice(&fraction);
    }
}

/// A limit that is counted in seconds.
pub(crate) fn seconds(count: u32) -> Duration {
    Duration::from_secs(u64::from(count))
}

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// The nanoseconds that the fraction says which `text` begins with, its point included, and what follows
/// it; none where it begins with none.
#[inline(always)]
fn nanos(text: &[u8]) -> Option<(u64, &[u8])> {
    let Some(behind_point) = text.strip_prefix(b".") else { return Some((0, text)) };
    let (digits, rest) = Digits::split_from(behind_point)?;
    let missing = 9_usize.checked_sub(digits.text.len())?;
    Some((digits.value? * POWERS_OF_TEN[missing], rest))
}

/// Whole seconds and the nanoseconds left, of a difference that needs more than 64 bits.
#[cold]
fn split_wide(magnitude: u128) -> (u64, u64) {
    let second = NANOS_PER_SECOND as u128;
    let whole =
        u64::try_from(magnitude / second).expect("65 bits of nanoseconds are 35 of seconds");
    let rest = u64::try_from(magnitude % second).expect("a remainder is below one second");
    (whole, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(received: i64, reported: i64) -> alloc::string::String {
        let mut out = Vec::new();
        Skew::between(Timestamp(received), Timestamp(reported)).write(&mut out);
        alloc::string::String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_difference_has_a_sign_and_nine_decimals() {
        assert_eq!(written(0, 0), "+0.000000000");
        assert_eq!(written(1_263_873_386, 1_000_000_000), "+0.263873386");
        assert_eq!(written(5, 6), "-0.000000001");
        assert_eq!(written(12_000_000_001, 0), "+12.000000001");
    }

    #[test]
    fn a_time_is_seconds_with_up_to_nine_decimals() {
        for (text, nanos) in [
            ("0", 0),
            ("-0.0", 0),
            ("+1.5", 1_500_000_000),
            ("1520023934.918963997", 1_520_023_934_918_963_997),
            ("-0.000000001", -1),
            ("000000000000000000000000000001", 1_000_000_000),
            ("9223372036.854775807", i64::MAX),
            ("-9223372036.854775808", i64::MIN),
        ] {
            assert_eq!(Timestamp::parse(text.as_bytes()), Some(Timestamp(nanos)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_time_or_does_not_fit_is_none() {
        for text in [
            "",
            "+",
            "-",
            ".",
            "1.",
            ".5",
            "1.0000000000",
            "1.5x",
            "1e9",
            "nan",
            "inf",
            "1_000",
            "--1",
            "+-1",
            "9223372036.854775808",
            "-9223372036.854775809",
            "99999999999999999999999",
            "1 2",
        ] {
            assert_eq!(Timestamp::parse(text.as_bytes()), None, "{text:?}");
        }
        assert!(Timestamp::parse(&[b'0'; 64]).is_some());
        assert!(Timestamp::parse(&[b'0'; 65]).is_none());
    }

    #[test]
    fn the_widest_difference_is_exact() {
        assert_eq!(written(i64::MAX, i64::MIN), "+18446744073.709551615");
        assert_eq!(written(i64::MIN, i64::MAX), "-18446744073.709551615");
    }
}
