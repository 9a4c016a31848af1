//! The herd's behaviour, tested on whole programs: a module a behaviour, a test for each runtime.
#![expect(clippy::unwrap_used, reason = "a test may: the panic is its report")]

mod chaos;
mod check;
mod cli;
mod counters;
mod failures;
mod handshake;
mod harness;
mod herds;
mod iamat;
mod limits;
mod line_limit;
mod lines;
mod links;
mod logs;
mod lookups;
mod merge;
mod microblog;
mod places;
mod places_new;
mod plain;
mod posts;
mod program;
mod provider;
mod splice;
mod table;
mod tls;
mod whatsat;
