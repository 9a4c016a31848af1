//! From what every process of every run left in a folder to one table, plots and one JSON file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::measured::{Measured, Operation};
use crate::runs::{Environment, Run, Setting, quantile_ms};
use crate::{plots, table};

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
