//! The live map: the files of `web/`, and what it shares with the microblog's map.

use core::hash::{Hash as _, Hasher as _};
use std::hash::DefaultHasher;
use std::sync::OnceLock;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;

/// Nothing from elsewhere, no script or style within the page, and no way to make HTML of a text.
const POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// How many towns the map has.
const TOWNS: usize = 2000;

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

macro_rules! file {
    ($path:literal, $kind:expr, $file:literal) => {
        ($path, $kind, include_bytes!(concat!("../", $file)).as_slice())
    };
}

/// Paths, media types and contents. What is in `/web/` is the microblog's, which has the same map under its own.
const FILES: [(&str, &str, &[u8]); 16] = [
    file!("/", HTML, "web/index.html"),
    file!("/gateway/main.js", SCRIPT, "web/main.js"),
    file!("/gateway/feed.js", SCRIPT, "web/feed.js"),
    file!("/gateway/layer.js", SCRIPT, "web/layer.js"),
    file!("/gateway/live_map.js", SCRIPT, "web/live_map.js"),
    file!("/gateway/points.js", SCRIPT, "web/points.js"),
    file!("/gateway/style.css", STYLE, "web/style.css"),
    file!("/gateway/icon.svg", "image/svg+xml", "web/icon.svg"),
    file!("/web/dom.js", SCRIPT, "../upstreams/posts/web/dom.js"),
    file!("/web/map/geo.js", SCRIPT, "../upstreams/posts/web/map/geo.js"),
    file!("/web/map/land.js", SCRIPT, "../upstreams/posts/web/map/land.js"),
    file!("/web/map/map.js", SCRIPT, "../upstreams/posts/web/map/map.js"),
    file!("/web/map/paint.js", SCRIPT, "../upstreams/posts/web/map/paint.js"),
    file!("/web/map/land.bin", "application/octet-stream", "../upstreams/posts/web/map/land.bin"),
    file!("/web/style/base.css", STYLE, "../upstreams/posts/web/style/base.css"),
    file!("/web/style/map.css", STYLE, "../upstreams/posts/web/style/map.css"),
];

/// The page and its files.
pub(crate) fn router() -> Router {
    let routes = Router::new().route("/map/cities.json", get(cities));
    FILES.iter().fold(routes, |routes, (path, kind, content)| {
        let tag = tag(content);
        routes.route(
            path,
            get(async move |request: Request| {
                answer(request.headers(), kind, Bytes::from_static(content), &tag)
            }),
        )
    })
}

async fn cities(headers: HeaderMap) -> Response {
    static CITIES: OnceLock<(Bytes, HeaderValue)> = OnceLock::new();
    // Unpacking the places takes a while, which other requests need not wait for.
    let made = tokio::task::spawn_blocking(|| {
        CITIES.get_or_init(|| {
            let towns = herd_places::greatest_towns(TOWNS);
            // To some hundred metres: the map shows no more.
            let rounded = |degrees: f64| (degrees * 1000.0).round() / 1000.0;
            let towns =
                towns.into_iter().map(|(name, lat, lng)| (name, rounded(lat), rounded(lng)));
            let text = serde_json::to_vec(&towns.collect::<Vec<_>>()).unwrap_or_default();
            let tag = tag(&text);
            (text.into(), tag)
        })
    });
    match made.await {
        Ok((text, tag)) => answer(&headers, "application/json", text.clone(), tag),
        Err(error) => {
            log::error!("the towns of the map: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Of a content, in quotes.
fn tag(content: &[u8]) -> HeaderValue {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    HeaderValue::try_from(format!("\"{:016x}\"", hasher.finish())).expect("hex is a value")
}

/// Browsers keep it, but ask each time whether it is still the same: another version of the program may have taken
/// its place.
fn answer(headers: &HeaderMap, kind: &'static str, content: Bytes, tag: &HeaderValue) -> Response {
    let common = [(ETAG, tag.clone()), (CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    if headers.get(IF_NONE_MATCH) == Some(tag) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let described = [(CONTENT_TYPE, kind), (CONTENT_SECURITY_POLICY, POLICY)];
    (common, described, content).into_response()
}
