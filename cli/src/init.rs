//! `herd init`: a configuration to begin with.

use crate::output::{program, quoted, say};
use herd_runtime::{Failure, secret};
use std::fs::{self, OpenOptions};
use std::io;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to write herd.toml and herd.secret [default: the current directory]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Every key with its default, and what it is for.
const TEMPLATE: &str = include_str!("init/herd.toml");

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let (config, secret) = write(args.dir.as_deref().unwrap_or_else(|| Path::new("")))?;
    say(format_args!("wrote {} and {}", config.display(), secret.display()));
    say(format_args!("Try it:    {} up --config {}", program(), quoted(config.display())));
    say(format_args!(
        "On several machines each server needs both files; the secret is for nobody else."
    ));
    Ok(ExitCode::SUCCESS)
}

fn write(dir: &Path) -> Result<(PathBuf, PathBuf), Failure> {
    let (config, secret) = (dir.join("herd.toml"), dir.join("herd.secret"));
    fs::create_dir_all(dir).map_err(|error| unable(dir, &error))?;
    // One without the other would be of no use.
    for path in [&config, &secret] {
        if path.symlink_metadata().is_ok() {
            return Err(unable(path, &io::ErrorKind::AlreadyExists.into()));
        }
    }
    let fresh = secret::fresh().map_err(|error| unable(&secret, &error))?;
    create(&secret, &fresh, true).map_err(|error| unable(&secret, &error))?;
    create(&config, TEMPLATE, false).map_err(|error| unable(&config, &error))?;
    Ok((config, secret))
}

fn create(path: &Path, text: &str, is_private: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if is_private { 0o600 } else { 0o666 });
    options.open(path)?.write_all(text.as_bytes())
}

fn unable(path: &Path, error: &io::Error) -> Failure {
    let path = path.display();
    if error.kind() == io::ErrorKind::AlreadyExists {
        return Failure::unable(format!("{path} is there already, and is left as it is"));
    }
    Failure::unable(format!("can not write {path}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use herd_core::Limits;
    use herd_runtime::args::{Args as ServerArgs, HerdArgs, LogArgs};
    use herd_runtime::log::LogSettings;
    use herd_runtime::{Roster, load};

    #[test]
    fn what_is_written_runs_a_herd() {
        let dir = tempfile::tempdir().unwrap();
        let (config, _) = write(dir.path()).unwrap();

        for name in ["North", "South", "West"] {
            let args = ServerArgs {
                name: name.to_owned(),
                herd: HerdArgs { config: Some(config.clone()), roster: None },
                log: LogArgs::default(),
                workers: None,
                metrics: None,
                check_config: true,
            };
            assert_eq!(load(&args).unwrap().warnings, [""; 0]);
        }
    }

    #[test]
    fn what_is_written_are_the_defaults_of_every_key() {
        let dir = tempfile::tempdir().unwrap();
        let (config, _) = write(dir.path()).unwrap();
        let roster = Roster::chosen(&HerdArgs { config: Some(config), roster: None }).unwrap();
        let usual = Roster::builtin("places-2020").unwrap();

        assert_eq!(roster.limits, Limits::default());
        assert_eq!(
            roster.log,
            LogSettings { dir: dir.path().join("logs"), ..LogSettings::default() }
        );
        assert_eq!(roster.upstream.url, usual.upstream.url);
        assert_eq!(roster.upstream.timeout, usual.upstream.timeout);
        let section = TEMPLATE.split("\n[limits]").nth(1).unwrap().split("\n[").next().unwrap();
        let keys = section.lines().filter(|line| line.contains(" = ")).count();
        assert_eq!(keys, format!("{:?}", Limits::default()).matches(": ").count());
    }

    #[cfg(unix)]
    #[test]
    fn the_secret_is_its_owners_alone_and_always_another() {
        use std::os::unix::fs::PermissionsExt;
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let secrets = dirs.each_ref().map(|dir| write(&dir.path().join("deep")).unwrap().1);

        assert_eq!(fs::metadata(&secrets[0]).unwrap().permissions().mode() & 0o777, 0o600);
        assert_ne!(fs::read(&secrets[0]).unwrap(), fs::read(&secrets[1]).unwrap());
    }

    #[test]
    fn nothing_is_overwritten() {
        for name in ["herd.toml", "herd.secret"] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join(name);
            fs::write(&path, "mine").unwrap();

            let failure = write(dir.path()).unwrap_err();

            assert_eq!(
                failure,
                Failure::unable(format!(
                    "{} is there already, and is left as it is",
                    path.display()
                ))
            );
            assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        }
    }
}
