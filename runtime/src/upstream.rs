//! The provider, as a server sees it.

use std::sync::Arc;

use async_trait::async_trait;
use herd_core::LookupError;

use crate::settings::UpstreamSettings;

/// An HTTP client that asks a provider.
///
/// It follows no redirects, takes no proxy from the environment, and gives up at `limit` bytes however
/// long the body claims or goes on to be. The time is kept by the core, which drops the future when it
/// is up; whatever connection it used must not be used again then.
#[async_trait]
pub trait Upstream: Send + Sync + 'static {
    /// Gets `url`, and returns the body of a 200 response.
    ///
    /// # Errors
    ///
    /// What came instead of a body of at most `limit` bytes.
    async fn get(&self, url: &str, limit: usize) -> Result<Vec<u8>, LookupError>;
}

/// A provider with what is needed to ask it.
#[derive(Clone)]
pub struct Provider {
    client: Arc<dyn Upstream>,
    settings: UpstreamSettings,
    body_bytes: usize,
}

impl Provider {
    /// The provider of `settings`, asked through `client`.
    pub fn new(client: impl Upstream, settings: &UpstreamSettings, body_bytes: u32) -> Self {
        Self {
            client: Arc::new(client),
            settings: settings.clone(),
            body_bytes: body_bytes as usize,
        }
    }

    /// Asks for what the core wants to know.
    ///
    /// # Errors
    ///
    /// What came instead of an answer.
    pub async fn ask(&self, request: &str) -> Result<Vec<u8>, LookupError> {
        self.client.get(&self.settings.request_url(request), self.body_bytes).await
    }
}

/// Appends a chunk of a body.
///
/// # Errors
///
/// When the body becomes longer than `limit` bytes.
pub fn append(body: &mut Vec<u8>, chunk: &[u8], limit: usize) -> Result<(), LookupError> {
    if body.len() + chunk.len() > limit {
        return Err(LookupError::TooLong);
    }
    body.extend_from_slice(chunk);
    Ok(())
}

/// What both servers say they are when they ask a provider.
pub const USER_AGENT: &str = concat!("herd/", env!("CARGO_PKG_VERSION"));
