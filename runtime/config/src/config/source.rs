//! The text of a configuration file, and how to say what is wrong in it.

use crate::failure::Failure;
use crate::roster::Place;
use core::fmt::Display;
use core::ops::Range;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue, Deserializer};

use crate::words::Unknown;

/// A key that a table may have.
pub(super) struct Key {
    pub(super) name: &'static str,
    /// The keys of the tables that are its value; none where it is none.
    pub(super) below: &'static [Self],
}

pub(super) struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

impl<'a> Source<'a> {
    pub(super) fn new(path: &'a Path, text: &'a str) -> Self {
        Self { path, text }
    }

    /// What the text says. What is no key of the tables in it is said before anything else that is wrong.
    pub(super) fn parse<T: DeserializeOwned>(&self, keys: &'static [Key]) -> Result<T, Failure> {
        let wrong = |error: toml::de::Error| {
            let message = error.message().lines().map(str::trim).collect::<Vec<_>>().join(", ");
            match error.span() {
                Some(span) => self.wrong(&span, message),
                None => self.wrong_file(message),
            }
        };
        let table = DeTable::parse(self.text).map_err(wrong)?;
        let mut unknown = None;
        check_keys(table.get_ref(), keys, &mut unknown);
        if let Some((span, message)) = unknown {
            return Err(self.wrong(&span, message));
        }
        T::deserialize(Deserializer::from(table)).map_err(wrong)
    }

    /// The line that a part of the text starts on, counted from 1.
    pub(super) fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.as_bytes().get(..span.start).unwrap_or(self.text.as_bytes());
        1 + memchr::memchr_iter(b'\n', before).count()
    }

    pub(super) fn place(&self, span: &Range<usize>) -> Place {
        format!("{}:{}", self.path.display(), self.line(span))
    }

    pub(super) fn wrong(&self, span: &Range<usize>, message: impl Display) -> Failure {
        Failure::wrong(format!("{}: {message}", self.place(span)))
    }

    pub(super) fn wrong_file(&self, message: impl Display) -> Failure {
        Failure::wrong(format!("{}: {message}", self.path.display()))
    }

    /// A path as the file means it: relative to its own directory.
    pub(super) fn relative(&self, path: &Path) -> PathBuf {
        self.path.parent().unwrap_or_else(|| Path::new("")).join(path)
    }
}

/// Finds the first key that is not known, in the order of the text.
fn check_keys(
    table: &DeTable<'_>,
    keys: &'static [Key],
    unknown: &mut Option<(Range<usize>, String)>,
) {
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        let Some(Key { below, .. }) = keys.iter().find(|known| known.name == name) else {
            let span = key.span();
            if unknown.as_ref().is_none_or(|(first, _)| span.start < first.start) {
                let known = keys.iter().map(|known| known.name).collect();
                *unknown = Some((span, Unknown { kind: "key", name, known }.to_string()));
            }
            continue;
        };
        match value.get_ref() {
            DeValue::Table(table) => check_keys(table, below, unknown),
            DeValue::Array(tables) => {
                let tables = tables.iter().filter_map(|value| value.get_ref().as_table());
                tables.for_each(|table| check_keys(table, below, unknown));
            }
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => {}
        }
    }
}
