//! An answer of the GraphQL endpoint as one of HTTP.

use core::time::Duration;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

use crate::Error;
use crate::graphql::{Answer, Status};

/// The most bytes of a request, or of a message on a WebSocket.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;

/// A request that never became one of GraphQL.
pub(crate) fn refused(status: StatusCode, why: &str) -> Response {
    let mut answer = Answer::from(Error::Invalid(why.to_owned()));
    answer.status = Status { code: status.as_u16(), retry_after: None };
    self::answer(answer)
}

/// One line of JSON.
pub(crate) fn answer(answer: Answer) -> Response {
    let Answer { response, status } = answer;
    let mut body = serde_json::to_string(&response).expect("an answer can be written as JSON");
    body.push('\n');
    let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut http = (code, body).into_response();
    let headers = http.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.extend(response.http_headers);
    if let Some(retry_after) = status.retry_after {
        let seconds = retry_after.max(Duration::from_secs(1)).as_secs();
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    http
}
