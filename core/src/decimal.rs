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
        let fits = self.whole.len() <= MOST_DIGITS;
        fits.then(|| value(self.whole)).and_then(|number| u32::try_from(number).ok())
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
    match digits(text) {
        0 => None,
        count => Some(text.split_at(count)),
    }
}

/// So many digits are always fewer than 2^64.
pub(crate) const MOST_DIGITS: usize = 19;

/// The number that [`MOST_DIGITS`] digits or fewer are.
pub(crate) fn value(digits: &[u8]) -> u64 {
    debug_assert!(digits.len() <= MOST_DIGITS);
    let (eights, rest) = digits.as_chunks();
    let number =
        eights.iter().fold(0, |number, eight| number * 100_000_000 + value_of_eight(*eight));
    rest.iter().fold(number, |number, digit| number * 10 + u64::from(digit - b'0'))
}

/// How many digits `text` begins with: eight bytes at a time, as long as there are so many.
fn digits(text: &[u8]) -> usize {
    let mut count = 0;
    while let Some(eight) = text[count..].first_chunk() {
        // In a byte that was no digit the highest bit is set; those behind the first such are anyhow.
        let bits = u64::from_le_bytes(*eight) ^ ZEROS;
        let others = (bits.wrapping_add(bytes(0x76)) | bits) & bytes(0x80);
        if others != 0 {
            return count + others.trailing_zeros() as usize / 8;
        }
        count += 8;
    }
    count + text[count..].iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// The number that eight digits are: they are added up by pairs, the pairs by fours, the fours.
fn value_of_eight(digits: [u8; 8]) -> u64 {
    let ones = u64::from_le_bytes(digits) ^ ZEROS;
    let pairs = (ones * 10 + (ones >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    (fours * 10_000 + (fours >> 32)) & 0xffff_ffff
}

/// Eight times the character `0`.
const ZEROS: u64 = bytes(b'0');

/// Eight times `byte`.
pub(crate) const fn bytes(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
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
    fn numbers_of_every_length_have_their_value() {
        let all = "9876543210123456789";
        for length in 0..=MOST_DIGITS {
            let digits = &all[..length];
            assert_eq!(value(digits.as_bytes()), digits.parse().unwrap_or(0), "{digits}");
        }
        assert_eq!(value(b"9999999999999999999"), 9_999_999_999_999_999_999);
    }

    #[test]
    fn digits_end_where_anything_else_begins() {
        for other in (0..=u8::MAX).filter(|byte| !byte.is_ascii_digit()) {
            for count in 0..20 {
                let mut text = [b'7'; 30];
                text[count] = other;
                assert_eq!(digits(&text), count, "{other}");
                assert_eq!(digits(&text[..count]), count);
                text[count + 1..].fill(0xff);
                assert_eq!(digits(&text), count, "{other}");
            }
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
