//! What a server secures its connections with.

use std::sync::Arc;

use herd_core::{Listener, PeerId};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};

use super::session::Session;

/// What secures the connections of a server. The default secures nothing.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// For who connects at the address for clients, and at that for neighbours.
    pub(super) clients: Option<Arc<ServerConfig>>,
    pub(super) links: Option<Arc<ServerConfig>>,
    pub(super) dialling: Option<Arc<ClientConfig>>,
    /// The neighbours as certificates name them; none of a plain one.
    pub(super) names: Arc<[Option<ServerName<'static>>]>,
}

impl Tls {
    /// A session for a connection that was accepted, where it is to be secured. Plain servers may go without.
    pub fn accepted(&self, listener: Listener) -> Option<Session> {
        let (config, may_be_clear) = match listener {
            Listener::Clients { plain, .. } => (self.clients.as_ref(), plain),
            Listener::Links { .. } => (self.links.as_ref(), false),
        };
        Some(Session::accepted(Arc::clone(config?), Arc::clone(&self.names), may_be_clear))
    }

    /// A session for a connection to a neighbour, where it is to be secured.
    pub fn dialled(&self, peer: PeerId) -> Option<Session> {
        let name = self.names.get(peer.index())?.as_ref()?;
        Some(Session::dialled(Arc::clone(self.dialling.as_ref()?), name.clone(), Some(peer)))
    }
}
