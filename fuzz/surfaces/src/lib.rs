//! What is fuzzed: one function for each way into a server, and what must be true of it.
//!
//! Each function takes any bytes and panics when something is not as it should be. `cargo fuzz` calls
//! them with bytes of its own making; `tests/corpus.rs` with the ones that are checked in under
//! `fuzz/corpus`, a folder for each function.

mod client;
mod configuration;
mod driver;
mod follower;
mod handshake;
mod ids;
mod model;
mod naive;
mod neighbour;
mod numbers;
mod splice;

pub use client::client;
pub use configuration::configuration;
pub use follower::follower;
pub use handshake::handshake;
pub use ids::ids;
pub use model::model;
pub use neighbour::neighbour;
pub use numbers::numbers;
pub use splice::splice;

/// A way in by the name of its function.
pub type Surface = (&'static str, fn(&[u8]));

/// All of them.
pub const SURFACES: [Surface; 9] = [
    ("client", client),
    ("configuration", configuration),
    ("follower", follower),
    ("handshake", handshake),
    ("ids", ids),
    ("model", model),
    ("neighbour", neighbour),
    ("numbers", numbers),
    ("splice", splice),
];
