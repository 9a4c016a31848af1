//! What a host is told before it starts.

use core::net::IpAddr;
use std::net::ToSocketAddrs as _;

use herd_core::{Config, LinkKind};
use herd_tls::Tls;

use crate::upstream::UpstreamSettings;

/// What a [`Host`](crate::Host) needs to run.
#[derive(Clone, Debug)]
pub struct HostSettings {
    /// What the core is told.
    pub core: Config,
    /// Where to reach each neighbour, in the order of `core.neighbours`: `HOST:PORT`.
    pub dial: Vec<String>,
    /// What secures its connections.
    pub tls: Tls,
    /// The provider to ask.
    pub upstream: UpstreamSettings,
    /// Whether the host reads what neighbours have sent before it takes what others have. An adapter that hands in bytes
    /// by [`Host::received`](crate::Host::received) sets it to `false`.
    pub reads_links_ahead: bool,
}

impl HostSettings {
    /// The addresses of plain servers, as far as their names can be resolved now.
    pub fn plain_addresses(&self) -> Vec<IpAddr> {
        let mut addresses = Vec::new();
        for (neighbour, address) in self.core.neighbours.iter().zip(&self.dial) {
            if neighbour.kind != LinkKind::Plain {
                continue;
            }
            match address.to_socket_addrs() {
                Ok(resolved) => addresses.extend(resolved.map(|one| one.ip().to_canonical())),
                Err(error) => log::warn!(
                    "{address} has no address now, so nothing is taken from {}: {error}",
                    neighbour.name
                ),
            }
        }
        addresses
    }
}
