//! The microblog, tested as a whole program.
#![expect(clippy::unwrap_used, reason = "a test may: the panic is its report")]

mod browser;
