//! `herd check`: the protocol's cases, played against any server that claims to speak it.
//!
//! What is said and expected stands in `cases.toml`; here is how it is played and what is reported.

use crate::output::say;
use crate::target::Target;
use cases::{Case, Need};
use herd_config::Failure;
use herd_config::args::HerdArgs;
use herd_core::Dialect;
use play::{Herd, Mismatch};
use std::path::PathBuf;
use std::process::ExitCode;

mod cases;
mod play;
mod stub;
mod text;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Give one server, or all servers of a herd, in an order in which the first and the second talk \
                        with each other. Cases that need an upstream of known answers are skipped unless \
                        --upstream says where the servers look for it: it is served there while the cases \
                        run. Those that need places are skipped for a herd whose file or roster has posts.\n\n\
                        The output is TAP, version 13. The exit code is 1 if a case fails.\n\n\
                        Example: herd check --upstream 127.0.0.1:12000 127.0.0.1:12001 127.0.0.1:12002"
)]
pub(crate) struct Args {
    /// The servers, by their addresses for clients or by their names in a roster
    #[arg(value_name = "HOST:PORT|NAME", required_unless_present = "list")]
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

    /// Only what the original assignment asks for
    #[arg(long)]
    assignment: bool,

    /// Show the cases and play none
    #[arg(long)]
    list: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let cases: Vec<_> =
        cases::all().into_iter().filter(|case| case.assignment || !args.assignment).collect();
    if args.list {
        cases.iter().for_each(show);
        return Ok(ExitCode::SUCCESS);
    }
    let found = |name: &String| {
        let target = Target::find(name, &args.herd)?.by_authority(args.tls.as_deref());
        // One that is not there would fail every case.
        target.open().map(|_| target)
    };
    let servers = args.servers.iter().map(found).collect::<Result<Vec<_>, _>>()?;
    let _stub = args.upstream.as_ref().map(|address| stub::serve(address)).transpose()?;
    let has_places = servers.iter().all(|server| server.dialect() != Some(Dialect::Posts));
    let herd = Herd::new(servers);

    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    say(format_args!("TAP version 13\n1..{}", cases.len()));
    for (number, case) in (1..).zip(&cases) {
        let title = format!("{number} - {} (section {})", case.name, case.section);
        if let Some(missing) = missing(case, args, has_places) {
            skipped += 1;
            say(format_args!("ok {title} # SKIP {missing}"));
        } else if let Err(mismatch) = herd.play(case) {
            failed += 1;
            say(format_args!("not ok {title}"));
            explain(case, &mismatch);
        } else {
            passed += 1;
            say(format_args!("ok {title}"));
        }
    }
    say(format_args!("# {passed} passed, {failed} failed, {skipped} skipped"));
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(case: &Case) {
    let part = if case.assignment { ", in the assignment" } else { "" };
    say(format_args!("{} (section {}{part})\n    {}", case.name, case.section, case.why));
}

/// What is not there that the case needs.
fn missing(case: &Case, args: &Args, has_places: bool) -> Option<&'static str> {
    let is_missing = |need: &&Need| match need {
        Need::Places => !has_places,
        Need::Upstream => args.upstream.is_none(),
        Need::Herd => args.servers.len() < 2,
    };
    case.needs.iter().find(is_missing).map(|need| match need {
        Need::Places => "it needs places",
        Need::Upstream => "it needs --upstream",
        Need::Herd => "it needs two servers",
    })
}

/// The lines below a failed case, in the YAML that TAP allows there.
fn explain(case: &Case, Mismatch { step, expected, got }: &Mismatch) {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    say(format_args!("  ---"));
    say(format_args!("  why: {}", quoted(&case.why)));
    say(format_args!("  step: {step}"));
    say(format_args!("  expected: {}", quoted(expected)));
    say(format_args!("  got: {}", quoted(got)));
    say(format_args!("  ..."));
}
