//! All routes together, and who may use them.
//!
//! There are no tokens: whoever can connect may report for anybody and see everybody. So the gateway listens on
//! loopback only, and a page of somebody else's that a browser on this machine shows may not use it either: neither by
//! naming itself as the origin of a request, nor by a name of its own for this address.

use core::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::answer::error;
use crate::counts::{self, Counts, Gauges};
use crate::intake::{self, Intake};
use crate::out::{self, Out};
use crate::page;
use crate::servers_state::{self, ServersState};

/// What every answer says unless it says something else itself.
const HEADERS: [(&str, &str); 4] = [
    (
        "content-security-policy",
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// What the routes of this module share.
#[derive(Clone, Debug)]
struct Watched {
    counts: Arc<Counts>,
    intake: Arc<Intake>,
    out: Arc<Out>,
}

/// The gateway as a router.
pub(crate) fn router(
    intake: Arc<Intake>,
    out: Arc<Out>,
    servers: ServersState,
    counts: Arc<Counts>,
) -> Router {
    let watched = Watched { counts, intake: Arc::clone(&intake), out: Arc::clone(&out) };
    let routes = Router::new()
        .route("/healthz", get("ok\n"))
        .route("/metrics", get(metrics))
        .with_state(watched)
        .merge(intake::router(intake))
        .merge(out::router(out))
        .merge(servers_state::router(servers))
        .merge(page::router())
        .fallback(async || error(StatusCode::NOT_FOUND, "there is nothing at this address"))
        .layer(middleware::from_fn(own_pages_only));
    HEADERS.into_iter().fold(routes, |routes, (name, value)| {
        let name = HeaderName::from_static(name);
        let value = HeaderValue::from_static(value);
        routes.layer(SetResponseHeaderLayer::if_not_present(name, value))
    })
}

async fn metrics(State(watched): State<Watched>) -> Response {
    let Watched { counts, intake, out } = watched;
    let gauges = Gauges {
        clients: out.clients(),
        waiting: intake.waiting(),
        subscribers: out.subscribers(),
        is_following: out.is_following(),
    };
    ([(CONTENT_TYPE, counts::KIND)], counts.text(gauges)).into_response()
}

/// Refuses what pages of others have browsers send.
async fn own_pages_only(request: Request, next: Next) -> Response {
    match foreign(request.headers(), request.uri().path()) {
        Some(words) => error(StatusCode::FORBIDDEN, words),
        None => next.run(request).await,
    }
}

/// Why a request is refused, if it is.
fn foreign(headers: &HeaderMap, path: &str) -> Option<&'static str> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = text(HOST);
    if host.is_some_and(|host| !is_loopback(host)) {
        return Some(
            "without tokens a gateway is only for this machine, by 127.0.0.1 or localhost",
        );
    }
    if let Some(origin) = text(ORIGIN) {
        let own =
            host.is_some_and(|host| origin.split_once("://").is_some_and(|(_, at)| at == host));
        if !own {
            return Some("a page of another site may not use the gateway");
        }
    }
    // Pictures and links name no origin.
    let site = text(HeaderName::from_static("sec-fetch-site"));
    let is_from_elsewhere = matches!(site, Some("cross-site" | "same-site"));
    let opens_a_page = text(HeaderName::from_static("sec-fetch-mode")) == Some("navigate")
        && !path.starts_with("/in/")
        && !path.starts_with("/v1/");
    if is_from_elsewhere && !opens_a_page {
        return Some("a page of another site may not use the gateway");
    }
    None
}

/// Whether the `Host` of a request is this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    match bare.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => {
            let name = name.to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(headers: &[(&'static str, &str)], path: &str) -> bool {
        let headers = headers.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        });
        foreign(&headers.collect(), path).is_some()
    }

    #[test]
    fn applications_and_own_pages_are_let_in() {
        for headers in [
            &[][..],
            &[("host", "127.0.0.1:12080")],
            &[("host", "[::1]:12080")],
            &[("host", "localhost:12080"), ("origin", "http://localhost:12080")],
            &[("host", "localhost"), ("sec-fetch-site", "same-origin")],
            &[("host", "localhost"), ("sec-fetch-site", "none")],
        ] {
            assert!(!is_refused(headers, "/in/osmand"), "{headers:?}");
        }
        let link = [
            ("host", "localhost"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
        ];
        assert!(!is_refused(&link, "/"));
        assert!(is_refused(&link, "/in/osmand/van") && is_refused(&link, "/v1/clients"));
    }

    #[test]
    fn pages_of_others_are_refused() {
        for headers in [
            &[("host", "evil.example:12080")][..],
            &[("host", "127.0.0.1.evil.example")],
            &[("host", "192.168.1.5:12080")],
            &[("host", "127.0.0.1:12080"), ("origin", "http://evil.example")],
            &[("host", "127.0.0.1:12080"), ("origin", "http://127.0.0.1:80")],
            &[("host", "127.0.0.1:12080"), ("origin", "null")],
            &[("origin", "http://127.0.0.1:12080")],
            &[("host", "localhost"), ("sec-fetch-site", "cross-site")],
            &[
                ("host", "localhost"),
                ("sec-fetch-site", "same-site"),
                ("sec-fetch-mode", "no-cors"),
            ],
        ] {
            assert!(is_refused(headers, "/"), "{headers:?}");
        }
    }
}
