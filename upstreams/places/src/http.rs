//! HTTP around the answers.

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::nearby::Nearby;

/// Where the search is, as at Google.
pub const PATH: &str = "/maps/api/place/nearbysearch/json";

/// The service as a router.
pub(crate) fn router(nearby: Arc<Nearby>) -> Router {
    Router::new().route(PATH, get(answer)).with_state(nearby)
}

async fn answer(State(nearby): State<Arc<Nearby>>, RawQuery(query): RawQuery) -> impl IntoResponse {
    let json = nearby.answer(&query.unwrap_or_default());
    ([(CONTENT_TYPE, "application/json; charset=UTF-8")], json)
}
