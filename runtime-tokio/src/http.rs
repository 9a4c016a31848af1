//! Asking the provider with reqwest.

use core::str::FromStr as _;
use std::io;

use async_trait::async_trait;
use herd_core::LookupError;
use herd_runtime::upstream::{self, Chunks};
use herd_runtime::{HttpRequest, HttpResponse, Upstream};
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
