//! GPSLogger's custom URL: whatever its user has put together, in the query, a form or an object of JSON.

use super::fields::Fields;
use super::fields::client;
use super::objects::Object;
use super::parsed::{Parsed, Reason, Request};
use crate::time::Unit;

const KM_H_PER_MPS: f64 = 3.6;

pub(super) fn parse(request: &Request<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let body = request.body.trim_ascii();
    let object = body.starts_with(b"{").then(|| Object::parse(body));
    let query = Fields::of_form(request.query.as_bytes());
    let fields = match &object {
        None => query.and(Fields::of_form(body)),
        Some(Some(object)) => query.and(Fields::of_object(object)),
        Some(None) => {
            parsed.useless(Reason::NotReadable, None, "the body begins like JSON and is none");
            return parsed;
        }
    };
    if fields.is_empty() {
        parsed.useless(Reason::UnknownShape, None, "a request without a query or a body");
        return parsed;
    }
    let named = fields.first(&["device", "id", "deviceid", "device_id", "aid", "ser", "serial"]);
    parsed.take(client(&[request.device, named]).and_then(|client| {
        let mut fix = fields.fix(client, Unit::Guessed)?;
        let km_h = || fields.first(&["spd_kph", "speed_kph"]).and_then(super::fields::number);
        fix.attributes.speed_mps =
            fix.attributes.speed_mps.or_else(|| km_h().map(|km_h| km_h / KM_H_PER_MPS));
        Ok(fix)
    }));
    parsed
}
