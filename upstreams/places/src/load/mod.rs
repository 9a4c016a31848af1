//! Where places come from: the data that comes with the program, or the user's own files.
//!
//! What kind a file is shows in how it begins, not in its name. A row, feature or element that is no place is
//! left out and told with the file and the line or feature. A file that is damaged, or of which nothing can be taken,
//! ends the loading.

mod compact;
mod csv;
mod geojson;
mod left_out;
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

pub use left_out::LeftOut;

/// GeoNames' cities of 500 people and more; `data/make.py` makes it.
const BUILT_IN: &[u8] = include_bytes!("../../data/cities500.tsv.gz");

/// The places that come with the program.
pub fn built_in() -> Places {
    let mut builder = Builder::default();
    gzipped(BUILT_IN, &mut builder).expect("the built-in file is well formed: a test loads it");
    builder.build()
}

/// The places of some files, and what was left out.
#[derive(Debug)]
pub struct Loaded {
    /// All places.
    pub places: Places,
    /// What could not be taken, or was there already.
    pub left_out: LeftOut,
}

/// The places in these files together, which may be GeoJSON, CSV, extracts of OpenStreetMap, or what
/// [`import`](crate::import()) wrote.
///
/// A place that comes twice, by its id, is taken once. What is no place is left out.
///
/// # Errors
///
/// When one of them cannot be read, is damaged, or holds something but not a single place.
pub fn files(files: &[impl AsRef<Path>]) -> Result<Loaded, Error> {
    watched(files, &ProgressBar::hidden())
}

/// The same, with a bar that shows how far it is.
pub(crate) fn watched(files: &[impl AsRef<Path>], bar: &ProgressBar) -> Result<Loaded, Error> {
    let mut builder = Builder::default();
    let mut left_out = LeftOut::default();
    for file in files {
        let file = file.as_ref();
        let unreadable = |source| Error::Unreadable { file: file.into(), source };
        let bad = |Fault { spot, what }| Error::Bad { file: file.into(), spot, what };
        let mut opened = File::open(file).map_err(unreadable)?;
        let length = opened.metadata().map_err(unreadable)?.len();
        let mut start = Vec::new();
        let magic_bytes = osm::MAGIC_BYTES as u64;
        opened.by_ref().take(magic_bytes).read_to_end(&mut start).map_err(unreadable)?;
        let before = builder.len() + builder.repeated();
        let mut intake = Intake { builder: &mut builder, faults: Vec::new(), fault_count: 0 };
        if osm::is_osm(&start) {
            // It is read twice.
            bar.inc_length(2 * length);
            let open = || Ok(bar.wrap_read(File::open(file)?));
            osm::load(open, &mut intake).map_err(bad)?;
        } else {
            bar.inc_length(length);
            bar.wrap_read(opened).read_to_end(&mut start).map_err(unreadable)?;
            bytes_of_any_kind(&start, &mut intake).map_err(bad)?;
        }
        let Intake { mut faults, fault_count, .. } = intake;
        if fault_count > 0 && before == builder.len() + builder.repeated() {
            return Err(bad(faults.swap_remove(0)));
        }
        left_out.add(fault_count, faults.into_iter().map(bad));
    }
    left_out.repeated = builder.repeated();
    Ok(Loaded { places: builder.build(), left_out })
}

/// Takes the places of a file, and notes what is none.
struct Intake<'b> {
    builder: &'b mut Builder,
    /// The first few.
    faults: Vec<Fault>,
    fault_count: usize,
}

impl Intake<'_> {
    fn leave_out(&mut self, spot: Spot, what: impl Into<String>) {
        self.fault_count += 1;
        if self.faults.len() < left_out::EXAMPLES {
            self.faults.push(Fault::new(spot, what));
        }
    }
}

fn bytes_of_any_kind(bytes: &[u8], intake: &mut Intake<'_>) -> Result<(), Fault> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return gzipped(bytes, intake.builder);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    // Record separators come before the features of a GeoJSON text sequence.
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace() && **byte != b'\x1e');
    if matches!(first, Some(b'{' | b'[')) {
        geojson::load(utf8(bytes)?, intake)
    } else {
        csv::load(bytes, intake)
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
