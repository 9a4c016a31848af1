//! What both herd servers share: configuration, rosters, log file and the host of the core.
//!
//! Nothing here knows an async runtime. A server's `main` reads its [`args`], turns them into
//! [`settings`] with [`load`], starts its [`log`] and hands the rest to its adapter.

pub mod address;
pub mod args;
pub mod clock;
pub mod config;
mod failure;
pub mod log;
pub mod roster;
pub mod secret;
pub mod settings;

pub use args::Args;
pub use failure::Failure;
pub use log::LogFile;
pub use roster::Roster;
pub use settings::{Settings, load};
