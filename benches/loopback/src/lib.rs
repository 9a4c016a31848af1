//! Servers of both runtimes, each a process, and what is done to them again and again over loopback.
//!
//! Each thing to be measured has a `start`, which starts the servers and brings them to where they are measured, and a
//! `turn`, which does it once and says how long that took. Every answer is checked, outside of that time.
//! `benches/loopback.rs` hands them to criterion; docs/loopback.md says what they are.

mod answer;
mod connection;
mod exchange;
mod flood;
mod lookups;
mod newcomers;
mod servers;

pub use exchange::Exchange;
pub use flood::Flood;
pub use lookups::Lookups;
pub use newcomers::Newcomers;
