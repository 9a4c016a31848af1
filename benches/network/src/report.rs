//! From what every process of every run left in a folder to one table, plots and one JSON file.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::measured::{Measured, Operation};
use crate::{plots, table};

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

/// Where the experiment ran, as the script wrote it down.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Environment {
    pub(crate) command: String,
    pub(crate) kernel: String,
    pub(crate) processor: String,
    pub(crate) cores: u32,
    pub(crate) memory_mib: u64,
}

/// What was run, as the script wrote it down.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Setting {
    /// The program under test.
    pub(crate) server: String,
    pub(crate) network: Network,
    pub(crate) clients: u32,
    pub(crate) seconds: u32,
    /// How long each client waits between two questions.
    pub(crate) interval_ms: u32,
    /// How many processors were in use on average, by what used them.
    pub(crate) processors: BTreeMap<String, f64>,
}

/// What was done to the packets between namespaces.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Network {
    /// `clean` or `impaired`.
    pub(crate) name: String,
    /// In each direction.
    pub(crate) delay_ms: u32,
    pub(crate) jitter_ms: u32,
    /// `netem`, `relay` or `none`.
    pub(crate) delay_by: String,
    /// In each direction.
    pub(crate) loss_percent: f64,
    pub(crate) loss_by: String,
    /// Of each namespace's own line, outwards.
    pub(crate) rate: String,
    pub(crate) rate_by: String,
}

/// A run and what all its processes measured.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) setting: Setting,
    pub(crate) measured: Measured,
}

/// Operations that are an observer's and no load.
const OBSERVED: [&str; 2] = ["propagation", "freshness"];

impl Run {
    /// What clients asked, by name.
    pub(crate) fn asked(&self) -> impl Iterator<Item = (&str, &Operation)> {
        self.operations().filter(|(name, _)| !OBSERVED.contains(name))
    }

    /// How fast news spread.
    pub(crate) fn observed(&self) -> impl Iterator<Item = (&str, &Operation)> {
        self.operations().filter(|(name, _)| OBSERVED.contains(name))
    }

    /// Everything, by name.
    pub(crate) fn operations(&self) -> impl Iterator<Item = (&str, &Operation)> {
        self.measured.operations.iter().map(|(name, operation)| (name.as_str(), operation))
    }

    /// Short, to tell it from other runs of one server.
    pub(crate) fn title(&self) -> String {
        format!("{} clients, {}", self.setting.clients, self.setting.network.name)
    }

    /// What must not be in a short run on a good network.
    fn faults(&self) -> Vec<String> {
        let title = format!("{}, {}", self.setting.server, self.title());
        let mut faults = Vec::new();
        let (asked, observed) = (self.asked().count(), self.observed().count());
        if asked == 0 || observed == 0 {
            faults.push(format!("{title}: {asked} kinds of questions, {observed} observed"));
        }
        for (name, operation) in self.operations() {
            if operation.answered() == 0 {
                faults.push(format!("{title}: {name} was never answered"));
            }
            if self.setting.network.name == "clean" && operation.failed() > 0 {
                faults.push(format!("{title}: {name} failed: {:?}", operation.failures));
            }
        }
        faults
    }
}

/// Writes `table.md`, `result.json` and a plot for each server into the folder.
pub(crate) fn run(dir: &Path, check: bool) -> Result<(), Error> {
    let environment: Environment = read(&dir.join("environment.json"))?;
    let runs = runs(dir)?;
    write(&dir.join("table.md"), &table::markdown(&environment, &runs))?;
    let result = Document::new(&environment, &runs);
    let json = serde_json::to_string_pretty(&result).expect("plain values become JSON");
    write(&dir.join("result.json"), &(json + "\n"))?;
    plots::draw(dir, &runs)?;
    let faults: Vec<String> = runs.iter().flat_map(Run::faults).collect();
    if check && !faults.is_empty() {
        return Err(Error::Faults(faults));
    }
    Ok(())
}

fn runs(dir: &Path) -> Result<Vec<Run>, Error> {
    let mut runs = Vec::new();
    for run in sorted(&dir.join("runs"))? {
        let mut measured = Measured::default();
        for part in sorted(&run)? {
            let name = part.file_name().and_then(|name| name.to_str());
            if name.is_some_and(|name| name.starts_with("part-")) {
                measured.add(&Measured::read(&part)?);
            }
        }
        let setting = read(&run.join("setting.json"))?;
        runs.push(Run { setting, measured });
    }
    if runs.is_empty() {
        return Err(Error::NoRuns(dir.to_owned()));
    }
    Ok(runs)
}

fn sorted(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(dir).map_err(|source| Error::file(dir, source))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> =
        paths.collect::<Result<_, _>>().map_err(|source| Error::file(dir, source))?;
    paths.sort();
    Ok(paths)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::file(path, source))?;
    serde_json::from_str(&text).map_err(|source| Error::json(path, source))
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|source| Error::file(path, source))
}

/// The JSON file.
#[derive(Debug, Serialize)]
struct Document<'a> {
    environment: &'a Environment,
    runs: Vec<DocumentRun<'a>>,
}

#[derive(Debug, Serialize)]
struct DocumentRun<'a> {
    #[serde(flatten)]
    setting: &'a Setting,
    operations: BTreeMap<&'a str, DocumentOperation<'a>>,
    answered_per_second: &'a [u64],
}

#[derive(Debug, Serialize)]
struct DocumentOperation<'a> {
    offered: u64,
    answered: u64,
    unsent: u64,
    failures: &'a BTreeMap<String, u64>,
    /// Milliseconds from the moment the question was due, by the share of answers that took no longer.
    latency_ms: BTreeMap<&'static str, f64>,
}

/// Quantiles by name.
pub(crate) const QUANTILES: [(&str, f64); 9] = [
    ("0", 0.0),
    ("0.1", 0.1),
    ("0.25", 0.25),
    ("0.5", 0.5),
    ("0.75", 0.75),
    ("0.9", 0.9),
    ("0.99", 0.99),
    ("0.999", 0.999),
    ("1", 1.0),
];

impl<'a> Document<'a> {
    fn new(environment: &'a Environment, runs: &'a [Run]) -> Self {
        let operation = |operation: &'a Operation| DocumentOperation {
            offered: operation.offered,
            answered: operation.answered(),
            unsent: operation.unsent,
            failures: &operation.failures,
            latency_ms: QUANTILES
                .iter()
                .filter(|_| operation.answered() > 0)
                .map(|(name, quantile)| (*name, quantile_ms(operation, *quantile)))
                .collect(),
        };
        let run = |run: &'a Run| DocumentRun {
            setting: &run.setting,
            operations: run.operations().map(|(name, own)| (name, operation(own))).collect(),
            answered_per_second: &run.measured.answered_per_second,
        };
        Self { environment, runs: runs.iter().map(run).collect() }
    }
}

/// What this share of answers took at most, in milliseconds.
pub(crate) fn quantile_ms(operation: &Operation, quantile: f64) -> f64 {
    let latency = &operation.latency_us;
    let us = if quantile == 0.0 { latency.min() } else { latency.value_at_quantile(quantile) };
    f64::from(u32::try_from(us).unwrap_or(u32::MAX)) / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    const ENVIRONMENT: &str = r#"{"command": "run", "kernel": "6.1", "processor": "one", "cores": 2,
        "memory_mib": 2048}"#;

    /// A folder with one run of two processes that had this many answers and failures each.
    fn folder(network: &str, answers: u64, failures: u64) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("runs/1");
        fs::create_dir_all(&run).unwrap();
        fs::write(dir.path().join("environment.json"), ENVIRONMENT).unwrap();
        let setting = format!(
            r#"{{"server": "herd-tokio", "clients": 100, "seconds": 10, "interval_ms": 200,
            "network": {{"name": "{network}", "delay_ms": 20, "jitter_ms": 2, "delay_by": "relay",
            "loss_percent": 1, "loss_by": "iptables", "rate": "20mbit", "rate_by": "tbf"}},
            "processors": {{"servers": 0.5, "machine": 1.25}}}}"#
        );
        fs::write(run.join("setting.json"), setting).unwrap();
        for part in ["part-1.json", "part-2.json"] {
            let mut measured = Measured::new(Duration::from_secs(10));
            for ms in 1..=answers {
                measured.operation("IAMAT").answer(Duration::from_millis(ms));
                measured.answered_at(Duration::from_millis(ms));
            }
            for _ in 0..failures {
                measured.operation("IAMAT").fail("closed");
            }
            measured.operation("propagation").answer(Duration::from_millis(3));
            measured.write(&run.join(part)).unwrap();
        }
        dir
    }

    #[test]
    fn the_report_is_a_table_a_plot_and_json() {
        let dir = folder("impaired", 1000, 1);

        run(dir.path(), true).unwrap();

        let text = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        assert!(text("table.md").contains(
            "| herd-tokio | impaired | 100 | IAMAT | 200.2 | 200.0 | 2 | 0 | 500 | 900 | 990 | 999 | 1000 |"
        ), "{}", text("table.md"));
        assert!(text("table.md").contains("| propagation |"));
        let json: serde_json::Value = serde_json::from_str(&text("result.json")).unwrap();
        let reports = &json["runs"][0]["operations"]["IAMAT"];
        assert_eq!(reports["answered"], 2000);
        assert_eq!(reports["failures"]["closed"], 2);
        assert_eq!(json["runs"][0]["network"]["delay_by"], "relay");
        assert_eq!(json["environment"]["cores"], 2);
        let plot = text("herd-tokio.svg");
        assert!(plot.starts_with("<svg") && plot.contains("100 clients, impaired"));
    }

    #[test]
    fn a_failure_on_the_clean_network_is_a_fault() {
        let faults = |dir: tempfile::TempDir| match run(dir.path(), true) {
            Ok(()) => Vec::new(),
            Err(Error::Faults(faults)) => faults,
            Err(error) => panic!("{error}"),
        };

        assert_eq!(faults(folder("clean", 10, 0)), [""; 0]);
        assert_eq!(faults(folder("impaired", 10, 3)), [""; 0]);
        assert_eq!(faults(folder("clean", 10, 3)).len(), 1);
        assert_eq!(faults(folder("impaired", 0, 3)).len(), 1);
    }

    #[test]
    fn nothing_measured_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("environment.json"), ENVIRONMENT).unwrap();
        fs::create_dir(dir.path().join("runs")).unwrap();

        assert!(matches!(run(dir.path(), false), Err(Error::NoRuns(_))));
    }
}
