//! Asking the provider.

use surf::{Client, StatusCode};

/// Asks once.
pub(crate) async fn look_up(client: &Client, url: &str) -> surf::Result<()> {
    let mut response = client.get(url).await?;
    if response.status() != StatusCode::Ok {
        return Err(surf::Error::from_str(response.status(), "no answer"));
    }
    response.body_bytes().await?;
    Ok(())
}
