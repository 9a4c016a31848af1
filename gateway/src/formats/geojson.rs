//! GeoJSON: a feature with a point, a collection of them, an array, or one on each line.
//!
//! The client is `client`, `device_id` or the like among the properties, or else the feature's `id`.

use super::fields::Fields;
use super::fields::{client, position};
use super::objects::{Object, one_or_many};
use super::parsed::{Parsed, Reason, Request, Useless};
use crate::fix::Fix;
use crate::time::Unit;

pub(super) fn parse(request: &Request<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let objects = one_or_many(request.body);
    if objects.is_empty() {
        parsed.useless(Reason::NotReadable, None, "there is no object of GeoJSON in the body");
    }
    for (at, object) in objects.into_iter().enumerate() {
        let Some(object) = object else {
            parsed.useless(Reason::NotReadable, None, format!("item {at} is no object of JSON"));
            continue;
        };
        let Some(features) = object.objects("features") else {
            parsed.take(fix(request, &object));
            continue;
        };
        for feature in features {
            match feature {
                Some(feature) => parsed.take(fix(request, &feature)),
                None => parsed.useless(Reason::UnknownShape, None, "a feature is no object"),
            }
        }
    }
    parsed
}

fn fix(request: &Request<'_>, feature: &Object<'_>) -> Result<Fix, Useless> {
    let properties = feature.object("properties");
    let fields = properties.as_ref().map(Fields::of_object).unwrap_or_default();
    let named = fields.first(&["client", "device", "device_id", "deviceid", "deviceId", "id"]);
    let client = client(&[request.device, named, feature.scalar("id").as_deref()]);
    let kind = feature.scalar("type");
    let geometry = match kind.as_deref() {
        Some("Feature") => feature.object("geometry"),
        Some("Point") => None,
        _ if !feature.has("geometry") => {
            let detail = "neither a feature nor a collection of features";
            return Err(Useless::new(Reason::UnknownShape, detail));
        }
        _ => feature.object("geometry"),
    };
    let client = client?;
    let of = |useless: Useless| useless.of(&client);
    let point = geometry.as_ref().unwrap_or(feature);
    let is_point = point.scalar("type").is_some_and(|kind| kind == "Point");
    let coordinates = is_point.then(|| point.scalars_of("coordinates")).flatten();
    let Some(coordinates) = coordinates else {
        return Err(of(Useless::new(Reason::NoPosition, "a feature without a point")));
    };
    let coordinate = |at: usize| coordinates.get(at).and_then(Option::as_deref);
    let position = position(coordinate(1), coordinate(0)).map_err(of)?;
    let time = fields.time(Unit::Guessed).map_err(of)?;
    let mut attributes = fields.attributes();
    let altitude = || coordinate(2).and_then(super::fields::number);
    attributes.altitude_m = attributes.altitude_m.or_else(altitude);
    Ok(Fix { position, time, attributes, client })
}
