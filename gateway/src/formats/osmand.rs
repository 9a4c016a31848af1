//! OsmAnd's online tracking: one fix in the query of a GET.
//!
//! Its time is that of the phone's clock when the fix is sent, in milliseconds. A coordinate has gone through a
//! binary fraction of 32 bits. Answered by anything but 2xx it sends the same again without a pause.

use super::fields::Fields;
use super::fields::client;
use super::parsed::{Parsed, Reason, Request};
use crate::time::Unit;

pub(super) fn parse(request: &Request<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let fields = Fields::of_form(request.query.as_bytes()).and(Fields::of_form(request.body));
    if fields.is_empty() {
        parsed.useless(Reason::UnknownShape, None, "a request without a query");
        return parsed;
    }
    let named = fields.first(&["id", "deviceid", "device"]);
    parsed.take(client(&[request.device, named]).and_then(|client| {
        let mut fix = fields.fix(client, Unit::Guessed)?;
        // It calls the accuracy in metres `hdop` in the address that it suggests.
        let hdop = || fields.first(&["hdop"]).and_then(super::fields::number);
        fix.attributes.accuracy_m = fix.attributes.accuracy_m.or_else(hdop);
        Ok(fix)
    }));
    parsed
}
