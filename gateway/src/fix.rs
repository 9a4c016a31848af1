//! One report of where a client is, whichever application it came from.

use herd_core::{Location, Timestamp};
use serde::Serialize;

use crate::client_id::ClientId;
use crate::number::Number;
use crate::time;

/// A report of one client.
#[derive(Clone, Debug, PartialEq)]
pub struct Fix {
    /// Whose.
    pub client: ClientId,
    /// Where it was.
    pub position: Position,
    /// When it was there; none where the application did not say, and the time of receipt has to do.
    pub time: Option<Timestamp>,
    /// What else it said.
    pub attributes: Attributes,
}

impl Fix {
    /// The report as a line of the herd protocol, without its line feed; `time` is when the client was there.
    pub fn line(&self, time: Timestamp) -> String {
        format!("IAMAT {} {} {}", self.client, self.position.text, time::seconds(time))
    }
}

/// A latitude and a longitude in range, in the digits they were given.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    text: String,
}

/// Why two texts are no position.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NoPosition {
    /// One of them is no number.
    NotANumber,
    /// The latitude is beyond 90 degrees, or the longitude beyond 180.
    OutOfRange,
}

impl Position {
    /// Takes a latitude and a longitude in decimal degrees. No digit is lost, unless there are more than 50 behind
    /// the point.
    ///
    /// # Errors
    ///
    /// Where one is no number or out of range.
    pub fn parse(latitude: &str, longitude: &str) -> Result<Self, NoPosition> {
        let [latitude, longitude] = [latitude, longitude].map(|text| match Number::parse(text) {
            Some(number) => Ok(number.signed()),
            // A number with an exponent that leads off the earth is a number all the same.
            None if text.trim().parse().is_ok_and(|value: f64| value.abs() > 180.0) => {
                Err(NoPosition::OutOfRange)
            }
            None => Err(NoPosition::NotANumber),
        });
        let text = latitude? + &longitude?;
        match Location::parse(text.as_bytes()) {
            Some(_) => Ok(Self { text }),
            None => Err(NoPosition::OutOfRange),
        }
    }

    /// Latitude and longitude as JSON writes numbers, in the same digits.
    pub(crate) fn coordinates(&self) -> [String; 2] {
        let Some(location) = Location::parse(self.text.as_bytes()) else {
            return Default::default();
        };
        let (mut latitude, mut longitude) = (Vec::new(), Vec::new());
        location.write_latitude(&mut latitude);
        location.write_longitude(&mut longitude);
        [latitude, longitude].map(|text| String::from_utf8(text).unwrap_or_default())
    }

    /// As the herd protocol has it: `+34.068930-118.445127`.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// What applications say besides where and when. A value that is absent or marked as unknown is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Attributes {
    /// The radius around the position that the client is in, in metres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy_m: Option<f64>,
    /// Metres above the sea, or above the ellipsoid: applications do not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub altitude_m: Option<f64>,
    /// Metres per second along the ground.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed_mps: Option<f64>,
    /// Degrees clockwise from north.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub course_deg: Option<f64>,
    /// From 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_percent: Option<f64>,
    /// The two letters that OwnTracks shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tid: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_has_the_digits_it_was_given() {
        for (latitude, longitude, want) in [
            ("34.068930", "-118.445127", "+34.068930-118.445127"),
            ("-0", "0", "-0+0"),
            ("9e1", "-1.8E2", "+90-180"),
            ("52.10000000000000000001", "4.3", "+52.10000000000000000001+4.3"),
        ] {
            assert_eq!(Position::parse(latitude, longitude).unwrap().as_str(), want);
        }
        let long = "1".repeat(100);
        let position = Position::parse(&format!("1.{long}"), &format!("-179.{long}")).unwrap();
        assert_eq!(position.as_str().len(), 2 + 1 + 3 + 2 + 100);
    }

    #[test]
    fn what_is_off_the_earth_is_no_position() {
        for (latitude, longitude) in
            [("90.000000001", "0"), ("0", "-180.1"), ("1e300", "0"), ("0", "1e400")]
        {
            assert_eq!(Position::parse(latitude, longitude), Err(NoPosition::OutOfRange));
        }
        for (latitude, longitude) in [("", "0"), ("NaN", "0"), ("0", "east"), ("1,5", "2")] {
            assert_eq!(Position::parse(latitude, longitude), Err(NoPosition::NotANumber));
        }
    }
}
