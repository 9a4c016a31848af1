//! HTTP: routes, sizes, headers, and who asks.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, ORIGIN, UPGRADE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use futures_util::StreamExt as _;
use tokio::time::timeout;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::answer::{MAX_BODY_BYTES, answer, refused};
use crate::app::{Caller, Token};
use crate::cookies;
use crate::graphql::{Api, TIME_OUT};
use crate::request;
use crate::search_json::{self, ClientAddress};
use crate::web;
use crate::websocket::{self, Connections};

/// The one endpoint.
pub(crate) const PATH: &str = "/graphql";

/// How much of a request that is too long is read, so that the client gets to read why.
const MAX_IGNORED_BYTES: usize = 8 * 1024 * 1024;

/// What every answer says unless it says something else itself.
const HEADERS: [(&str, &str); 4] = [
    (
        "content-security-policy",
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cache-control", "no-store"),
];

/// What the routes share.
#[derive(Clone)]
pub(crate) struct Http {
    pub(crate) api: Api,
    /// Whether a proxy in front says who asks, and how.
    pub(crate) trust_proxy: bool,
    pub(crate) connections: Arc<Connections>,
}

/// The service as a router; it has to know the addresses of its peers.
pub(crate) fn router(http: Http) -> Router {
    let routes = Router::new()
        .route("/healthz", get("ok"))
        .route(PATH, post(graphql))
        .with_state(http.clone())
        .merge(search_json::router(http.api.app().database.clone()))
        .merge(web::router(http.api.app().database.clone()))
        .layer(middleware::from_fn_with_state(http, upgrade));
    HEADERS.into_iter().fold(routes, |routes, (name, value)| {
        let name = HeaderName::from_static(name);
        let value = HeaderValue::from_static(value);
        routes.layer(SetResponseHeaderLayer::if_not_present(name, value))
    })
}

/// Lets a WebSocket have the way to the endpoint, wherever a GET of a browser leads.
async fn upgrade(State(http): State<Http>, mut request: Request, next: Next) -> Response {
    let is_websocket = request.method() == Method::GET
        && request.uri().path() == PATH
        && text(request.headers(), UPGRADE).is_some_and(|to| to.eq_ignore_ascii_case("websocket"));
    let mut caller = http.caller(&request);
    if !is_websocket {
        request.extensions_mut().insert(ClientAddress(caller.address));
        return next.run(request).await;
    }
    if matches!(caller.token, Token::Cookie(_)) && !http.is_same_origin(request.headers()) {
        // A page of somebody else's may open a WebSocket, and the browser gives it our cookie.
        caller.token = Token::None;
    }
    websocket::open(http.api, &http.connections, caller, request).await
}

async fn graphql(State(http): State<Http>, request: Request) -> Response {
    let caller = http.caller(&request);
    if !is_json(request.headers()) {
        return refused(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "a request is JSON, with `Content-Type: application/json`",
        );
    }
    let body = match timeout(TIME_OUT, read(request.into_body())).await {
        Ok(Ok(body)) => body,
        Ok(Err(status)) if status == StatusCode::PAYLOAD_TOO_LARGE => {
            return refused(status, &format!("a request has at most {MAX_BODY_BYTES} bytes"));
        }
        Ok(Err(status)) => return refused(status, "the request is not complete"),
        Err(_) => {
            return refused(StatusCode::REQUEST_TIMEOUT, "the request did not arrive in time");
        }
    };
    let parsed = serde_json::from_slice(&body).map_err(|error| error.to_string());
    match parsed.and_then(request::parse) {
        Ok(request) => answer(http.api.execute(caller, request).await),
        Err(why) => refused(
            StatusCode::BAD_REQUEST,
            &format!("the request is no JSON object with a `query`: {why}"),
        ),
    }
}

impl Http {
    /// Who asks.
    fn caller(&self, request: &Request) -> Caller {
        let headers = request.headers();
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip());
        let address = self.forwarded(headers, "x-forwarded-for");
        let protocol = self.forwarded(headers, "x-forwarded-proto");
        Caller {
            token: token(headers),
            address: address.and_then(ip).unwrap_or(peer),
            is_https: protocol.is_some_and(|p| p.eq_ignore_ascii_case("https")),
        }
    }

    /// What the proxy in front has written, if there is one.
    ///
    /// It is the last part of the last line: what stands before may be the client's, whether the proxy adds to
    /// a line or adds one of its own.
    fn forwarded<'h>(&self, headers: &'h HeaderMap, name: &'static str) -> Option<&'h str> {
        if !self.trust_proxy {
            return None;
        }
        let last = headers.get_all(HeaderName::from_static(name)).iter().next_back()?;
        last.to_str().ok()?.rsplit(',').next().map(str::trim)
    }

    /// Whether a request comes from a page of ours.
    fn is_same_origin(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = text(headers, ORIGIN) else { return false };
        let Some((_, origin)) = origin.split_once("://") else { return false };
        let proxied = self.forwarded(headers, "x-forwarded-host");
        [text(headers, HOST), proxied]
            .into_iter()
            .flatten()
            .any(|host| host.eq_ignore_ascii_case(origin))
    }
}

/// An address as proxies write it: bare, in brackets, or with a port.
fn ip(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address);
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    text.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// How somebody says who they are. What programs say on purpose counts before what browsers send by themselves.
fn token(headers: &HeaderMap) -> Token {
    if let Some(value) = headers.get(AUTHORIZATION) {
        let value = value.to_str().unwrap_or_default();
        let bearer = value.split_once(' ').filter(|(how, _)| how.eq_ignore_ascii_case("bearer"));
        return Token::Bearer(bearer.map_or("", |(_, token)| token.trim()).to_owned());
    }
    let mut cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookie = cookies.find_map(cookies::token);
    cookie.map_or(Token::None, |token| Token::Cookie(token.to_owned()))
}

fn is_json(headers: &HeaderMap) -> bool {
    text(headers, CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json")
    })
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

async fn read(body: Body) -> Result<Vec<u8>, StatusCode> {
    let mut pieces = body.into_data_stream();
    let (mut bytes, mut length) = (Vec::new(), 0);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| StatusCode::BAD_REQUEST)?;
        length += piece.len();
        if length <= MAX_BODY_BYTES {
            bytes.extend_from_slice(&piece);
        } else if length > MAX_IGNORED_BYTES {
            break;
        }
    }
    if length > MAX_BODY_BYTES { Err(StatusCode::PAYLOAD_TOO_LARGE) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_write_an_address_in_several_ways() {
        for (written, want) in [
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7:5678", "192.0.2.7"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("\"[2001:db8::1]:5678\"", "2001:db8::1"),
        ] {
            assert_eq!(ip(written), want.parse().ok(), "{written}");
        }
        for bad in ["", "unknown", "_hidden", "192.0.2", "192.0.2.7:x", "[192.0.2.7", "[]"] {
            assert_eq!(ip(bad), None, "{bad}");
        }
    }
}
