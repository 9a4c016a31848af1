//! What a run measured.

use crate::lines::Kind;
use core::time::Duration;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a run measured.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// How long was measured, in seconds.
    pub seconds: f64,
    /// How many lines were answered meanwhile, rightly or not.
    pub answered: u64,
    /// Lines answered per second.
    pub per_second: f64,
    /// Processor time that the given processes used meanwhile, in seconds; none if none were given.
    pub server_cpu_seconds: Option<f64>,
    /// Lines answered per second of that.
    pub per_server_cpu_second: Option<f64>,
    /// The processor time that asking and checking took, in seconds, where the system tells.
    pub own_cpu_seconds: Option<f64>,
    /// How long reports waited for their answers; none if there were none.
    pub iamat: Option<Latency>,
    /// How long WHATSATs waited for their answers; none if there were none.
    pub whatsat: Option<Latency>,
    /// Lines that were due and not sent when time was over, because too many others were unanswered, or
    /// their connection was lost. Their waits are in no latency.
    pub unsent: u64,
    /// Right answers to WHATSATs for which the provider had failed.
    pub unprovided: u64,
    /// What went wrong, the ramp included.
    pub errors: Errors,
}

/// What went wrong.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Errors {
    /// Replies that were not what the line asked for.
    pub wrong: u64,
    /// The first of them.
    pub first_wrong: Vec<Wrong>,
    /// Connections that ended before the run did, by why.
    pub lost: BTreeMap<String, u64>,
    /// Lines on them that were not answered.
    pub unanswered: u64,
}

impl Errors {
    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.wrong == 0 && self.unanswered == 0 && self.lost.is_empty()
    }
}

/// A reply that was not what the line asked for.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Wrong {
    /// The line, escaped where it is not printable.
    pub asked: String,
    /// The reply, likewise.
    pub answered: String,
}

/// How long answers took, in microseconds: the longest of each share of them.
///
/// In a closed loop from when the line was handed to the system, in an open loop from when it was due.
#[derive(Clone, Debug, Serialize)]
pub struct Latency {
    /// How many there were.
    pub count: u64,
    /// The mean.
    pub mean: f64,
    /// The shortest.
    pub min: f64,
    /// Half of them.
    pub p50: f64,
    /// 90 %.
    pub p90: f64,
    /// 99 %.
    pub p99: f64,
    /// 99.9 %.
    pub p999: f64,
    /// 99.99 %.
    pub p9999: f64,
    /// All of them.
    pub max: f64,
}

impl Latency {
    fn of(histogram: &Histogram<u64>) -> Option<Self> {
        if histogram.is_empty() {
            return None;
        }
        let us = |nanos: u64| nanos as f64 / 1000.0;
        let at = |quantile| us(histogram.value_at_quantile(quantile));
        Some(Self {
            count: histogram.len(),
            mean: histogram.mean() / 1000.0,
            min: us(histogram.min()),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            p9999: at(0.9999),
            max: us(histogram.max()),
        })
    }
}

/// The longest wait that is told apart from longer ones, in nanoseconds.
const LONGEST: u64 = 120_000_000_000;
/// How many digits of a wait are kept.
const DIGITS: u8 = 3;
/// How many wrong replies are kept, and how much of each.
const SHOWN: usize = 5;
const SHOWN_BYTES: usize = 400;

/// Processor time in seconds, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cpu {
    pub(crate) servers: Option<f64>,
    pub(crate) own: Option<f64>,
}

/// Counts while a run goes on.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) answered: u64,
    pub(crate) unsent: u64,
    pub(crate) unprovided: u64,
    pub(crate) errors: Errors,
    reports: Histogram<u64>,
    whatsats: Histogram<u64>,
    /// Waits that were all the same and are not recorded yet.
    same: (Kind, Duration, u64),
}

impl Tally {
    pub(crate) fn new() -> Self {
        let histogram =
            || Histogram::new_with_max(LONGEST, DIGITS).expect("these bounds are allowed");
        Self {
            answered: 0,
            unsent: 0,
            unprovided: 0,
            errors: Errors::default(),
            reports: histogram(),
            whatsats: histogram(),
            same: (Kind::Report, Duration::ZERO, 0),
        }
    }

    /// Counts how long an answer took.
    pub(crate) fn took(&mut self, kind: Kind, wait: Duration) {
        if self.same.0 == kind && self.same.1 == wait {
            self.same.2 += 1;
        } else {
            self.record();
            self.same = (kind, wait, 1);
        }
    }

    /// Counts a wrong reply, and keeps it if it is one of the first.
    #[cold]
    pub(crate) fn wrong(&mut self, asked: &[u8], answered: &[u8]) {
        self.errors.wrong += 1;
        if self.errors.first_wrong.len() < SHOWN {
            let shown =
                |text: &[u8]| text[..text.len().min(SHOWN_BYTES)].escape_ascii().to_string();
            let wrong = Wrong { asked: shown(asked), answered: shown(answered) };
            self.errors.first_wrong.push(wrong);
        }
    }

    /// Counts a connection that ended too early, and the lines it leaves unanswered.
    pub(crate) fn lost(&mut self, why: String, unanswered: u64) {
        *self.errors.lost.entry(why).or_default() += 1;
        self.errors.unanswered += unanswered;
    }

    fn record(&mut self) {
        let (kind, wait, count) = self.same;
        let histogram = match kind {
            Kind::Report => &mut self.reports,
            Kind::Whatsat => &mut self.whatsats,
        };
        let nanos = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        histogram.saturating_record_n(nanos, count);
    }

    /// What was measured in so long, with so much processor time.
    pub(crate) fn outcome(mut self, length: Duration, cpu: Cpu) -> Outcome {
        self.record();
        let seconds = length.as_secs_f64();
        let answered = self.answered as f64;
        Outcome {
            seconds,
            answered: self.answered,
            per_second: if seconds > 0.0 { answered / seconds } else { 0.0 },
            server_cpu_seconds: cpu.servers,
            per_server_cpu_second: cpu.servers.filter(|cpu| *cpu > 0.0).map(|cpu| answered / cpu),
            own_cpu_seconds: cpu.own,
            iamat: Latency::of(&self.reports),
            whatsat: Latency::of(&self.whatsats),
            unsent: self.unsent,
            unprovided: self.unprovided,
            errors: self.errors,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_all_waits_of_their_kind() {
        let mut tally = Tally::new();
        for ms in 1..=100 {
            tally.took(Kind::Report, Duration::from_millis(ms));
            tally.took(Kind::Report, Duration::from_millis(ms));
            tally.took(Kind::Whatsat, Duration::from_secs(1));
        }
        tally.answered = 300;

        let outcome = tally.outcome(Duration::from_secs(2), Cpu { servers: Some(0.5), own: None });

        let reports = outcome.iamat.unwrap();
        assert_eq!(reports.count, 200);
        for (found, ms) in [(reports.p50, 50.0), (reports.p99, 99.0), (reports.max, 100.0)] {
            assert!((found / 1000.0 - ms).abs() <= ms / 500.0, "{found} us, not {ms} ms");
        }
        assert_eq!(outcome.whatsat.unwrap().count, 100);
        assert!((outcome.per_second - 150.0).abs() < 1e-9);
        assert_eq!(outcome.per_server_cpu_second, Some(600.0));
    }

    #[test]
    fn what_was_wrong_is_kept_as_far_as_it_can_be_read() {
        let mut tally = Tally::new();
        for _ in 0..10 {
            tally.wrong(b"IAMAT\n", &[0xff; 1000]);
        }

        assert_eq!(tally.errors.wrong, 10);
        assert_eq!(tally.errors.first_wrong.len(), 5);
        assert_eq!(tally.errors.first_wrong[0].asked, "IAMAT\\n");
        assert!(tally.errors.first_wrong[0].answered.len() < 2000);
    }
}
