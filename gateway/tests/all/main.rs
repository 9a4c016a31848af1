//! The gateway as its users meet it.

mod formats;
mod golden;
