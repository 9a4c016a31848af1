//! Google's Places API (New), as far as a herd asks it: every request is held against the published
//! definition, and whatever it does not allow is refused as Google refuses it.
//!
//! The definition is `google/maps/places/v1/places_service.proto` (`SearchNearby`), `place.proto` and
//! `geometry.proto` of github.com/googleapis/googleapis; JSON is that of proto3.

use crate::http::field;
use crate::{Answer, Request};
use serde_json::{Map, Value, json};

/// The answer to a request that shows this key: `places`, as many as were asked for, or what is wrong.
///
/// Of each place only those fields come back that the field mask names, as at Google.
pub fn search_nearby(request: &Request, key: &str, places: &[Value]) -> Answer {
    match check(request, key) {
        Ok((mask, count)) => {
            let places: Vec<_> =
                places.iter().take(count).map(|place| masked(place, "places", &mask)).collect();
            // An empty list is not printed.
            let body = if places.is_empty() { json!({}) } else { json!({ "places": places }) };
            Answer::body(serde_json::to_vec_pretty(&body).expect("a value is printed"))
        }
        Err(refusal) => refusal.answer(),
    }
}

/// Why a request is not answered: a code of HTTP, its `google.rpc.Code`, a message, an `ErrorInfo`.
struct Refusal(u16, &'static str, String, Option<&'static str>);

impl Refusal {
    fn invalid(message: impl Into<String>) -> Self {
        Self(400, "INVALID_ARGUMENT", message.into(), None)
    }

    fn answer(self) -> Answer {
        let Self(code, status, message, reason) = self;
        let mut error = json!({ "code": code, "message": message, "status": status });
        if let Some(reason) = reason {
            error["details"] = json!([{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": reason,
                "domain": "googleapis.com",
                "metadata": { "service": "places.googleapis.com" },
            }]);
        }
        let body = json!({ "error": error });
        Answer::Status(code, serde_json::to_vec_pretty(&body).expect("a value is printed"))
    }
}

fn check(request: &Request, key: &str) -> Result<(Vec<String>, usize), Refusal> {
    if request.line() != "POST /v1/places:searchNearby HTTP/1.1" {
        let message = format!("There is nothing at {}", request.line());
        return Err(Refusal(404, "NOT_FOUND", message, None));
    }
    let fields: Vec<_> = request.head.lines().skip(1).filter_map(field).collect();
    let value = |name: &str| {
        let mut values = fields.iter().filter_map(|field| field.strip_prefix(&format!("{name}: ")));
        let first = values.next();
        assert!(values.next().is_none(), "{name} is there twice");
        first
    };
    match value("x-goog-api-key") {
        None => {
            let message = "Method doesn't allow unregistered callers (callers without established \
                           identity). Please use API Key or other form of API consumer identity to \
                           call this API.";
            return Err(Refusal(403, "PERMISSION_DENIED", message.into(), None));
        }
        Some(shown) if shown != key => {
            let message = "API key not valid. Please pass a valid API key.".into();
            return Err(Refusal(400, "INVALID_ARGUMENT", message, Some("API_KEY_INVALID")));
        }
        Some(_) => {}
    }
    if value("content-type") != Some("application/json") {
        return Err(Refusal::invalid("The content type is not application/json"));
    }
    let mask = value("x-goog-fieldmask").ok_or_else(|| {
        Refusal::invalid("FieldMask is a required parameter. See https://cloud.google.com/apis/docs/system-parameters")
    })?;
    let mask: Vec<_> = mask.split(',').map(str::to_owned).collect();
    for path in &mask {
        if !path.strip_prefix("places.").is_some_and(is_field_of_place) {
            return Err(Refusal::invalid(format!(
                "Error expanding 'fields' parameter. Cannot find matching fields for path '{path}'."
            )));
        }
    }
    let body: Value = serde_json::from_slice(&request.body)
        .map_err(|error| Refusal::invalid(format!("Invalid JSON payload received. {error}")))?;
    Ok((mask, check_search(&body)?))
}

/// Holds a body against `SearchNearbyRequest`, and says how many places it asks for.
fn check_search(body: &Value) -> Result<usize, Refusal> {
    let search = message(
        body,
        "",
        &[
            "languageCode",
            "regionCode",
            "includedTypes",
            "excludedTypes",
            "includedPrimaryTypes",
            "excludedPrimaryTypes",
            "maxResultCount",
            "locationRestriction",
            "rankPreference",
            "routingParameters",
        ],
    )?;
    let count = match search.get("maxResultCount") {
        None => 20,
        Some(count) => count
            .as_u64()
            .filter(|count| (1..=20).contains(count))
            .ok_or_else(|| Refusal::invalid("Max_result_count must be between 1 and 20."))?,
    };
    let restriction = search
        .get("locationRestriction")
        .ok_or_else(|| Refusal::invalid("LocationRestriction is a required field."))?;
    let restriction = message(restriction, "location_restriction", &["circle"])?;
    let circle = restriction
        .get("circle")
        .ok_or_else(|| Refusal::invalid("LocationRestriction is a required field."))?;
    let circle = message(circle, "location_restriction.circle", &["center", "radius"])?;
    let center =
        circle.get("center").ok_or_else(|| Refusal::invalid("Circle.center is required."))?;
    let center = message(center, "location_restriction.circle.center", &["latitude", "longitude"])?;
    number(center.get("latitude"), "Latitude", -90.0..=90.0)?;
    number(center.get("longitude"), "Longitude", -180.0..=180.0)?;
    if number(circle.get("radius"), "Radius", 0.0..=50_000.0)? == 0.0 {
        return Err(Refusal::invalid("Radius must be set to a value greater than 0."));
    }
    usize::try_from(count).map_err(|_| Refusal::invalid("too many"))
}

/// An object with these fields and no others.
fn message<'a>(
    value: &'a Value,
    name: &str,
    fields: &[&str],
) -> Result<&'a Map<String, Value>, Refusal> {
    let object = value
        .as_object()
        .ok_or_else(|| Refusal::invalid(format!("Invalid value at '{name}', not a message")))?;
    match object.keys().find(|key| !fields.contains(&key.as_str())) {
        None => Ok(object),
        Some(unknown) => Err(Refusal::invalid(format!(
            "Invalid JSON payload received. Unknown name \"{unknown}\" at '{name}': Cannot find field."
        ))),
    }
}

/// A double; proto3 reads one that is missing as zero.
fn number(
    value: Option<&Value>,
    name: &str,
    range: core::ops::RangeInclusive<f64>,
) -> Result<f64, Refusal> {
    let number = value.map_or(Some(0.0), Value::as_f64);
    number.filter(|number| range.contains(number)).ok_or_else(|| {
        Refusal::invalid(format!("{name} must be between {} and {}.", range.start(), range.end()))
    })
}

/// Whether `place.proto` has such a field: one of its own, or one of a message that it holds.
fn is_field_of_place(path: &str) -> bool {
    let (field, rest) = path.split_once('.').map_or((path, None), |(a, b)| (a, Some(b)));
    match rest {
        None => PLACE.split_whitespace().any(|known| known == field),
        Some(rest) => MESSAGES
            .iter()
            .find(|(known, _)| *known == field)
            .is_some_and(|(_, fields)| fields.split(' ').any(|known| known == rest)),
    }
}

/// The fields of `Place`, in the names that JSON has for them.
const PLACE: &str = "
    name id displayName types primaryType primaryTypeDisplayName nationalPhoneNumber
    internationalPhoneNumber formattedAddress shortFormattedAddress postalAddress addressComponents
    plusCode location viewport rating googleMapsUri websiteUri reviews regularOpeningHours
    utcOffsetMinutes timeZone photos adrFormatAddress businessStatus priceLevel attributions
    userRatingCount iconMaskBaseUri iconBackgroundColor takeout delivery dineIn curbsidePickup reservable
    servesBreakfast servesLunch servesDinner servesBeer servesWine servesBrunch servesVegetarianFood
    currentOpeningHours currentSecondaryOpeningHours regularSecondaryOpeningHours editorialSummary
    outdoorSeating liveMusic menuForChildren servesCocktails servesDessert servesCoffee goodForChildren
    allowsDogs restroom goodForGroups goodForWatchingSports paymentOptions parkingOptions subDestinations
    accessibilityOptions fuelOptions evChargeOptions generativeSummary areaSummary containingPlaces
    pureServiceAreaBusiness priceRange";

/// The fields of those messages in it that a herd reads from.
const MESSAGES: [(&str, &str); 6] = [
    ("displayName", "text languageCode"),
    ("plusCode", "globalCode compoundCode"),
    ("location", "latitude longitude"),
    ("viewport", "low high"),
    ("attributions", "provider providerUri"),
    (
        "currentOpeningHours",
        "openNow periods weekdayDescriptions secondaryHoursType specialDays nextOpenTime nextCloseTime",
    ),
];

/// What of `value`, which is at `path`, the mask lets through.
fn masked(value: &Value, path: &str, mask: &[String]) -> Value {
    if mask.iter().any(|named| named == path) {
        return value.clone();
    }
    let Some(object) = value.as_object() else { return value.clone() };
    let inside = object.iter().filter_map(|(key, value)| {
        let path = format!("{path}.{key}");
        let is_named = |named: &String| *named == path || named.starts_with(&format!("{path}."));
        mask.iter().any(is_named).then(|| (key.clone(), masked(value, &path, mask)))
    });
    Value::Object(inside.collect())
}
