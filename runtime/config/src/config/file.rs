//! The configuration file as it is written: which keys there are, and of which type.

use super::source::Key;
use crate::logging::Level;
use crate::roster::UpstreamDialect;
use crate::words::one_of;
use core::fmt;
use core::ops::Range;
use herd_core::LinkKind;
use serde::{Deserialize, Deserializer};
use std::path::PathBuf;
use toml::Spanned;

/// A table of the file, and which keys it may have.
macro_rules! table {
    ($(#[$of_all:meta])* $name:ident {
        $($(#[$of:meta])* $key:ident: $type:ty $(=> $below:expr)?,)+
    }) => {
        #[derive(Debug, Deserialize)]
        $(#[$of_all])*
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            $($(#[$of])* pub(super) $key: $type,)+
        }

        impl $name {
            pub(super) const KEYS: &'static [Key] = &[
                $(Key { name: stringify!($key), below: table!(@below $($below)?) },)+
            ];
        }
    };
    (@below) => { &[] };
    (@below $below:expr) => { $below };
}

table! {
    File {
        provider: Option<Spanned<Provider>>,
        secret_env: Option<Spanned<String>>,
        secret_file: Option<Spanned<PathBuf>>,
        #[serde(default)]
        upstream: Upstream => Upstream::KEYS,
        tls: Option<Spanned<Tls>> => Tls::KEYS,
        #[serde(default)]
        limits: Limits => Limits::KEYS,
        #[serde(default)]
        log: Log => Log::KEYS,
        #[serde(default)]
        gateway: Gateway => Gateway::KEYS,
        #[serde(default)]
        server: Vec<Server> => Server::KEYS,
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Provider {
    Places,
    Posts,
}

impl<'de> Deserialize<'de> for Provider {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        one_of(deserializer, &[("places", Self::Places), ("posts", Self::Posts)])
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Places => "places",
            Self::Posts => "posts",
        })
    }
}

table! {
    #[derive(Default)]
    Upstream {
        url: Option<Spanned<String>>,
        key_env: Option<Spanned<String>>,
        timeout_ms: Option<Spanned<u32>>,
        dialect: Option<Spanned<UpstreamDialect>>,
    }
}

table! {
    Tls {
        certificate: Spanned<PathBuf>,
        key: Spanned<PathBuf>,
        authority: Option<Spanned<PathBuf>>,
        clients: Option<bool>,
        links: Option<bool>,
    }
}

table! {
    #[derive(Default)]
    Log {
        level: Option<Level>,
        dir: Option<PathBuf>,
        rotate_mib: Option<Spanned<u32>>,
        keep: Option<Spanned<u32>>,
    }
}

table! {
    #[derive(Default)]
    Gateway {
        listen: Option<Spanned<String>>,
    }
}

table! {
    Server {
        name: Spanned<String>,
        address: Spanned<String>,
        listen: Option<Spanned<String>>,
        link_address: Option<Spanned<String>>,
        link_listen: Option<Spanned<String>>,
        links: Option<Links>,
        metrics: Option<Spanned<String>>,
        #[serde(default)]
        talks_with: Vec<Spanned<String>>,
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Links {
    Herd,
    Plain,
}

impl<'de> Deserialize<'de> for Links {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        one_of(deserializer, &[("herd", Self::Herd), ("plain", Self::Plain)])
    }
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
            pub(super) const KEYS: &'static [Key] =
                &[$(Key { name: stringify!($key), below: &[] },)+];

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
    answers_bytes: u32,
    stalled_s: u32,
    idle_s: u32,
    lookups: u32,
    lookup_queue: u32,
    body_bytes: u32,
    clients: u32,
    record_age_s: u32,
    ahead_s: u32,
}
