//! What Traccar calls its OsmAnd protocol, and the three generations of Traccar Client, at one address.
//!
//! Until version 7 the application had everything in the query, in version 9 it sent JSON, from version 10 on it
//! sends a form. Which of them it is, is seen by the body, as some say one thing in their headers and send another.

use super::fields::Fields;
use super::fields::{client, is_known, number, parse_time, position};
use super::objects::Object;
use super::parsed::{Parsed, Reason, Request, Useless};
use crate::client_id::ClientId;
use crate::fix::{Attributes, Fix, Position};
use crate::time::Unit;

/// Speeds in queries and forms are in knots.
const MPS_PER_KNOT: f64 = 1852.0 / 3600.0;

pub(super) fn parse(request: &Request<'_>) -> Parsed {
    let body = request.body.trim_ascii();
    if body.starts_with(b"{") || body.starts_with(b"[") {
        of_json(request)
    } else {
        of_form(request)
    }
}

fn of_form(request: &Request<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let query = Fields::of_form(request.query.as_bytes());
    let fields = query.and(Fields::of_form(request.body.trim_ascii()));
    let id = fields.first(&["id", "deviceid"]);
    let has_position = fields.first(&["lat", "latitude", "location"]).is_some();
    if id.is_none() && !has_position {
        let shown = if request.body.is_empty() { request.query.as_bytes() } else { request.body };
        let detail = format!("neither id nor lat and lon: {}", start(shown));
        parsed.useless(Reason::UnknownShape, None, detail);
        return parsed;
    }
    parsed.take(client(&[request.device, id]).and_then(|client| {
        let of = |useless: Useless| useless.of(&client);
        let position = match fields.first(&["location"]) {
            Some(pair) if fields.first(&["lat", "latitude"]).is_none() => of_pair(pair),
            _ => fields.position(),
        };
        let position = position.map_err(of)?;
        let time = fields.time(Unit::Traccar).map_err(of)?;
        let mut attributes = fields.attributes();
        attributes.speed_mps = attributes.speed_mps.map(|knots| knots * MPS_PER_KNOT);
        Ok(Fix { position, time, attributes, client })
    }));
    parsed
}

/// `52.1,4.3`.
fn of_pair(pair: &str) -> Result<Position, Useless> {
    let (latitude, longitude) = pair.split_once(',').unzip();
    position(latitude, longitude)
}

fn of_json(request: &Request<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let Some(object) = Object::parse(request.body) else {
        parsed.useless(Reason::NotReadable, None, start(request.body));
        return parsed;
    };
    let locations = match (object.object("location"), object.objects("location")) {
        (Some(location), _) => vec![Some(location)],
        (None, Some(locations)) => locations,
        (None, None) => {
            parsed.useless(Reason::UnknownShape, None, start(request.body));
            return parsed;
        }
    };
    let query = Fields::of_form(request.query.as_bytes());
    let named = object.scalar("device_id").or_else(|| object.scalar("id"));
    let client = match client(&[request.device, named.as_deref(), query.first(&["id", "deviceid"])])
    {
        Ok(client) => client,
        Err(useless) => {
            parsed.take(Err(useless));
            return parsed;
        }
    };
    for location in locations {
        match location {
            Some(location) => parsed.take(of_location(&client, &location)),
            None => parsed.useless(
                Reason::UnknownShape,
                Some(client.clone()),
                "a location is no object",
            ),
        }
    }
    parsed
}

fn of_location(client: &ClientId, location: &Object<'_>) -> Result<Fix, Useless> {
    let of = |useless: Useless| useless.of(client);
    let coords = location.object("coords");
    let value = |name| coords.as_ref().and_then(|coords| coords.scalar(name));
    let position = position(value("latitude").as_deref(), value("longitude").as_deref());
    let time =
        location.scalar("timestamp").map(|text| parse_time(&text, Unit::Traccar)).transpose();
    let known = |name| value(name).and_then(|text| number(&text)).filter(is_known);
    let level = location.object("battery").and_then(|battery| battery.scalar("level"));
    let level = level.and_then(|text| number(&text)).filter(is_known);
    Ok(Fix {
        client: client.clone(),
        position: position.map_err(of)?,
        time: time.map_err(of)?,
        attributes: Attributes {
            accuracy_m: known("accuracy"),
            altitude_m: value("altitude").and_then(|text| number(&text)),
            speed_mps: known("speed"),
            course_deg: known("heading"),
            battery_percent: level.map(|level| level * 100.0),
            tid: None,
        },
    })
}

/// What a request begins with, to be shown.
fn start(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..200).unwrap_or(bytes)).into_owned()
}
