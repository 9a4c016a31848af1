//! Why a part of the experiment could not do its work.

use std::io;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Why a part of the experiment could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{}: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{}: {source}", .path.display())]
    Json { path: PathBuf, source: serde_json::Error },
    #[error("{0}")]
    System(#[from] io::Error),
    #[error("there is no token to log in with")]
    NoTokens,
    #[error("users could not be made: {0}")]
    SignUp(Failure),
    #[error("no run left anything in {}", .0.display())]
    NoRuns(PathBuf),
    #[error("a plot: {0}")]
    Plot(String),
    #[error("the experiment found faults:\n{}", .0.join("\n"))]
    Faults(Vec<String>),
}

impl Error {
    pub(crate) fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }

    pub(crate) fn json(path: &Path, source: serde_json::Error) -> Self {
        Self::Json { path: path.to_owned(), source }
    }
}
