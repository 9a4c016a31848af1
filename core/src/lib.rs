//! The herd protocol as a pure state machine: bytes, time and upstream answers go in, actions come out.
//!
//! [`Herd`] is one server. A driver owns the sockets and the clocks. It tells the server what happened with the
//! `handle_*` methods, and carries out what each of them appends to an [`Output`].
//!
//! # The run loop
//!
//! 1. Wait for whatever comes first: a connection, bytes, the end of a dial, a provider's answer, or the time that
//!    [`Herd::poll_timeout`] names.
//! 2. Read both clocks into a [`Now`] and call the method that says what happened. One reading serves all lines of one
//!    read.
//! 3. Carry out [`Output::actions`], in order, then call [`Output::clear`]. After every [`Action::Send`] report with
//!    [`Herd::handle_drained`] how many bytes the kernel took, and keep the rest for later. A report leads to further
//!    actions: go on until there are none.
//!
//! Nothing else has to be kept: there is no order in which inputs must come, and none that must follow another. What
//! each action asks for stands with it.
//!
//! # Two servers in memory
//!
//! The following program is a driver for two servers that are linked by two pipes instead of a socket. A client reports
//! to one of them, and the other knows.
//!
//! ```
//! use herd_core::{Action, Config, ConnId, Dialled, Herd, Listener, LinkKind, Neighbour, Now, Output, Secret, Seed};
//!
//! const HERE: core::net::IpAddr = core::net::IpAddr::V4(core::net::Ipv4Addr::LOCALHOST);
//!
//! let config = |name: &str, other: &str| Config {
//!     neighbours: vec![Neighbour { name: other.into(), kind: LinkKind::Herd }],
//!     secret: Secret::new(*b"correct horse battery staple"),
//!     ..Config::new(name, Seed([name.len() as u8; 32]))
//! };
//! let mut herds = [Herd::new(config("Hill", "Jaquez"))?, Herd::new(config("Jaquez", "Hill"))?];
//! let mut ends: [Option<ConnId>; 2] = [None; 2];
//! let (now, mut out) = (Now::default(), Output::new());
//!
//! // Hill's time to dial has come, as `poll_timeout` says. Jaquez accepts what Hill has dialled.
//! herds[0].handle_timeout(now, &mut out);
//! let Some(Action::Dial { peer, .. }) = out.actions().next() else { panic!("the lesser name dials") };
//! out.clear();
//! ends[1] = Some(herds[1].handle_accept(now, Listener::Links { from: HERE }, &mut out));
//! out.clear();
//! ends[0] = herds[0].handle_dial(now, peer, Dialled::Connected, &mut out);
//!
//! // What one sends the other reads, until neither has anything to say: the handshake.
//! let carry = |herds: &mut [Herd; 2], out: &mut Output, mut at: usize| loop {
//!     let sent: Vec<u8> = out
//!         .actions()
//!         .filter_map(|action| match action {
//!             Action::Send { conn, bytes, .. } if Some(conn) == ends[at] => Some(bytes.to_vec()),
//!             _ => None,
//!         })
//!         .flatten()
//!         .collect();
//!     out.clear();
//!     let (Some(from), Some(to), false) = (ends[at], ends[1 - at], sent.is_empty()) else { break };
//!     herds[at].handle_drained(now, from, sent.len(), out);
//!     herds[1 - at].handle_input(now, to, &sent, out);
//!     at = 1 - at;
//! };
//! carry(&mut herds, &mut out, 0);
//!
//! // A client says to Hill where it is; Jaquez knows.
//! let client = herds[0].handle_accept(now, Listener::Clients { from: HERE, plain: false }, &mut out);
//! out.clear();
//! herds[0].handle_input(now, client, b"IAMAT kiwi +34.068930-118.445127 0.5\n", &mut out);
//! carry(&mut herds, &mut out, 0);
//! let known = herds[1].locate(now, b"kiwi").expect("the record was flooded");
//! assert_eq!(known.line(), b"AT Hill -0.500000000 kiwi +34.068930-118.445127 0.5");
//! # Ok::<(), herd_core::ConfigError>(())
//! ```
//!
//! # Without lines
//!
//! A program that has a server inside hands in a [`Report`] with [`Herd::handle_report`], asks with
//! [`Herd::handle_query`] and [`Herd::locate`], and follows the table with a [`Watch`]. A program elsewhere follows it with
//! a [`Follower`].
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
