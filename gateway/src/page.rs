//! The live map: the files of `web/`, and what it shares with the microblog's map.

use core::hash::{Hash as _, Hasher as _};
use std::hash::DefaultHasher;
use std::io::Read as _;
use std::sync::LazyLock;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzEncoder;

/// Nothing from elsewhere, and no script within the page. The map makes pictures and a worker of its own.
const POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; \
    style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// How many towns the map has.
const TOWNS: usize = 2000;
/// A file shorter than this is not worth packing.
const MIN_PACKED_BYTES: usize = 1024;

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! file {
    ($path:literal, $kind:expr, $file:literal) => {
        ($path, $kind, include_bytes!(concat!("../", $file)).as_slice())
    };
}

/// Paths, media types and contents. Some are the microblog's, which has the same land and towns on its map.
const FILES: [(&str, &str, &[u8]); 15] = [
    file!("/", HTML, "web/index.html"),
    file!("/web/style.css", STYLE, "web/style.css"),
    file!("/web/icon.svg", SVG, "web/icon.svg"),
    file!("/web/main.js", SCRIPT, "web/main.js"),
    file!("/web/basemap.js", SCRIPT, "web/basemap.js"),
    file!("/web/feed.js", SCRIPT, "web/feed.js"),
    file!("/web/panels.js", SCRIPT, "web/panels.js"),
    file!("/web/points.js", SCRIPT, "web/points.js"),
    file!("/web/maplibre/maplibre-gl.mjs", SCRIPT, "web/maplibre/maplibre-gl.mjs"),
    file!("/web/maplibre/maplibre-gl-worker.mjs", SCRIPT, "web/maplibre/maplibre-gl-worker.mjs"),
    file!("/web/maplibre/maplibre-gl.css", STYLE, "web/maplibre/maplibre-gl.css"),
    file!("/web/dom.js", SCRIPT, "../upstreams/posts/web/dom.js"),
    file!("/web/map/geo.js", SCRIPT, "../upstreams/posts/web/map/geo.js"),
    file!("/web/map/land.js", SCRIPT, "../upstreams/posts/web/map/land.js"),
    file!("/web/map/land.bin", "application/octet-stream", "../upstreams/posts/web/map/land.bin"),
];

/// A file as it is sent.
struct File {
    kind: &'static str,
    content: Bytes,
    /// The same packed, where that makes it shorter.
    packed: Option<Bytes>,
    tag: HeaderValue,
}

/// The page and its files.
pub(crate) fn router() -> Router {
    let routes = Router::new().route("/map/cities.json", get(cities));
    (0..FILES.len()).fold(routes, |routes, at| {
        let send = async move |request: Request| PAGE[at].answer(request.headers());
        routes.route(FILES[at].0, get(send))
    })
}

/// The files, made ready when the first of them is asked for.
static PAGE: LazyLock<Vec<File>> = LazyLock::new(|| {
    let file = |(_, kind, content): (&str, &'static str, &'static [u8])| {
        File::new(kind, Bytes::from_static(content))
    };
    FILES.into_iter().map(file).collect()
});

async fn cities(headers: HeaderMap) -> Response {
    static CITIES: LazyLock<File> = LazyLock::new(|| {
        // To some hundred metres: the map shows no more.
        let rounded = |degrees: f64| (degrees * 1000.0).round() / 1000.0;
        let towns = herd_places::greatest_towns(TOWNS).into_iter();
        let towns = towns.map(|(name, lat, lng)| (name, rounded(lat), rounded(lng)));
        let text = serde_json::to_vec(&towns.collect::<Vec<_>>()).unwrap_or_default();
        File::new("application/json", text.into())
    });
    // Unpacking the places takes a while, which other requests need not wait for.
    match tokio::task::spawn_blocking(|| &*CITIES).await {
        Ok(file) => file.answer(&headers),
        Err(error) => {
            log::error!("the towns of the map: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

impl File {
    fn new(kind: &'static str, content: Bytes) -> Self {
        let mut hasher = DefaultHasher::new();
        content.hash(&mut hasher);
        let tag = format!("\"{:016x}\"", hasher.finish());
        let tag = HeaderValue::try_from(tag).expect("hex in quotes is a value");
        let mut packed = Vec::new();
        let is_packed = content.len() >= MIN_PACKED_BYTES
            && GzEncoder::new(&*content, Compression::default()).read_to_end(&mut packed).is_ok()
            && packed.len() < content.len();
        Self { kind, tag, packed: is_packed.then(|| packed.into()), content }
    }

    /// Browsers keep it, but ask each time whether it is still the same: another version of the program may have
    /// taken its place.
    fn answer(&self, headers: &HeaderMap) -> Response {
        let common = [
            (ETAG, self.tag.clone()),
            (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            (VARY, HeaderValue::from_static("accept-encoding")),
        ];
        if headers.get(IF_NONE_MATCH) == Some(&self.tag) {
            return (StatusCode::NOT_MODIFIED, common).into_response();
        }
        let described = [(CONTENT_TYPE, self.kind), (CONTENT_SECURITY_POLICY, POLICY)];
        match self.packed.clone().filter(|_| takes_gzip(headers)) {
            Some(packed) => {
                (common, described, [(CONTENT_ENCODING, "gzip")], packed).into_response()
            }
            None => (common, described, self.content.clone()).into_response(),
        }
    }
}

/// Whether the client takes gzip, and has not said that it takes none by a weight of 0.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let weight =
            |part: &str| part.strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"))
            && parts.find_map(weight).is_none_or(|weight| weight > 0.0)
    })
}
