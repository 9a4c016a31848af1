//! Asking the provider.

use reqwest::Client;

/// A client that takes no proxy from the environment.
pub(crate) fn client() -> reqwest::Result<Client> {
    // reqwest brings no cryptography of its own; the URL needs none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build()
}

/// Asks once.
pub(crate) async fn look_up(client: &Client, url: &str) -> reqwest::Result<()> {
    client.get(url).send().await?.error_for_status()?.bytes().await?;
    Ok(())
}
