//! The herd's shared secret: where it comes from when a server starts.
//!
//! A herd that lives on loopback needs none from the user. The first of its servers to start writes a
//! random one into the user's own state directory, and the rest read it there. What held it on the way is wiped;
//! an environment variable stays where the operating system keeps it.

use crate::failure::Failure;
use crate::roster::{Roster, SecretSource};
use core::fmt::Write as _;
use herd_core::{MIN_SECRET_BYTES, Secret};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// How an environment variable is looked up.
pub type Environment<'e> = &'e dyn Fn(&str) -> Option<OsString>;

/// Whether finding a secret may leave anything behind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// A secret that is not there yet is written.
    Start,
    /// Nothing is written.
    Check,
}

/// Finds the secret of a herd, and what is to be said about it.
///
/// # Errors
///
/// When the one that was named is not there or too short, and when a herd that others can reach has
/// none.
pub fn find(
    roster: &Roster,
    env: Environment<'_>,
    mode: Mode,
    warnings: &mut Vec<String>,
) -> Result<Secret, Failure> {
    let bytes = match &roster.secret {
        SecretSource::Env(name, place) => {
            let value = env(name).ok_or_else(|| {
                Failure::wrong(format!("{place}: the environment variable {name} is not set"))
            })?;
            let bytes = Zeroizing::new(value.into_encoded_bytes());
            long_enough(bytes, &format!("{place}: the secret in {name}"))?
        }
        SecretSource::File(path, place) => {
            let bytes = fs::read(path).map(Zeroizing::new).map_err(|error| {
                Failure::wrong(format!("{place}: cannot read {}: {error}", path.display()))
            })?;
            warn_if_others_can_read("secret", path, env, warnings);
            long_enough(bytes, &format!("{place}: the secret in {}", path.display()))?
        }
        SecretSource::Unsaid if roster.is_loopback() => {
            let path = shared_path(env)?;
            let bytes = shared(&path, mode).map_err(|error| {
                Failure::unable(format!("cannot share a secret in {}: {error}", path.display()))
            })?;
            warn_if_others_can_read("secret", &path, env, warnings);
            long_enough(bytes, &format!("the secret in {}", path.display()))?
        }
        SecretSource::Unsaid => {
            return Err(Failure::wrong(format!(
                "{}: a herd that is not on loopback only needs a secret: `herd init` writes one, to be named by \
                 secret_file and copied to every server",
                roster.name
            )));
        }
    };
    Ok(Secret::new(bytes.as_slice()))
}

/// A fresh secret as it stands in a file: 64 hexadecimal digits and a newline.
///
/// # Errors
///
/// When the operating system has no entropy to give.
pub fn fresh() -> io::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice()).map_err(io::Error::other)?;
    // With room for all of it: a string that grows leaves copies behind.
    let mut digits = Zeroizing::new(String::with_capacity(2 * bytes.len() + 1));
    for byte in bytes.iter() {
        write!(digits, "{byte:02x}").expect("a string takes text");
    }
    digits.push('\n');
    Ok(digits)
}

/// Takes the line end off, and refuses a secret that could be guessed.
fn long_enough(mut bytes: Zeroizing<Vec<u8>>, what: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if bytes.ends_with(b"\n") {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
    if bytes.len() < MIN_SECRET_BYTES {
        return Err(Failure::wrong(format!("{what} is shorter than {MIN_SECRET_BYTES} bytes")));
    }
    Ok(bytes)
}

/// Where herds on loopback share their secret.
fn shared_path(env: Environment<'_>) -> Result<PathBuf, Failure> {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let xdg = env("XDG_STATE_HOME").map(PathBuf::from).and_then(absolute);
    // systemd separates several by colons.
    let systemd = || {
        env("STATE_DIRECTORY")
            .and_then(|dirs| std::env::split_paths(&dirs).next())
            .and_then(absolute)
    };
    let home =
        || env("HOME").map(PathBuf::from).and_then(absolute).map(|home| home.join(".local/state"));
    let Some(state) = xdg.or_else(systemd).or_else(home) else {
        return Err(Failure::wrong(
            "there is nowhere to share a secret: set HOME or XDG_STATE_HOME, or name a secret_file in a configuration file",
        ));
    };
    Ok(state.join("herd").join("secret"))
}

/// The secret in the file `path`, which is written first when it is not there.
fn shared(path: &Path, mode: Mode) -> io::Result<Zeroizing<Vec<u8>>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        found => return found.map(Zeroizing::new),
    }
    let secret = fresh()?;
    if mode == Mode::Check {
        return Ok(Zeroizing::new(secret.as_bytes().to_vec()));
    }
    let dir = path.parent().expect("a file is in a directory");
    create_private_dir(dir)?;
    // Nobody reads half a secret: it is complete before it gets its name, and only one gets the name.
    let mut aside = tempfile::NamedTempFile::new_in(dir)?;
    aside.write_all(secret.as_bytes())?;
    aside.as_file().sync_all()?;
    match aside.persist_noclobber(path) {
        Err(lost) if lost.error.kind() != io::ErrorKind::AlreadyExists => Err(lost.error),
        _ => fs::read(path).map(Zeroizing::new),
    }
}

fn create_private_dir(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Whether systemd keeps this file for the server alone. It lets the server's user read it by an access list,
/// which shows as a group's right in the mode.
fn is_credential(path: &Path, env: Environment<'_>) -> bool {
    env("CREDENTIALS_DIRECTORY").is_some_and(|dir| path.starts_with(dir))
}

/// Warns of a file that should be its owner's alone, and is not.
pub fn warn_if_others_can_read(
    what: &str,
    path: &Path,
    env: Environment<'_>,
    warnings: &mut Vec<String>,
) {
    use std::os::unix::fs::PermissionsExt;
    if is_credential(path, env) {
        return;
    }
    let Ok(metadata) = fs::metadata(path) else { return };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = path.display();
        warnings.push(format!(
            "others can read the {what} in {path} (mode {mode:03o}): chmod 600 {path}"
        ));
    }
}

#[cfg(test)]
mod tests;
