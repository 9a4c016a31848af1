//! HTTP in front of a herd: reports as phones and trackers send them, who is where, a map.
//!
//! Two halves that do not know each other's business:
//!
//! - **In**: [`formats`] are pure functions from a request to the fixes in it. [`intake`] hands these to the herd by
//!   way of the [`reporter`], which is a client of its servers like any other, and answers the application.
//! - **Out**: [`replica`] is a copy of records as servers hold them, with an index over the earth. [`out`] answers
//!   from it. It is fed by a server that the gateway follows, and with what servers have answered to the reporter.

mod answer;
pub mod cli;
pub mod client_id;
pub mod counts;
pub mod fix;
mod follow;
pub mod formats;
mod http;
pub mod intake;
mod number;
pub mod out;
mod page;
pub mod replica;
pub mod reporter;
mod run;
mod servers_state;
mod time;
