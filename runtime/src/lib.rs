//! What both herd servers share: configuration, rosters, log file, metrics and the host of the core.
//!
//! Nothing here knows an async runtime. A server's `main` reads its [`args`], turns them into
//! [`settings`] with [`load`], starts its [`log`] and hands the rest to its adapter.

pub mod address;
#[cfg(feature = "mimalloc")]
mod allocator;
pub mod args;
pub mod builtin;
pub mod clock;
pub mod config;
mod failure;
pub mod host;
pub mod listen;
pub mod log;
pub mod logging;
pub mod metrics;
mod notices;
mod port;
pub mod roster;
pub mod secret;
pub mod server;
pub mod settings;
pub mod signals;
pub mod tls;
pub mod upstream;

pub use args::Args;
pub use failure::Failure;
pub use host::{Door, Host, Job};
pub use log::LogFile;
pub use metrics::Inquiry;
pub use port::Port;
pub use roster::Roster;
pub use server::Server;
pub use settings::{Settings, load};
pub use upstream::{HttpRequest, HttpResponse, Provider, Upstream};
