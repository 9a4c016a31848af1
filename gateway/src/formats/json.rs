//! Plain JSON, for programs: an object, an array of them, or one on each line.
//!
//! ```json
//! {"client": "kiwi", "lat": 34.068930, "lon": -118.445127, "time": 1520023934.918963997}
//! ```

use super::fields::Fields;
use super::fields::client;
use super::objects::one_or_many;
use super::parsed::{Parsed, Reason, Request};
use crate::time::Unit;

pub(super) fn parse(request: &Request<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let objects = one_or_many(request.body);
    if objects.is_empty() {
        parsed.useless(Reason::NotReadable, None, "there is no object of JSON in the body");
    }
    let query = Fields::of_form(request.query.as_bytes());
    let named = query.first(&["client", "device", "id"]);
    for (at, object) in objects.into_iter().enumerate() {
        let Some(object) = object else {
            parsed.useless(Reason::NotReadable, None, format!("item {at} is no object of JSON"));
            continue;
        };
        let fields = Fields::of_object(&object);
        let own = fields.first(&["client", "device", "device_id", "deviceid", "deviceId", "id"]);
        let client = client(&[request.device, own, named]);
        parsed.take(client.and_then(|client| fields.fix(client, Unit::Guessed)));
    }
    parsed
}
