//! The gateway as its users meet it.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may: the panic is its report")]

mod browser;
mod clients;
mod documented;
mod follow;
mod formats;
mod golden;
mod harness;
mod intake;
mod streams;
mod up;
// The microblog's tests have the browser, too.
#[path = "../../../upstreams/posts/tests/all/browser/webdriver.rs"]
#[expect(dead_code, reason = "these tests need less of it")]
mod webdriver;
