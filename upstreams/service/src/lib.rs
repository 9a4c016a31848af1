//! What the programs behind a herd share: how their address is given, how they say that they are ready,
//! and how they stop.

mod address;
mod serve;
mod signals;

pub use address::{address, announce, listener};
pub use serve::{Ended, GRACE, serve};
pub use signals::StopSignals;
