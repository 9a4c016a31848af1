//! A server but for its async runtime: from a command line to sockets that listen, and all that an adapter needs.
//!
//! A server's `main` hands its arguments to [`server::run`], which makes [`Settings`] of them, starts the log,
//! listens, and hands the rest to the adapter. That serves connections by way of a [`Host`].
//!
//! What is needed for this are crates of their own: configuration ([`herd_config`]), clocks ([`herd_clock`]), the log
//! ([`herd_log`]), TLS ([`herd_tls`]), the driver of the core ([`herd_driver`]) and metrics ([`herd_metrics`]).

#[cfg(feature = "mimalloc")]
mod allocator;
pub mod listen;
mod panics;
pub mod server;
pub mod settings;
pub mod signals;

pub use herd_clock as clock;
pub use herd_config::Failure;
pub use herd_driver::{
    Door, Host, HttpRequest, HttpResponse, Inquiry, Job, Port, Provider, Upstream, upstream,
};
pub use herd_log::LogFile;
pub use server::Server;
pub use settings::{Settings, load};
