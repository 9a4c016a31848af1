//! Decimal numbers as applications write them, turned into digits and a point without losing any.

/// The most digits behind the point that are kept: a ten-billionth of the width of an atom, and two numbers of
/// that many fit into a location of the herd protocol.
const MAX_FRACTION: usize = 50;

/// The most digits before the point. Neither a coordinate nor a time has so many.
const MAX_WHOLE: usize = 24;

/// A number written out: a sign, digits, and perhaps a point and more digits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Number {
    pub(crate) negative: bool,
    /// One digit or more, no leading zero unless it is the only one.
    pub(crate) whole: String,
    /// Empty where there is no fraction.
    pub(crate) fraction: String,
}

impl Number {
    /// Reads a number of JSON, and what people write by hand: `+1`, `.5`, `5.`. An exponent is worked out.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (negative, unsigned) = match text.as_bytes() {
            [b'-', ..] => (true, &text[1..]),
            [b'+', ..] => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(fraction) || whole.len() + fraction.len() == 0 {
            return None;
        }
        let (whole, mut fraction) = shift(whole, fraction, exponent)?;
        fraction.truncate(MAX_FRACTION);
        Some(Self { negative, whole, fraction })
    }

    /// With its sign, as ISO 6709 wants it: `+34.068930`.
    pub(crate) fn signed(&self) -> String {
        let sign = if self.negative { '-' } else { '+' };
        let Self { whole, fraction, .. } = self;
        if fraction.is_empty() {
            format!("{sign}{whole}")
        } else {
            format!("{sign}{whole}.{fraction}")
        }
    }

    /// The nearest binary fraction.
    pub(crate) fn to_f64(&self) -> f64 {
        self.signed().parse().unwrap_or(f64::NAN)
    }
}

fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // One with so many digits that it does not fit moves the point just as far away as this.
    let magnitude = digits.parse().unwrap_or(FAR);
    Some(if text.starts_with('-') { -magnitude } else { magnitude }.clamp(-FAR, FAR))
}

/// Farther than a point is ever moved: bodies are shorter.
const FAR: i64 = 1 << 30;

/// Moves the point by `exponent` digits to the right.
fn shift(whole: &str, fraction: &str, exponent: i64) -> Option<(String, String)> {
    let digits = format!("{whole}{fraction}");
    let leading_zeros = digits.bytes().take_while(|byte| *byte == b'0').count();
    if leading_zeros == digits.len() {
        // Zero, wherever its point is: its own zeros behind the point stay.
        return Some(("0".to_owned(), fraction.to_owned()));
    }
    let point = i64::try_from(whole.len()).ok()? + exponent;
    let significant = &digits[leading_zeros..];
    // Digits of `significant` before the point; negative means zeros between the point and the first.
    let before = point - i64::try_from(leading_zeros).ok()?;
    if before <= 0 {
        let zeros = usize::try_from(-before).ok()?.min(MAX_FRACTION);
        return Some(("0".to_owned(), format!("{}{significant}", "0".repeat(zeros))));
    }
    let before = usize::try_from(before).ok()?;
    if before > MAX_WHOLE {
        return None;
    }
    Some(match significant.split_at_checked(before) {
        Some((whole, fraction)) => (whole.to_owned(), fraction.to_owned()),
        None => (format!("{significant:0<before$}"), String::new()),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<String> {
        Number::parse(text).map(|number| number.signed())
    }

    #[test]
    fn digits_stay_as_they_were_written() {
        for (text, want) in [
            ("34.068930", "+34.068930"),
            ("-118.445127", "-118.445127"),
            ("+5", "+5"),
            ("007.50", "+7.50"),
            (".5", "+0.5"),
            ("5.", "+5"),
            ("-0.0", "-0.0"),
            (" 1 ", "+1"),
            ("1.2345678901234567890123456789", "+1.2345678901234567890123456789"),
        ] {
            assert_eq!(read(text).as_deref(), Some(want), "{text}");
        }
    }

    #[test]
    fn exponents_move_the_point_and_nothing_else() {
        for (text, want) in [
            ("4.8858222e1", "+48.858222"),
            ("-2.5E-3", "-0.0025"),
            ("12e2", "+1200"),
            ("1.5e0", "+1.5"),
            ("1e-7", "+0.0000001"),
            ("0.00123e+5", "+123"),
            ("0e999999999999", "+0"),
            ("0.000e-3", "+0.000"),
        ] {
            assert_eq!(read(text).as_deref(), Some(want), "{text}");
        }
        assert_eq!(Number::parse("1e-999999999999").unwrap().to_f64(), 0.0);
    }

    #[test]
    fn what_is_no_number_or_far_too_large_is_not_read() {
        for text in [
            "",
            "-",
            ".",
            "e1",
            "1e",
            "1e+",
            "nan",
            "inf",
            "0x1",
            "1,5",
            "1.2.3",
            "--1",
            "1 2",
            "१",
            "1e25",
            "1e999999999999",
            "1e1.5",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_a_float_prints_is_read_back_as_that_float(value in -1e12_f64..1e12) {
            for text in [format!("{value}"), format!("{value:e}")] {
                let number = Number::parse(&text).unwrap();
                prop_assert!((number.to_f64() - value).abs() <= value.abs() * 1e-15, "{}", text);
            }
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            _ = Number::parse(&text);
        }

        #[test]
        fn nothing_like_a_number_panics(text in "[-+0-9.eE]{0,400}") {
            if let Some(number) = Number::parse(&text) {
                prop_assert!(number.signed().len() <= 2 + MAX_WHOLE + MAX_FRACTION);
            }
        }
    }
}
