//! Herds: which servers there are, who talks with whom, and what they share.
//!
//! A [`Roster`] is well formed once it exists, whether it was built in or read from a file: names and
//! addresses are unique, and whoever a server talks with talks with it too.

use crate::address::Address;
use crate::logging::LogSettings;
use crate::words::one_of;
use core::time::Duration;
use herd_core::{Dialect, Limits, LinkKind};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use url::Url;

/// A herd as configured.
#[derive(Clone, Debug)]
pub struct Roster {
    /// What messages call it: the name of a built-in roster, or the path of a file.
    pub name: String,
    /// The servers, in the order they were written.
    pub servers: Vec<Server>,
    /// Where the herd's secret comes from.
    pub secret: SecretSource,
    /// What secures connections; none where nothing does.
    pub tls: Option<Tls>,
    /// The provider that the servers ask.
    pub upstream: Upstream,
    /// Resource limits.
    pub limits: Limits,
    /// What is logged, and where.
    pub log: LogSettings,
    /// Where the herd's gateway listens, if that is said.
    pub gateway: Option<Address>,
}

/// One server of a herd.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its server ID.
    pub name: String,
    /// Where its clients reach it.
    pub address: Address,
    /// Where it listens for clients, when that is not `address`.
    pub listen: Option<Address>,
    /// Where its neighbours reach it; `None` when that is `address`.
    pub link: Option<LinkAddress>,
    /// How it talks with its neighbours.
    pub links: LinkKind,
    /// Where it serves metrics and health, if it does.
    pub metrics: Option<Address>,
    /// Positions of its neighbours in [`Roster::servers`], in order, whichever side named them.
    pub talks_with: Vec<usize>,
}

/// An address of their own for the connections between servers.
#[derive(Clone, Debug)]
pub struct LinkAddress {
    /// Where neighbours reach the server.
    pub address: Address,
    /// Where it listens for them, when that is not `address`.
    pub listen: Option<Address>,
}

/// Where a herd's secret comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SecretSource {
    /// None was given: good for a herd that lives on loopback.
    Unsaid,
    /// An environment variable, and the place in the file that names it.
    Env(String, Place),
    /// A file, and the place in the configuration that names it.
    File(PathBuf, Place),
}

/// What secures the connections of a herd, each file with the place in the configuration that names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tls {
    /// The servers' certificates: `{name}` in the path stands for the name of one.
    pub certificate: (PathBuf, Place),
    /// The keys that go with them, likewise.
    pub key: (PathBuf, Place),
    /// Who the certificates are by. There is one where `links` is set.
    pub authority: Option<(PathBuf, Place)>,
    /// Whether clients speak TLS.
    pub clients: bool,
    /// Whether servers do with each other.
    pub links: bool,
}

impl Tls {
    /// The file with the certificate of this server.
    pub fn certificate_of(&self, server: &str) -> PathBuf {
        named(&self.certificate.0, server)
    }

    /// The file with the key of this server.
    pub fn key_of(&self, server: &str) -> PathBuf {
        named(&self.key.0, server)
    }
}

fn named(path: &Path, server: &str) -> PathBuf {
    path.to_str().map_or_else(|| path.to_owned(), |path| path.replace("{name}", server).into())
}

/// A line of a configuration file, written as `herd.toml:4`.
pub type Place = String;

/// The provider that the servers of a herd ask.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Where the requests go: all of the address but the query.
    pub url: Url,
    /// The environment variable that holds the key, and the place in the file that names it.
    pub key_env: Option<(String, Place)>,
    /// How long a lookup may take.
    pub timeout: Duration,
    /// How it is asked.
    pub dialect: UpstreamDialect,
}

/// How an upstream is asked and answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UpstreamDialect {
    /// Google Places Nearby Search, the first of its kind.
    PlacesLegacy,
    /// Google's Places API (New).
    PlacesNew,
    /// The 2012 Twitter search.
    Posts,
}

impl<'de> Deserialize<'de> for UpstreamDialect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = [
            ("places-legacy", Self::PlacesLegacy),
            ("places-new", Self::PlacesNew),
            ("posts", Self::Posts),
        ];
        one_of(deserializer, &values)
    }
}

impl UpstreamDialect {
    /// What the core makes of it.
    pub fn provider(self) -> Dialect {
        match self {
            Self::PlacesLegacy => Dialect::Places,
            Self::PlacesNew => Dialect::PlacesNew,
            Self::Posts => Dialect::Posts,
        }
    }
}

impl Roster {
    /// The position of the server called `name`, if there is one.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.servers.iter().position(|server| server.name == name)
    }

    /// Whether nobody outside this machine can reach any of the servers.
    pub fn is_loopback(&self) -> bool {
        self.servers.iter().all(|server| {
            let link =
                server.link.iter().flat_map(|link| link.listen.iter().chain([&link.address]));
            server.listen.iter().chain([&server.address]).chain(link).all(Address::is_loopback)
        })
    }

    /// The names of the servers that cannot hear of the first one, by any way round.
    pub fn unreached(&self) -> Vec<&str> {
        let mut reached = BTreeSet::from([0]);
        let mut ahead = vec![0];
        while let Some(at) = ahead.pop() {
            ahead.extend(self.servers[at].talks_with.iter().filter(|next| reached.insert(**next)));
        }
        let outside = (0..self.servers.len()).filter(|at| !reached.contains(at));
        outside.map(|at| self.servers[at].name.as_str()).collect()
    }

    /// How two neighbours talk: as the less able of the two does.
    pub fn link_kind(&self, one: usize, other: usize) -> LinkKind {
        match (self.servers[one].links, self.servers[other].links) {
            (LinkKind::Herd, LinkKind::Herd) => LinkKind::Herd,
            (LinkKind::Plain, _) | (_, LinkKind::Plain) => LinkKind::Plain,
        }
    }
}

/// Makes a relation go both ways, each neighbour once and in order.
pub(crate) fn both_ways(talks_with: &mut [Vec<usize>]) {
    for one in 0..talks_with.len() {
        for other in talks_with[one].clone() {
            talks_with[other].push(one);
        }
    }
    for neighbours in talks_with {
        neighbours.sort_unstable();
        neighbours.dedup();
    }
}
