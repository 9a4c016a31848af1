//! Asking the provider with reqwest.

use core::error::Error as _;
use core::iter;
use core::str::FromStr as _;
use std::io;

use async_trait::async_trait;
use bytes::Bytes;
use herd_core::LookupError;
use herd_runtime::upstream::Failed;
use herd_runtime::{HttpRequest, HttpResponse, Upstream, upstream};
use reqwest::header::{ACCEPT, CONTENT_ENCODING, HOST, HeaderValue, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response};
use url::Position;

/// A provider asked through reqwest.
pub(crate) struct Reqwest {
    client: Client,
    /// One that keeps no connection.
    fresh: Client,
}

impl Reqwest {
    pub(crate) fn new() -> io::Result<Self> {
        // Another provider of cryptography was installed before; it serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // What curl takes is taken here too.
        let builder = || {
            Client::builder()
                .http1_title_case_headers()
                .http1_max_headers(upstream::MAX_FIELDS)
                .http1_allow_obsolete_multiline_headers_in_responses(true)
                .no_proxy()
                .redirect(Policy::none())
        };
        Ok(Self {
            client: builder().build().map_err(io::Error::other)?,
            fresh: builder().pool_max_idle_per_host(0).build().map_err(io::Error::other)?,
        })
    }

    /// Sends a request up to the head of its response.
    ///
    /// A provider closes a connection that it has kept long enough, be it while a request is on its way. One that
    /// the connection breaks under before the head has come is sent once more, on a connection of its own. Asking
    /// twice does no harm: no request changes anything.
    async fn head(&self, asked: &HttpRequest) -> Result<Response, Failed> {
        match request(&self.client, asked)?.send().await.map_err(failed) {
            Err(Failed { error: LookupError::Broken, .. }) => {
                request(&self.fresh, asked)?.send().await.map_err(failed)
            }
            other => other,
        }
    }
}

/// The headers curl sends, in its order, so that a provider sees one herd whatever it runs on.
fn request(client: &Client, asked: &HttpRequest) -> Result<RequestBuilder, LookupError> {
    let method = Method::from_str(asked.method).map_err(|_| LookupError::Unreachable)?;
    let host = &asked.url[Position::BeforeHost..Position::AfterPort];
    let mut request = client.request(method, asked.url.clone()).header(HOST, host);
    request = request.header(ACCEPT, "*/*").header(USER_AGENT, upstream::USER_AGENT);
    for (name, value) in &asked.headers {
        request = request.header(*name, value);
    }
    if !asked.body.is_empty() {
        request = request.body(asked.body.clone());
    }
    Ok(request)
}

#[async_trait]
impl Upstream for Reqwest {
    async fn send(&self, asked: &HttpRequest, limit: usize) -> Result<HttpResponse, Failed> {
        let mut response = self.head(asked).await?;
        let status = response.status().as_u16();
        let mut chunks = Chunks::new(limit);
        if asked.wants_body(status) {
            let encoding = response.headers().get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
            if upstream::is_compressed(encoding) {
                return Err(LookupError::Compressed.into());
            }
            while let Some(chunk) = response.chunk().await.map_err(failed)? {
                chunks.append(chunk)?;
            }
        }
        Ok(HttpResponse { status, body: chunks.body() })
    }
}

/// What a failure is to the client and to the log. The address may have the key in it, and is left out.
fn failed(error: reqwest::Error) -> Failed {
    let error = error.without_url();
    let causes = iter::successors(error.source(), |&cause| cause.source());
    let is_no_http =
        causes.filter_map(|cause| cause.downcast_ref::<hyper::Error>()).any(hyper::Error::is_parse);
    let kind = match () {
        () if error.is_connect() || error.is_builder() => LookupError::Unreachable,
        () if is_no_http => LookupError::NotHttp,
        () => LookupError::Broken,
    };
    Failed::because(kind, &error)
}

/// A body that comes in chunks. If it is only one, it is not copied.
#[derive(Debug)]
struct Chunks {
    first: Bytes,
    /// The first and all others, where there are others.
    all: Vec<u8>,
    limit: usize,
}

impl Chunks {
    /// None yet, and not more than `limit` bytes ever.
    const fn new(limit: usize) -> Self {
        Self { first: Bytes::new(), all: Vec::new(), limit }
    }

    /// Appends a chunk.
    ///
    /// # Errors
    ///
    /// When the body becomes longer than its limit.
    fn append(&mut self, chunk: Bytes) -> Result<(), LookupError> {
        upstream::check_length(self.first.len().max(self.all.len()) + chunk.len(), self.limit)?;
        if self.first.is_empty() && self.all.is_empty() {
            self.first = chunk;
        } else {
            if self.all.is_empty() {
                self.all.extend_from_slice(&core::mem::take(&mut self.first));
            }
            self.all.extend_from_slice(&chunk);
        }
        Ok(())
    }

    /// The whole of it.
    fn body(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_whole_and_no_longer_than_its_limit() {
        let mut chunks = Chunks::new(9);
        assert_eq!(Chunks::new(0).body(), "");
        for chunk in ["", "one", "", "two", ""] {
            chunks.append(Bytes::from(chunk)).unwrap();
        }
        assert_eq!(chunks.append(Bytes::from("four")), Err(LookupError::TooLong));
        chunks.append(Bytes::from("333")).unwrap();
        assert_eq!(chunks.body(), "onetwo333");
    }
}
