//! Asking the provider with surf, over curl.
//!
//! surf's own curl client sends a body with every request, if only an empty one, and panics at a header
//! of the response that is not ASCII. So surf is given a client of ours, which hands curl what surf
//! asks for and nothing else.

use core::str::FromStr as _;
use core::time::Duration;
use std::io;

use async_std::io::BufReader;
use async_trait::async_trait;
use futures_util::AsyncReadExt as _;
use herd_core::LookupError;
use herd_runtime::{HttpRequest, HttpResponse, Settings, Upstream, upstream};
use isahc::config::{Configurable as _, RedirectPolicy, VersionNegotiation};
use surf::http::{Method, Request, Response};
use surf::{Body, Client, HttpClient, RequestBuilder, StatusCode};

/// A provider asked through surf.
pub(crate) struct Surf {
    client: Client,
}

impl Surf {
    /// curl goes on with a request that nobody waits for any more until its own time is up, so it keeps
    /// the time too, and has only so many connections for requests of that kind.
    pub(crate) fn new(settings: &Settings) -> io::Result<Self> {
        let curl = isahc::HttpClient::builder()
            .title_case_headers(true)
            .timeout(settings.upstream.timeout + Duration::from_secs(1))
            .max_connections(settings.core.limits.lookups as usize + ABANDONED)
            .proxy(None)
            .redirect_policy(RedirectPolicy::None)
            .automatic_decompression(false)
            .version_negotiation(VersionNegotiation::http11())
            .build()
            .map_err(io::Error::other)?;
        Ok(Self { client: Client::with_http_client(Curl(curl)) })
    }
}

#[async_trait]
impl Upstream for Surf {
    async fn send(&self, asked: &HttpRequest, limit: usize) -> Result<HttpResponse, LookupError> {
        let mut response = self.client.send(request(asked)?).await.map_err(unreachable)?;
        let status = status(response.as_ref());
        let mut body = Vec::new();
        if asked.wants_body(status) {
            let mut length = 0;
            loop {
                if length == body.len() {
                    body.resize(length + CHUNK, 0);
                }
                let read = response.read(&mut body[length..]).await.map_err(unreachable)?;
                length += read;
                upstream::check_length(length, limit)?;
                if read == 0 {
                    break;
                }
            }
            body.truncate(length);
        }
        Ok(HttpResponse { status, body: body.into() })
    }
}

fn request(asked: &HttpRequest) -> Result<RequestBuilder, LookupError> {
    let method = Method::from_str(asked.method).map_err(unreachable)?;
    let mut request = RequestBuilder::new(method, asked.url.clone());
    for (name, value) in &asked.headers {
        request = request.header(*name, value);
    }
    Ok(if asked.body.is_empty() { request } else { request.body(asked.body.as_str()) })
}

/// The status as the provider said it.
fn status(response: &Response) -> u16 {
    response.ext().get::<Said>().map_or_else(|| response.status().into(), |said| said.0)
}

/// A status that may be one that surf has no name for.
struct Said(u16);

/// What surf sends its requests with.
#[derive(Debug)]
struct Curl(isahc::HttpClient);

#[async_trait]
impl HttpClient for Curl {
    async fn send(&self, mut request: Request) -> Result<Response, surf::Error> {
        let mut asked = isahc::http::Request::builder()
            .method(request.method().as_ref())
            .uri(request.url().as_str())
            .header("User-Agent", upstream::USER_AGENT);
        // They come in any order and leave in that of the alphabet.
        let mut fields: Vec<_> = request.iter().collect();
        fields.sort_unstable_by_key(|(name, _)| name.as_str());
        for (name, values) in fields {
            asked = asked.header(name.as_str(), values.last().as_str());
        }
        let body = request.body_bytes().await?;
        // A body of no bytes would be announced, and a GET has none at all.
        let body = if body.is_empty() { isahc::Body::empty() } else { body.into() };
        let response = self.0.send_async(asked.body(body)?).await?;
        let said = response.status().as_u16();
        let named = StatusCode::try_from(said).unwrap_or(StatusCode::InternalServerError);
        let mut answer = Response::new(named);
        answer.ext_mut().insert(Said(said));
        answer.set_body(Body::from_reader(BufReader::new(response.into_body()), None));
        Ok(answer)
    }
}

/// The error may name the URL, and with it the key: it goes no further than this.
fn unreachable<E>(_error: E) -> LookupError {
    LookupError::Unreachable
}

/// Connections beyond those of `limits.lookups`, for requests that nobody waits for any more.
const ABANDONED: usize = 64;
/// Bytes of memory that a body is given at a time.
const CHUNK: usize = 16 * 1024;
