//! What the programs behind a herd share: how their address is given, how they say that they are ready, how they serve
//! HTTP and whom they serve when there are too many, how they stop, and where they keep what is to stay.

mod address;
mod connection;
mod connections;
mod exchange;
mod limits;
mod serve;
mod signals;
mod state;
mod stream;

pub use address::{address, announce, listener};
pub use limits::{GRACE, Limits};
pub use serve::{Ended, serve};
pub use signals::StopSignals;
pub use state::state_dir;
