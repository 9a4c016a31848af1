//! A microblog: people, posts with a position, a feed, and the search that a posts herd asks.
//!
//! Every module below `database` is plain functions over a connection and plain values; `graphql` and
//! `search_json` are two faces of the same functions, and neither knows SQL.

mod accounts;
mod answer;
mod app;
mod attempts;
mod bulk;
pub mod cells;
pub mod cli;
mod cookies;
mod database;
pub mod demo;
mod diagnostics;
mod error;
mod events;
mod graphql;
mod http;
pub mod ids;
mod news;
mod page;
mod passwords;
mod posts;
pub mod query;
mod read_only;
mod relations;
mod request;
mod run;
pub mod search;
pub mod search_json;
mod sessions;
mod shares;
pub mod text;
mod timelines;
mod turns;
mod visibility;
mod watchers;
mod web;
mod websocket;
mod wording;

pub use database::{Backend, Database, OpenError};
pub use error::Error;
pub use graphql::schema;
pub use run::Options;
