//! How far a run is.

use core::time::Duration;

use crate::plan::End;

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What it does.
    pub stage: Stage,
    /// Since when, in this stage.
    pub elapsed: Duration,
    /// How many lines have been answered in this stage.
    pub answered: u64,
    /// How many replies were wrong so far.
    pub wrong: u64,
    /// How many connections are left.
    pub connections: usize,
}

/// What a run does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// Reports every client once.
    Priming {
        /// How many lines that takes.
        lines: u64,
    },
    /// Grows, so long.
    Ramp(Duration),
    /// Measures.
    Measuring(End),
}
