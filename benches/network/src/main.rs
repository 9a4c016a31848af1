//! What the network experiment runs besides the servers: clients that load them, an observer of how
//! fast news spreads, a line that delays packets, and the report.
//!
//! The script beside this crate makes the network and starts all of it; see `docs/network.md`.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod delay_line;
mod drive;
mod error;
mod failure;
mod herd;
mod http;
mod measured;
mod observe;
mod pace;
mod plots;
mod posts;
#[cfg(target_os = "linux")]
mod relay;
mod report;
mod runs;
mod table;

/// What the network experiment runs besides the servers
#[derive(Debug, Parser)]
#[command(name = "herd-network", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Be many clients of one herd server
    Herd(herd::Args),
    /// Be many clients of one server of the microblog
    Posts(posts::Args),
    /// Make users of the microblog and write their tokens to a file
    SignUp(posts::SignUp),
    /// Report at one herd server and look when another one knows
    ObserveHerd(observe::HerdArgs),
    /// Post at one server of the microblog and look when another one shows it
    ObservePosts(observe::PostsArgs),
    /// Hold back every packet that is routed to a TUN device, then give it back
    #[cfg(target_os = "linux")]
    Relay(relay::Args),
    /// Make one table, plots and a JSON file of the runs in a folder
    Report {
        /// Has a folder `runs` with what each run left
        dir: PathBuf,
        /// Fail unless every run has answers, and those on the clean network no failures
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Herd(args) => herd::run(&args),
        Command::Posts(args) => posts::run(&args),
        Command::SignUp(args) => posts::sign_up(&args),
        Command::ObserveHerd(args) => observe::herd(&args),
        Command::ObservePosts(args) => observe::posts(&args),
        #[cfg(target_os = "linux")]
        Command::Relay(args) => relay::run(&args),
        Command::Report { dir, check } => report::run(&dir, check),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when even this can not be printed.
            _ = writeln!(io::stderr().lock(), "herd-network: {error}");
            ExitCode::FAILURE
        }
    }
}
