//! One of the processes that `herd up` starts: a server or an upstream.
//!
//! The default servers and their upstream are built in here, so that nothing else need be built; the others
//! are programs of their own, beside this one. Either way the process ends when `herd up` does; on Linux even if that
//! was killed.

use crate::platform;
use herd_config::Failure;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, io, process};

/// What a child is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Program {
    /// `herd-tokio`, which is built in.
    Tokio,
    /// `herd-places`, which is built in.
    Places,
    /// A program of its own.
    Other(PathBuf),
}

#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// The process that started this one
    parent: u32,
    /// The program to be, and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    program: Vec<OsString>,
}

const TOKIO: &str = "herd-tokio";
const PLACES: &str = "herd-places";

/// A command that starts a child of this process.
pub(crate) fn command(program: &Program) -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.arg("child").arg(process::id().to_string()).arg(match program {
        Program::Tokio => Path::new(TOKIO),
        Program::Places => Path::new(PLACES),
        Program::Other(path) => path,
    });
    platform::shield(&mut command);
    Ok(command)
}

/// The program called `name` in the directory of this one.
pub(crate) fn beside(name: &str) -> Result<Program, Failure> {
    let own = env::current_exe()
        .map_err(|error| Failure::unable(format!("cannot look for {name}: {error}")))?;
    let path = own.with_file_name(name).with_extension(env::consts::EXE_EXTENSION);
    if path.is_file() {
        return Ok(Program::Other(path));
    }
    Err(Failure::unable(format!(
        "there is no {name} beside this program: `cargo build --release -p {name}` builds it"
    )))
}

pub(crate) fn run(args: Args) -> Result<ExitCode, Failure> {
    if !platform::tether(args.parent) {
        return Ok(ExitCode::FAILURE);
    }
    let mut program = args.program.into_iter();
    let name = program.next().expect("clap requires one");
    match name.to_str() {
        Some(TOKIO) => Ok(herd_tokio::run([name].into_iter().chain(program))),
        Some(PLACES) => Ok(herd_places::cli::run([name].into_iter().chain(program))),
        _ => {
            let path = PathBuf::from(name);
            let error = platform::become_program(&path, program);
            Err(Failure::unable(format!("cannot start {}: {error}", path.display())))
        }
    }
}
