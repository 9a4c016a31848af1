//! The command line of `herd-places`.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use herd_service::address;

use crate::import::{ImportError, Imported, import};
use crate::load::{self, LeftOut};
use crate::run::{self, Error, Options, Ready};

/// A Nearby Search service over open place data.
///
/// Answers GET /maps/api/place/nearbysearch/json as Google's Nearby Search (Legacy) does, from the
/// GeoNames cities that come with it (CC BY 4.0) or from files of your own.
#[derive(Debug, Parser)]
#[command(name = "herd-places", version, args_conflicts_with_subcommands = true)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    /// Host and port to listen on; port 0 takes a free one and prints it.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:12000", value_parser = address)]
    listen: String,

    /// A file with the places to serve instead of the built-in ones: what `import` wrote, .osm.pbf,
    /// GeoJSON or CSV; may be repeated.
    #[arg(long, value_name = "FILE")]
    data: Vec<PathBuf>,

    /// Answer only requests that show this key.
    #[arg(long, value_name = "KEY", conflicts_with = "key_env")]
    key: Option<String>,

    /// The same, with the key in an environment variable, where other users do not see it.
    #[arg(long, value_name = "NAME")]
    key_env: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make one file that loads fast from files with places, and end.
    Import {
        /// .osm.pbf, GeoJSON or CSV, or what an import wrote before.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,

        /// The file to write; one that is there already is replaced when all is well.
        #[arg(short, long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// Runs the program with these arguments, the first being its name, and says how it ended.
///
/// It catches the signals of the process and blocks the thread until one comes.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
            return match error.print().and_then(|()| io::stdout().flush()) {
                // Whoever closed it does not want to know; a full disk is a failure.
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
                _ => code,
            };
        }
    };
    if let Some(Command::Import { files, out }) = &args.command {
        return match import(files, out) {
            Ok(Imported { places, left_out }) => {
                warn(&left_out);
                say(format_args!("herd-places: {}: {places} places", out.display()));
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("herd-places: {error}");
                match error {
                    ImportError::Data(error) => data_exit_code(&error),
                    ImportError::Unwritable { .. } => ExitCode::FAILURE,
                }
            }
        };
    }
    let options = match args.options() {
        Ok(options) => options,
        Err(what) => {
            eprintln!("herd-places: {what}");
            return ExitCode::from(2);
        }
    };
    match run::run(&options, announce) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("herd-places: {error}");
            exit_code(&error)
        }
    }
}

impl Args {
    fn options(self) -> Result<Options, String> {
        let key = match self.key_env {
            None => self.key,
            Some(name) => Some(
                env::var(&name)
                    .map_err(|error| format!("--key-env: the variable {name}: {error}"))?,
            ),
        };
        if key.as_ref().is_some_and(|key| key.trim().is_empty()) {
            return Err("the key is empty".into());
        }
        Ok(Options { listen: self.listen, data: self.data, key })
    }
}

fn announce(Ready { address, places, left_out }: Ready) {
    warn(&left_out);
    if places == 0 {
        eprintln!("herd-places: warning: the data hold no place");
    }
    herd_service::announce("herd-places", address);
}

fn warn(left_out: &LeftOut) {
    left_out.warnings().for_each(|warning| eprintln!("herd-places: warning: {warning}"));
}

/// Prints a line on standard output.
fn say(line: core::fmt::Arguments<'_>) {
    let mut stdout = io::stdout().lock();
    let written = writeln!(stdout, "{line}");
    if let Err(error) = written.and_then(|()| stdout.flush()) {
        eprintln!("herd-places: warning: cannot print `{line}`: {error}");
    }
}

fn exit_code(error: &Error) -> ExitCode {
    match error {
        Error::Data(error) => data_exit_code(error),
        Error::Listen { .. } | Error::System(_) | Error::CutShort => ExitCode::FAILURE,
    }
}

fn data_exit_code(error: &load::Error) -> ExitCode {
    match error {
        load::Error::Bad { .. } => ExitCode::from(2),
        load::Error::Unreadable { .. } => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_make_sense() {
        <Args as clap::CommandFactory>::command().debug_assert();
        let options = |args: &[&str]| Args::try_parse_from(args).unwrap().options();

        let plain = options(&["herd-places"]).unwrap();
        assert_eq!(plain.listen, "127.0.0.1:12000");
        assert!(plain.data.is_empty() && plain.key.is_none());
        let full = options(&["herd-places", "--data", "a", "--data", "b", "--key", "K"]).unwrap();
        assert_eq!(full.data, [PathBuf::from("a"), PathBuf::from("b")]);
        assert_eq!(full.key.as_deref(), Some("K"));
        assert!(options(&["herd-places", "--key", " "]).is_err());
        assert!(options(&["herd-places", "--key-env", "HERD_PLACES_NOT_SET"]).is_err());
    }
}
