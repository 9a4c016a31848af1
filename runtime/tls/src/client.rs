//! TLS as a client of a herd speaks it.

use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use super::files::{self, host, provider};
use super::session::Session;
use herd_config::Failure;
use herd_config::address::Address;

/// A session with a server at `address`, whose certificate must be by an authority in the file `authority`
/// and for the host.
///
/// # Errors
///
/// When the file has no certificate of an authority in it.
pub fn trusting(authority: &Path, address: &Address) -> Result<Session, Failure> {
    let config = client_config(authority)?;
    Ok(Session::dialled(config, server_name(address)?, None))
}

/// What a client needs that trusts the authority in the file `authority`.
///
/// # Errors
///
/// When the file has no certificate of an authority in it.
pub fn client_config(authority: &Path) -> Result<Arc<ClientConfig>, Failure> {
    let roots = files::authorities(authority).map_err(Failure::wrong)?;
    let unable = |error: rustls::Error| Failure::unable(format!("cannot speak TLS: {error}"));
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(unable)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

/// The host of an address as a certificate names it.
///
/// # Errors
///
/// When no certificate can name it.
pub fn server_name(address: &Address) -> Result<ServerName<'static>, Failure> {
    host(address).ok_or_else(|| {
        Failure::wrong(format!("no certificate can be for the host of {address}: it is no name"))
    })
}
