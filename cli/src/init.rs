//! `herd init`: a configuration to begin with.

use crate::output::{program, quoted, say};
use files::{create, unable};
use herd_config::roster::SecretSource;
use herd_config::{Failure, config, secret};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod certificates;
mod files;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to write herd.toml and herd.secret [default: the current directory]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Make an authority and certificates for TLS too. Where there is a herd.toml already: those that
    /// its servers lack
    #[arg(long)]
    tls: bool,

    /// Write a fresh secret for the herd.toml that is there, whose secret is lost. Every server needs it
    #[arg(long, conflicts_with = "tls")]
    secret: bool,
}

/// Every key with its default, and what it is for.
const TEMPLATE: &str = include_str!("init/herd.toml");

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let dir = args.dir.as_deref().unwrap_or_else(|| Path::new(""));
    let config = dir.join("herd.toml");
    if args.tls && config.exists() {
        say_made(&certify(&config)?);
        return Ok(ExitCode::SUCCESS);
    }
    if args.secret {
        let secret = replace_secret(&config)?;
        say(format_args!("wrote {}", secret.display()));
        say(format_args!(
            "Copy it to every server and start them again: those with another secret do not talk with it."
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let (config, secret) = write(dir, args.tls)?;
    say(format_args!("wrote {} and {}", config.display(), secret.display()));
    if args.tls {
        say_made(&certify(&config)?);
    }
    say(format_args!("Try it:    {} up --config {}", program(), quoted(config.display())));
    say(format_args!(
        "On several machines each server needs both files; the secret is for nobody else."
    ));
    if args.tls {
        say(format_args!(
            "It needs its own certificate and key too, and the authority's certificate. The authority's key is for no server."
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the secret that a file names, and that is not there any more.
fn replace_secret(config: &Path) -> Result<PathBuf, Failure> {
    let roster = config::read(config)?;
    let SecretSource::File(secret, _) = roster.secret else {
        let message = "names no secret_file: there is none to write";
        return Err(Failure::wrong(format!("{}: it {message}", config.display())));
    };
    let fresh = secret::fresh().map_err(|error| unable(&secret, &error))?;
    create(&secret, &fresh, true).map_err(|error| unable(&secret, &error))?;
    Ok(secret)
}

/// Makes what the servers in a file lack to speak TLS.
fn certify(config: &Path) -> Result<Vec<PathBuf>, Failure> {
    let roster = config::read(config)?;
    let Some(tls) = &roster.tls else {
        let (name, table) = (config.display(), table());
        return Err(Failure::wrong(format!(
            "{name} has no [tls] in it: add this, and do the same again\n\n{table}"
        )));
    };
    certificates::make(&roster, tls)
}

fn say_made(made: &[PathBuf]) {
    if made.is_empty() {
        say(format_args!("every server has its certificate already"));
    }
    for path in made {
        say(format_args!("wrote {}", path.display()));
    }
}

/// The `[tls]` of the template, which is commented out there.
fn table() -> String {
    let begin = TEMPLATE.find(TABLE).expect("the template has [tls]");
    let lines = TEMPLATE[begin..].lines().map_while(|line| line.strip_prefix("# "));
    lines.map(|line| format!("{line}\n")).collect()
}

const TABLE: &str = "# [tls]\n";

fn write(dir: &Path, tls: bool) -> Result<(PathBuf, PathBuf), Failure> {
    let (config, secret) = (dir.join("herd.toml"), dir.join("herd.secret"));
    fs::create_dir_all(dir).map_err(|error| unable(dir, &error))?;
    // One without the other would be of no use.
    for (path, other) in [(&config, &secret), (&secret, &config)] {
        if path.symlink_metadata().is_ok() {
            let mut failure = unable(path, &io::ErrorKind::AlreadyExists.into());
            if path == &config && other.symlink_metadata().is_err() {
                let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
                let again = format!("{} init --secret {}", program(), quoted(dir.display()));
                failure.message +=
                    &format!("; if its secret is lost, `{again}` writes a fresh one");
            }
            return Err(failure);
        }
    }
    let fresh = secret::fresh().map_err(|error| unable(&secret, &error))?;
    create(&secret, &fresh, true).map_err(|error| unable(&secret, &error))?;
    let table = table();
    let commented: String = table.lines().map(|line| format!("# {line}\n")).collect();
    let text = if tls { TEMPLATE.replace(&commented, &table) } else { TEMPLATE.to_owned() };
    create(&config, &text, false).map_err(|error| {
        // It may be in nobody's way.
        let _ = fs::remove_file(&secret);
        unable(&config, &error)
    })?;
    Ok((config, secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use herd_config::Roster;
    use herd_config::args::{Args as ServerArgs, HerdArgs, LogArgs};
    use herd_config::logging::LogSettings;
    use herd_core::Limits;
    use herd_runtime::load;

    #[test]
    fn what_is_written_runs_a_herd() {
        let dir = tempfile::tempdir().unwrap();
        let (config, _) = write(dir.path(), false).unwrap();

        for name in ["North", "South", "West"] {
            assert_eq!(load(&checking(&config, name)).unwrap().warnings, [""; 0]);
        }
    }

    #[test]
    fn what_is_written_are_the_defaults_of_every_key() {
        let dir = tempfile::tempdir().unwrap();
        let (config, _) = write(dir.path(), false).unwrap();
        let roster = HerdArgs { config: Some(config), roster: None }.chosen().unwrap();
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

    #[test]
    fn the_secret_is_its_owners_alone_and_always_another() {
        use std::os::unix::fs::PermissionsExt;
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let secrets = dirs.each_ref().map(|dir| write(&dir.path().join("deep"), false).unwrap().1);

        assert_eq!(fs::metadata(&secrets[0]).unwrap().permissions().mode() & 0o777, 0o600);
        assert_ne!(fs::read(&secrets[0]).unwrap(), fs::read(&secrets[1]).unwrap());
    }

    #[test]
    fn nothing_is_overwritten() {
        for name in ["herd.toml", "herd.secret"] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join(name);
            fs::write(&path, "mine").unwrap();

            let failure = write(dir.path(), false).unwrap_err();

            assert_eq!(failure.code, 1);
            let said = format!("{} is there already, and is left as it is", path.display());
            assert!(failure.message.starts_with(&said), "{failure}");
            assert_eq!(failure.message.contains("init --secret"), name == "herd.toml", "{failure}");
            assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_secret_that_is_lost_is_replaced_and_one_that_is_there_is_not() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (config, secret) = write(dir.path(), false).unwrap();
        let before = fs::read(&secret).unwrap();
        let failure = replace_secret(&config).unwrap_err();
        assert!(failure.message.ends_with("is there already, and is left as it is"), "{failure}");
        assert_eq!(fs::read(&secret).unwrap(), before);
        fs::remove_file(&secret).unwrap();

        assert_eq!(replace_secret(&config).unwrap(), secret);

        assert_ne!(fs::read(&secret).unwrap(), before);
        assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(load(&checking(&config, "North")).unwrap().warnings, [""; 0]);
    }

    #[test]
    fn with_tls_every_server_gets_what_it_needs_and_nobody_else_can_read_the_keys() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (config, _) = write(dir.path(), true).unwrap();
        let made = certify(&config).unwrap();

        assert_eq!(made.len(), 8);
        for path in &made {
            let is_key = path.extension().unwrap() == "key";
            let mode = fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o077 == 0, is_key, "{}", path.display());
        }
        for name in ["North", "South", "West"] {
            let settings = load(&checking(&config, name)).unwrap();
            assert_eq!(settings.warnings, [""; 0]);
            assert!(settings.core.secured.clients && settings.core.secured.links);
        }
    }

    #[test]
    fn a_server_that_is_added_gets_a_certificate_by_the_same_authority() {
        let dir = tempfile::tempdir().unwrap();
        let (config, _) = write(dir.path(), true).unwrap();
        let first = certify(&config).unwrap();
        let contents = || first.iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>();
        let before = contents();
        let text = fs::read_to_string(&config).unwrap();
        let east = "\n[[server]]\nname = \"East\"\naddress = \"127.0.0.1:12094\"\ntalks_with = [\"North\"]\n";
        fs::write(&config, text + east).unwrap();

        let made = certify(&config).unwrap();

        assert_eq!(made, ["East.key", "East.pem"].map(|name| dir.path().join("tls").join(name)));
        assert_eq!(load(&checking(&config, "East")).unwrap().warnings, [""; 0]);
        assert_eq!(certify(&config).unwrap(), Vec::<PathBuf>::new());
        assert_eq!(contents(), before);
    }

    #[test]
    fn certificates_need_the_key_of_their_authority() {
        let dir = tempfile::tempdir().unwrap();
        let (config, _) = write(dir.path(), true).unwrap();
        certify(&config).unwrap();
        let tls = dir.path().join("tls");
        for gone in ["ca.key", "West.key", "West.pem"] {
            fs::remove_file(tls.join(gone)).unwrap();
        }

        let failure = certify(&config).unwrap_err();

        assert!(failure.message.ends_with("certificates are made where both are"), "{failure}");
        fs::remove_file(tls.join("South.pem")).unwrap();
        let failure = certify(&config).unwrap_err();
        assert!(failure.message.ends_with("remove it to have both made"), "{failure}");
    }

    #[test]
    fn no_certificate_is_made_that_servers_would_refuse() {
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let configs = dirs.each_ref().map(|dir| write(dir.path(), true).unwrap().0);
        configs.iter().for_each(|config| drop(certify(config).unwrap()));
        let [ours, theirs] = dirs.each_ref().map(|dir| dir.path().join("tls"));
        fs::copy(theirs.join("ca.key"), ours.join("ca.key")).unwrap();
        for gone in ["West.key", "West.pem"] {
            fs::remove_file(ours.join(gone)).unwrap();
        }

        let failure = certify(&configs[0]).unwrap_err();

        assert!(failure.message.contains("makes no certificates that are by"), "{failure}");
        assert!(!ours.join("West.key").exists() && !ours.join("West.pem").exists());
    }

    #[test]
    fn a_file_without_tls_is_left_as_it_is_and_what_to_add_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let (config, _) = write(dir.path(), false).unwrap();

        let failure = certify(&config).unwrap_err();

        assert!(failure.message.contains("\n[tls]\ncertificate = "), "{failure}");
        let text = fs::read_to_string(&config).unwrap();
        fs::write(&config, text.replace("\n[limits]", &(table() + "\n[limits]"))).unwrap();
        assert_eq!(certify(&config).unwrap().len(), 8);
    }

    fn checking(config: &Path, name: &str) -> ServerArgs {
        ServerArgs {
            name: name.to_owned(),
            herd: HerdArgs { config: Some(config.to_owned()), roster: None },
            log: LogArgs::default(),
            workers: None,
            metrics: None,
            check_config: true,
        }
    }
}
