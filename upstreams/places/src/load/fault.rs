//! What is wrong with files, and where.

use core::fmt;
use std::io;
use std::path::PathBuf;

/// Why files did not become places.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read.
    #[error("cannot read {}: {source}", file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds what is no place.
    #[error("{}: {spot}{what}", file.display())]
    Bad {
        /// Which.
        file: PathBuf,
        /// Where in it.
        spot: Spot,
        /// What is wrong there.
        what: String,
    },
}

/// A spot in a file, counted from 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Spot {
    /// The file as a whole.
    Whole,
    /// A line of text.
    Line(usize),
    /// Lines of text, from the first to the last.
    Lines(usize, usize),
    /// A feature of a GeoJSON file.
    Feature(usize),
    /// A block of an extract of OpenStreetMap, which begins with its header.
    Block(usize),
    /// A place of a file that has nothing else.
    Place(usize),
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Line(number) => write!(f, "line {number}: "),
            Self::Lines(first, last) => write!(f, "lines {first} to {last}: "),
            Self::Feature(number) => write!(f, "feature {number}: "),
            Self::Block(number) => write!(f, "block {number}: "),
            Self::Place(number) => write!(f, "place {number}: "),
        }
    }
}

/// What is wrong in a file, and where.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) spot: Spot,
    pub(super) what: String,
}

impl Fault {
    pub(super) fn new(spot: Spot, what: impl Into<String>) -> Self {
        Self { spot, what: what.into() }
    }
}

/// Text, or where it is none.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, Fault> {
    str::from_utf8(bytes).map_err(|error| {
        let lines_before = bytes[..error.valid_up_to()].iter().filter(|&&b| b == b'\n').count();
        Fault::new(Spot::Line(lines_before + 1), "there is text that is not UTF-8")
    })
}
