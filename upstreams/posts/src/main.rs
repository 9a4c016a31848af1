//! The program `herd-posts`; see the library of the same name.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    herd_posts::cli::run(env::args_os())
}
