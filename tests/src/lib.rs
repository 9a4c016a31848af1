//! What the tests of whole programs are written with.
//!
//! Real servers are started as processes and spoken to over TCP; everything around them, the upstream,
//! the neighbours, a network that fails, is played by threads of the test. Nothing here depends on
//! herd-core: the wire format is written down a second time, so that one side can catch the other.

mod at;
mod binaries;
mod client;
mod clock;
mod follower;
pub mod google;
mod herd;
mod http;
mod link;
mod metrics;
mod network;
mod plan;
mod ports;
mod program;
mod relay;
mod runtime;
mod server;
mod tls;
mod upstream;

pub use at::At;
pub use binaries::{build_only_servers, herd, herd_places, herd_posts};
pub use client::Client;
pub use clock::{
    PATIENCE, eventually, eventually_some, holds_for, monotonic, pass, wall_nanos, within,
};
pub use follower::{Follow, Follower};
pub use herd::Herd;
pub use http::{Answer, Gate, Request};
pub use link::{Acceptor, Challenge, Heard, Identity, Link, Opening, Refused, bound_proof, proof};
pub use metrics::{Metrics, Reply, get, http};
pub use network::Network;
pub use plan::{Plan, SECRET};
pub use ports::free_address;
pub use program::{Ended, Program, Signal};
pub use relay::Relay;
pub use runtime::{RUNTIMES, Runtime};
pub use server::Server;
pub use tls::{Authority, Certified, Ending, Secured};
pub use upstream::Upstream;
