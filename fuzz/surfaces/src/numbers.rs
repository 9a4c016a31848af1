//! Numbers, against arithmetic that is exact by construction.

use herd_core::{Decimal, Location, Skew, Timestamp};
use num_bigint::BigInt;

use crate::naive;

/// Reads `data` as every kind of number there is, and writes it again.
///
/// # Panics
///
/// Where big integers say something else.
pub fn numbers(data: &[u8]) {
    let exact = naive::nanoseconds(data);
    assert_eq!(Timestamp::parse(data).map(|stamp| BigInt::from(stamp.nanos())), exact);

    let exact = naive::decimal(data);
    let parsed = Decimal::parse(data);
    assert_eq!(parsed.is_some(), exact.is_some());
    if let (Some(parsed), Some(exact)) = (parsed, exact) {
        for limit in [0, 20, 50, 90, 180, u32::MAX] {
            assert_eq!(parsed.exceeds(limit), !naive::is_at_most(&exact, limit), "limit {limit}");
        }
        let mut same = Vec::new();
        parsed.write(&mut same);
        assert_is(&same, &exact);
        let mut metres = Vec::new();
        parsed.write_thousandfold(&mut metres);
        assert_is(&metres, &(exact.0 * 1000, exact.1));
    }

    let location = Location::parse(data);
    assert_eq!(location.is_some(), naive::is_location(data));
    if let Some(location) = location {
        let mut written = Vec::new();
        location.write_for_provider(&mut written);
        let comma = written.iter().position(|byte| *byte == b',').expect("two numbers");
        let second =
            data.iter().skip(1).position(|byte| b"+-".contains(byte)).expect("two signs") + 1;
        let (latitude, longitude) = data.split_at(second);
        for (written, given) in [(&written[..comma], latitude), (&written[comma + 1..], longitude)]
        {
            assert_eq!(written.starts_with(b"-"), given.starts_with(b"-"));
            let written = written.strip_prefix(b"-").unwrap_or(written);
            assert_is(written, &naive::decimal(&given[1..]).expect("it was parsed"));
        }
    }

    if let Some((first, rest)) = data.split_first_chunk::<8>()
        && let Some(second) = rest.first_chunk::<8>()
    {
        let (here, there) = (i64::from_le_bytes(*first), i64::from_le_bytes(*second));
        let mut skew = Vec::new();
        Skew::between(Timestamp::from_nanos(here), Timestamp::from_nanos(there)).write(&mut skew);
        let exact = naive::skew(&(BigInt::from(here) - BigInt::from(there)));
        assert_eq!(skew.escape_ascii().to_string(), exact);
    }
}

/// `text` is this number, without zeros that say nothing before the point.
fn assert_is(text: &[u8], (digits, decimals): &(BigInt, u32)) {
    let (read, read_decimals) = naive::decimal(text).expect("what is written can be read");
    let (left, right) = (BigInt::from(10).pow(*decimals), BigInt::from(10).pow(read_decimals));
    assert_eq!(read * left, digits * right);
    assert!(text.len() == 1 || text[0] != b'0' || text[1] == b'.', "leading zeros");
}
