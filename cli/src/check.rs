//! `herd check`: the protocol's cases, played against any server that claims to speak it.
//!
//! What is said and expected stands in `cases.toml`; here is how it is played and what is reported.

use crate::output::say;
use crate::target::{Search, Target};
use cases::{Case, Need};
use herd_config::Failure;
use herd_config::args::HerdArgs;
use herd_core::Dialect;
use mismatch::{Mismatch, yaml};
use play::{Herd, Outcome, Rules};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

mod cases;
mod mismatch;
mod play;
mod stub;
mod talk;
mod text;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Give one server, or all servers of a herd, in an order in which the first and the second talk \
                        with each other; without any, those of --config or --roster are taken. Cases that need an \
                        upstream of known answers are skipped unless --upstream says where the servers look for it: \
                        it is served there while the cases run, so nothing else may listen there. Those that need \
                        places are skipped for a herd whose file or roster has posts.\n\n\
                        With --assignment a case is played as a server takes it: with several commands on a \
                        connection, or with one (a server that ends each connection after its answer, or that reads \
                        to the end before it answers).\n\n\
                        The output is TAP, version 13, with the points by section of docs/protocol.md. The exit code \
                        is 1 if a case fails. A server that does not answer three cases in a row is given up.\n\n\
                        Examples, the first beside `herd up`, the others with a server of your own:\n  \
                        herd check Hill Jaquez\n  \
                        herd check --assignment 127.0.0.1:8001 127.0.0.1:8002\n  \
                        herd check --upstream 127.0.0.1:9000 127.0.0.1:8001"
)]
pub(crate) struct Args {
    /// The servers, by their addresses for clients or by their names in a roster
    #[arg(value_name = "HOST:PORT|NAME", required_unless_present_any = ["list", "config", "roster"])]
    servers: Vec<String>,

    #[command(flatten)]
    herd: HerdArgs,

    /// Speak TLS, with servers whose certificates are by an authority in this file. For a herd with TLS in
    /// its file that is the file's own, if it names one
    #[arg(long, value_name = "FILE")]
    tls: Option<PathBuf>,

    /// Where the servers look for places: a stub answers there
    #[arg(long, value_name = "HOST:PORT")]
    upstream: Option<String>,

    /// Only what the original assignment asks for, and no stricter than its text
    #[arg(long)]
    assignment: bool,

    /// Send one command on a connection, end our half, and read to the end
    #[arg(long)]
    one_command: bool,

    /// Show the cases and play none
    #[arg(long)]
    list: bool,
}

/// How many cases in a row a server may leave without any answer before it is given up.
const PATIENCE: u32 = 3;

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let cases: Vec<_> =
        cases::all().into_iter().filter(|case| case.assignment || !args.assignment).collect();
    if args.list {
        cases.iter().for_each(show);
        return Ok(ExitCode::SUCCESS);
    }
    // One that is not there would fail every case.
    let search = Search { herd: &args.herd, authority: args.tls.as_deref(), may_be_foreign: true };
    let servers = if args.servers.is_empty() {
        Target::reach_all(search)?
    } else {
        let reached = |name: &String| Target::reach(name, search);
        args.servers.iter().map(reached).collect::<Result<_, _>>()?
    };
    let servers: Vec<_> = servers.into_iter().map(|(server, _)| server).collect();
    let _stub = args.upstream.as_ref().map(|address| stub::serve(address)).transpose()?;
    let has_places = servers.iter().all(|server| server.dialect() != Some(Dialect::Posts));
    let there =
        There { places: has_places, upstream: args.upstream.is_some(), servers: servers.len() };
    let described = servers.iter().map(Target::described).collect::<Vec<_>>().join(", ");
    let rules = Rules { lenient: args.assignment, one_command: args.one_command };
    let mut herd = Herd::new(servers, rules);

    let mut points = Points::default();
    let mut silent = 0;
    say(format_args!("TAP version 13\n1..{}", cases.len()));
    for (number, case) in (1..).zip(&cases) {
        let title = format!("{number} - {} (section {})", case.name, case.section);
        let outcome = there.lacks(case).map_or_else(|| herd.play(case), Outcome::Skipped);
        points.add(case, &outcome);
        match outcome {
            Outcome::Passed => say(format_args!("ok {title}")),
            Outcome::Skipped(why) => say(format_args!("ok {title} # SKIP {why}")),
            Outcome::Failed(mismatch) => {
                say(format_args!("not ok {title}"));
                explain(case, &mismatch);
                silent = if mismatch.got.is_hopeless { silent + 1 } else { 0 };
                if silent == PATIENCE {
                    say(format_args!(
                        "Bail out! {described}: no answer that ends in time, {PATIENCE} cases in a row"
                    ));
                    break;
                }
                continue;
            }
        }
        silent = 0;
    }
    points.show();
    Ok(if points.has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn show(case: &Case) {
    let part = if case.assignment { ", in the assignment" } else { "" };
    say(format_args!("{} (section {}{part})\n    {}", case.name, case.section, case.why));
}

/// What there is for cases to need.
struct There {
    places: bool,
    upstream: bool,
    servers: usize,
}

impl There {
    /// What is not there that the case needs.
    fn lacks(&self, case: &Case) -> Option<&'static str> {
        let is_missing = |need: &&Need| match need {
            Need::Places => !self.places,
            Need::Upstream => !self.upstream,
            Need::Herd => self.servers < 2,
        };
        case.needs.iter().find(is_missing).map(|need| match need {
            Need::Places => "it needs places",
            Need::Upstream => "it needs --upstream",
            Need::Herd => "it needs two servers",
        })
    }
}

/// How many cases passed, failed and were skipped, by section.
#[derive(Default)]
struct Points(BTreeMap<u8, [usize; 3]>);

impl Points {
    fn add(&mut self, case: &Case, outcome: &Outcome) {
        let counts = self.0.entry(case.section).or_default();
        counts[match outcome {
            Outcome::Passed => 0,
            Outcome::Failed(_) => 1,
            Outcome::Skipped(_) => 2,
        }] += 1;
    }

    fn has_failed(&self) -> bool {
        self.0.values().any(|[_, failed, _]| *failed > 0)
    }

    fn show(&self) {
        for (section, [passed, failed, skipped]) in &self.0 {
            let name = SECTIONS.iter().find(|(number, _)| number == section).map_or("", |it| it.1);
            let played = passed + failed;
            let skipped =
                if *skipped == 0 { String::new() } else { format!(", {skipped} skipped") };
            say(format_args!("# section {section}, {name}: {passed} of {played}{skipped}"));
        }
        let [passed, failed, skipped] =
            [0, 1, 2].map(|at| self.0.values().map(|counts| counts[at]).sum::<usize>());
        say(format_args!("# {passed} passed, {failed} failed, {skipped} skipped"));
    }
}

/// What the sections of `docs/protocol.md` are about that have cases.
const SECTIONS: [(u8, &str); 6] = [
    (1, "lines"),
    (2, "IAMAT"),
    (3, "WHATSAT"),
    (4, "order of replies"),
    (6, "links"),
    (8, "merging"),
];

/// The lines below a failed case, in the YAML that TAP allows there.
fn explain(case: &Case, Mismatch { step, expected, got }: &Mismatch) {
    say(format_args!("  ---"));
    say(format_args!("  why: {}", yaml(case.why.as_bytes())));
    say(format_args!("  step: {step}"));
    say(format_args!("  expected: {}", yaml(expected)));
    say(format_args!("  got: {}", yaml(&got.what)));
    say(format_args!("  ..."));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_with_cases_has_a_name() {
        for case in cases::all() {
            assert!(SECTIONS.iter().any(|(number, _)| *number == case.section), "{}", case.name);
        }
    }
}
