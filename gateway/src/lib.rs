//! HTTP in front of a herd: reports as phones and trackers send them, who is where, a map.
//!
//! Two halves that do not know each other. What comes in is read by [`formats`], which are pure functions
//! from a request to the fixes in it. What goes out is read from a copy of the herd's table.

pub mod client_id;
pub mod fix;
pub mod formats;
pub mod intake;
mod number;
mod time;
