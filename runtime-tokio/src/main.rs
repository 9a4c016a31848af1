//! `herd-tokio`: one herd server on tokio and reqwest.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    herd_tokio::run(env::args_os())
}
