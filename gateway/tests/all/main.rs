//! The gateway as its users meet it.

mod clients;
mod documented;
mod formats;
mod golden;
mod harness;
mod intake;
mod streams;
