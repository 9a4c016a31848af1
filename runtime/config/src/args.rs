//! The command line that both servers share.

use crate::address::Address;
use crate::builtin;
use crate::config;
use crate::failure::Failure;
use crate::logging::{Level, LogSettings};
use crate::roster::Roster;
use clap::builder::PossibleValuesParser;
use clap::{CommandFactory, FromArgMatches, Parser};
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

/// What a server was asked on its command line.
#[derive(Clone, Debug, Parser)]
#[command(
    version,
    about = "Runs one server of a herd",
    after_help = "NAME alone runs that server of the default roster on 127.0.0.1.\n\
                  SIGTERM and SIGINT answer what is owed and stop; a second one stops at once. SIGHUP \
                  reopens the log file."
)]
pub struct Args {
    /// The server to run, by its name in the roster or in the configuration file
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Which herd it belongs to.
    #[command(flatten)]
    pub herd: HerdArgs,

    /// What it logs.
    #[command(flatten)]
    pub log: LogArgs,

    /// Serve metrics and health over HTTP at this HOST:PORT; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", value_parser = address_to_listen)]
    pub metrics: Option<Address>,

    /// How many threads serve connections [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub workers: Option<u16>,

    /// Check the arguments and the configuration, say what is wrong, and stop
    #[arg(long)]
    pub check_config: bool,
}

/// The arguments that choose a herd.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct HerdArgs {
    /// The configuration file of the herd
    #[arg(long, value_name = "FILE", conflicts_with = "roster")]
    pub config: Option<PathBuf>,

    /// A built-in herd [default: places-2020]
    #[arg(long, value_name = "ROSTER", value_parser = PossibleValuesParser::new(builtin::names()))]
    pub roster: Option<String>,
}

/// The arguments that say what is logged, and where.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct LogArgs {
    /// The directory of the log file, NAME.log [default: logs]
    #[arg(long, value_name = "DIR")]
    pub log_dir: Option<PathBuf>,

    /// What goes into the log file [default: lines]
    #[arg(long = "log", value_name = "WHAT", value_enum)]
    pub level: Option<Level>,
}

impl HerdArgs {
    /// The herd that the arguments choose: a file's, a built-in one, or the default.
    ///
    /// # Errors
    ///
    /// When there is no such roster, or something is wrong in the file.
    pub fn chosen(&self) -> Result<Roster, Failure> {
        if let Some(path) = &self.config {
            return config::read(path);
        }
        let name = self.roster.as_deref().unwrap_or(builtin::DEFAULT);
        Roster::builtin(name).ok_or_else(|| {
            let there = builtin::names().join(", ");
            Failure::wrong(format!("there is no roster {name}: there are {there}"))
        })
    }
}

impl LogArgs {
    /// `usual`, with what the command line says in its place.
    pub fn over(&self, usual: &LogSettings) -> LogSettings {
        LogSettings {
            level: self.level.unwrap_or(usual.level),
            dir: self.log_dir.clone().unwrap_or_else(|| usual.dir.clone()),
            ..*usual
        }
    }
}

fn address_to_listen(text: &str) -> Result<Address, &'static str> {
    Address::parse_to_listen(text).ok_or("write HOST:PORT, such as 127.0.0.1:9464")
}

impl Args {
    /// Reads the command line of the program called `program`; the first of `args` is the name it was
    /// started by and is not looked at.
    ///
    /// # Errors
    ///
    /// The exit code to leave with, once clap has said what was wrong, or has shown the help or the
    /// version that was asked for.
    pub fn from_command_line<I>(program: &'static str, args: I) -> Result<Self, ExitCode>
    where
        I: IntoIterator<Item = OsString>,
    {
        Self::parse_as(program, args).map_err(|error| {
            let code = u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
            match error.print().and_then(|()| io::stdout().flush()) {
                // Whoever closed it does not want to know; a full disk is a failure.
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
                _ => code,
            }
        })
    }

    fn parse_as<I>(program: &'static str, args: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item = OsString>,
    {
        let mut command = Self::command().name(program).bin_name(program);
        let matches = command.try_get_matches_from_mut(args)?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Args, clap::Error> {
        Args::parse_as("herd-tokio", line.split(' ').map(OsString::from))
    }

    #[test]
    fn a_name_alone_is_enough() {
        let args = parsed("herd-tokio Hill").unwrap();

        assert_eq!(args.name, "Hill");
        assert!(args.herd.config.is_none() && args.herd.roster.is_none());
        assert!(!args.check_config);
    }

    #[test]
    fn all_arguments_together_are_understood() {
        let args = parsed(
            "x Ball --roster places-2016 --log-dir /l --log events --workers 3 --metrics 127.0.0.1:0 --check-config",
        )
        .unwrap();

        assert_eq!(args.herd.roster.as_deref(), Some("places-2016"));
        assert_eq!(args.log.level, Some(Level::Events));
        assert_eq!(args.workers, Some(3));
        assert_eq!(args.metrics.unwrap().to_string(), "127.0.0.1:0");
        assert!(args.check_config);
    }

    #[test]
    fn a_wrong_argument_ends_with_code_two() {
        for line in [
            "x",
            "x Hill --roster nowhere",
            "x Hill --config a --roster places-2020",
            "x Hill --workers 0",
            "x Hill --metrics 9464",
        ] {
            assert_eq!(parsed(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn help_and_version_carry_the_name_of_the_program() {
        let help = parsed("x --help").unwrap_err();
        assert_eq!(help.exit_code(), 0);
        assert!(help.to_string().contains("Usage: herd-tokio [OPTIONS] <NAME>"), "{help}");

        let version = parsed("x --version").unwrap_err();
        assert_eq!(version.exit_code(), 0);
        assert_eq!(version.to_string(), format!("herd-tokio {}\n", env!("CARGO_PKG_VERSION")));
    }
}
