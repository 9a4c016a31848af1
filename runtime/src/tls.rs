//! TLS for clients and between servers: what a server needs for it, and a [`Session`] for each connection.
//!
//! rustls does no input and output of its own. A session stands between the bytes of a socket and those
//! of the core, on both runtimes alike: the core is told when a connection is secured, what it is bound to
//! and whom the other side's certificate is for, and knows nothing else of TLS.
//!
//! Between servers both sides show a certificate, for the name of the server, and TLS is 1.3: the keying
//! material that a handshake is bound to means less in older versions. Clients show none and may speak
//! 1.2. Nothing is resumed, so that a certificate is looked at whenever there is a new connection.

mod client;
mod files;
mod session;

use std::sync::Arc;

use herd_core::PeerId;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};

pub use client::{client_config, host, server_name, trusting};
pub use files::verify;
pub(crate) use files::{is_name, load};
pub use session::{End, Opened, Session};

use crate::host::Door;

/// What secures the connections of a server. The default secures nothing.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// For who connects at the address for clients, and at that for neighbours.
    clients: Option<Arc<ServerConfig>>,
    links: Option<Arc<ServerConfig>>,
    dialling: Option<Arc<ClientConfig>>,
    /// The neighbours as certificates name them; none of a plain one.
    names: Arc<[Option<ServerName<'static>>]>,
}

impl Tls {
    /// A session for a connection that was accepted, where it is to be secured. `may_be_clear` says that the
    /// other side may go without.
    pub(crate) fn accepted(&self, door: Door, may_be_clear: bool) -> Option<Session> {
        let config = match door {
            Door::Clients => self.clients.as_ref(),
            Door::Links => self.links.as_ref(),
        };
        Some(Session::accepted(Arc::clone(config?), Arc::clone(&self.names), may_be_clear))
    }

    /// A session for a connection to a neighbour, where it is to be secured.
    pub(crate) fn dialled(&self, peer: PeerId) -> Option<Session> {
        let name = self.names.get(peer.index())?.as_ref()?;
        Some(Session::dialled(Arc::clone(self.dialling.as_ref()?), name.clone(), Some(peer)))
    }
}
