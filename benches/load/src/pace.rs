//! When the lines of an open loop are due.

use core::time::Duration;

/// The times at which lines are due: at a rate that grows evenly from nothing during the ramp, and stays.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    per_second: f64,
    ramp: f64,
}

impl Schedule {
    pub(crate) fn new(per_second: f64, ramp: Duration) -> Self {
        Self { per_second, ramp: ramp.as_secs_f64() }
    }

    /// How many lines are due in the ramp.
    pub(crate) fn in_ramp(&self) -> u64 {
        #[expect(clippy::cast_possible_truncation, reason = "a count of lines, far below 2^53")]
        #[expect(clippy::cast_sign_loss, reason = "neither rate nor time is negative")]
        let lines = (self.per_second * self.ramp / 2.0).ceil() as u64;
        lines
    }

    /// When line `number`, counted from 0, is due; never, where that is further off than can be told.
    pub(crate) fn due(&self, number: u64) -> Duration {
        let before = self.per_second * self.ramp / 2.0;
        let number = number as f64;
        let seconds = if number < before {
            (2.0 * number * self.ramp / self.per_second).sqrt()
        } else {
            self.ramp + (number - before) / self.per_second
        };
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_ramp_lines_are_evenly_spaced() {
        let schedule = Schedule::new(1000.0, Duration::ZERO);

        assert_eq!(schedule.in_ramp(), 0);
        assert_eq!(schedule.due(0), Duration::ZERO);
        assert_eq!(schedule.due(2500), Duration::from_millis(2500));
    }

    #[test]
    fn a_ramp_takes_as_long_as_it_should_and_carries_half_as_much() {
        let schedule = Schedule::new(1000.0, Duration::from_secs(2));

        assert_eq!(schedule.in_ramp(), 1000);
        assert_eq!(schedule.due(250), Duration::from_secs(1));
        assert_eq!(schedule.due(1000), Duration::from_secs(2));
        assert_eq!(schedule.due(2000), Duration::from_secs(3));
    }
}
