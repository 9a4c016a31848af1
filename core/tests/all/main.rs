//! The protocol, told as stories about one server or a herd of them.
//!
//! Each module is about one behaviour. Nothing here sleeps or reads a clock: time is invented.
#![expect(clippy::unwrap_used, reason = "where a test is wrong it may fail at once")]

mod answers;
mod determinism;
mod flood;
mod followers;
mod handshake;
mod http;
mod iamat;
mod ids;
mod limits;
mod lines;
mod lookups;
mod mesh;
mod namesakes;
mod net;
mod outages;
mod plain;
mod pressure;
mod progress;
mod secured;
mod sources;
mod status;
mod stopping;
mod strangers;
mod support;
mod table;
mod typed;
mod whatsat;
mod words;
