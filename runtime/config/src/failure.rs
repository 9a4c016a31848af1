//! Why a program could not do what it was asked.

use core::error::Error;
use core::fmt;
use std::process::ExitCode;

/// A sentence for the user, and the exit code that goes with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// What was wrong, and what to do about it where that is known.
    pub message: String,
    /// 1: could not do it. 2: the arguments or the configuration are wrong.
    pub code: u8,
}

impl Failure {
    /// The arguments or the configuration are wrong: exit code 2.
    pub fn wrong(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 2 }
    }

    /// All is well formed, but it could not be done: exit code 1.
    pub fn unable(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }

    /// The code to leave the process with.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {}
