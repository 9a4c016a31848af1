//! A Nearby Search service over open place data.

pub mod cli;
