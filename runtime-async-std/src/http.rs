//! Asking the provider with surf, over curl.
//!
//! surf's own curl client sends a body with every request, if only an empty one, and panics at a header
//! of the response that is not ASCII. So surf is given a client of ours, which hands curl what surf
//! asks for and nothing else.

use core::error::Error;
use core::fmt;
use core::str::FromStr as _;
use core::time::Duration;
use std::io;

use async_std::io::BufReader;
use async_trait::async_trait;
use futures_util::AsyncReadExt as _;
use herd_core::LookupError;
use herd_runtime::upstream::Failed;
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

impl Surf {
    /// Sends a request up to the head of its response.
    ///
    /// Where a connection breaks that was kept, curl sends the request once more by itself. One that the connection
    /// breaks under although it was new is sent once more here, so that both servers ask alike. Asking twice does no
    /// harm: no request changes anything.
    async fn head(&self, asked: &HttpRequest) -> Result<surf::Response, Failed> {
        match self.client.send(request(asked)?).await.map_err(failed) {
            Err(Failed { error: LookupError::Broken, .. }) => {
                self.client.send(request(asked)?).await.map_err(failed)
            }
            other => other,
        }
    }
}

#[async_trait]
impl Upstream for Surf {
    async fn send(&self, asked: &HttpRequest, limit: usize) -> Result<HttpResponse, Failed> {
        let mut response = self.head(asked).await?;
        let answer: &Response = response.as_ref();
        let said = answer.ext().get::<Said>();
        let status = said.map_or_else(|| answer.status().into(), |said| said.status);
        let is_compressed = said.is_some_and(|said| said.is_compressed);
        let mut body = Vec::new();
        if asked.wants_body(status) {
            if is_compressed {
                return Err(LookupError::Compressed.into());
            }
            let mut length = 0;
            loop {
                if length == body.len() {
                    body.resize(length + CHUNK, 0);
                }
                let read = response.read(&mut body[length..]).await;
                let read = read.map_err(|error| Failed::because(LookupError::Broken, &error))?;
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

/// What a failure is to the client and to the log.
fn failed(error: surf::Error) -> Failed {
    use isahc::Error;

    if error.downcast_ref::<TooManyFields>().is_some() {
        return Failed::because(LookupError::NotHttp, &TooManyFields);
    }
    let Some(error) = error.downcast_ref::<Error>() else {
        return Failed { error: LookupError::Unreachable, reason: error.to_string() };
    };
    // Before there is a body, an error of the body is a field that isahc cannot read.
    let is_no_http = matches!(error, Error::InvalidHttpFormat(_) | Error::ResponseBodyError(_))
        // Only the words of curl tell these apart.
        || matches!(error, Error::Curl(what) if NO_HTTP.contains(&what.as_str()));
    let kind = if is_no_http {
        LookupError::NotHttp
    } else if matches!(error, Error::NoResponse | Error::Io(_) | Error::Curl(_)) {
        LookupError::Broken
    } else {
        LookupError::Unreachable
    };
    Failed::because(kind, error)
}

/// What curl says where the answer is no HTTP, or HTTP/0.9.
const NO_HTTP: [&str; 2] = ["Weird server reply", "Unsupported protocol"];

/// More header fields than [`upstream::MAX_FIELDS`].
#[derive(Debug)]
struct TooManyFields;

impl fmt::Display for TooManyFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more than {} header fields", upstream::MAX_FIELDS)
    }
}

impl Error for TooManyFields {}

fn request(asked: &HttpRequest) -> Result<RequestBuilder, LookupError> {
    let method = Method::from_str(asked.method).map_err(|_| LookupError::Unreachable)?;
    let mut request = RequestBuilder::new(method, asked.url.clone());
    for (name, value) in &asked.headers {
        request = request.header(*name, value);
    }
    Ok(if asked.body.is_empty() { request } else { request.body(asked.body.as_str()) })
}

/// What the provider said that surf has no place for.
struct Said {
    /// The status, which may be one that surf has no name for.
    status: u16,
    /// Whether the body is compressed.
    is_compressed: bool,
}

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
        if response.headers().len() > upstream::MAX_FIELDS {
            return Err(surf::Error::new(StatusCode::BadGateway, TooManyFields));
        }
        let status = response.status().as_u16();
        let encoding = response.headers().get("Content-Encoding").map(|value| value.as_bytes());
        let is_compressed = upstream::is_compressed(encoding);
        let named = StatusCode::try_from(status).unwrap_or(StatusCode::InternalServerError);
        let mut answer = Response::new(named);
        answer.ext_mut().insert(Said { status, is_compressed });
        answer.set_body(Body::from_reader(BufReader::new(response.into_body()), None));
        Ok(answer)
    }
}

/// Connections beyond those of `limits.lookups`, for requests that nobody waits for any more.
const ABANDONED: usize = 64;
/// Bytes of memory that a body is given at a time.
const CHUNK: usize = 16 * 1024;
