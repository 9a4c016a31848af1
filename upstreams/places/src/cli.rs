//! The program `herd-places`.

use std::ffi::OsString;
use std::process::ExitCode;

/// Serves places until it is told to stop; the first of `args` is the name the program was started
/// by.
pub fn run(_args: impl IntoIterator<Item = OsString>) -> ExitCode {
    eprintln!("herd-places: this build has no service in it");
    ExitCode::FAILURE
}
