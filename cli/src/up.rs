//! `herd up`: a whole herd on this machine, each server a process of its own.
//!
//! Nothing is restarted: when a process ends this says so, and goes on with the rest.

use crate::child::{self, Program};
use crate::output::{say, warn};
use crate::target::chosen_by;
use clap::ValueEnum;
use family::{Event, Family};
use gateway::{Gateway, Wanted};
use herd_config::address::Address;
use herd_config::args::{HerdArgs, LogArgs};
use herd_config::{Failure, Roster};
use herd_core::LinkKind;
use std::ffi::OsString;
use std::process::ExitCode;
use upstream::Upstream;

mod family;
mod gateway;
mod table;
mod upstream;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Ctrl-C takes everything down; a second one does not wait for answers that are owed."
)]
pub(crate) struct Args {
    #[command(flatten)]
    herd: HerdArgs,

    /// What the servers run on
    #[arg(long, value_enum, default_value_t)]
    runtime: Runtime,

    #[command(flatten)]
    log: LogArgs,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum Runtime {
    /// herd-tokio, which is built in
    #[default]
    Tokio,
    /// herd-async-std, a program of its own
    AsyncStd,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let roster = args.herd.chosen()?;
    let program = server_program(args.runtime)?;
    let upstream = upstream::needed(&roster)?;
    let mut family = Family::new()?;
    match start(&mut family, &roster, upstream, &program, args) {
        Ok(Some(map)) => {
            table::show(&roster, &args.log, &chosen_by(&args.herd), map.as_ref());
        }
        // Told to stop before everything ran.
        Ok(None) => {
            family.end();
            return Ok(ExitCode::SUCCESS);
        }
        Err(failure) => {
            family.end();
            return Err(failure);
        }
    }
    let was_told = follow(&mut family);
    if was_told {
        say(format_args!("\nherd: stopping"));
    }
    family.end();
    if was_told { Ok(ExitCode::SUCCESS) } else { Err(Failure::unable("every server has ended")) }
}

fn server_program(runtime: Runtime) -> Result<Program, Failure> {
    match runtime {
        Runtime::Tokio => Ok(Program::Tokio),
        Runtime::AsyncStd => child::beside("herd-async-std"),
    }
}

/// Starts everything and waits until it is ready: then where the map is, if there is one. Nothing when told to stop in
/// the meantime.
fn start(
    family: &mut Family,
    roster: &Roster,
    upstream: Option<Upstream>,
    program: &Program,
    args: &Args,
) -> Result<Option<Option<Address>>, Failure> {
    if let Some(upstream) = upstream {
        family.start(upstream.name, &upstream.program, upstream.args, false)?;
    }
    for server in &roster.servers {
        if server.links == LinkKind::Plain {
            let name = &server.name;
            warn(format_args!(
                "herd: {name} is not started: links = \"plain\" says it is another implementation"
            ));
            continue;
        }
        family.start(&server.name, program, server_args(&server.name, args), true)?;
    }
    let mut map = None;
    match gateway::wanted(roster, args.herd.config.is_none(), herd_args(args)) {
        Wanted::Start(Gateway { program, args, address }) => {
            family.start(gateway::NAME, &program, args, false)?;
            map = Some(address);
        }
        Wanted::Without(why) => warn(format_args!("herd: {why}")),
        Wanted::No => {}
    }
    while !family.is_ready() {
        match family.next() {
            Event::Signal => return Ok(None),
            Event::Said(child, line) => family.heard(child, &line),
            Event::Warned(child, line) => warn(format_args!("{}", family.prefixed(child, &line))),
            Event::Closed(child) => {
                let Some(status) = family.closed(child) else { continue };
                let name = family.name(child);
                if name == gateway::NAME {
                    // The herd is one without it.
                    warn(format_args!("herd: {name} has ended: {status}"));
                    family.do_without(child);
                    map = None;
                    continue;
                }
                if !family.was_ready(child) {
                    return Err(Failure::unable(format!(
                        "{name} could not start ({status}): the herd is taken down"
                    )));
                }
                warn(format_args!("herd: {name} has ended: {status}"));
            }
        }
    }
    Ok(Some(map))
}

/// Passes on what the herd says, until told to stop (`true`) or no server is left (`false`).
fn follow(family: &mut Family) -> bool {
    while family.has_servers() {
        match family.next() {
            Event::Signal => return true,
            Event::Said(child, line) => say(format_args!("{}", family.prefixed(child, &line))),
            Event::Warned(child, line) => warn(format_args!("{}", family.prefixed(child, &line))),
            Event::Closed(child) => {
                if let Some(status) = family.closed(child) {
                    warn(format_args!("herd: {} has ended: {status}", family.name(child)));
                }
            }
        }
    }
    false
}

/// The arguments that choose the herd.
fn herd_args(args: &Args) -> Vec<OsString> {
    let mut all = Vec::new();
    if let Some(config) = &args.herd.config {
        all.extend(["--config".into(), config.into()]);
    }
    if let Some(roster) = &args.herd.roster {
        all.extend(["--roster".into(), roster.into()]);
    }
    all
}

/// The arguments of one server.
fn server_args(name: &str, args: &Args) -> Vec<OsString> {
    let mut all = vec![OsString::from(name)];
    all.extend(herd_args(args));
    let mut add = |option: &str, value: OsString| all.extend([OsString::from(option), value]);
    if let Some(dir) = &args.log.log_dir {
        add("--log-dir", dir.into());
    }
    if let Some(level) = args.log.level.as_ref().and_then(ValueEnum::to_possible_value) {
        add("--log", level.get_name().into());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use herd_config::logging::Level;

    #[test]
    fn servers_get_the_arguments_of_the_herd() {
        let herd = HerdArgs { config: Some("a b.toml".into()), roster: None };
        let log = LogArgs { log_dir: Some("l".into()), level: Some(Level::Events) };
        let args = Args { herd, runtime: Runtime::Tokio, log };

        assert_eq!(
            server_args("Hill", &args),
            ["Hill", "--config", "a b.toml", "--log-dir", "l", "--log", "events"]
        );
    }
}
