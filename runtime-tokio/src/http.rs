//! Asking the provider with reqwest.

use std::io;

use async_trait::async_trait;
use herd_core::LookupError;
use herd_runtime::{Upstream, upstream};
use reqwest::header::{ACCEPT, HOST, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, StatusCode, Url};
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
    fn request(&self, url: &str) -> Result<RequestBuilder, LookupError> {
        let url = Url::parse(url).map_err(|_| LookupError::Unreachable)?;
        let host = url[Position::BeforeHost..Position::AfterPort].to_owned();
        let request = self.client.get(url).header(HOST, host);
        Ok(request.header(ACCEPT, "*/*").header(USER_AGENT, upstream::USER_AGENT))
    }
}

#[async_trait]
impl Upstream for Reqwest {
    async fn get(&self, url: &str, limit: usize) -> Result<Vec<u8>, LookupError> {
        let mut response = self.request(url)?.send().await.map_err(unreachable)?;
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
fn unreachable(_error: reqwest::Error) -> LookupError {
    LookupError::Unreachable
}
