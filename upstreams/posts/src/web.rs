//! The web client: the files of `web/`, which the program carries, and the towns for its map.
//!
//! The client is static; what it shows it asks of the GraphQL endpoint. Its pages are one HTML file, whose
//! scripts look at the address: here is only decided whether an address is that of a page at all.

use core::net::{IpAddr, Ipv4Addr};
use std::collections::HashMap;
use std::io::Read as _;
use std::sync::{LazyLock, OnceLock};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use flate2::Compression;
use flate2::read::GzEncoder;
use percent_encoding::percent_decode_str;
use rust_embed::RustEmbed;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::database::Database;
use crate::search_json::ClientAddress;
use crate::turns::RequestDatabase;
use crate::visibility::NOBODY;
use crate::{Error, accounts, page, posts};

/// Nothing from elsewhere, no script or style within the page, and no way to make HTML of a text.
const CLIENT_POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; \
    form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// Nothing from elsewhere either; its editor makes styles and has pictures within them.
const GRAPHIQL_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// How many towns the map has.
const TOWNS: usize = 2000;

/// A file shorter than this is not worth packing.
const MIN_PACKED_BYTES: usize = 1024;

#[derive(RustEmbed)]
#[folder = "web/"]
struct Web;

/// The client's pages, scripts, styles and map, and GraphiQL for `GET /graphql`.
///
/// It answers whatever no other route does: with a page, or with one that says there is none.
pub(crate) fn router(database: Database) -> Router {
    Router::new()
        .route("/graphql", get(graphiql))
        .route("/map/cities.json", get(cities))
        .route("/web/{*path}", get(file))
        .route("/favicon.ico", get(async |headers: HeaderMap| FILES["icon.svg"].answer(&headers)))
        .fallback_service(get(show_page).with_state(database))
}

async fn graphiql(headers: HeaderMap) -> Response {
    if !wants_html(&headers) {
        let words = "Ask by POST, or open this address in a browser for GraphiQL.\n";
        return (StatusCode::NOT_ACCEPTABLE, words).into_response();
    }
    with_policy(FILES["graphiql.html"].answer(&headers), GRAPHIQL_POLICY)
}

async fn show_page(
    State(database): State<Database>,
    client: Option<Extension<ClientAddress>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let address = client.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Extension(client)| client.0);
    let database = RequestDatabase::new(database, address);
    let is_page = is_page(uri.path()) && !is_about_nothing(&database, uri.path()).await;
    if !is_page && !wants_html(&headers) {
        return (StatusCode::NOT_FOUND, "There is nothing at this address.\n").into_response();
    }
    let mut answer = with_policy(FILES["index.html"].answer(&headers), CLIENT_POLICY);
    if !is_page && answer.status() == StatusCode::OK {
        *answer.status_mut() = StatusCode::NOT_FOUND;
    }
    answer
}

async fn file(Path(path): Path<String>, headers: HeaderMap) -> Response {
    match FILES.get(path.as_str()) {
        Some(file) => file.answer(&headers),
        None => (StatusCode::NOT_FOUND, "There is no such file.\n").into_response(),
    }
}

async fn cities(headers: HeaderMap) -> Response {
    static CITIES: OnceLock<File> = OnceLock::new();
    let Some(file) = CITIES.get() else {
        // Unpacking the places takes a while, which other requests need not wait for.
        return match tokio::task::spawn_blocking(|| CITIES.get_or_init(greatest_towns)).await {
            Ok(file) => file.answer(&headers),
            Err(error) => {
                log::error!("the towns of the map: {error}");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        };
    };
    file.answer(&headers)
}

/// Whether the client has something to show at this path; the routes of `web/main.js` are the same.
fn is_page(path: &str) -> bool {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match segments[..] {
        ["" | "feed" | "login" | "signup" | "search" | "mentions" | "about" | "blocked"] => true,
        ["tag" | "post", which] => !which.is_empty(),
        [name] => is_name(name),
        [name, "followers" | "following"] => is_name(name),
        _ => false,
    }
}

/// Whether the page would be about somebody or a post that is not there. While the database is away nobody knows: the
/// page says that itself.
async fn is_about_nothing(database: &RequestDatabase, path: &str) -> bool {
    let looked: Result<bool, Error> = async {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        Ok(match segments[..] {
            ["post", id] => match page::id(id) {
                Some(id) => posts::one(&mut *database.read().await?, NOBODY, id).await?.is_none(),
                None => true,
            },
            [name, ..] if is_name(name) => {
                let name = percent_decode_str(&name[1..]).decode_utf8_lossy();
                accounts::id_of(&mut *database.read().await?, &name).await?.is_none()
            }
            _ => false,
        })
    }
    .await;
    looked.unwrap_or(false)
}

/// `@` and something.
fn is_name(segment: &str) -> bool {
    segment.len() > 1 && segment.starts_with('@')
}

/// Browsers that open a page name HTML; programs that ask for data do not.
fn wants_html(headers: &HeaderMap) -> bool {
    accepts(headers, &ACCEPT, "text/html", "")
}

fn with_policy(mut answer: Response, policy: &'static str) -> Response {
    let headers = answer.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.append(VARY, HeaderValue::from_static("accept"));
    answer
}

/// Whether this header, a list of words each with a weight (`;q=0.5`), takes `word`: by itself or, where it takes
/// everything else, by `*`.
fn accepts(headers: &HeaderMap, name: &HeaderName, word: &str, everything: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let mut by_everything = false;
    for item in values.flat_map(|value| value.split(',')) {
        let mut parts = item.split(';').map(str::trim);
        let own = parts.next().unwrap_or_default();
        let weight =
            parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        // What is no number is left out.
        let is_taken =
            weight.is_none_or(|weight| weight.trim().parse().is_ok_and(|q: f32| q > 0.0));
        if own.eq_ignore_ascii_case(word) {
            return is_taken;
        }
        by_everything |= own == everything && is_taken;
    }
    by_everything
}

/// All files of the folder, by their paths in it.
static FILES: LazyLock<HashMap<String, File>> = LazyLock::new(|| {
    let file = |path: String| {
        let data = Web::get(&path).expect("a listed file is there").data;
        let file = File::new(data.into_owned().into(), content_type(&path));
        (path, file)
    };
    Web::iter().map(|path| file(path.into_owned())).collect()
});

/// Something to send, and what browsers need to know to keep it.
struct File {
    bytes: Bytes,
    /// Packed when somebody first asks for it so, and only if that helps.
    packed: OnceLock<Option<Bytes>>,
    content_type: &'static str,
    /// Of the content, in quotes; weak, as the packed form has the same.
    tag: HeaderValue,
}

impl File {
    fn new(bytes: Bytes, content_type: &'static str) -> Self {
        let hash = Sha256::digest(&bytes);
        let number = hash.iter().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte));
        let tag = HeaderValue::try_from(format!("W/\"{number:016x}\"")).expect("hex is a value");
        Self { bytes, packed: OnceLock::new(), content_type, tag }
    }

    /// Browsers keep it, but ask each time whether it is still the same: another version of the program
    /// may have taken its place.
    fn answer(&self, headers: &HeaderMap) -> Response {
        let known = headers.get(IF_NONE_MATCH).is_some_and(|tags| {
            tags.to_str().is_ok_and(|tags| {
                tags.split(',').any(|tag| tag.trim() == "*" || tag.trim() == self.tag)
            })
        });
        let common = [
            (ETAG, self.tag.clone()),
            (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            (VARY, HeaderValue::from_static("accept-encoding")),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        if known {
            return (StatusCode::NOT_MODIFIED, common).into_response();
        }
        let content_type = [(CONTENT_TYPE, self.content_type)];
        let packed =
            accepts(headers, &ACCEPT_ENCODING, "gzip", "*").then(|| self.packed()).flatten();
        match packed {
            Some(packed) => {
                (common, content_type, [(CONTENT_ENCODING, "gzip")], packed).into_response()
            }
            None => (common, content_type, self.bytes.clone()).into_response(),
        }
    }

    fn packed(&self) -> Option<Bytes> {
        let packed = self.packed.get_or_init(|| {
            if self.bytes.len() < MIN_PACKED_BYTES {
                return None;
            }
            let mut packed = Vec::new();
            GzEncoder::new(&self.bytes[..], Compression::default())
                .read_to_end(&mut packed)
                .expect("memory can be read");
            (packed.len() < self.bytes.len()).then(|| packed.into())
        });
        packed.clone()
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// The most populous towns as `[[name, latitude, longitude], ...]`, the greatest first.
fn greatest_towns() -> File {
    let towns: Vec<_> = herd_places::greatest_towns(TOWNS)
        .into_iter()
        .map(|(name, lat, lng)| json!([name, rounded(lat), rounded(lng)]))
        .collect();
    File::new(json!(towns).to_string().into(), "application/json")
}

/// To some hundred metres: the map shows no more.
fn rounded(degrees: f64) -> f64 {
    (degrees * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_told_from_other_addresses() {
        for page in ["/", "/feed", "/search", "/@ann", "/@ann/followers", "/tag/kiwi", "/post/17"] {
            assert!(is_page(page), "{page}");
        }
        for other in
            ["/@", "/tag/", "/tag", "/post/17/x", "/feed/", "/nowhere", "/@ann/posts", "//"]
        {
            assert!(!is_page(other), "{other}");
        }
    }

    #[test]
    fn every_file_has_a_type_that_a_browser_takes() {
        assert!(FILES.len() > 30, "the folder is there");
        for (path, file) in &*FILES {
            assert!(
                path.ends_with(".bin") || file.content_type != "application/octet-stream",
                "{path}"
            );
        }
    }

    #[test]
    fn a_file_that_the_browser_has_is_not_sent_again() {
        let file = &FILES["main.js"];
        let first = file.answer(&HeaderMap::new());
        let headers = HeaderMap::from_iter([(IF_NONE_MATCH, first.headers()[ETAG].clone())]);

        let second = file.answer(&headers);

        assert_eq!(first.status(), StatusCode::OK);
        assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
        assert_ne!(first.headers()[ETAG], FILES["dom.js"].tag);
    }

    #[test]
    fn what_is_refused_is_not_sent() {
        for (value, is_packed) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("*", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("*;q=0", false),
            ("gzip;q=0, *", false),
            ("identity", false),
            ("", false),
            ("x-gzip-not", false),
        ] {
            let headers =
                HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(value))]);
            let answer = FILES["main.js"].answer(&headers);
            assert_eq!(answer.headers().contains_key(CONTENT_ENCODING), is_packed, "{value}");
        }
        let wants =
            |value| wants_html(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(value))]));
        assert!(wants("text/html,*/*;q=0.8") && !wants("*/*") && !wants("text/html;q=0"));
    }

    #[test]
    fn scripts_are_packed_for_who_can_unpack_them() {
        let headers =
            HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("br, gzip"))]);

        let answer = FILES["graphiql/graphiql.js"].answer(&headers);

        assert_eq!(answer.headers()[CONTENT_ENCODING], "gzip");
        let packed = FILES["graphiql/graphiql.js"].packed().expect("it is long");
        assert!(packed.len() * 3 < FILES["graphiql/graphiql.js"].bytes.len());
    }

    #[test]
    fn the_greatest_towns_come_first() {
        let towns: Vec<(String, f64, f64)> =
            serde_json::from_slice(&greatest_towns().bytes).expect("the format of the map");

        assert_eq!(towns.len(), TOWNS);
        assert!(towns[..40].iter().any(|(name, ..)| name == "Mexico City"));
    }
}
