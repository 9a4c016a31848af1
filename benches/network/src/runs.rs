//! The runs of the experiment, and what each measured.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::measured::{Measured, Operation};

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
    pub(crate) fn faults(&self) -> Vec<String> {
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

/// What this share of answers took at most, in milliseconds.
pub(crate) fn quantile_ms(operation: &Operation, quantile: f64) -> f64 {
    let latency = &operation.latency_us;
    let us = if quantile == 0.0 { latency.min() } else { latency.value_at_quantile(quantile) };
    f64::from(u32::try_from(us).unwrap_or(u32::MAX)) / 1000.0
}
