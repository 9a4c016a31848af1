//! Google's Places API (New), asked for what Nearby Search gave and rendered in its format.
//!
//! The request and the answer are those of `google/maps/places/v1/places_service.proto` and `place.proto`
//! in Google's published definitions, as JSON. Texts, numbers and lists are copied as they are spelt, and
//! printed without blanks; a field that a place does not have is left out, as Nearby Search does.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::response::{LookupError, Response};
use crate::command::Query;
use crate::json;
use crate::location::Location;

/// Exactly what is rendered: Google sends no other fields, and bills by those it sends.
pub(super) const FIELDS: &str = concat!(
    "places.attributions,",
    "places.businessStatus,",
    "places.currentOpeningHours.openNow,",
    "places.displayName.text,",
    "places.formattedAddress,",
    "places.iconBackgroundColor,",
    "places.iconMaskBaseUri,",
    "places.id,",
    "places.location,",
    "places.plusCode,",
    "places.priceLevel,",
    "places.rating,",
    "places.shortFormattedAddress,",
    "places.types,",
    "places.userRatingCount,",
    "places.viewport",
);

/// Appends the body of a `SearchNearbyRequest`.
///
/// Google takes a count of 1 to 20 and a radius above 0. A question for nothing asks for one place, which
/// is cut from the answer; one for a radius of nothing asks within a millimetre.
pub(super) fn write_request(location: &Location<'_>, query: &Query<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"maxResultCount\":");
    out.extend_from_slice(itoa::Buffer::new().format(query.bound.max(1)).as_bytes());
    out.extend_from_slice(b",\"locationRestriction\":{\"circle\":{\"center\":{\"latitude\":");
    location.write_latitude(out);
    out.extend_from_slice(b",\"longitude\":");
    location.write_longitude(out);
    out.extend_from_slice(b"},\"radius\":");
    if query.radius_km.is_zero() {
        out.extend_from_slice(b"0.001");
    } else {
        query.radius_km.write_thousandfold(out);
    }
    out.extend_from_slice(b"}}}");
}

/// Appends a Nearby Search answer of `bound` results at most, or Google's error in that format.
///
/// # Errors
///
/// Where the response is neither; nothing is appended then.
pub(super) fn write_answer(
    response: Response<'_>,
    bound: u32,
    out: &mut Vec<u8>,
) -> Result<(), LookupError> {
    if response.status != 200 {
        return write_refusal(response, LookupError::Status(response.status), out);
    }
    json::cut_results(response.body, 0).map_err(LookupError::NotJson)?;
    let [places, error] = json::members(response.body, ["places", "error"]);
    if error.is_some_and(|error| error != b"null") {
        return write_refusal(response, LookupError::Foreign, out);
    }
    let mut places = json::items(places.unwrap_or(b"[]")).ok_or(LookupError::Foreign)?;
    places.retain(|place| !is_misplaced(place));
    let kept = &places[..places.len().min(bound as usize)];
    if !kept.iter().all(|place| place.starts_with(b"{")) {
        return Err(LookupError::Foreign);
    }
    out.extend_from_slice(b"{\"html_attributions\":");
    write_list(&html_attributions(kept), out, |html, out| out.extend_from_slice(html));
    out.extend_from_slice(b",\"results\":");
    write_list(kept, out, |place, out| write_place(place, out));
    let status = if places.is_empty() { "ZERO_RESULTS" } else { "OK" };
    out.extend_from_slice(b",\"status\":\"");
    out.extend_from_slice(status.as_bytes());
    out.extend_from_slice(b"\"}\n\n");
    Ok(())
}

/// Appends what Google says is wrong: a `google.rpc.Status`, whose code HTTP's status follows from, unless something
/// between made that 200. `unexplained` is what it is where nothing is said.
fn write_refusal(
    response: Response<'_>,
    unexplained: LookupError,
    out: &mut Vec<u8>,
) -> Result<(), LookupError> {
    json::cut_results(response.body, 0).map_err(|_| unexplained)?;
    let [error] = json::members(response.body, ["error"]);
    let [code, message, details] =
        json::members(error.unwrap_or(b"{}"), ["code", "message", "details"]);
    let message = message.filter(|message| message.starts_with(b"\"")).ok_or(unexplained)?;
    let code = code.and_then(|code| core::str::from_utf8(code).ok()?.parse().ok());
    let status = match if response.status == 200 { code.unwrap_or(0) } else { response.status } {
        400 if is_about_the_key(details) => "REQUEST_DENIED",
        400 => "INVALID_REQUEST",
        401 | 403 => "REQUEST_DENIED",
        429 => "OVER_QUERY_LIMIT",
        _ => "UNKNOWN_ERROR",
    };
    out.extend_from_slice(b"{\"html_attributions\":[],\"results\":[],\"status\":\"");
    out.extend_from_slice(status.as_bytes());
    out.extend_from_slice(b"\",\"error_message\":");
    out.extend_from_slice(message);
    out.extend_from_slice(b"}\n\n");
    Ok(())
}

/// Whether a `google.rpc.ErrorInfo` says so: a wrong key is an invalid argument to Google.
fn is_about_the_key(details: Option<&[u8]>) -> bool {
    let details = details.and_then(json::items).unwrap_or_default();
    details.iter().any(|detail| {
        let [reason] = json::members(detail, ["reason"]);
        reason.is_some_and(|reason| reason.starts_with(b"\"API_KEY_"))
    })
}

/// Whether a place says where it is, and there is no such place. As any message in JSON a `LatLng` leaves out what is
/// zero; one that is not there at all is a place without a location.
fn is_misplaced(place: &[u8]) -> bool {
    let [location] = json::members(place, ["location"]);
    location.is_some_and(|location| degrees(location).is_none())
}

/// The latitude and the longitude of a `LatLng`, as they are written.
fn degrees(point: &[u8]) -> Option<[&[u8]; 2]> {
    let zero = b"0".as_slice();
    let [lat, lng] = json::members(
        Some(point).filter(|point| point.starts_with(b"{"))?,
        ["latitude", "longitude"],
    );
    let [lat, lng] = [lat.unwrap_or(zero), lng.unwrap_or(zero)];
    (is_within(lat, 90.0) && is_within(lng, 180.0)).then_some([lat, lng])
}

/// Whether this is a number from `-limit` to `limit`.
fn is_within(value: &[u8], limit: f64) -> bool {
    let number = core::str::from_utf8(value).ok().filter(|_| is_number(value));
    number.and_then(|number| number.parse().ok()).is_some_and(|number: f64| number.abs() <= limit)
}

/// Appends a `Place` as a result of Nearby Search.
fn write_place(place: &[u8], out: &mut Vec<u8>) {
    let [business_status, hours, display_name, address, color, icon, id, location] = json::members(
        place,
        [
            "businessStatus",
            "currentOpeningHours",
            "displayName",
            "formattedAddress",
            "iconBackgroundColor",
            "iconMaskBaseUri",
            "id",
            "location",
        ],
    );
    let [plus_code, price_level, rating, short_address, types, ratings, viewport] = json::members(
        place,
        [
            "plusCode",
            "priceLevel",
            "rating",
            "shortFormattedAddress",
            "types",
            "userRatingCount",
            "viewport",
        ],
    );
    let [name] = members_of(display_name, ["text"]);
    let [open_now] = members_of(hours, ["openNow"]);
    let [low, high] = members_of(viewport, ["low", "high"]);
    let [global_code, compound_code] = members_of(plus_code, ["globalCode", "compoundCode"]);

    let mut result = Object::begin(out);
    result.text("business_status", business_status);
    result.object("geometry", |geometry| {
        geometry.point("location", location);
        // Half a viewport is none.
        if high.and_then(degrees).is_some() && low.and_then(degrees).is_some() {
            geometry.object("viewport", |viewport| {
                viewport.point("northeast", high);
                viewport.point("southwest", low);
            });
        }
    });
    result.icon("icon", icon);
    result.text("icon_background_color", color);
    result.text("icon_mask_base_uri", icon);
    result.text("name", name);
    result.object("opening_hours", |hours| hours.flag("open_now", open_now));
    result.text("place_id", id);
    result.object("plus_code", |plus_code| {
        plus_code.text("compound_code", compound_code);
        plus_code.text("global_code", global_code);
    });
    result.value("price_level", price_level.and_then(price));
    result.number("rating", rating);
    result.text("reference", id);
    result.value("scope", Some(b"\"GOOGLE\""));
    result.list("types", types);
    result.number("user_ratings_total", ratings);
    let is_text = |text: &&[u8]| text.starts_with(b"\"");
    result.text("vicinity", short_address.filter(is_text).or(address));
    result.end();
}

fn members_of<'a, const N: usize>(
    object: Option<&'a [u8]>,
    names: [&str; N],
) -> [Option<&'a [u8]>; N] {
    json::members(object.unwrap_or_default(), names)
}

/// A `PriceLevel` as Nearby Search counts it.
fn price(level: &[u8]) -> Option<&'static [u8]> {
    match level {
        br#""PRICE_LEVEL_FREE""# => Some(b"0"),
        br#""PRICE_LEVEL_INEXPENSIVE""# => Some(b"1"),
        br#""PRICE_LEVEL_MODERATE""# => Some(b"2"),
        br#""PRICE_LEVEL_EXPENSIVE""# => Some(b"3"),
        br#""PRICE_LEVEL_VERY_EXPENSIVE""# => Some(b"4"),
        _ => None,
    }
}

/// Whom these places' data come from, each once, as JSON texts of HTML: they must be shown.
fn html_attributions(places: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut attributions = BTreeSet::new();
    for place in places {
        let [listed] = json::members(place, ["attributions"]);
        for attribution in listed.and_then(json::items).unwrap_or_default() {
            let [provider, uri] = json::members(attribution, ["provider", "providerUri"]);
            let Some(provider) = provider.and_then(inside) else { continue };
            let mut html = Vec::from(b"\"");
            if let Some(uri) = uri.and_then(inside) {
                html.extend_from_slice(b"<a href=\\\"");
                write_html(uri, &mut html);
                html.extend_from_slice(b"\\\">");
                write_html(provider, &mut html);
                html.extend_from_slice(b"</a>");
            } else {
                write_html(provider, &mut html);
            }
            html.push(b'"');
            attributions.insert(html);
        }
    }
    attributions.into_iter().collect()
}

/// What stands between the quotes of a JSON text.
fn inside(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(b"\"")?.strip_suffix(b"\"")
}

/// Appends the inside of a JSON text so that HTML shows it, whether its characters are escaped or not.
fn write_html(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(first) = rest.first() {
        let length = match (first, rest.get(1)) {
            (b'\\', Some(b'u')) => 6,
            (b'\\', _) => 2,
            _ => 1,
        };
        let (character, behind) = rest.split_at(length.min(rest.len()));
        out.extend_from_slice(match character.to_ascii_lowercase().as_slice() {
            b"<" | b"\\u003c" => b"&lt;",
            b">" | b"\\u003e" => b"&gt;",
            b"&" | b"\\u0026" => b"&amp;",
            b"\\\"" | b"\\u0022" => b"&quot;",
            _ => character,
        });
        rest = behind;
    }
}

fn write_list<T>(items: &[T], out: &mut Vec<u8>, mut write: impl FnMut(&T, &mut Vec<u8>)) {
    out.push(b'[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

/// A JSON object on its way out. A member that is missing, or of another kind than clients of Nearby
/// Search expect, is left out.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    is_empty: bool,
}

impl<'a> Object<'a> {
    fn begin(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, is_empty: true }
    }

    fn end(self) {
        self.out.push(b'}');
    }

    fn value(&mut self, key: &str, value: Option<&[u8]>) {
        if let Some(value) = value {
            self.key(key);
            json::write_without_blanks(value, self.out);
        }
    }

    fn text(&mut self, key: &str, value: Option<&[u8]>) {
        self.value(key, value.filter(|value| value.starts_with(b"\"")));
    }

    fn number(&mut self, key: &str, value: Option<&[u8]>) {
        self.value(key, value.filter(|value| is_number(value)));
    }

    fn flag(&mut self, key: &str, value: Option<&[u8]>) {
        self.value(key, value.filter(|value| matches!(*value, b"true" | b"false")));
    }

    /// A list of texts.
    fn list(&mut self, key: &str, value: Option<&[u8]>) {
        let items = value.and_then(json::items);
        let are_texts = items.is_some_and(|items| items.iter().all(|item| item.starts_with(b"\"")));
        self.value(key, value.filter(|_| are_texts));
    }

    /// The picture for the mask at this address.
    fn icon(&mut self, key: &str, base: Option<&[u8]>) {
        if let Some(base) = base.and_then(inside) {
            self.key(key);
            let out = &mut *self.out;
            [b"\"", base, b".png\""].iter().for_each(|part| out.extend_from_slice(part));
        }
    }

    /// A `LatLng`.
    fn point(&mut self, key: &str, value: Option<&[u8]>) {
        let Some([lat, lng]) = value.and_then(degrees) else { return };
        self.object(key, |point| {
            point.value("lat", Some(lat));
            point.value("lng", Some(lng));
        });
    }

    /// An object, unless nothing is put into it.
    fn object(&mut self, key: &str, fill: impl FnOnce(&mut Object<'_>)) {
        let (start, was_empty) = (self.out.len(), self.is_empty);
        self.key(key);
        let mut object = Object::begin(self.out);
        fill(&mut object);
        if object.is_empty {
            self.out.truncate(start);
            self.is_empty = was_empty;
        } else {
            object.end();
        }
    }

    fn key(&mut self, key: &str) {
        if !self.is_empty {
            self.out.push(b',');
        }
        self.is_empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }
}

fn is_number(value: &[u8]) -> bool {
    value.first().is_some_and(|first| matches!(first, b'-' | b'0'..=b'9'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decimal::Decimal;
    use alloc::format;
    use alloc::string::{String, ToString as _};
    use serde_json::Value;

    fn request(location: &str, radius: &str, bound: u32) -> String {
        let radius_km = Decimal::parse(radius.as_bytes()).unwrap();
        let location = Location::parse(location.as_bytes()).unwrap();
        let mut out = Vec::new();
        write_request(&location, &Query { client: b"kiwi", radius_km, bound }, &mut out);
        let text = String::from_utf8(out).unwrap();
        serde_json::from_str::<Value>(&text).unwrap();
        text
    }

    fn answer(status: u16, body: &str, bound: u32) -> Result<String, LookupError> {
        let mut out = Vec::new();
        write_answer(Response { status, body: body.as_bytes() }, bound, &mut out)?;
        let text = String::from_utf8(out).unwrap();
        serde_json::from_str::<Value>(&text).unwrap();
        Ok(text)
    }

    #[test]
    fn a_request_has_all_the_digits_that_were_asked_for() {
        assert_eq!(
            request("+34.068930-118.445127", "10", 5),
            r#"{"maxResultCount":5,"locationRestriction":{"circle":{"center":{"latitude":34.068930,"longitude":-118.445127},"radius":10000}}}"#
        );
        for (location, radius, expected) in [
            (
                "+0034.50-00.0",
                "49.99999999999999999999",
                ["34.50", "-0.0", "49999.99999999999999999"],
            ),
            ("-00+000", "0.0005", ["-0", "0", "0.5"]),
            ("+90-180", "0.00", ["90", "-180", "0.001"]),
        ] {
            let [latitude, longitude, metres] = expected;
            assert_eq!(
                request(location, radius, 0),
                format!(
                    r#"{{"maxResultCount":1,"locationRestriction":{{"circle":{{"center":{{"latitude":{latitude},"longitude":{longitude}}},"radius":{metres}}}}}}}"#
                )
            );
        }
    }

    #[test]
    fn a_place_becomes_a_result_with_the_spelling_it_came_in() {
        let body = r##"{
  "places": [
    {
      "id": "ChIJ_1",
      "types": [
        "bar",
        "point_of_interest"
      ],
      "formattedAddress": "1 Main St, Los Angeles, CA 90024, USA",
      "plusCode": { "globalCode": "85633H00+XX", "compoundCode": "3H00+XX Los Angeles" },
      "location": { "latitude": 34.0689300, "longitude": -1.18e2 },
      "viewport": {
        "low": { "latitude": 34.0, "longitude": -118.5 },
        "high": { "latitude": 34.1, "longitude": -118.4 }
      },
      "rating": 4.50,
      "businessStatus": "OPERATIONAL",
      "priceLevel": "PRICE_LEVEL_MODERATE",
      "userRatingCount": 1234,
      "iconMaskBaseUri": "https://maps.gstatic.com/mapfiles/place_api/icons/v2/bar_pinlet",
      "iconBackgroundColor": "#FF9E67",
      "displayName": { "text": "Caf\u00e9 \"x\"", "languageCode": "en" },
      "currentOpeningHours": { "openNow": false },
      "shortFormattedAddress": "1 Main St, Los Angeles"
    }
  ]
}
"##;
        let expected = concat!(
            r#"{"html_attributions":[],"results":[{"business_status":"OPERATIONAL","#,
            r#""geometry":{"location":{"lat":34.0689300,"lng":-1.18e2},"#,
            r#""viewport":{"northeast":{"lat":34.1,"lng":-118.4},"southwest":{"lat":34.0,"lng":-118.5}}},"#,
            r#""icon":"https://maps.gstatic.com/mapfiles/place_api/icons/v2/bar_pinlet.png","#,
            r##""icon_background_color":"#FF9E67","##,
            r#""icon_mask_base_uri":"https://maps.gstatic.com/mapfiles/place_api/icons/v2/bar_pinlet","#,
            r#""name":"Caf\u00e9 \"x\"","opening_hours":{"open_now":false},"place_id":"ChIJ_1","#,
            r#""plus_code":{"compound_code":"3H00+XX Los Angeles","global_code":"85633H00+XX"},"#,
            r#""price_level":2,"rating":4.50,"reference":"ChIJ_1","scope":"GOOGLE","#,
            r#""types":["bar","point_of_interest"],"user_ratings_total":1234,"#,
            r#""vicinity":"1 Main St, Los Angeles"}],"status":"OK"}"#,
            "\n\n",
        );
        assert_eq!(answer(200, body, 5).unwrap(), expected);
    }

    #[test]
    fn what_a_place_does_not_have_is_left_out() {
        let result = |place: &str| {
            let text = answer(200, &format!(r#"{{"places":[{place}]}}"#), 1).unwrap();
            let start = text.find("[{").unwrap() + 1;
            text[start..text.find("],\"status\"").unwrap()].to_string()
        };
        assert_eq!(result("{}"), r#"{"scope":"GOOGLE"}"#);
        assert_eq!(
            result(
                r#"{"id":5,"rating":"4","types":[1],"displayName":"x","plusCode":{},"currentOpeningHours":{"openNow":1},"priceLevel":"PRICE_LEVEL_UNSPECIFIED"}"#
            ),
            r#"{"scope":"GOOGLE"}"#
        );
        assert_eq!(
            result(r#"{"location":{"longitude":10},"formattedAddress":"Nowhere"}"#),
            r#"{"geometry":{"location":{"lat":0,"lng":10}},"scope":"GOOGLE","vicinity":"Nowhere"}"#
        );
    }

    #[test]
    fn a_place_whose_location_is_none_is_left_out() {
        let ids = |location: &str| {
            let body = format!(
                r#"{{"places":[{{"id":"a","location":{location}}},{{"id":"b","location":{{"latitude":-9e1,"longitude":180.0}}}}]}}"#
            );
            let value: Value = serde_json::from_str(&answer(200, &body, 1).unwrap()).unwrap();
            value["results"][0]["place_id"].as_str().unwrap().to_string()
        };
        for location in [
            "[]",
            "null",
            "5",
            r#""34,-118""#,
            r#"{"latitude":"34.1","longitude":-118}"#,
            r#"{"latitude":null,"longitude":-118}"#,
            r#"{"latitude":34,"longitude":[-118]}"#,
            r#"{"latitude":34,"longitude":true}"#,
            r#"{"latitude":90.0001,"longitude":0}"#,
            r#"{"latitude":0,"longitude":-1801e-1}"#,
            r#"{"latitude":1e999}"#,
        ] {
            assert_eq!(ids(location), "b", "{location}");
        }
        for location in ["{}", r#"{"latitude":90}"#, r#"{"latitude":-0.0,"longitude":-180}"#] {
            assert_eq!(ids(location), "a", "{location}");
        }
        let none = answer(200, r#"{"places":[{"location":null}]}"#, 5).unwrap();
        assert!(none.contains("ZERO_RESULTS"), "{none}");
    }

    #[test]
    fn what_is_wrong_beside_the_location_is_left_out_of_its_place() {
        let body = r#"{"places":[{"id":"a","location":{"latitude":1,"longitude":2},"viewport":{"low":{"latitude":"0"},"high":{}},"shortFormattedAddress":5,"formattedAddress":"Here","types":"bar"}]}"#;
        let expected = r#"{"html_attributions":[],"results":[{"geometry":{"location":{"lat":1,"lng":2}},"place_id":"a","reference":"a","scope":"GOOGLE","vicinity":"Here"}],"status":"OK"}"#;
        assert_eq!(answer(200, body, 5).unwrap(), format!("{expected}\n\n"));
    }

    #[test]
    fn an_error_with_the_status_of_success_is_one_all_the_same() {
        for (error, status) in [
            (r#"{"code":403,"message":"No."}"#, "REQUEST_DENIED"),
            (r#"{"code":429,"message":"No.","status":"RESOURCE_EXHAUSTED"}"#, "OVER_QUERY_LIMIT"),
            (r#"{"code":"403","message":"No."}"#, "UNKNOWN_ERROR"),
            (r#"{"message":"No."}"#, "UNKNOWN_ERROR"),
        ] {
            for rest in ["", r#","places":[]"#, r#","places":[{"id":"a"}]"#] {
                let body = format!(r#"{{"error":{error}{rest}}}"#);
                assert_eq!(
                    answer(200, &body, 5).unwrap(),
                    format!(
                        "{{\"html_attributions\":[],\"results\":[],\"status\":\"{status}\",\"error_message\":\"No.\"}}\n\n"
                    )
                );
            }
        }
        for error in ["{}", "5", r#""No.""#, "[]", r#"{"code":403}"#, r#"{"message":5}"#] {
            let body = format!(r#"{{"error":{error}}}"#);
            assert_eq!(answer(200, &body, 5), Err(LookupError::Foreign), "{error}");
        }
        assert!(answer(200, r#"{"error":null}"#, 5).unwrap().contains("ZERO_RESULTS"));
    }

    #[test]
    fn an_answer_is_cut_and_one_of_nothing_says_so() {
        let body = r#"{"places":[{"id":"a"},{"id":"b"}]}"#;
        let one = r#"{"html_attributions":[],"results":[{"place_id":"a","reference":"a","scope":"GOOGLE"}],"status":"OK"}"#;
        let none = r#"{"html_attributions":[],"results":[],"status":"OK"}"#;
        let zero = r#"{"html_attributions":[],"results":[],"status":"ZERO_RESULTS"}"#;
        assert_eq!(answer(200, body, 1).unwrap(), format!("{one}\n\n"));
        assert_eq!(answer(200, body, 0).unwrap(), format!("{none}\n\n"));
        assert_eq!(answer(200, "{}\n", 5).unwrap(), format!("{zero}\n\n"));
        assert_eq!(answer(200, r#"{"places":[]}"#, 5).unwrap(), format!("{zero}\n\n"));
    }

    #[test]
    fn attributions_are_shown_once_and_as_html() {
        let attributions = r#""attributions":[{"provider":"A \u0026 <B> \"C\" é","providerUri":"https://example.org/?a=1&b=2"},{"provider":"D"},{"providerUri":"x"}]"#;
        let text =
            answer(200, &format!(r#"{{"places":[{{{attributions}}},{{{attributions}}}]}}"#), 2);
        let value: Value = serde_json::from_str(&text.unwrap()).unwrap();
        assert_eq!(
            value["html_attributions"],
            serde_json::json!([
                "<a href=\"https://example.org/?a=1&amp;b=2\">A &amp; &lt;B&gt; &quot;C&quot; é</a>",
                "D",
            ])
        );
    }

    #[test]
    fn an_error_of_googles_is_one_of_nearby_search() {
        let key = r#","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}]"#;
        for (code, status, details, expected) in [
            (400, "INVALID_ARGUMENT", "", "INVALID_REQUEST"),
            (400, "INVALID_ARGUMENT", key, "REQUEST_DENIED"),
            (401, "UNAUTHENTICATED", "", "REQUEST_DENIED"),
            (403, "PERMISSION_DENIED", "", "REQUEST_DENIED"),
            (429, "RESOURCE_EXHAUSTED", "", "OVER_QUERY_LIMIT"),
            (500, "INTERNAL", "", "UNKNOWN_ERROR"),
            (503, "UNAVAILABLE", "", "UNKNOWN_ERROR"),
        ] {
            let body = format!(
                "{{\n \"error\": {{\n \"code\": {code},\n \"message\": \"No \\\"x\\\".\\n\",\n \"status\": \"{status}\"{details}\n }}\n}}\n"
            );
            assert_eq!(
                answer(code, &body, 5).unwrap(),
                format!(
                    "{{\"html_attributions\":[],\"results\":[],\"status\":\"{expected}\",\"error_message\":\"No \\\"x\\\".\\n\"}}\n\n"
                )
            );
        }
    }

    #[test]
    fn what_is_neither_is_a_failure() {
        use crate::json::NotJson;
        for body in ["", "<html>", "[]", "{}", r#"{"error":"x"}"#, r#"{"error":{"message":5}}"#] {
            assert_eq!(answer(404, body, 5), Err(LookupError::Status(404)), "{body}");
        }
        assert_eq!(answer(200, "<html>", 5), Err(LookupError::NotJson(NotJson::Syntax)));
        assert_eq!(answer(200, "[]", 5), Err(LookupError::NotJson(NotJson::NotAnObject)));
        for body in [r#"{"places":{}}"#, r#"{"places":null}"#, r#"{"places":[1]}"#] {
            assert_eq!(answer(200, body, 5), Err(LookupError::Foreign), "{body}");
        }
    }
}
