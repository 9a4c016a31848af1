//! The clients that lines are about: what they are called, where they are, and whose turn it is.

use crate::plan::Distribution;
use std::io::Write as _;

/// Appends the client ID of client `number`.
pub(crate) fn write_name(number: u32, out: &mut Vec<u8>) {
    // Writing to a vector does not fail.
    let _ = write!(out, "walker-{number:07}");
}

/// Appends where client `number` is, always the same place, as an IAMAT has it.
pub(crate) fn write_location(number: u32, out: &mut Vec<u8>) {
    let (latitude, longitude) = place(number);
    let _ = write!(out, "{latitude:+010.6}{longitude:+011.6}");
}

/// Latitude and longitude of client `number`, with six digits: anywhere but near the poles.
pub(crate) fn place(number: u32) -> (f64, f64) {
    let mut random = fastrand::Rng::with_seed(u64::from(number));
    let mut within = |most: i32| f64::from(random.i32(-most..=most)) / 1_000_000.0;
    (within(80_000_000), within(179_999_999))
}

/// Draws clients by their frequency.
#[derive(Debug)]
pub(crate) struct Draw {
    clients: u32,
    /// The share of all clients up to each one, where they are not equally frequent.
    shares: Vec<f64>,
}

impl Draw {
    /// From the first so many clients.
    pub(crate) fn new(clients: u32, distribution: Distribution) -> Self {
        let shares = match distribution {
            Distribution::Uniform => Vec::new(),
            Distribution::Zipf(exponent) => zipf(clients, exponent),
        };
        Self { clients, shares }
    }

    /// The next client.
    pub(crate) fn next(&self, random: &mut fastrand::Rng) -> u32 {
        if self.shares.is_empty() {
            return random.u32(0..self.clients);
        }
        let chance = random.f64();
        let at = self.shares.partition_point(|share| *share <= chance);
        u32::try_from(at).map_or(self.clients - 1, |at| at.min(self.clients - 1))
    }
}

fn zipf(clients: u32, exponent: f64) -> Vec<f64> {
    let mut sum = 0.0;
    let mut shares: Vec<f64> = (1..=clients)
        .map(|rank| {
            sum += f64::from(rank).powf(-exponent);
            sum
        })
        .collect();
    shares.iter_mut().for_each(|share| *share /= sum);
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(distribution: Distribution) -> Vec<u32> {
        let draw = Draw::new(100, distribution);
        let mut random = fastrand::Rng::with_seed(7);
        let mut counts = vec![0; 100];
        for _ in 0..100_000 {
            counts[draw.next(&mut random) as usize] += 1;
        }
        counts
    }

    #[test]
    fn uniform_clients_are_equally_frequent() {
        assert!(drawn(Distribution::Uniform).iter().all(|count| count.abs_diff(1000) < 200));
    }

    #[test]
    fn the_second_of_a_zipf_distribution_is_half_as_frequent() {
        let counts = drawn(Distribution::Zipf(1.0));

        // The sum of 1 / k up to 100 is 5.187.
        assert!(counts[0].abs_diff(19_278) < 800, "{counts:?}");
        assert!(counts[1].abs_diff(9_639) < 600, "{counts:?}");
        assert!(counts[99].abs_diff(193) < 80, "{counts:?}");
    }

    #[test]
    fn a_place_is_written_with_six_decimals_and_both_signs() {
        for number in 0..1000 {
            let mut text = Vec::new();
            write_location(number, &mut text);
            let text = String::from_utf8(text).unwrap();
            assert_eq!(text.len(), 21, "{text}");
            let (latitude, longitude) = text.split_at(10);
            assert!(latitude.parse::<f64>().unwrap().abs() <= 90.0, "{text}");
            assert!(longitude.parse::<f64>().unwrap().abs() <= 180.0, "{text}");
            assert!(longitude.starts_with(['+', '-']), "{text}");
        }
    }
}
