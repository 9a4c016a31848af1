//! The herd protocol as a pure state machine: bytes, time and upstream answers go in, actions come out.
#![no_std]
#![cfg_attr(not(test), forbid(unsafe_code))]

extern crate alloc;

mod config;
mod time;

pub use config::{
    Config, ConfigError, Dialect, Limits, LinkKind, MAX_CLIENT_BYTES, MAX_LOCATION_BYTES,
    MAX_SERVER_BYTES, MAX_TIME_BYTES, MIN_SECRET_BYTES, Neighbour, Secret,
};
pub use time::{Instant, Now, Skew, Timestamp};
