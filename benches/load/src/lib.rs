//! Load for servers of lines, from one thread, with every reply checked.
//!
//! A [`Plan`] says what to ask of which servers; [`run`] asks it and returns an [`Outcome`]. The lines are
//! built before they are needed and sent from where they lie; time is read once for all that came in one
//! piece; nothing is allocated for a line. So one thread takes millions of replies a second, and what is
//! measured is the server.
//!
//! In a *closed* loop each connection sends a line for each answer it gets. In an *open* loop every line
//! has a time at which it is due, whether or not the server keeps up, and what it waits counts from then: a
//! server that stalls makes all lines late that should have been sent meanwhile, and the quantiles say so.

mod canned;
mod clock;
mod connection;
mod drive;
mod lines;
mod outcome;
mod pace;
mod phase;
mod plan;
mod population;
pub mod process;
mod progress;
mod reply;
mod wait;

pub use canned::Canned;
pub use drive::run;
pub use outcome::{Errors, Latency, Outcome, Wrong};
pub use plan::{Body, Distribution, End, Error, Pace, Plan, Protocol, Question, Server};
pub use progress::{Progress, Stage};
