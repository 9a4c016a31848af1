//! The command line of `herd-posts`.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser;
use herd_service::address;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::run::{self, Options};

/// A microblog with a geographic search.
///
/// Without --database the data are in the file herd/posts.sqlite in the user's state directory
/// (XDG_STATE_HOME, STATE_DIRECTORY or ~/.local/state), or, where HOST and DB are set in the environment,
/// in the PostgreSQL database DB on HOST (a host, host:port, or the directory of a socket), as USER with the
/// password PASS.
#[derive(Debug, Parser)]
#[command(name = "herd-posts", version)]
struct Args {
    /// Host and port to listen on; port 0 takes a free one and prints it.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:12020", value_parser = address)]
    listen: String,

    /// Where the data are: sqlite:FILE or postgres://USER:PASSWORD@HOST/DATABASE. Others see what is on a command
    /// line: with a password rather use --database-env.
    #[arg(long, value_name = "URL")]
    database: Option<String>,

    /// An environment variable that holds what --database would say.
    #[arg(long, value_name = "NAME", conflicts_with = "database")]
    database_env: Option<String>,

    /// The most characters of a post.
    #[arg(long, value_name = "N", default_value_t = 280, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    post_characters: u16,

    /// Believe X-Forwarded-For, -Proto and -Host: only behind a proxy that sets them.
    #[arg(long)]
    trust_proxy: bool,

    /// Print every SQL statement on standard error, without the values in it.
    #[arg(long)]
    log_statements: bool,

    /// Add invented people and posts around real cities, unless there are such already.
    #[arg(long)]
    demo: bool,
}

/// How an environment variable is looked up.
type Environment<'e> = &'e dyn Fn(&str) -> Option<OsString>;

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
    let database = match database(&args, &|name| env::var_os(name)) {
        Ok(database) => database,
        Err(why) => {
            eprintln!("herd-posts: {why}");
            return ExitCode::from(2);
        }
    };
    let options = Options {
        listen: args.listen,
        database,
        demo: args.demo,
        post_characters: args.post_characters.into(),
        trust_proxy: args.trust_proxy,
        log_statements: args.log_statements,
    };
    match run::run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("herd-posts: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Where the data are, or why that is not clear.
fn database(args: &Args, env: Environment<'_>) -> Result<String, String> {
    let text = |name: &str| env(name).and_then(|value| value.into_string().ok());
    let given = match &args.database_env {
        Some(name) => Some(text(name).ok_or_else(|| format!("{name} is not set"))?),
        None => args.database.clone(),
    };
    if let Some(url) = given {
        let is_known =
            ["sqlite:", "postgres://", "postgresql://"].iter().any(|s| url.starts_with(s));
        // It may hold a password, and is not repeated.
        return if is_known {
            Ok(url)
        } else {
            Err("the database is neither sqlite:FILE nor postgres://...".into())
        };
    }
    let set = |name: &str| text(name).filter(|value| !value.is_empty());
    if let (Some(host), Some(name)) = (set("HOST"), set("DB")) {
        return Ok(postgres_url(&host, &name, set("USER").as_deref(), set("PASS").as_deref()));
    }
    let Some(state) = herd_service::state_dir(env) else {
        return Err(
            "there is nowhere to keep the data: set HOME or XDG_STATE_HOME, or give --database"
                .into(),
        );
    };
    let file = state.join("herd").join("posts.sqlite");
    let file = file.to_str().ok_or("the state directory has a name that is not Unicode")?;
    Ok(format!("sqlite:{file}"))
}

/// What the four variables of the environment say.
fn postgres_url(host: &str, database: &str, user: Option<&str>, password: Option<&str>) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let mut who = user.map(encode).unwrap_or_default();
    if let Some(password) = password {
        who = format!("{who}:{}", encode(password));
    }
    if !who.is_empty() {
        who.push('@');
    }
    let database = encode(database);
    if host.starts_with('/') {
        return format!("postgres://{who}localhost/{database}?host={}", encode(host));
    }
    format!("postgres://{who}{host}/{database}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_is_said_in_four_ways() {
        let all =
            ["HOST=db:5433", "DB=blog", "USER=ann", "PASS=p@ss", "HOME=/home/ann", "URL=sqlite:x"];
        for (args, env, want) in [
            (&[][..], &["HOME=/home/ann"][..], "sqlite:/home/ann/.local/state/herd/posts.sqlite"),
            (
                &[],
                &["HOME=/home/ann", "HOST=db"],
                "sqlite:/home/ann/.local/state/herd/posts.sqlite",
            ),
            (&[], &all, "postgres://ann:p%40ss@db:5433/blog"),
            (&[], &["HOST=/run/pg", "DB=blog"], "postgres://localhost/blog?host=%2Frun%2Fpg"),
            (&["--database", "sqlite:y"], &all, "sqlite:y"),
            (&["--database-env", "URL"], &all, "sqlite:x"),
        ] {
            assert_eq!(said(args, env).as_deref(), Ok(want), "{args:?} {env:?}");
        }
    }

    #[test]
    fn what_can_not_be_a_database_is_refused_without_repeating_it() {
        let error = said(&["--database", "mysql://u:secret@h/d"], &[]).unwrap_err();
        assert!(!error.contains("secret"), "{error}");
        assert!(said(&["--database-env", "NONE"], &[]).is_err());
        assert!(said(&[], &[]).is_err());
    }

    fn said(args: &[&str], set: &[&str]) -> Result<String, String> {
        let args = Args::try_parse_from(["herd-posts"].iter().chain(args)).unwrap();
        let set: Vec<_> = set.iter().map(|pair| pair.split_once('=').unwrap()).collect();
        let env =
            |name: &str| set.iter().find(|(own, _)| *own == name).map(|(_, value)| value.into());
        database(&args, &env)
    }
}
