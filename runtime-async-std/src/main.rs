//! `herd-async-std`: one herd server on async-std and surf.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    herd_async_std::run(env::args_os())
}
