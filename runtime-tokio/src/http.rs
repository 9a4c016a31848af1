//! Asking the provider with reqwest.

use std::io;

use async_trait::async_trait;
use herd_core::LookupError;
use herd_runtime::{Upstream, upstream};
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};

/// A provider asked through reqwest.
pub(crate) struct Reqwest {
    client: Client,
}

impl Reqwest {
    pub(crate) fn new() -> io::Result<Self> {
        // Another provider of cryptography was installed before; it serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(USER_AGENT, HeaderValue::from_static(upstream::USER_AGENT));
        let client = Client::builder()
            .default_headers(headers)
            .http1_title_case_headers()
            .no_proxy()
            .redirect(Policy::none())
            .build()
            .map_err(io::Error::other)?;
        Ok(Self { client })
    }
}

#[async_trait]
impl Upstream for Reqwest {
    async fn get(&self, url: &str, limit: usize) -> Result<Vec<u8>, LookupError> {
        let mut response = self.client.get(url).send().await.map_err(unreachable)?;
        if response.status() != StatusCode::OK {
            return Err(LookupError::Status(response.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            upstream::append(&mut body, &chunk, limit)?;
        }
        Ok(body)
    }
}

/// The error may name the URL, and with it the key: it goes no further than this.
#[expect(clippy::needless_pass_by_value, reason = "the form that map_err wants")]
fn unreachable(_error: reqwest::Error) -> LookupError {
    LookupError::Unreachable
}
