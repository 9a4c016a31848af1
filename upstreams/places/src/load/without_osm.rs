//! What stands for the reader of OpenStreetMap extracts where the feature `osm` is off: it knows one and refuses it.

use std::io;

use super::{Fault, Intake, Spot};

/// Bytes of a file that show whether it is one of these.
pub(super) const MAGIC_BYTES: usize = 15;

/// Whether a file begins as these do: a header of a block of the kind `OSMHeader`.
pub(super) fn is_osm(start: &[u8]) -> bool {
    start.get(4..MAGIC_BYTES) == Some(b"\x0a\x09OSMHeader")
}

/// Refuses the file.
pub(super) fn load<R>(_: impl Fn() -> io::Result<R>, _: &mut Intake<'_>) -> Result<(), Fault> {
    let what =
        "this program is built without the feature `osm`, which reads extracts of OpenStreetMap";
    Err(Fault::new(Spot::Whole, what.to_owned()))
}
