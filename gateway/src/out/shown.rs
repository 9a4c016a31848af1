//! A client as the answers show it, in JSON and in GeoJSON.

use core::fmt::Write as _;

use herd_core::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::answer::{iso, number, seconds_number};
use crate::fix::Attributes;
use crate::intake::Devices;
use crate::replica::Found;

/// A client, in JSON.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    pub(super) client: String,
    lat: Box<RawValue>,
    lon: Box<RawValue>,
    /// By the client's clock, with all its digits.
    #[serde(serialize_with = "seconds_number")]
    time: Timestamp,
    /// By the gateway's clock; never below zero.
    age_s: f64,
    /// The server that has heard it, and when by the server's clock.
    server: String,
    #[serde(serialize_with = "iso")]
    heard: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    distance_m: Option<f64>,
    #[serde(flatten)]
    attributes: Attributes,
}

/// The same as a feature of GeoJSON.
#[derive(Debug, Serialize)]
pub(super) struct Feature {
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
    geometry: Geometry,
    properties: Shown,
}

#[derive(Debug, Serialize)]
struct Geometry {
    #[serde(rename = "type")]
    kind: &'static str,
    coordinates: [Box<RawValue>; 2],
}

impl Shown {
    pub(super) fn new(found: &Found<'_>, devices: &Devices, now: Timestamp) -> Self {
        let record = found.record;
        let client = name(record.client());
        let [lat, lon] = record.coordinates().map(|digits| number(&digits));
        Self {
            lat,
            lon,
            time: record.time(),
            age_s: age_s(record.time(), now),
            server: record.server(),
            heard: record.heard(),
            distance_m: None,
            attributes: devices.attributes(&client, record.time()).unwrap_or_default(),
            client,
        }
    }

    pub(super) fn at_distance(self, metres: f64) -> Self {
        Self { distance_m: Some((metres * 1000.0).round() / 1000.0), ..self }
    }

    pub(super) fn feature(self) -> Feature {
        let coordinates = [self.lon.clone(), self.lat.clone()];
        let geometry = Geometry { kind: "Point", coordinates };
        Feature { kind: "Feature", id: self.client.clone(), geometry, properties: self }
    }
}

/// How old a fix is, to the millisecond.
fn age_s(time: Timestamp, now: Timestamp) -> f64 {
    f64::from(u32::try_from(age_ms(time, now) / 1000).unwrap_or(u32::MAX))
        + f64::from(u16::try_from(age_ms(time, now) % 1000).unwrap_or_default()) / 1000.0
}

pub(super) fn age_ms(time: Timestamp, now: Timestamp) -> u64 {
    let nanos = i128::from(now.nanos()) - i128::from(time.nanos());
    u64::try_from(nanos / 1_000_000).unwrap_or_default()
}

/// A client's ID as text: one that is not UTF-8 with its other bytes percent-encoded.
pub(super) fn name(id: &[u8]) -> String {
    let mut text = String::with_capacity(id.len());
    for chunk in id.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_never_below_zero() {
        let at = Timestamp::from_nanos;
        assert_eq!(age_s(at(1_000_000_000), at(3_500_900_000)), 2.5);
        assert_eq!(age_s(at(2), at(1)), 0.0);
        assert_eq!(age_s(at(i64::MIN), at(i64::MAX)), f64::from(u32::MAX) + 0.709);
    }

    #[test]
    fn an_id_that_is_no_text_is_shown_all_the_same() {
        assert_eq!(name("jürgen/phone".as_bytes()), "jürgen/phone");
        assert_eq!(name(b"a\xff\xfeb"), "a%FF%FEb");
    }
}
