//! Places on Earth as clients write them: `+34.068930-118.445127`.

use alloc::vec::Vec;

use crate::config::MAX_LOCATION_BYTES;
use crate::decimal::Decimal;

/// A latitude and a longitude in decimal degrees, ISO 6709 without height and solidus.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Location<'a> {
    latitude: Degrees<'a>,
    longitude: Degrees<'a>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Degrees<'a> {
    negative: bool,
    magnitude: Decimal<'a>,
}

impl<'a> Location<'a> {
    /// The location that is all of `text`: two signed numbers, within 90 and 180 degrees, in
    /// [`MAX_LOCATION_BYTES`] at most.
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        match Self::split_from(text)? {
            (location, []) => Some(location),
            _ => None,
        }
    }

    /// The location that `text` begins with, and what follows it.
    #[inline(always)]
    pub(crate) fn split_from(text: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (latitude, rest) = Degrees::split_from(text, 90)?;
        let (longitude, rest) = Degrees::split_from(rest, 180)?;
        let fits = text.len() - rest.len() <= MAX_LOCATION_BYTES;
        fits.then_some((Self { latitude, longitude }, rest))
    }

    /// Appends the location as providers take it, `34.068930,-118.445127`: the client's digits
    /// without plus signs and leading zeros.
    pub fn write_for_provider(&self, out: &mut Vec<u8>) {
        self.write_latitude(out);
        out.push(b',');
        self.write_longitude(out);
    }

    /// Appends the latitude alone, in that form.
    pub fn write_latitude(&self, out: &mut Vec<u8>) {
        self.latitude.write(out);
    }

    /// Appends the longitude alone, in that form.
    pub fn write_longitude(&self, out: &mut Vec<u8>) {
        self.longitude.write(out);
    }
}

impl<'a> Degrees<'a> {
    #[inline(always)]
    fn split_from(text: &'a [u8], limit: u32) -> Option<(Self, &'a [u8])> {
        let (sign, unsigned) = text.split_first()?;
        let negative = match sign {
            b'+' => false,
            b'-' => true,
            _ => return None,
        };
        let (magnitude, rest) = Decimal::split_from(unsigned)?;
        if magnitude.exceeds(limit) {
            return None;
        }
        Some((Self { negative, magnitude }, rest))
    }

    fn write(&self, out: &mut Vec<u8>) {
        if self.negative {
            out.push(b'-');
        }
        self.magnitude.write(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn for_provider(text: &str) -> Option<alloc::string::String> {
        let mut out = Vec::new();
        Location::parse(text.as_bytes())?.write_for_provider(&mut out);
        Some(alloc::string::String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_provider_gets_the_digits_of_the_client() {
        for (written, sent) in [
            ("+34.068930-118.445127", "34.068930,-118.445127"),
            ("+00034.0-0", "34.0,-0"),
            ("-0.50+000.0", "-0.50,0.0"),
            ("+90.000-180.0000", "90.000,-180.0000"),
        ] {
            assert_eq!(for_provider(written).as_deref(), Some(sent));
        }
    }

    #[test]
    fn what_is_not_two_signed_numbers_in_range_is_no_location() {
        for text in [
            "",
            "+",
            "+34",
            "34-118",
            "+34,-118",
            "+34.-118",
            "+.5-118",
            "+90.0000001-118",
            "+34-180.1",
            "+34-118/",
            "+34-118+5",
            "+34-118.",
            "--34-118",
            "+340-118",
            "+34°-118",
            "+1e1-1",
        ] {
            assert_eq!(for_provider(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_location_has_128_bytes_at_most() {
        let fits = alloc::format!("+34.{}-118", "0".repeat(120));
        assert_eq!(fits.len(), MAX_LOCATION_BYTES);
        assert!(Location::parse(fits.as_bytes()).is_some());
        assert!(Location::parse(alloc::format!("{fits}0").as_bytes()).is_none());
    }
}
