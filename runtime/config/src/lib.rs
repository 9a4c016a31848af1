//! What a herd and its servers are told: rosters, configuration files, command lines, secrets.
//!
//! A [`Roster`] is a herd, built in or read from a file. Programs take the same [arguments](args) to choose one, and
//! say what is wrong by a [`Failure`].

pub mod address;
pub mod args;
pub mod builtin;
pub mod config;
mod failure;
pub mod logging;
pub mod roster;
pub mod secret;
mod words;

pub use args::Args;
pub use failure::Failure;
pub use roster::Roster;
