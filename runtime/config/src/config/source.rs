//! The text of a configuration file, and how to say what is wrong in it.

use crate::failure::Failure;
use crate::roster::Place;
use core::fmt::Display;
use core::ops::Range;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

pub(super) struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

impl<'a> Source<'a> {
    pub(super) fn new(path: &'a Path, text: &'a str) -> Self {
        Self { path, text }
    }

    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        toml::from_str(self.text).map_err(|error| {
            let message = explain(error.message());
            match error.span() {
                Some(span) => self.wrong(&span, message),
                None => Failure::wrong(format!("{}: {message}", self.path.display())),
            }
        })
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

/// Says in one line, and in the words of this file, what serde and toml found.
///
/// Where a name is not known, their message holds it between the first pair of back quotes and the
/// names that are known between the others.
fn explain(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let kind = [("unknown field ", "unknown key"), ("unknown variant ", "unknown value")]
        .into_iter()
        .find(|(start, _)| message.starts_with(start));
    if let Some((_, kind)) = kind
        && let Some(unknown) = quoted.next()
    {
        let known: Vec<_> = quoted.collect();
        return match similar(unknown, known.iter().copied()) {
            Some(meant) => format!("{kind} `{unknown}`: did you mean `{meant}`?"),
            None => format!("{kind} `{unknown}`: expected one of `{}`", known.join("`, `")),
        };
    }
    if message == "wanted string or table" {
        return "expected a string".to_owned();
    }
    message.lines().map(str::trim).collect::<Vec<_>>().join(", ")
}

/// The one of `known` that `name` was probably meant to be.
pub(super) fn similar<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let likeness =
        |other: &str| strsim::jaro_winkler(&name.to_ascii_lowercase(), &other.to_ascii_lowercase());
    known
        .map(|other| (likeness(other), other))
        .filter(|(likeness, _)| *likeness > ALIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, other)| other)
}

/// Above this two names look like a slip of the pen.
const ALIKE: f64 = 0.8;
