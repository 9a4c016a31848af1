//! The program `herd-gateway`; see the library of the same name.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    herd_gateway::cli::run(env::args_os())
}
