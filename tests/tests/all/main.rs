//! The herd's behaviour, tested on whole programs: a module a behaviour, a test for each runtime.
#![expect(clippy::unwrap_used, reason = "a test may: the panic is its report")]

mod handshake;
mod harness;
mod iamat;
mod line_limit;
mod lines;
mod links;
mod lookups;
mod merge;
mod posts;
mod provider;
mod splice;
mod whatsat;
