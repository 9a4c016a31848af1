//! How a server does for a well-behaved client while thousands of others hold connections and mean it harm.
//!
//! See `docs/hostile.md` for what is done and what came of it.

use core::time::Duration;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;
use crate::crowd::{Crowd, Sizes};
use crate::error::Error;
use crate::report::{Report, Round};
use crate::server::Server;

mod args;
mod crowd;
mod error;
mod good_client;
mod report;
mod server;

/// Descriptors that this process and a server need besides those of the crowd.
const SPARE_DESCRIPTORS: u64 = 500;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when even this can not be printed.
            _ = writeln!(io::stderr().lock(), "herd-hostile: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Error> {
    let mut args = args.clone();
    if args.short {
        args.sizes = Sizes { idle: 300, slow: 30, deaf: 10 };
        (args.before_seconds, args.seconds, args.rounds) = (1, 2, 1);
    }
    let needed = u64::from(args.sizes.all()) + SPARE_DESCRIPTORS;
    let allowed = rlimit::increase_nofile_limit(needed)?;
    if allowed < needed {
        return Err(Error::Descriptors { needed, allowed });
    }

    server::stop_on_signals()?;

    let mut rounds = Vec::new();
    for number in 1..=args.rounds {
        for server in &args.servers {
            let round = one_round(&args, server, number)?;
            _ = writeln!(io::stderr().lock(), "{}", round.line());
            rounds.push(round);
        }
    }
    let report = Report::new(&args, rounds);
    report.write(&args.out)?;
    _ = write!(io::stdout().lock(), "{}", report.markdown());
    Ok(())
}

/// A server starts, is measured, is crowded, is measured again, and ends.
fn one_round(args: &Args, name: &str, number: u32) -> Result<Round, Error> {
    let measured = |server: &Server, seconds: u32| {
        let length = Duration::from_secs(seconds.into());
        let latency = good_client::measure(server.address(), length)
            .map_err(|source| Error::BadService { server: name.to_owned(), source })?;
        Ok::<_, Error>((latency, server.resident_bytes()?))
    };
    let server = Server::start(name, args.sizes.all() + 900)?;
    good_client::measure(server.address(), Duration::from_millis(500))
        .map_err(|source| Error::BadService { server: name.to_owned(), source })?;
    let (before, bytes_before) = measured(&server, args.before_seconds)?;
    let crowd = Crowd::gather(server.address(), args.sizes)?;
    let gathered_s = crowd.gathered_in().as_secs_f64();
    let (crowded, bytes_crowded) = measured(&server, args.seconds)?;
    let (standing, thrown_out) = crowd.count();
    Ok(Round {
        server: name.to_owned(),
        number,
        before,
        crowded,
        bytes_before,
        bytes_crowded,
        gathered_s,
        standing,
        thrown_out,
    })
}
