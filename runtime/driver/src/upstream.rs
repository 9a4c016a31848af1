//! The provider, as a server sees it.

use core::error::Error;
use core::fmt;
use core::iter;
use core::time::Duration;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use herd_core::{LookupError, LookupId, Request, Response};
use memchr::memmem;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use herd_config::roster::UpstreamDialect;

/// The provider that a server asks.
#[derive(Clone, Debug)]
pub struct UpstreamSettings {
    /// Where the requests go: all of the address but the query.
    pub url: Url,
    /// What goes with each request, where the provider wants one.
    pub key: Option<Key>,
    /// How long a lookup may take, from connecting to the last byte.
    pub timeout: Duration,
    /// How it is asked.
    pub dialect: UpstreamDialect,
}

impl UpstreamSettings {
    /// The request that asks what the core wants to know: with the address, and the key where it belongs.
    pub fn request(&self, request: Request<'_>) -> HttpRequest {
        let has_error_bodies = request.has_error_bodies();
        match request {
            Request::Get { query } => {
                let mut query = query.to_owned();
                if let Some(Key(key)) = &self.key {
                    query.push_str("&key=");
                    query.extend(utf8_percent_encode(key, NOT_UNRESERVED));
                }
                let mut url = self.url.clone();
                url.set_query(Some(&query));
                let (headers, body) = (Vec::new(), String::new());
                HttpRequest { method: "GET", url, headers, body, has_error_bodies }
            }
            Request::Post { body, fields } => {
                let mut headers = vec![("Content-Type", "application/json".to_owned())];
                if let Some(Key(key)) = &self.key {
                    headers.push(("X-Goog-Api-Key", key.clone()));
                }
                headers.push(("X-Goog-FieldMask", fields.to_owned()));
                let (url, body) = (self.url.clone(), body.to_owned());
                HttpRequest { method: "POST", url, headers, body, has_error_bodies }
            }
        }
    }
}

/// What has to be escaped in a query: all but the unreserved characters of RFC 3986.
const NOT_UNRESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A provider's key. `Debug` does not show it.
#[derive(Clone)]
pub struct Key(String);

impl Key {
    /// Takes the key as it is.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key, for the request and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// An HTTP client that asks a provider.
///
/// It follows no redirects, takes no proxy from the environment, and gives up at `limit` bytes however
/// long the body claims or goes on to be. The time is kept by the core, which drops the future when it
/// is up; whatever connection it used must not be used again then.
#[async_trait]
pub trait Upstream: Send + Sync + 'static {
    /// Sends a request, and returns what it is answered by.
    ///
    /// # Errors
    ///
    /// What came instead of a response whose body, where [wanted](HttpRequest::wants_body), has `limit`
    /// bytes at most.
    async fn send(&self, request: &HttpRequest, limit: usize) -> Result<HttpResponse, Failed>;
}

/// Why there is no response.
#[derive(Clone, Debug)]
pub struct Failed {
    /// What the client is told.
    pub error: LookupError,
    /// What the HTTP client says of it, for the log; nothing where that says no more.
    pub reason: String,
}

impl Failed {
    /// A failure with what `source` and the errors below it say.
    pub fn because(error: LookupError, source: &(dyn Error + 'static)) -> Self {
        let mut reason = source.to_string();
        for below in iter::successors(source.source(), |&error| error.source()) {
            let text = below.to_string();
            // Some errors repeat the one below them.
            if !reason.contains(&text) {
                reason.push_str(": ");
                reason.push_str(&text);
            }
        }
        Self { error, reason }
    }
}

impl From<LookupError> for Failed {
    fn from(error: LookupError) -> Self {
        Self { error, reason: String::new() }
    }
}

/// A request to a provider, ready to be sent. `Debug` does not show it: the key is in it.
#[derive(Clone, Eq, PartialEq)]
pub struct HttpRequest {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The whole address.
    pub url: Url,
    /// The header fields that follow those of every request, which are `Host`, `Accept` and
    /// `User-Agent`.
    pub headers: Vec<(&'static str, String)>,
    /// What a `POST` carries.
    pub body: String,
    /// Whether a body is wanted with any status, not with 200 alone.
    pub has_error_bodies: bool,
}

impl HttpRequest {
    /// Whether the body of a response with this status is to be read.
    pub fn wants_body(&self, status: u16) -> bool {
        status == 200 || self.has_error_bodies
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpRequest({} ..)", self.method)
    }
}

/// What a provider answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// The body, or nothing where it was not wanted.
    pub body: Bytes,
}

impl HttpResponse {
    /// The response, as the core wants to hear of it.
    pub fn borrowed(&self) -> Response<'_> {
        Response { status: self.status, body: &self.body }
    }

    /// The response with asterisks for the key that it may refuse by name: neither clients nor the log
    /// are to see it.
    #[must_use]
    pub fn without_key(mut self, settings: &UpstreamSettings) -> Self {
        let may_be_refusal = self.status != 200
            || settings.dialect == UpstreamDialect::PlacesNew
                && memmem::find(&self.body, b"\"error\"").is_some();
        let Some(key) = settings.key.as_ref().filter(|_| may_be_refusal) else { return self };
        let key = key.expose().as_bytes();
        let mut body = Vec::from(core::mem::take(&mut self.body));
        let found: Vec<_> = memmem::find_iter(&body, key).collect();
        for at in found {
            body[at..at + key.len()].fill(b'*');
        }
        self.body = body.into();
        self
    }
}

/// A provider with what is needed to ask it. A clone costs next to nothing.
#[derive(Clone)]
pub struct Provider {
    client: Arc<dyn Upstream>,
    settings: Arc<UpstreamSettings>,
    body_bytes: usize,
}

impl Provider {
    /// The provider of `settings`, asked through `client`.
    pub fn new(client: impl Upstream, settings: &UpstreamSettings, body_bytes: u32) -> Self {
        Self {
            client: Arc::new(client),
            settings: Arc::new(settings.clone()),
            body_bytes: body_bytes as usize,
        }
    }

    /// Asks for what the core wants to know. Why it failed is logged with the number of the lookup.
    ///
    /// # Errors
    ///
    /// What came instead of an answer.
    pub async fn ask(
        &self,
        id: LookupId,
        request: &HttpRequest,
    ) -> Result<HttpResponse, LookupError> {
        match self.client.send(request, self.body_bytes).await {
            Ok(response) => Ok(response.without_key(&self.settings)),
            Err(Failed { error, reason }) => {
                if !reason.is_empty() {
                    let reason = without_key(reason, self.settings.key.as_ref());
                    log::info!("lookup {} failed: {reason}", id.number());
                }
                Err(error)
            }
        }
    }
}

/// A reason with asterisks for the key, however it stands there: an HTTP client may quote what it asked for.
fn without_key(reason: String, key: Option<&Key>) -> String {
    let Some(Key(key)) = key else { return reason };
    let escaped = utf8_percent_encode(key, NOT_UNRESERVED).to_string();
    reason.replace(&escaped, "***").replace(key, "***")
}

/// Whether a body with this `Content-Encoding` is one that no request asks for.
pub fn is_compressed(encoding: Option<&[u8]>) -> bool {
    encoding
        .is_some_and(|encoding| !encoding.is_empty() && !encoding.eq_ignore_ascii_case(b"identity"))
}

/// The most header fields of a response.
pub const MAX_FIELDS: usize = 500;

/// Holds the length of a body against the limit of bytes.
///
/// # Errors
///
/// When it is longer.
pub fn check_length(length: usize, limit: usize) -> Result<(), LookupError> {
    if length > limit { Err(LookupError::TooLong) } else { Ok(()) }
}

/// What both servers say they are when they ask a provider.
pub const USER_AGENT: &str = concat!("herd/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use super::*;

    struct Echo(u16, &'static str);

    #[async_trait]
    impl Upstream for Echo {
        async fn send(&self, _: &HttpRequest, _: usize) -> Result<HttpResponse, Failed> {
            Ok(HttpResponse { status: self.0, body: Bytes::from_static(self.1.as_bytes()) })
        }
    }

    #[test]
    fn a_refusal_does_not_show_the_key() {
        let settings = UpstreamSettings {
            url: Url::parse("http://127.0.0.1:1/").unwrap(),
            key: Some(Key::new("SESAME")),
            timeout: Duration::from_secs(1),
            dialect: UpstreamDialect::PlacesNew,
        };
        let request = settings.request(Request::Post { body: "{}", fields: "places.id" });
        let body = |status, text| {
            let provider = Provider::new(Echo(status, text), &settings, 1000);
            futures_util::FutureExt::now_or_never(provider.client.send(&request, 1000))
                .unwrap()
                .unwrap()
                .without_key(&settings)
                .body
        };

        let text = "no SESAME, SESAME is not allowed";
        assert_eq!(body(403, text), "no ******, ****** is not allowed");
        assert_eq!(body(200, text), text);
        let error = r#"{"error":{"message":"no SESAME"}}"#;
        assert_eq!(body(200, error), r#"{"error":{"message":"no ******"}}"#);
        assert!(!format!("{request:?}").contains("SESAME"));
    }
    #[test]
    fn a_reason_does_not_show_the_key() {
        let key = Key::new("SES AME");
        let reason = "GET /?key=SES%20AME failed for SES AME".to_owned();
        assert_eq!(without_key(reason, Some(&key)), "GET /?key=*** failed for ***");
    }
}
