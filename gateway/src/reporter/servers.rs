//! The servers that take reports, and how to reach them.

use std::io;
use std::sync::Arc;

use herd_config::address::Address;
use herd_config::{Failure, Roster};
use herd_core::LinkKind;
use herd_tls as tls;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A connection, secured or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// The servers of a herd, in the order in which they are tried; there is at least one.
#[derive(Clone, Debug)]
pub struct Servers(Vec<Server>);

/// A server as clients reach it.
#[derive(Clone)]
pub struct Server {
    name: Arc<str>,
    address: Address,
    /// What secures connections to it, where clients speak TLS.
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Servers {
    /// Those of a roster that speak the protocol of this program.
    ///
    /// # Errors
    ///
    /// Where there is none, or where clients need TLS and the configuration does not say whom to trust.
    pub fn of_roster(roster: &Roster) -> Result<Self, Failure> {
        let tls = match roster.tls.as_ref().filter(|tls| tls.clients) {
            None => None,
            Some(tls) => {
                let Some((authority, _)) = &tls.authority else {
                    return Err(Failure::wrong(format!(
                        "{}: clients speak TLS, and [tls] names no authority to trust",
                        roster.name
                    )));
                };
                Some(TlsConnector::from(tls::client_config(authority)?))
            }
        };
        let mut servers = Vec::new();
        for server in roster.servers.iter().filter(|server| server.links == LinkKind::Herd) {
            let tls = match &tls {
                None => None,
                Some(connector) => Some((connector.clone(), tls::server_name(&server.address)?)),
            };
            let (name, address) = (server.name.as_str().into(), server.address.clone());
            servers.push(Server { name, address, tls });
        }
        if servers.is_empty() {
            return Err(Failure::wrong(format!(
                "{}: there is no server to report to",
                roster.name
            )));
        }
        Ok(Self(servers))
    }

    pub(super) fn at(&self, at: usize) -> &Server {
        &self.0[at % self.0.len()]
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }
}

impl Server {
    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect((self.address.host(), self.address.port())).await?;
        // Reports are small and wanted now; a connection that takes no options will say so itself.
        _ = stream.set_nodelay(true);
        Ok(match &self.tls {
            None => Box::new(stream),
            Some((connector, name)) => Box::new(connector.connect(name.clone(), stream).await?),
        })
    }
}

impl core::fmt::Debug for Server {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { name, address, tls } = self;
        f.debug_struct("Server")
            .field("name", name)
            .field("address", address)
            .field("is_secured", &tls.is_some())
            .finish()
    }
}
