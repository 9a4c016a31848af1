//! Why the experiment came to nothing.

use core::time::Duration;
use std::io;
use std::path::PathBuf;

/// Why the experiment came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{}: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{needed} descriptors are needed, and {allowed} allowed: ulimit -n {needed}")]
    Descriptors { needed: u64, allowed: u64 },
    #[error("{server} did not start: {why}")]
    NotStarted { server: String, why: String },
    #[error("the crowd could not all connect within {} s", .within.as_secs())]
    NotCrowded { within: Duration },
    #[error("{server}: the good client: {source}")]
    BadService { server: String, source: io::Error },
    #[error("{0}")]
    System(#[from] io::Error),
}
