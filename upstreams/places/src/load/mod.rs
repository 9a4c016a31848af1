//! Where places come from: the data that comes with the program, or the user's own files.
//!
//! What kind a file is shows in how it begins, not in its name. Every fault is told with the file and
//! the line or feature, and ends the loading: half of somebody's data would be worse than none.

mod compact;
mod csv;
mod geojson;
#[cfg(feature = "osm")]
mod osm;
#[cfg(not(feature = "osm"))]
#[path = "without_osm.rs"]
mod osm;
pub(crate) mod packed;

use core::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use sha2::{Digest as _, Sha256};

use crate::places::{Builder, Place, Places, Unfit};
use crate::sphere::LatLng;

/// GeoNames' cities of 500 people and more; `data/make.py` makes it.
const BUILT_IN: &[u8] = include_bytes!("../../data/cities500.tsv.gz");

/// The places that come with the program.
pub fn built_in() -> Places {
    let mut builder = Builder::default();
    gzipped(BUILT_IN, &mut builder).expect("the built-in file is well formed: a test loads it");
    builder.build()
}

/// The places in these files together, which may be GeoJSON, CSV, extracts of OpenStreetMap, or what
/// [`import`](crate::import()) wrote.
///
/// # Errors
///
/// When one of them cannot be read or holds what is no place.
pub fn files(files: &[impl AsRef<Path>]) -> Result<Places, Error> {
    watched(files, &ProgressBar::hidden())
}

/// The same, with a bar that shows how far it is.
pub(crate) fn watched(files: &[impl AsRef<Path>], bar: &ProgressBar) -> Result<Places, Error> {
    let mut builder = Builder::default();
    for file in files {
        let file = file.as_ref();
        let unreadable = |source| Error::Unreadable { file: file.into(), source };
        let bad = |Fault { spot, what }| Error::Bad { file: file.into(), spot, what };
        let mut opened = File::open(file).map_err(unreadable)?;
        let length = opened.metadata().map_err(unreadable)?.len();
        let mut start = Vec::new();
        let magic_bytes = osm::MAGIC_BYTES as u64;
        opened.by_ref().take(magic_bytes).read_to_end(&mut start).map_err(unreadable)?;
        if osm::is_osm(&start) {
            // It is read twice.
            bar.inc_length(2 * length);
            let open = || Ok(bar.wrap_read(File::open(file)?));
            osm::load(open, &mut builder).map_err(bad)?;
        } else {
            bar.inc_length(length);
            bar.wrap_read(opened).read_to_end(&mut start).map_err(unreadable)?;
            bytes_of_any_kind(&start, &mut builder).map_err(bad)?;
        }
    }
    Ok(builder.build())
}

fn bytes_of_any_kind(bytes: &[u8], builder: &mut Builder) -> Result<(), Fault> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return gzipped(bytes, builder);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = utf8(bytes)?;
    if text.trim_start().starts_with(['{', '[']) {
        geojson::load(text, builder)
    } else {
        csv::load(text, builder)
    }
}

fn gzipped(bytes: &[u8], builder: &mut Builder) -> Result<(), Fault> {
    let unpacked = packed::unpacked(bytes)?;
    match unpacked.strip_prefix(packed::FIRST_LINE) {
        Some(columns) => packed::load(columns, builder),
        None => compact::load(utf8(&unpacked)?, builder),
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Fault> {
    str::from_utf8(bytes).map_err(|error| {
        let lines_before = bytes[..error.valid_up_to()].iter().filter(|&&b| b == b'\n').count();
        Fault::new(Spot::Line(lines_before + 1), "there is text that is not UTF-8")
    })
}

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
            Self::Feature(number) => write!(f, "feature {number}: "),
            Self::Block(number) => write!(f, "block {number}: "),
            Self::Place(number) => write!(f, "place {number}: "),
        }
    }
}

/// What is wrong in a file, and where.
#[derive(Debug)]
struct Fault {
    spot: Spot,
    what: String,
}

impl Fault {
    fn new(spot: Spot, what: impl Into<String>) -> Self {
        Self { spot, what: what.into() }
    }
}

/// A place of the user's own, as both GeoJSON and CSV give it.
#[derive(Debug)]
struct OwnPlace<'a> {
    name: &'a str,
    location: LatLng,
    types: String,
    vicinity: &'a str,
    prominence: f64,
    id: Option<String>,
}

impl OwnPlace<'_> {
    /// Adds the place, with an id drawn from its name and location if it has none of its own.
    fn push_to(self, builder: &mut Builder) -> Result<(), Unfit> {
        let Self { name, location, types, vicinity, prominence, id } = self;
        let id = id.unwrap_or_else(|| {
            let digest = Sha256::digest(format!("{name}\n{}\n{}", location.lat(), location.lng()));
            digest[..8].iter().fold(String::from("own:"), |id, byte| id + &format!("{byte:02x}"))
        });
        builder.push(&Place { id: &id, name, location, types: &types, vicinity, prominence })
    }
}

/// The types in the form [`Place::types`] wants them.
fn joined<'a>(types: impl IntoIterator<Item = &'a str>) -> String {
    let each = types.into_iter().flat_map(|text| text.split(['|', ';', ','])).map(str::trim);
    each.filter(|one| !one.is_empty()).collect::<Vec<_>>().join("|")
}
