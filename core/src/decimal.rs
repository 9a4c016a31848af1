//! Decimal numbers as text.
//!
//! Radii and coordinates travel from the client to the provider without ever becoming a binary
//! fraction, so no digit is lost and none is invented.

use alloc::vec::Vec;

/// An unsigned decimal number: digits, optionally a point and more digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Decimal<'a> {
    /// The digits before the point, without leading zeros; empty for zero.
    whole: &'a [u8],
    /// The digits behind the point; empty where there is none.
    fraction: &'a [u8],
}

impl<'a> Decimal<'a> {
    /// The number that is all of `text`, if it is one.
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        match Self::split_from(text)? {
            (number, []) => Some(number),
            _ => None,
        }
    }

    /// The number that `text` begins with, and what follows it.
    pub fn split_from(text: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (whole, rest) = split_digits(text)?;
        let zeros = whole.iter().take_while(|digit| **digit == b'0').count();
        let whole = &whole[zeros..];
        let Some(behind_point) = rest.strip_prefix(b".") else {
            return Some((Self { whole, fraction: &[] }, rest));
        };
        let (fraction, rest) = split_digits(behind_point)?;
        Some((Self { whole, fraction }, rest))
    }

    /// Whether this is more than `limit`, exactly.
    pub fn exceeds(&self, limit: u32) -> bool {
        let Some(whole) = self.integer() else { return true };
        whole > limit || (whole == limit && self.fraction.iter().any(|digit| *digit != b'0'))
    }

    /// Whether this is nothing at all.
    pub fn is_zero(&self) -> bool {
        self.whole.is_empty() && self.fraction.iter().all(|digit| *digit == b'0')
    }

    /// The digits before the point as a number, unless they are too many.
    pub fn integer(&self) -> Option<u32> {
        self.whole.iter().try_fold(0_u32, |number, digit| {
            number.checked_mul(10)?.checked_add(u32::from(digit - b'0'))
        })
    }

    /// Appends the number without leading zeros, otherwise as it was written.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_parts(self.whole, self.fraction, out);
    }

    /// Appends a thousand times the number: kilometres as metres.
    pub fn write_thousandfold(&self, out: &mut Vec<u8>) {
        let mut shifted = Vec::with_capacity(self.whole.len() + 3);
        shifted.extend_from_slice(self.whole);
        shifted.extend((0..3).map(|at| self.fraction.get(at).copied().unwrap_or(b'0')));
        let zeros = shifted.iter().take_while(|digit| **digit == b'0').count();
        write_parts(&shifted[zeros..], self.fraction.get(3..).unwrap_or_default(), out);
    }
}

fn write_parts(whole: &[u8], fraction: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(if whole.is_empty() { b"0" } else { whole });
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction);
    }
}

/// The digits that `text` begins with, at least one, and what follows them.
pub(crate) fn split_digits(text: &[u8]) -> Option<(&[u8], &[u8])> {
    match text.iter().take_while(|byte| byte.is_ascii_digit()).count() {
        0 => None,
        count => Some(text.split_at(count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn metres(km: &str) -> String {
        let mut out = Vec::new();
        Decimal::parse(km.as_bytes()).unwrap().write_thousandfold(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn kilometres_become_metres_without_losing_a_digit() {
        for (km, m) in [
            ("10", "10000"),
            ("0", "0"),
            ("0.0", "0"),
            ("0.5", "500"),
            ("0.0001", "0.1"),
            ("1.23456789", "1234.56789"),
            ("007.25", "7250"),
            ("49.9999999999999999999", "49999.9999999999999999"),
        ] {
            assert_eq!(metres(km), m, "{km} km");
        }
    }

    #[test]
    fn a_limit_is_exact() {
        let exceeds = |text: &str| Decimal::parse(text.as_bytes()).unwrap().exceeds(50);
        assert!(!exceeds("50"));
        assert!(!exceeds("00050.000000000000000000000000"));
        assert!(exceeds("50.000000000000000000000001"));
        assert!(exceeds("51"));
        assert!(exceeds("99999999999999999999999999"));
    }

    #[test]
    fn a_point_needs_digits_on_both_sides() {
        for text in ["", ".", "1.", ".1", "+1", "-1", "1e3", "1.2.3", " 1", "nan"] {
            assert_eq!(Decimal::parse(text.as_bytes()), None, "{text:?}");
        }
    }
}
