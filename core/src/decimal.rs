//! Decimal numbers as text.
//!
//! Radii and coordinates travel from the client to the provider without ever becoming a binary
//! fraction, so no digit is lost and none is invented.
//!
//! What every report goes through is inlined by hand: six numbers are read and written for each, and calls
//! and the values they hand back would take as long as the work itself.

use alloc::vec::Vec;

/// An unsigned decimal number: digits, optionally a point and more digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Decimal<'a> {
    whole: Digits<'a>,
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
    #[inline(always)]
    pub fn split_from(text: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (whole, rest) = Digits::split_from(text)?;
        let Some(behind_point) = rest.strip_prefix(b".") else {
            return Some((Self { whole, fraction: &[] }, rest));
        };
        let (fraction, rest) = Digits::split_from(behind_point)?;
        Some((Self { whole, fraction: fraction.text }, rest))
    }

    /// Whether this is more than `limit`, exactly.
    pub fn exceeds(&self, limit: u32) -> bool {
        let Some(whole) = self.integer() else { return true };
        whole > limit || (whole == limit && self.fraction.iter().any(|digit| *digit != b'0'))
    }

    /// Whether this is nothing at all.
    pub fn is_zero(&self) -> bool {
        !self.exceeds(0)
    }

    /// The digits before the point as a number, unless they are too many.
    pub fn integer(&self) -> Option<u32> {
        self.whole.value.and_then(|number| u32::try_from(number).ok())
    }

    /// Appends the number without leading zeros, otherwise as it was written.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_parts(self.whole.text, self.fraction, out);
    }

    /// Appends a thousand times the number: kilometres as metres.
    pub fn write_thousandfold(&self, out: &mut Vec<u8>) {
        let mut shifted = Vec::with_capacity(self.whole.text.len() + 3);
        shifted.extend_from_slice(self.whole.text);
        shifted.extend((0..3).map(|at| self.fraction.get(at).copied().unwrap_or(b'0')));
        write_parts(&shifted, self.fraction.get(3..).unwrap_or_default(), out);
    }
}

fn write_parts(whole: &[u8], fraction: &[u8], out: &mut Vec<u8>) {
    let whole = without_zeros(whole);
    out.extend_from_slice(if whole.is_empty() { b"0" } else { whole });
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction);
    }
}

fn without_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    &digits[zeros..]
}

/// Digits, at least one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Digits<'a> {
    /// As they were written.
    pub(crate) text: &'a [u8],
    /// The number that they are, if it has [`MOST_DIGITS`] digits or fewer without leading zeros.
    pub(crate) value: Option<u64>,
}

impl<'a> Digits<'a> {
    /// All the digits that `text` begins with, and what follows them.
    #[inline(always)]
    pub(crate) fn split_from(text: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (count, value) = read(text);
        if count == 0 {
            return None;
        }
        let (digits, rest) = text.split_at(count);
        let value = if count <= MOST_DIGITS { Some(value) } else { value_of_many(digits) };
        Some((Self { text: digits, value }, rest))
    }
}

/// So many digits are always fewer than 2^64.
const MOST_DIGITS: usize = 19;

/// How many digits `text` begins with, and the number they are if they are [`MOST_DIGITS`] or fewer: eight
/// bytes at a time, as long as there are so many.
#[inline(always)]
fn read(text: &[u8]) -> (usize, u64) {
    let (mut count, mut value) = (0, 0_u64);
    while let Some(eight) = text[count..].first_chunk() {
        // In a byte that was no digit the highest bit is set; those behind the first such are anyhow.
        let ones = u64::from_le_bytes(*eight) ^ ZEROS;
        let others = (ones.wrapping_add(bytes(0x76)) | ones) & bytes(0x80);
        if others == 0 {
            value = value.wrapping_mul(100_000_000).wrapping_add(value_of_eight(ones));
            count += 8;
            continue;
        }
        let more = others.trailing_zeros() / 8;
        // The digits there are become the last of eight, behind zeros.
        let last = ones << (8 * (7 - more)) << 8;
        value = value.wrapping_mul(POWERS_OF_TEN[more as usize]).wrapping_add(value_of_eight(last));
        return (count + more as usize, value);
    }
    for digit in text[count..].iter().take_while(|byte| byte.is_ascii_digit()) {
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        count += 1;
    }
    (count, value)
}

/// The number that more than [`MOST_DIGITS`] digits are, if zeros are what is too many.
#[cold]
fn value_of_many(digits: &[u8]) -> Option<u64> {
    let digits = without_zeros(digits);
    (digits.len() <= MOST_DIGITS).then(|| read(digits).1)
}

/// The number that eight digits are: they are added up by pairs, the pairs by fours, the fours. `ones` has
/// their values in the order of the text.
fn value_of_eight(ones: u64) -> u64 {
    let pairs = (ones * 10 + (ones >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    (fours * 10_000 + (fours >> 32)) & 0xffff_ffff
}

/// The eight digits of a number below a hundred million: it is parted into fours, those into pairs, those
/// into ones.
pub(crate) fn eight_digits(number: u64) -> [u8; 8] {
    debug_assert!(number < 100_000_000);
    let fours = (number / 10_000) | (number % 10_000) << 32;
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | (fours - hundreds * 100) << 16;
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    (ZEROS + (tens | (pairs - tens * 10) << 8)).to_le_bytes()
}

/// From one to a hundred million.
pub(crate) const POWERS_OF_TEN: [u64; 9] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

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
    fn digits_of_every_length_have_their_value() {
        let all = "9876543210123456789";
        for length in 1..=MOST_DIGITS {
            for behind in ["", ".", ". and many more", "\u{ff}\u{ff}\u{ff}"] {
                let text = alloc::format!("{}{behind}", &all[..length]);
                let (digits, rest) = Digits::split_from(text.as_bytes()).unwrap();
                assert_eq!(digits.value, all[..length].parse().ok(), "{text}");
                assert_eq!((digits.text.len(), rest), (length, behind.as_bytes()), "{text}");
            }
        }
    }

    #[test]
    fn a_value_has_nineteen_digits_at_most_and_any_number_of_zeros() {
        let value = |text: &str| Digits::split_from(text.as_bytes()).unwrap().0.value;
        assert_eq!(value("9999999999999999999"), Some(9_999_999_999_999_999_999));
        assert_eq!(value("10000000000000000000"), None);
        assert_eq!(
            value("0000000000000000000000000000009999999999999999999"),
            Some(9_999_999_999_999_999_999)
        );
        assert_eq!(value("00000000000000000000010000000000000000000"), None);
        assert_eq!(value(&"0".repeat(100)), Some(0));
    }

    #[test]
    fn digits_end_where_anything_else_begins() {
        for other in (0..=u8::MAX).filter(|byte| !byte.is_ascii_digit()) {
            for count in 0..20 {
                let mut text = [b'7'; 30];
                text[count] = other;
                assert_eq!(read(&text).0, count, "{other}");
                assert_eq!(read(&text[..count]).0, count);
                text[count + 1..].fill(0xff);
                assert_eq!(read(&text).0, count, "{other}");
            }
        }
    }

    #[test]
    fn eight_digits_are_those_of_the_number() {
        let some = (0..100_000_000).step_by(997);
        for number in some.chain(0..11_000).chain(99_990_000..100_000_000) {
            let text = alloc::format!("{number:08}");
            assert_eq!(eight_digits(number), text.as_bytes(), "{number}");
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
