//! `herd sim`: herds on invented time.

use crate::output::{printed, program, say, warn};
use core::time::Duration;
use herd_clock as clock;
use herd_config::Failure;
use herd_simulator::Run;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Replay the herd of this seed, and tell all that happens
    #[arg(long, value_name = "N", conflicts_with_all = ["runs", "first"])]
    seed: Option<u64>,
    /// Run so many herds, one seed after the other, until one breaks a rule
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
    /// The first seed to run [default: one that nobody has tried]
    #[arg(long, value_name = "N")]
    first: Option<u64>,
}

/// How often a terminal is told how far it has come.
const PROGRESS: Duration = Duration::from_secs(1);

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    if let Some(seed) = args.seed {
        return Ok(replay(seed));
    }
    // A seed is only a name: the time is as good as any.
    let fresh = || clock::now().wall.nanos().unsigned_abs() / 1000;
    Ok(search(args.first.unwrap_or_else(fresh), args.runs))
}

fn replay(seed: u64) -> ExitCode {
    say(format_args!("seed {seed}"));
    let mut out = BufWriter::new(io::stdout());
    let run = herd_simulator::replay(seed, &mut |line| printed(writeln!(out, "{line}")));
    printed(out.flush());
    let servers = run.servers;
    say(format_args!("{servers} servers, {} links, {:.1} s", run.links, run.time.as_secs_f64()));
    if let Some(time) = run.converged {
        say(format_args!("all tables were equal {:.2} s after healing", time.as_secs_f64()));
    }
    let digest: String = run.digest.iter().map(|byte| format!("{byte:02x}")).collect();
    say(format_args!("digest {digest}"));
    verdict(&run)
}

fn search(first: u64, runs: u64) -> ExitCode {
    let last = first.saturating_add(runs.saturating_sub(1));
    say(format_args!("seeds {first} to {last}"));
    let shows = io::stderr().is_terminal();
    let begun = clock::now().mono;
    let mut shown = begun;
    let mut sum = Sum::default();
    for seed in first..=last {
        let run = herd_simulator::run(seed);
        sum.add(&run);
        if run.violation.is_some() {
            say(format_args!("seed {seed}, after {} herds", sum.herds));
            let code = verdict(&run);
            say(format_args!("All that happened: {} sim --seed {seed}", program()));
            return code;
        }
        let now = clock::now().mono;
        if shows && now.since(shown) >= PROGRESS {
            shown = now;
            warn(format_args!("{} of {runs} herds", sum.herds));
        }
    }
    let took = clock::now().mono.since(begun).as_secs_f64();
    say(format_args!("{} herds, none broke a rule", sum.herds));
    say(format_args!(
        "{} servers started, {} links came up and {} of them resumed, {} things went wrong",
        sum.starts, sum.links, sum.resumed, sum.faults,
    ));
    say(format_args!(
        "{} lines of clients, {} records on links, {} lookups, {} calls of the core",
        sum.lines, sum.updates, sum.lookups, sum.calls,
    ));
    say(format_args!(
        "{:.1} hours of a herd, {:.1} of a server; {took:.0} s here, {:.0} herds a minute",
        sum.seconds / 3600.0,
        sum.server_seconds / 3600.0,
        sum.herds as f64 * 60.0 / took.max(1e-9),
    ));
    ExitCode::SUCCESS
}

fn verdict(run: &Run) -> ExitCode {
    match &run.violation {
        Some(violation) => {
            say(format_args!("{violation}"));
            ExitCode::FAILURE
        }
        None => {
            say(format_args!("no rule was broken"));
            ExitCode::SUCCESS
        }
    }
}

/// What happened to many herds.
#[derive(Default)]
struct Sum {
    herds: u64,
    starts: u64,
    links: u64,
    resumed: u64,
    faults: u64,
    lines: u64,
    updates: u64,
    lookups: u64,
    calls: u64,
    seconds: f64,
    server_seconds: f64,
}

impl Sum {
    fn add(&mut self, run: &Run) {
        let tally = &run.tally;
        self.herds += 1;
        self.starts += tally.starts;
        self.links += tally.links / 2;
        self.resumed += tally.resumed / 2;
        self.faults += tally.faults;
        self.lines += tally.lines;
        self.updates += tally.updates;
        self.lookups += tally.lookups;
        self.calls += tally.calls;
        self.seconds += run.time.as_secs_f64();
        self.server_seconds += run.time.as_secs_f64() * run.servers as f64;
    }
}
