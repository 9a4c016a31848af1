//! The herd's behaviour, tested on whole programs: a module a behaviour, a test for each runtime.
#![expect(clippy::unwrap_used, reason = "a test may: the panic is its report")]

mod harness;
