//! The command line of `herd-posts`.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use herd_service::address;

use crate::run::{self, Options};

/// A microblog with a geographic search.
#[derive(Debug, Parser)]
#[command(name = "herd-posts", version)]
struct Args {
    /// Host and port to listen on; port 0 takes a free one and prints it.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:12020", value_parser = address)]
    listen: String,

    /// Where the data are: sqlite:FILE or postgres://USER:PASSWORD@HOST/DATABASE.
    #[arg(long, value_name = "URL", default_value = "sqlite:herd-posts.sqlite")]
    database: String,

    /// Add invented people and posts around real cities, unless there are such already.
    #[arg(long)]
    demo: bool,
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
    match run::run(&Options { listen: args.listen, database: args.database, demo: args.demo }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("herd-posts: {error}");
            ExitCode::FAILURE
        }
    }
}
