//! What the user reads, and the name by which to type this program again.

use core::fmt::{Arguments, Display};
use std::env;
use std::io;
use std::io::Write;

/// Prints a line on standard output. Whoever closed it does not want to know.
pub(crate) fn say(line: Arguments<'_>) {
    let _ = writeln!(io::stdout().lock(), "{line}");
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
