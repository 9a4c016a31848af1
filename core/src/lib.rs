//! The herd protocol as a pure state machine: bytes, time and upstream answers go in, actions come out.
//!
//! [`Herd`] is one server. A driver tells it what happened with the `handle_*` methods, and carries
//! out what each of them appends to an [`Output`]:
//!
//! ```
//! use herd_core::{Action, Config, Herd, Listener, Now, Output, Seed, Timestamp};
//!
//! let mut herd = Herd::new(Config::new("Hill", Seed([0; 32])))?;
//! let now = Now { wall: Timestamp::from_nanos(1_520_023_935_182_837_383), ..Now::default() };
//! let mut out = Output::new();
//! let listener = Listener::Clients { from: [192, 0, 2, 1].into(), plain: false };
//! let conn = herd.handle_accept(now, listener, &mut out);
//! herd.handle_input(now, conn, b"IAMAT kiwi +34.068930-118.445127 1520023934.918963997\n", &mut out);
//!
//! let answer = out.actions().find_map(|action| match action {
//!     Action::Send { bytes, .. } => Some(bytes),
//!     _ => None,
//! });
//! assert_eq!(
//!     answer,
//!     Some(&b"AT Hill +0.263873386 kiwi +34.068930-118.445127 1520023934.918963997\n"[..])
//! );
//! # Ok::<(), herd_core::ConfigError>(())
//! ```
//!
//! The crate is `no_std`: it can open no socket, read no clock and start no thread. The same sequence
//! of calls with the same times has the same results, to the last bit.
#![no_std]

extern crate alloc;

mod changes;
mod command;
mod config;
mod conns;
mod counters;
mod decimal;
mod directory;
mod durations;
mod entropy;
mod flood;
mod flow;
mod follow;
mod follower;
mod followers;
mod framer;
mod handshake;
mod herd;
mod http;
mod ids;
mod index;
mod json;
mod location;
mod lookups;
mod notice;
mod numbered;
mod output;
mod peers;
mod provider;
mod replies;
mod smallest;
mod sources;
mod status;
mod time;
mod timers;
mod turns;
mod unproven;
mod watch;

pub use changes::DEFAULT_RING;
pub use command::{Command, Grammar, Malformed, Query, Report, Update};
pub use config::{
    Config, ConfigError, Dialect, Limits, LinkKind, MAX_CLIENT_BYTES, MAX_LOCATION_BYTES,
    MAX_SERVER_BYTES, MAX_TIME_BYTES, MIN_SECRET_BYTES, Neighbour, Secret, Secured, Seed,
};
pub use counters::Counters;
pub use decimal::Decimal;
pub use directory::Record;
pub use durations::Durations;
pub use follow::{FOLLOW_VERSION, Position};
pub use follower::{Follower, FollowerConfig, FollowerError, FollowerEvent};
pub use handshake::{Binding, Incarnation, LINK_VERSION, PROOF};
pub use herd::{Dialled, Herd, Listener, Outcome};
pub use ids::{ConnId, LookupId, PeerId};
pub use json::{MAX_DEPTH, NotJson, cut_results};
pub use location::Location;
pub use notice::{Goodbye, Names, Notice, Refusal, Words};
pub use output::{Action, Form, Output};
pub use provider::{LookupError, Request, Response};
pub use status::{FollowerStatus, NeighbourStatus, Status};
pub use time::{Instant, Now, Skew, Timestamp};
pub use timers::Wake;
pub use watch::{Watch, Watched};
