//! `herd`: starts, asks and sets up a herd.

use clap::{Parser, Subcommand};
use herd_config::Failure;
use std::io;
use std::io::Write;
use std::process::ExitCode;

mod check;
mod child;
mod init;
mod load;
mod output;
mod platform;
mod send;
mod sim;
mod target;
mod up;
mod wire;

/// Starts, asks and sets up a herd of servers that tell each other where their clients are
#[derive(Debug, Parser)]
#[command(
    name = "herd",
    version,
    after_help = "A first try: `herd up` in one terminal, and in another one what it says to type next."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a whole herd on this machine, and the upstream it asks
    Up(up::Args),
    /// Send commands to a server and print its replies
    Send(send::Args),
    /// Play the protocol's cases against a server or a herd
    Check(check::Args),
    /// Drive load at servers, check every reply, and tell how long they took
    Load(load::Args),
    /// Run whole herds on invented time, in which everything goes wrong
    Sim(sim::Args),
    /// Write a commented herd.toml and a fresh secret
    Init(init::Args),
    /// Be one of the processes that `up` starts
    #[command(hide = true)]
    Child(child::Args),
}

fn main() -> ExitCode {
    let done = match Cli::try_parse() {
        Ok(cli) => run(cli.command),
        // Help and the version are answers too.
        Err(error) => {
            output::printed(error.print());
            Ok(u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from))
        }
    };
    done.and_then(|code| output::all_printed().map(|()| code)).unwrap_or_else(|failure: Failure| {
        // Nobody is left to tell when even this cannot be printed.
        let _ = writeln!(io::stderr().lock(), "herd: {failure}");
        failure.exit_code()
    })
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Up(args) => up::run(&args),
        Command::Send(args) => send::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Load(args) => load::run(&args),
        Command::Sim(args) => sim::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Child(args) => child::run(args),
    }
}
