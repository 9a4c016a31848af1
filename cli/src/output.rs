//! What the user reads, and the name by which to type this program again.

use core::fmt::{Arguments, Display};
use herd_config::Failure;
use std::env;
use std::io;
use std::io::Write;
use std::sync::OnceLock;

/// Prints a line on standard output.
pub(crate) fn say(line: Arguments<'_>) {
    printed(writeln!(io::stdout().lock(), "{line}"));
}

/// Takes note of how printing on standard output went. Whoever closed it does not want to know; a full disk is a
/// failure of the program, once it has done its work.
pub(crate) fn printed(outcome: io::Result<()>) {
    if let Err(error) = outcome
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        // The first failure is the one that says why.
        let _ = LOST.set(error.to_string());
    }
}

static LOST: OnceLock<String> = OnceLock::new();

/// Whether all that was printed could be.
pub(crate) fn all_printed() -> Result<(), Failure> {
    printed(io::stdout().lock().flush());
    match LOST.get() {
        None => Ok(()),
        Some(error) => Err(Failure::unable(format!("cannot write to standard output: {error}"))),
    }
}

/// Prints a line on standard error.
pub(crate) fn warn(line: Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// This program as it was started, to be typed again.
pub(crate) fn program() -> String {
    let path = env::args_os().next().filter(|path| !path.is_empty());
    path.map_or_else(|| "herd".to_owned(), |path| quoted(path.to_string_lossy()))
}

/// An argument as a shell takes it.
pub(crate) fn quoted(argument: impl Display) -> String {
    let argument = argument.to_string();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=+@%,".contains(&byte);
    if !argument.is_empty() && argument.bytes().all(plain) {
        return argument;
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_quoted_where_a_shell_would_take_it_apart() {
        assert_eq!(quoted("target/release/herd"), "target/release/herd");
        assert_eq!(quoted("two words"), "'two words'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
