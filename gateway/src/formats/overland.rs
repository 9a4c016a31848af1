//! Overland: batches of GeoJSON features, each with the device in its properties.
//!
//! A batch that is not answered as the application expects is kept and sent again for ever, all of it.

use super::fields::{client, is_known, number, parse_time, position};
use super::objects::Object;
use super::parsed::{Parsed, Reason, Request, Useless};
use crate::fix::{Attributes, Fix};
use crate::time::Unit;

pub(super) fn parse(request: &Request<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let Some(batch) = Object::parse(request.body) else {
        parsed.useless(Reason::NotReadable, None, "the body is no object of JSON");
        return parsed;
    };
    let current = batch.object("current").filter(|current| current.has("geometry"));
    let Some(locations) = batch.objects("locations") else {
        parsed.useless(Reason::UnknownShape, None, "there is no list of locations");
        return parsed;
    };
    // The newest point is there by itself when the batch is old.
    for feature in locations.into_iter().chain(current.map(Some)) {
        match feature {
            Some(feature) => parsed.take(fix(request, &feature)),
            None => parsed.useless(Reason::UnknownShape, None, "a location is no object"),
        }
    }
    parsed
}

fn fix(request: &Request<'_>, feature: &Object<'_>) -> Result<Fix, Useless> {
    let properties = feature.object("properties");
    let value = |name| properties.as_ref().and_then(|properties| properties.scalar(name));
    let client =
        client(&[request.device, value("device_id").as_deref(), value("unique_id").as_deref()])?;
    let of = |useless: Useless| useless.of(&client);
    let point = feature
        .object("geometry")
        .filter(|geometry| geometry.scalar("type").is_some_and(|kind| kind == "Point"));
    let Some(coordinates) = point.and_then(|point| point.scalars_of("coordinates")) else {
        return Err(of(Useless::new(Reason::NoPosition, "a feature without a point")));
    };
    let coordinate = |at: usize| coordinates.get(at).and_then(Option::as_deref);
    let position = position(coordinate(1), coordinate(0)).map_err(of)?;
    let time = value("timestamp").map(|text| parse_time(&text, Unit::Guessed)).transpose();
    let known = |name| value(name).and_then(|text| number(&text)).filter(is_known);
    let attributes = Attributes {
        accuracy_m: known("horizontal_accuracy"),
        altitude_m: value("altitude").and_then(|text| number(&text)),
        speed_mps: known("speed"),
        course_deg: known("course"),
        battery_percent: known("battery_level").map(|level| level * 100.0),
        tid: None,
    };
    Ok(Fix { position, time: time.map_err(of)?, attributes, client })
}
