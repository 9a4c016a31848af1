//! How long things took: how many of them up to each of a few bounds.

use core::time::Duration;

/// A histogram of durations.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Durations {
    /// By the first bound that is not exceeded; the last is for those beyond all bounds.
    counts: [u64; BOUNDS.len() + 1],
    total: Duration,
}

/// From an answer of a cache on the same machine to a provider that fails.
const BOUNDS: [Duration; 13] = {
    let mut bounds = [Duration::ZERO; 13];
    let tenths_ms = [10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000];
    let mut at = 0;
    while at < bounds.len() {
        bounds[at] = Duration::from_micros(100 * tenths_ms[at]);
        at += 1;
    }
    bounds
};

impl Durations {
    pub(crate) fn add(&mut self, took: Duration) {
        self.counts[BOUNDS.partition_point(|bound| *bound < took)] += 1;
        self.total = self.total.saturating_add(took);
    }

    /// How many took longer than the bound before and no longer than this one, 1 ms to 10 s; the last,
    /// which has no bound, is for all that took longer.
    pub fn counts(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        let bounds = BOUNDS.into_iter().map(Some).chain([None]);
        bounds.zip(self.counts)
    }

    /// How long all of them took together.
    pub fn total(&self) -> Duration {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_at_the_first_bound_that_holds_it() {
        let mut durations = Durations::default();
        for micros in [0, 1000, 1001, 10_000_000, 10_000_001] {
            durations.add(Duration::from_micros(micros));
        }
        let counted = durations.counts().filter(|(_, count)| *count > 0);
        let ms = |ms| Some(Duration::from_millis(ms));
        assert!(counted.eq([
            (ms(1), 2),
            (Some(Duration::from_micros(2500)), 1),
            (ms(10_000), 1),
            (None, 1)
        ]));
        assert_eq!(durations.total(), Duration::from_micros(20_002_002));
    }
}
