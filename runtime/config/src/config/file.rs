//! The configuration file as it is written: which keys there are, and of which type.

use crate::logging::Level;
use crate::roster::UpstreamDialect;
use core::fmt;
use core::ops::Range;
use herd_core::LinkKind;
use serde::Deserialize;
use std::path::PathBuf;
use toml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) provider: Option<Spanned<Provider>>,
    pub(super) secret_env: Option<Spanned<String>>,
    pub(super) secret_file: Option<Spanned<PathBuf>>,
    #[serde(default)]
    pub(super) upstream: Upstream,
    pub(super) tls: Option<Spanned<Tls>>,
    #[serde(default)]
    pub(super) limits: Limits,
    #[serde(default)]
    pub(super) log: Log,
    #[serde(default)]
    pub(super) server: Vec<Server>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Provider {
    Places,
    Posts,
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Places => "places",
            Self::Posts => "posts",
        })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Upstream {
    pub(super) url: Option<Spanned<String>>,
    pub(super) key_env: Option<Spanned<String>>,
    pub(super) timeout_ms: Option<Spanned<u32>>,
    pub(super) dialect: Option<Spanned<UpstreamDialect>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    pub(super) certificate: Spanned<PathBuf>,
    pub(super) key: Spanned<PathBuf>,
    pub(super) authority: Option<Spanned<PathBuf>>,
    pub(super) clients: Option<bool>,
    pub(super) links: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Log {
    pub(super) level: Option<Level>,
    pub(super) dir: Option<PathBuf>,
    pub(super) rotate_mib: Option<Spanned<u32>>,
    pub(super) keep: Option<Spanned<u32>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    pub(super) name: Spanned<String>,
    pub(super) address: Spanned<String>,
    pub(super) listen: Option<Spanned<String>>,
    pub(super) link_address: Option<Spanned<String>>,
    pub(super) link_listen: Option<Spanned<String>>,
    pub(super) links: Option<Links>,
    pub(super) metrics: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) talks_with: Vec<Spanned<String>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Links {
    Herd,
    Plain,
}

impl From<Links> for LinkKind {
    fn from(links: Links) -> Self {
        match links {
            Links::Herd => Self::Herd,
            Links::Plain => Self::Plain,
        }
    }
}

macro_rules! limits {
    ($($key:ident: $type:ty,)+) => {
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct Limits {
            $($key: Option<Spanned<$type>>,)+
        }

        impl Limits {
            /// `usual`, with what the file says in its place.
            pub(super) fn over(&self, usual: herd_core::Limits) -> herd_core::Limits {
                herd_core::Limits {
                    $($key: self.$key.as_ref().map_or(usual.$key, |value| *value.get_ref()),)+
                }
            }

            /// Where the file gives the limit `key`.
            pub(super) fn span(&self, key: &str) -> Option<Range<usize>> {
                $(if key == stringify!($key) {
                    return self.$key.as_ref().map(Spanned::span);
                })+
                None
            }
        }
    };
}

limits! {
    connections: u32,
    address_connections: u32,
    address_bytes_s: u32,
    address_loopback: bool,
    handshakes: u32,
    followers: u32,
    line_bytes: u32,
    client_id_bytes: u32,
    pipeline: u32,
    output_bytes: u32,
    stalled_s: u32,
    idle_s: u32,
    lookups: u32,
    lookup_queue: u32,
    body_bytes: u32,
    clients: u32,
    record_age_s: u32,
    ahead_s: u32,
}
