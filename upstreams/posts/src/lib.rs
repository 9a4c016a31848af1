//! A microblog: people, posts with a position, a feed, and the search that a posts herd asks.
//!
//! Every module below `database` is plain functions over a connection and plain values; `graphql` and
//! `search_json` are two faces of the same functions, and neither knows SQL.

mod bulk;
pub mod cells;
pub mod cli;
mod database;
pub mod demo;
mod error;
pub mod ids;
pub mod query;
mod run;
pub mod search;
pub mod search_json;
pub mod text;

pub use database::{Backend, Database};
pub use error::Error;
pub use run::Options;
