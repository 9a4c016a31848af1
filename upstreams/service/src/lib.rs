//! What the programs behind a herd share: how their address is given, how they say that they are ready,
//! how they stop, and where they keep what is to stay.

mod address;
mod connection;
mod serve;
mod signals;
mod state;

pub use address::{address, announce, listener};
pub use connection::set_up;
pub use serve::{Ended, GRACE, serve};
pub use signals::StopSignals;
pub use state::state_dir;
