//! What a server logs, and where.

use std::path::PathBuf;

use clap::ValueEnum;
use serde::{Deserialize, Deserializer};

use crate::words::one_of;

/// What goes into the log file.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Level {
    /// Events, and every line received and sent
    #[default]
    Lines,
    /// Connections, lookups and warnings, without the lines
    Events,
    /// There is no file; warnings still go to standard error
    Off,
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = [("lines", Self::Lines), ("events", Self::Events), ("off", Self::Off)];
        one_of(deserializer, &values)
    }
}

/// What is logged, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogSettings {
    /// What goes into the file.
    pub level: Level,
    /// The file's directory; the file is called after the server.
    pub dir: PathBuf,
    /// Before the file grows beyond this it is renamed, and a new one begun.
    pub rotate_bytes: u64,
    /// How many renamed files are kept: `Hill.log.1` is the youngest.
    pub keep: u32,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { level: Level::Lines, dir: PathBuf::from("logs"), rotate_bytes: 100 << 20, keep: 5 }
    }
}

impl LogSettings {
    /// The log file of the server called `name`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.log"))
    }
}
