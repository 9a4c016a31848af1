//! What was measured: how many answers, how fast, and what came instead.

use core::time::Duration;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// The longest wait that is told apart from longer ones.
const LONGEST_US: u64 = 120_000_000;
/// Values are kept to this many digits, and so are those in files: adding up files loses nothing more.
const DIGITS: u8 = 3;

/// One kind of question: what became of those that were meant to be asked in the measured time.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// How many were meant to be asked.
    pub(crate) offered: u64,
    /// How many could not be asked in time, because the one before was still waiting.
    pub(crate) unsent: u64,
    /// How many failed, by kind.
    pub(crate) failures: BTreeMap<String, u64>,
    /// How long the proper answers took, in microseconds from the moment the question was due.
    pub(crate) latency_us: Histogram<u64>,
}

/// What a process, or several, measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    /// By the name of the question.
    pub(crate) operations: BTreeMap<String, Operation>,
    /// Proper answers in each second of the measured time; what came later counts to the last.
    pub(crate) answered_per_second: Vec<u64>,
}

impl Default for Operation {
    fn default() -> Self {
        let latency_us =
            Histogram::new_with_max(LONGEST_US, DIGITS).expect("these bounds are allowed");
        Self { offered: 0, unsent: 0, failures: BTreeMap::new(), latency_us }
    }
}

impl Operation {
    /// How many got a proper answer.
    pub(crate) fn answered(&self) -> u64 {
        self.latency_us.len()
    }

    /// How many failed.
    pub(crate) fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    /// Counts a proper answer that took this long.
    pub(crate) fn answer(&mut self, took: Duration) {
        self.offered += 1;
        self.latency_us.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// Counts a failure of this kind.
    pub(crate) fn fail(&mut self, kind: impl ToString) {
        self.offered += 1;
        *self.failures.entry(kind.to_string()).or_default() += 1;
    }

    /// Counts a question that could not be asked in time.
    pub(crate) fn skip(&mut self) {
        self.offered += 1;
        self.unsent += 1;
    }

    /// Adds what another process counted.
    pub(crate) fn add(&mut self, other: &Self) {
        self.offered += other.offered;
        self.unsent += other.unsent;
        for (kind, count) in &other.failures {
            *self.failures.entry(kind.clone()).or_default() += count;
        }
        self.latency_us.add(&other.latency_us).expect("all have the same bounds");
    }
}

impl Measured {
    /// Nothing yet, for so many seconds.
    pub(crate) fn new(length: Duration) -> Self {
        let seconds = usize::try_from(length.as_secs()).unwrap_or(0);
        Self { answered_per_second: vec![0; seconds], ..Self::default() }
    }

    /// The operation of this name.
    pub(crate) fn operation(&mut self, name: &str) -> &mut Operation {
        if !self.operations.contains_key(name) {
            self.operations.insert(name.to_owned(), Operation::default());
        }
        self.operations.get_mut(name).expect("it is there by now")
    }

    /// Counts an answer that came this long after the measured time began.
    pub(crate) fn answered_at(&mut self, since_start: Duration) {
        let second = usize::try_from(since_start.as_secs()).unwrap_or(usize::MAX);
        let last = self.answered_per_second.len().saturating_sub(1);
        if let Some(count) = self.answered_per_second.get_mut(second.min(last)) {
            *count += 1;
        }
    }

    /// Adds what another process measured at the same time.
    pub(crate) fn add(&mut self, other: &Self) {
        for (name, operation) in &other.operations {
            self.operation(name).add(operation);
        }
        let longer = self.answered_per_second.len().max(other.answered_per_second.len());
        self.answered_per_second.resize(longer, 0);
        for (sum, count) in self.answered_per_second.iter_mut().zip(&other.answered_per_second) {
            *sum += count;
        }
    }

    /// Writes it to a file.
    pub(crate) fn write(&self, path: &Path) -> Result<(), crate::error::Error> {
        let text = serde_json::to_string(&File::from(self)).expect("plain values become JSON");
        fs::write(path, text).map_err(|source| crate::error::Error::file(path, source))
    }

    /// Reads what [`Self::write`] wrote.
    pub(crate) fn read(path: &Path) -> Result<Self, crate::error::Error> {
        let text =
            fs::read_to_string(path).map_err(|source| crate::error::Error::file(path, source))?;
        let file: File = serde_json::from_str(&text)
            .map_err(|source| crate::error::Error::json(path, source))?;
        Ok(file.into())
    }
}

/// A [`Measured`] as it is in a file.
#[derive(Debug, Deserialize, Serialize)]
struct File {
    operations: BTreeMap<String, FileOperation>,
    answered_per_second: Vec<u64>,
}

#[derive(Debug, Deserialize, Serialize)]
struct FileOperation {
    offered: u64,
    unsent: u64,
    failures: BTreeMap<String, u64>,
    /// Microseconds, and how many took as long.
    latency_us: Vec<(u64, u64)>,
}

impl From<&Measured> for File {
    fn from(measured: &Measured) -> Self {
        let operation = |operation: &Operation| FileOperation {
            offered: operation.offered,
            unsent: operation.unsent,
            failures: operation.failures.clone(),
            latency_us: operation
                .latency_us
                .iter_recorded()
                .map(|step| (step.value_iterated_to(), step.count_at_value()))
                .collect(),
        };
        let operations = measured.operations.iter();
        Self {
            operations: operations.map(|(name, own)| (name.clone(), operation(own))).collect(),
            answered_per_second: measured.answered_per_second.clone(),
        }
    }
}

impl From<File> for Measured {
    fn from(file: File) -> Self {
        let operation = |own: FileOperation| {
            let mut operation = Operation {
                offered: own.offered,
                unsent: own.unsent,
                failures: own.failures,
                ..Operation::default()
            };
            for (value, count) in own.latency_us {
                operation.latency_us.saturating_record_n(value, count);
            }
            operation
        };
        Self {
            operations: file
                .operations
                .into_iter()
                .map(|(name, own)| (name, operation(own)))
                .collect(),
            answered_per_second: file.answered_per_second,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_answers(name: &str, milliseconds: impl IntoIterator<Item = u64>) -> Measured {
        let mut measured = Measured::new(Duration::from_secs(2));
        for ms in milliseconds {
            measured.operation(name).answer(Duration::from_millis(ms));
            measured.answered_at(Duration::from_millis(ms));
        }
        measured
    }

    #[test]
    fn what_two_processes_measured_adds_up_through_files() {
        let dir = tempfile::tempdir().unwrap();
        let mut slow = with_answers("IAMAT", 901..=1000);
        slow.operation("IAMAT").fail("closed");
        slow.operation("WHATSAT").skip();
        slow.write(&dir.path().join("slow.json")).unwrap();
        with_answers("IAMAT", 1..=900).write(&dir.path().join("fast.json")).unwrap();

        let mut both = Measured::read(&dir.path().join("slow.json")).unwrap();
        both.add(&Measured::read(&dir.path().join("fast.json")).unwrap());

        let reports = &both.operations["IAMAT"];
        assert_eq!((reports.offered, reports.answered(), reports.failed()), (1001, 1000, 1));
        assert_eq!(reports.failures["closed"], 1);
        assert_eq!(both.operations["WHATSAT"].unsent, 1);
        for (quantile, ms) in [(0.5, 500), (0.9, 900), (0.99, 990), (1.0, 1000)] {
            let found = reports.latency_us.value_at_quantile(quantile);
            assert!(found.abs_diff(ms * 1000) <= ms, "{found} us at {quantile}: three digits");
        }
        assert_eq!(both.answered_per_second, [999, 1]);
    }

    #[test]
    fn an_answer_after_the_end_counts_to_the_last_second() {
        let late = with_answers("IAMAT", [1_500, 7_000]);

        assert_eq!(late.answered_per_second, [0, 2]);
    }

    #[test]
    fn a_wait_beyond_all_bounds_is_counted_as_the_longest() {
        let stuck = with_answers("IAMAT", [1_000_000]);

        assert!(stuck.operations["IAMAT"].latency_us.max() >= LONGEST_US);
    }
}
