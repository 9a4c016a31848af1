//! Where places come from: the data that comes with the program, or the user's own files.
//!
//! What kind a file is shows in how it begins, not in its name. A row, feature or element that is no place is
//! left out and told with the file and the line or feature. A file that is damaged, or of which nothing can be taken,
//! ends the loading.

mod compact;
mod csv;
mod fault;
mod geojson;
mod intake;
mod left_out;
#[cfg(feature = "osm")]
mod osm;
#[cfg(not(feature = "osm"))]
#[path = "without_osm.rs"]
mod osm;
pub(crate) mod packed;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use indicatif::ProgressBar;

use crate::places::{Builder, Places};

pub use fault::{Error, Spot};
use fault::{Fault, utf8};
use intake::Intake;
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
