//! Asking the provider with reqwest.

use core::str::FromStr as _;
use std::io;

use async_trait::async_trait;
use bytes::Bytes;
use herd_core::LookupError;
use herd_runtime::{HttpRequest, HttpResponse, Upstream, upstream};
use reqwest::header::{ACCEPT, HOST, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder};
use url::Position;

/// A provider asked through reqwest.
pub(crate) struct Reqwest {
    client: Client,
}

impl Reqwest {
    pub(crate) fn new() -> io::Result<Self> {
        // Another provider of cryptography was installed before; it serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .http1_title_case_headers()
            .no_proxy()
            .redirect(Policy::none())
            .build()
            .map_err(io::Error::other)?;
        Ok(Self { client })
    }

    /// The headers curl sends, in its order, so that a provider sees one herd whatever it runs on.
    fn request(&self, asked: &HttpRequest) -> Result<RequestBuilder, LookupError> {
        let method = Method::from_str(asked.method).map_err(|_| LookupError::Unreachable)?;
        let host = &asked.url[Position::BeforeHost..Position::AfterPort];
        let mut request = self.client.request(method, asked.url.clone()).header(HOST, host);
        request = request.header(ACCEPT, "*/*").header(USER_AGENT, upstream::USER_AGENT);
        for (name, value) in &asked.headers {
            request = request.header(*name, value);
        }
        if !asked.body.is_empty() {
            request = request.body(asked.body.clone());
        }
        Ok(request)
    }
}

#[async_trait]
impl Upstream for Reqwest {
    async fn send(&self, asked: &HttpRequest, limit: usize) -> Result<HttpResponse, LookupError> {
        let mut response = self.request(asked)?.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let mut chunks = Chunks::new(limit);
        if asked.wants_body(status) {
            while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
                chunks.append(chunk)?;
            }
        }
        Ok(HttpResponse { status, body: chunks.body() })
    }
}

/// The error may name the URL, and with it the key: it goes no further than this.
fn unreachable(_error: reqwest::Error) -> LookupError {
    LookupError::Unreachable
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
