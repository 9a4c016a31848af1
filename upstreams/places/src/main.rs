//! The program `herd-places`; see the library of the same name.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    herd_places::cli::run(env::args_os())
}
