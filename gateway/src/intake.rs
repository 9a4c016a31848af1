//! Reports that come in over HTTP.

mod target;

pub use target::Target;
