//! The herd's behaviour, tested on whole programs: a module a behaviour, a test for each runtime.
#![expect(clippy::unwrap_used, reason = "a test may: the panic is its report")]

mod attacks;
mod chaos;
mod check;
mod cli;
mod counters;
mod endurance;
mod failures;
mod handshake;
mod harness;
mod herds;
mod iamat;
mod limits;
mod line_limit;
mod lines;
mod links;
mod load;
mod logs;
mod lookups;
mod merge;
mod metrics;
mod microblog;
mod partitions;
mod places;
mod places_new;
mod plain;
mod posts;
mod program;
mod provider;
mod reporters;
mod roster;
mod sources;
mod splice;
mod table;
mod unit;
mod whatsat;
