//! Times as applications write them: seconds, milliseconds, ISO 8601 with a zone and without.

use jiff::Timestamp as Instant;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use herd_core::Timestamp;

use crate::number::Number;

/// From which number on a time without a unit counts milliseconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unit {
    /// From 10^11 on: as seconds that is the year 5138, as milliseconds 1973.
    Guessed,
    /// From 2^31 on, as Traccar has it.
    Traccar,
}

/// Reads a time, if it is one between the years 1677 and 2262.
pub(crate) fn parse(text: &str, unit: Unit) -> Option<Timestamp> {
    let text = text.trim();
    match Number::parse(text) {
        Some(number) => from_number(&number, unit),
        None => from_iso(text),
    }
}

fn from_number(number: &Number, unit: Unit) -> Option<Timestamp> {
    let whole: i128 = number.whole.parse().ok()?;
    let in_ms = match unit {
        Unit::Guessed => whole >= 100_000_000_000,
        Unit::Traccar => whole >= 1 << 31,
    };
    let (unit_nanos, digits) = if in_ms { (1_000_000, 6) } else { (1_000_000_000, 9) };
    let fraction: String =
        number.fraction.chars().chain("000000000".chars()).take(digits).collect();
    let nanos = whole * unit_nanos + fraction.parse::<i128>().ok()?;
    from_nanos(if number.negative { -nanos } else { nanos })
}

fn from_iso(text: &str) -> Option<Timestamp> {
    if let Ok(instant) = text.parse::<Instant>() {
        return from_nanos(instant.as_nanosecond());
    }
    // In a query a `+` that nobody has encoded is a blank: `2025-06-15T13:45:12 02:00`.
    if let Some((local, zone)) = text.rsplit_once(' ')
        && local.contains('T')
        && zone.starts_with(|first: char| first.is_ascii_digit())
        && let Ok(instant) = format!("{local}+{zone}").parse::<Instant>()
    {
        return from_nanos(instant.as_nanosecond());
    }
    let local: DateTime = text.parse().ok()?;
    from_nanos(local.to_zoned(TimeZone::UTC).ok()?.timestamp().as_nanosecond())
}

fn from_nanos(nanos: i128) -> Option<Timestamp> {
    i64::try_from(nanos).ok().map(Timestamp::from_nanos)
}

/// Seconds with nine decimals, as a report of the herd protocol carries them.
pub(crate) fn seconds(time: Timestamp) -> String {
    let nanos = time.nanos();
    let sign = if nanos < 0 { "-" } else { "" };
    let nanos = nanos.unsigned_abs();
    format!("{sign}{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, unit: Unit) -> Option<String> {
        parse(text, unit).map(seconds)
    }

    #[test]
    fn numbers_are_seconds_or_milliseconds() {
        for (text, want) in [
            ("1497508651", "1497508651.000000000"),
            ("1497508651.5", "1497508651.500000000"),
            ("1700000000123", "1700000000.123000000"),
            ("1700000000123.4567899", "1700000000.123456789"),
            ("1.7e9", "1700000000.000000000"),
            ("-1.25", "-1.250000000"),
            ("0.1234567899", "0.123456789"),
        ] {
            assert_eq!(read(text, Unit::Guessed).as_deref(), Some(want), "{text}");
        }
        assert_eq!(read("2147483647", Unit::Traccar).unwrap(), "2147483647.000000000");
        assert_eq!(read("2147483648", Unit::Traccar).unwrap(), "2147483.648000000");
    }

    #[test]
    fn iso_has_any_zone_or_none() {
        let seven = "1443711600.000000000";
        for (text, want) in [
            ("2015-10-01T08:00:00-0700", seven),
            ("2015-10-01T08:00:00-07:00", seven),
            ("2015-10-01T15:00:00Z", seven),
            ("2015-10-01T15:00:00+00:00", seven),
            ("2015-10-01T17:00:00 02:00", seven),
            ("2015-10-01T15:00:00", seven),
            ("2015-10-01 15:00:00", seven),
            ("2015-10-01T15:00:00.862Z", "1443711600.862000000"),
        ] {
            assert_eq!(read(text, Unit::Guessed).as_deref(), Some(want), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_not_read() {
        for text in ["", "now", "2015-13-01T00:00:00Z", "1e30", "-1e19", "99999999999999999999"] {
            assert_eq!(read(text, Unit::Guessed), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(nanos: i64) {
            let time = Timestamp::from_nanos(nanos);
            prop_assert_eq!(Timestamp::parse(seconds(time).as_bytes()), Some(time));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            _ = parse(&text, Unit::Guessed);
        }

        #[test]
        fn nothing_like_a_time_panics(text in "[-+0-9TZ:. ]{0,40}") {
            _ = parse(&text, Unit::Traccar);
        }
    }
}
