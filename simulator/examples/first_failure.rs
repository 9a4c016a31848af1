//! Runs one herd after the other until one breaks a rule: `first_failure [FIRST_SEED [RUNS]]`.
//!
//! This is what the list of deliberate defects is made with.

use std::io::{self, Write as _};

fn main() -> io::Result<()> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse().unwrap_or_default());
    let (first, runs): (u64, u64) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(20_000));
    let mut out = io::stdout();
    for (seed, tried) in (first..).zip(1..=runs) {
        if let Some(violation) = herd_simulator::run(seed).violation {
            let name = violation.invariant.row().name;
            return writeln!(out, "{tried}\t{seed}\t{name}\t{}", violation.what);
        }
    }
    writeln!(out, "-\t-\t-\tnot caught in {runs} runs")
}
