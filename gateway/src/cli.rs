//! The command line of `herd-gateway`.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use herd_config::Failure;
use herd_config::address::Address;
use herd_config::args::HerdArgs;

use crate::run::{self, USUAL_LISTEN};

/// Takes reports over HTTP as phones and trackers send them, and shows who is where.
#[derive(Debug, Parser)]
#[command(name = "herd-gateway", version)]
struct Args {
    #[command(flatten)]
    herd: HerdArgs,

    /// Host and port to listen on, on loopback; port 0 takes a free one and prints it [default: what `[gateway]` in the
    /// configuration says, or 127.0.0.1:12080]
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    listen: Option<Address>,
}

fn address(text: &str) -> Result<Address, &'static str> {
    Address::parse_to_listen(text).ok_or("write HOST:PORT, such as 127.0.0.1:12080")
}

/// Runs the program with these arguments, the first being its name, and says how it ended.
///
/// It catches the signals of the process and blocks the thread until one comes.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            // When even this cannot be printed there is nobody to tell.
            _ = error.print();
            return u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
        }
    };
    match start(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("herd-gateway: {failure}");
            failure.exit_code()
        }
    }
}

fn start(args: Args) -> Result<(), Failure> {
    let roster = args.herd.chosen()?;
    let usual = || Address::parse(USUAL_LISTEN).expect("the usual address is one");
    let listen = args.listen.or_else(|| roster.gateway.clone()).unwrap_or_else(usual);
    run::run(&roster, &listen)
}
