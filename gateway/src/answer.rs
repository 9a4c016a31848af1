//! Answers of HTTP, and how values are written in them.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use herd_core::Timestamp;
use percent_encoding::percent_decode_str;
use serde::{Serialize, Serializer};
use serde_json::json;
use serde_json::value::RawValue;

/// JSON, one line of it.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    of_kind(status, value, "application/json; charset=utf-8")
}

/// GeoJSON.
pub(crate) fn geojson(value: &impl Serialize) -> Response {
    of_kind(StatusCode::OK, value, "application/geo+json; charset=utf-8")
}

fn of_kind(status: StatusCode, value: &impl Serialize, kind: &'static str) -> Response {
    let mut body = serde_json::to_string(value).expect("what is answered can be written as JSON");
    body.push('\n');
    let mut answer = (status, body).into_response();
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    // Where people are is nothing to keep.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// Why something was not done.
pub(crate) fn error(status: StatusCode, words: &str) -> Response {
    json(status, &json!({"error": words}))
}

/// What a path has behind `start`, decoded.
pub(crate) fn rest(path: &str, start: &str) -> String {
    let rest = path.strip_prefix(start).unwrap_or_default();
    percent_decode_str(rest).decode_utf8_lossy().into_owned()
}

/// A number in the digits it was written in, if these are a number of JSON.
pub(crate) fn number(digits: &str) -> Box<RawValue> {
    let number = RawValue::from_string(digits.to_owned());
    number.unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// Seconds since 1970 with all their digits.
pub(crate) fn seconds(time: Timestamp) -> Box<RawValue> {
    number(&crate::time::seconds(time))
}

/// [`seconds`], for serde.
pub(crate) fn seconds_number<S: Serializer>(
    time: &Timestamp,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    seconds(*time).serialize(serializer)
}

/// A time as ISO 8601 in UTC.
pub(crate) fn iso<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    let instant = jiff::Timestamp::from_nanosecond(time.nanos().into());
    instant.map(|instant| instant.to_string()).unwrap_or_default().serialize(serializer)
}
