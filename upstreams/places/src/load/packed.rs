//! The packed file, which `herd-places import` writes: a million places are there in no time.
//!
//! Gzipped, whose check sum tells damage, and unpacked the line `herd-places<TAB>2` and these columns, numbers
//! with the least byte first:
//!
//! ```text
//! attributions, types, vicinities   each: count u32, then a length u32 for each, then all texts
//! places                            count u32
//! latitudes, longitudes             f64 for each place
//! prominences                       f64
//! lengths of names, of ids          u16
//! types, vicinities                 u32, a number in the columns above
//! places that came before it        u32
//! names and ids                     name, id, name, id, ... up to the end
//! ```
//!
//! Places are in the order of the index, so that loading finds nothing to sort.

use std::io::{self, Read as _, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::{Fault, Spot, utf8};
use crate::places::{Builder, Places, Row, Texts};
use crate::sphere::LatLng;

/// What a packed file begins with, unpacked.
pub(super) const FIRST_LINE: &[u8] = b"herd-places\t2\n";

/// Writes all places as a file that [`load`] takes.
///
/// # Errors
///
/// What `out` says.
pub(crate) fn write(places: &Places, out: impl Write) -> io::Result<()> {
    let mut out = io::BufWriter::new(GzEncoder::new(out, Compression::fast()));
    out.write_all(FIRST_LINE)?;
    let [types, vicinities] = places.shared_texts();
    write_texts(places.attributions().iter().map(String::as_str), &mut out)?;
    write_texts(types.iter(), &mut out)?;
    write_texts(vicinities.iter(), &mut out)?;
    out.write_all(&count(places.len())?.to_le_bytes())?;
    places.rows().try_for_each(|row| out.write_all(&row.location.lat().to_le_bytes()))?;
    places.rows().try_for_each(|row| out.write_all(&row.location.lng().to_le_bytes()))?;
    places.rows().try_for_each(|row| out.write_all(&row.prominence.to_le_bytes()))?;
    places.rows().try_for_each(|row| out.write_all(&row.name_bytes.to_le_bytes()))?;
    places.rows().try_for_each(|row| out.write_all(&row.id_bytes.to_le_bytes()))?;
    places.rows().try_for_each(|row| out.write_all(&row.types.to_le_bytes()))?;
    places.rows().try_for_each(|row| out.write_all(&row.vicinity.to_le_bytes()))?;
    places.rows().try_for_each(|row| out.write_all(&row.added.to_le_bytes()))?;
    for place in places.iter() {
        out.write_all(place.name.as_bytes())?;
        out.write_all(place.id.as_bytes())?;
    }
    out.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?.flush()
}

fn write_texts<'a>(
    texts: impl Iterator<Item = &'a str> + Clone,
    out: &mut impl Write,
) -> io::Result<()> {
    out.write_all(&count(texts.clone().count())?.to_le_bytes())?;
    for text in texts.clone() {
        out.write_all(&count(text.len())?.to_le_bytes())?;
    }
    texts.into_iter().try_for_each(|text| out.write_all(text.as_bytes()))
}

fn count(number: usize) -> io::Result<u32> {
    u32::try_from(number).map_err(io::Error::other)
}

/// Unpacks a gzipped file.
pub(super) fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut unpacked = Vec::with_capacity(bytes.len().saturating_mul(4));
    MultiGzDecoder::new(bytes)
        .read_to_end(&mut unpacked)
        .map_err(|error| Fault::new(Spot::Whole, format!("cannot be unpacked: {error}")))?;
    Ok(unpacked)
}

/// Loads what follows the first line of an unpacked file.
pub(super) fn load(rest: &[u8], builder: &mut Builder) -> Result<(), Fault> {
    let mut columns = Columns { rest };
    let attributions = columns.texts()?;
    let shared = [columns.texts()?, columns.texts()?];
    let places = columns.count()?;
    let [lats, lngs, prominences] =
        [columns.column::<8>(places)?, columns.column::<8>(places)?, columns.column::<8>(places)?];
    let [names, ids] = [columns.column::<2>(places)?, columns.column::<2>(places)?];
    let [types, vicinities, added] =
        [columns.column::<4>(places)?, columns.column::<4>(places)?, columns.column::<4>(places)?];
    let texts = utf8(columns.rest)?.to_owned();

    let rows = (0..places).map(|at| {
        let [lat, lng] = [lats[at], lngs[at]].map(f64::from_le_bytes);
        Some(Row {
            location: LatLng::new(lat, lng)?,
            prominence: f64::from_le_bytes(prominences[at]),
            name_bytes: u16::from_le_bytes(names[at]),
            id_bytes: u16::from_le_bytes(ids[at]),
            types: u32::from_le_bytes(types[at]),
            vicinity: u32::from_le_bytes(vicinities[at]),
            added: u32::from_le_bytes(added[at]),
        })
    });
    let mut stored = Builder::restore(rows, texts, shared).map_err(|place| {
        Fault::new(Spot::Place(place), "not a place, though the check sum is right")
    })?;
    attributions.iter().for_each(|html| stored.attribute(html));
    builder.append(stored).map_err(|unfit| Fault::new(Spot::Whole, unfit.to_string()))
}

/// What is left of a file to be read.
struct Columns<'a> {
    rest: &'a [u8],
}

impl<'a> Columns<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| Fault::new(Spot::Whole, "it ends too soon"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn column<const N: usize>(&mut self, count: usize) -> Result<&'a [[u8; N]], Fault> {
        Ok(self.take(count.saturating_mul(N))?.as_chunks().0)
    }

    fn count(&mut self) -> Result<usize, Fault> {
        Ok(self.column(1)?.iter().map(|bytes| u32::from_le_bytes(*bytes) as usize).sum())
    }

    fn texts(&mut self) -> Result<Texts, Fault> {
        let count = self.count()?;
        let mut end = 0;
        let ends: Vec<usize> = self
            .column(count)?
            .iter()
            .map(|length| {
                end += u32::from_le_bytes(*length) as usize;
                end
            })
            .collect();
        let all = utf8(self.take(end)?)?.to_owned();
        Texts::ending(all, ends)
            .ok_or_else(|| Fault::new(Spot::Whole, "a text ends in a character"))
    }
}
