//! What came of it: JSON with every round, and a table of medians.

use core::fmt::Write as _;
use std::env;
use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::args::Args;
use crate::crowd::Sizes;
use crate::error::Error;
use crate::good_client::Latency;

/// One server's turn.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Round {
    pub(crate) server: String,
    pub(crate) number: u32,
    pub(crate) before: Latency,
    pub(crate) crowded: Latency,
    pub(crate) bytes_before: u64,
    pub(crate) bytes_crowded: u64,
    /// How long it took until all of the crowd were connected.
    pub(crate) gathered_s: f64,
    /// How many of the crowd were connected at the end.
    pub(crate) standing: u32,
    /// How many connections of the crowd had ended by then.
    pub(crate) thrown_out: u32,
}

/// All rounds, and where they were run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    command: String,
    processor: String,
    cores: usize,
    kernel: String,
    crowd: Sizes,
    before_seconds: u32,
    seconds: u32,
    servers: Vec<Summary>,
    rounds: Vec<Round>,
}

/// The medians of one server's rounds.
#[derive(Clone, Debug, Serialize)]
struct Summary {
    server: String,
    before_p50_us: f64,
    crowded_p50_us: f64,
    /// The median of each round's quotient.
    p50_times: f64,
    before_p99_us: f64,
    crowded_p99_us: f64,
    p99_times: f64,
    mib_before: f64,
    mib_crowded: f64,
    gathered_s: f64,
    standing: f64,
    thrown_out: f64,
}

impl Round {
    /// A line for those who watch.
    pub(crate) fn line(&self) -> String {
        let Self { server, number, before, crowded, gathered_s, standing, thrown_out, .. } = self;
        format!(
            "round {number}, {server}: p50 {:.1} us before and {:.1} crowded, p99 {:.1} and {:.1}; \
             {standing} standing after {gathered_s:.1} s, {thrown_out} thrown out",
            before.p50_us, crowded.p50_us, before.p99_us, crowded.p99_us
        )
    }
}

impl Report {
    pub(crate) fn new(args: &Args, rounds: Vec<Round>) -> Self {
        let first_line = |path, prefix: &str| {
            let text = fs::read_to_string(path).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with(prefix)).unwrap_or_default();
            line.rsplit(": ").next().unwrap_or_default().to_owned()
        };
        let arguments: Vec<_> = env::args().skip(1).collect();
        Self {
            command: format!("benches/hostile/run {}", arguments.join(" ")).trim_end().to_owned(),
            processor: first_line("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: first_line("/proc/sys/kernel/osrelease", ""),
            crowd: args.sizes,
            before_seconds: args.before_seconds,
            seconds: args.seconds,
            servers: args.servers.iter().map(|server| Summary::of(server, &rounds)).collect(),
            rounds,
        }
    }

    pub(crate) fn write(&self, dir: &Path) -> Result<(), Error> {
        let json = serde_json::to_string_pretty(self).expect("a report is plain data");
        let file = |name: &str, text: String| {
            let path = dir.join(name);
            fs::write(&path, text).map_err(|source| Error::File { path, source })
        };
        fs::create_dir_all(dir).map_err(|source| Error::File { path: dir.to_owned(), source })?;
        file("result.json", json + "\n")?;
        file("table.md", self.markdown())
    }

    pub(crate) fn markdown(&self) -> String {
        let Self { command, processor, cores, kernel, crowd, .. } = self;
        let mut out = String::new();
        let mut push = |line: String| writeln!(out, "{line}").expect("a string takes text");
        push(format!("    {command}\n"));
        push(format!(
            "{cores} cores of {processor}, Linux {kernel}. {} idle, {} slow, {} deaf. Medians of {} rounds.\n",
            crowd.idle,
            crowd.slow,
            crowd.deaf,
            self.rounds.len() / self.servers.len().max(1)
        ));
        push(
            "| server | p50 us alone | crowded | times | p99 us alone | crowded | times | MiB alone | crowded | \
             all connected after s | connected | thrown out |"
                .to_owned(),
        );
        push("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|".to_owned());
        for one in &self.servers {
            push(format!(
                "| {} | {:.1} | {:.1} | {:.2} | {:.1} | {:.1} | {:.2} | {:.1} | {:.1} | {:.1} | {:.0} | {:.0} |",
                one.server,
                one.before_p50_us,
                one.crowded_p50_us,
                one.p50_times,
                one.before_p99_us,
                one.crowded_p99_us,
                one.p99_times,
                one.mib_before,
                one.mib_crowded,
                one.gathered_s,
                one.standing,
                one.thrown_out
            ));
        }
        out
    }
}

impl Summary {
    fn of(server: &str, rounds: &[Round]) -> Self {
        let of = |value: fn(&Round) -> f64| {
            median(rounds.iter().filter(|round| round.server == server).map(value).collect())
        };
        Self {
            server: server.to_owned(),
            before_p50_us: of(|round| round.before.p50_us),
            crowded_p50_us: of(|round| round.crowded.p50_us),
            p50_times: of(|round| round.crowded.p50_us / round.before.p50_us),
            before_p99_us: of(|round| round.before.p99_us),
            crowded_p99_us: of(|round| round.crowded.p99_us),
            p99_times: of(|round| round.crowded.p99_us / round.before.p99_us),
            mib_before: of(|round| mib(round.bytes_before)),
            mib_crowded: of(|round| mib(round.bytes_crowded)),
            gathered_s: of(|round| round.gathered_s),
            standing: of(|round| f64::from(round.standing)),
            thrown_out: of(|round| f64::from(round.thrown_out)),
        }
    }
}

fn mib(bytes: u64) -> f64 {
    // Kibibytes are what the kernel counts in.
    f64::from(u32::try_from(bytes / 1024).unwrap_or(u32::MAX)) / 1024.0
}

/// The middle one, or the mean of the two in the middle; not a number where there is none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        assert!((median(vec![9.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(vec![9.0, 1.0, 2.0, 4.0]) - 3.0).abs() < 1e-9);
        assert!(median(Vec::new()).is_nan());
    }
}
