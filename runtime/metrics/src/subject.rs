//! The server that metrics and health are of.

use herd_core::{Config, Timestamp};

use herd_clock as clock;
use herd_driver::Inquiry;
use herd_log::LogFile;

/// What does not change while a server runs, and where the rest is found out.
#[derive(Debug)]
pub struct Subject {
    pub(super) program: &'static str,
    pub(super) server: String,
    pub(super) neighbours: Vec<String>,
    pub(super) started: Timestamp,
    pub(super) log: LogFile,
    pub(super) inquiry: Inquiry,
}

impl Subject {
    /// The server that `program` runs with `config`, which answers to `inquiry`; it starts now.
    pub fn new(program: &'static str, config: &Config, log: LogFile, inquiry: Inquiry) -> Self {
        let neighbours = config.neighbours.iter().map(|neighbour| neighbour.name.to_string());
        Self {
            program,
            server: config.name.to_string(),
            neighbours: neighbours.collect(),
            started: clock::now().wall,
            log,
            inquiry,
        }
    }
}
