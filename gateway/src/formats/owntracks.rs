//! OwnTracks in HTTP mode: one message a request, of which locations are fixes.
//!
//! The application keeps a message until it is answered by 2xx, and sends none behind it until then.

use super::fields::Fields;
use super::fields::{is_known, number, parse_time, position};
use super::objects::{Object, one_or_many};
use super::parsed::{Parsed, Reason, Request, Useless};
use crate::client_id::ClientId;
use crate::fix::{Attributes, Fix};
use crate::time::Unit;

/// Who reports when nothing says so, as the OwnTracks Recorder has it.
const DEFAULT_USER: &str = "owntracks";
const DEFAULT_DEVICE: &str = "phone";

/// The longest `tid`: two letters by the book.
const MAX_TID_CHARACTERS: usize = 8;

pub(super) fn parse(request: &Request<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    // What a friend is deleted by.
    if request.body.trim_ascii().is_empty() {
        parsed.useless(Reason::OtherKind, None, "a request without a body");
        return parsed;
    }
    for message in one_or_many(request.body) {
        match message {
            Some(message) => parsed.take(fix(request, &message)),
            None => parsed.useless(
                Reason::NotReadable,
                None,
                String::from_utf8_lossy(request.body.get(..200).unwrap_or(request.body)),
            ),
        }
    }
    parsed
}

fn fix(request: &Request<'_>, message: &Object<'_>) -> Result<Fix, Useless> {
    let client = client(request, message)?;
    let of = |useless: Useless| useless.of(&client);
    let kind = message.scalar("_type");
    if kind.as_deref() != Some("location") {
        let detail = kind
            .map_or_else(|| "a message without _type".to_owned(), |kind| format!("_type {kind}"));
        return Err(of(Useless::new(Reason::OtherKind, detail)));
    }
    let (lat, lon) = (message.scalar("lat"), message.scalar("lon"));
    let position = position(lat.as_deref(), lon.as_deref()).map_err(of)?;
    let time = message.scalar("tst").map(|text| parse_time(&text, Unit::Guessed)).transpose();
    let time = time.map_err(of)?;
    let value = |name| message.scalar(name).and_then(|text| number(&text));
    let attributes = Attributes {
        accuracy_m: value("acc").filter(is_known),
        altitude_m: value("alt"),
        speed_mps: value("vel").filter(is_known).map(|km_h| km_h / 3.6),
        course_deg: value("cog").filter(is_known),
        battery_percent: value("batt").filter(is_known),
        tid: message.scalar("tid").map(|tid| tid.chars().take(MAX_TID_CHARACTERS).collect()),
    };
    Ok(Fix { client, position, time, attributes })
}

/// `user/device`, from the first of: headers, query, the message's topic; the path may name the device or both.
fn client(request: &Request<'_>, message: &Object<'_>) -> Result<ClientId, Useless> {
    let query = Fields::of_form(request.query.as_bytes());
    let topic = message.scalar("topic").unwrap_or_default();
    let (topic_user, topic_device) = match topic.split('/').collect::<Vec<_>>()[..] {
        ["owntracks", user, device, ..] => (Some(user), Some(device)),
        _ => (None, None),
    };
    let (path_user, path_device) = match request.device.and_then(|path| path.split_once('/')) {
        Some((user, device)) => (Some(user), Some(device)),
        None => (None, request.device),
    };
    let first = |names: [Option<&str>; 4]| {
        let known = names.into_iter().flatten().map(str::trim).find(|name| !name.is_empty());
        known.map(str::to_owned)
    };
    let user = first([path_user, query.first(&["u"]), request.user, topic_user]);
    let device = first([path_device, query.first(&["d"]), request.user_device, topic_device]);
    let user = user.unwrap_or_else(|| DEFAULT_USER.to_owned());
    let device = device.unwrap_or_else(|| DEFAULT_DEVICE.to_owned());
    ClientId::of_user(&user, &device)
        .map_err(|error| Useless::new(error.into(), format!("{user}/{device}")))
}
