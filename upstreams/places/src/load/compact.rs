//! The compact file: many places in little space, written by a script.
//!
//! Gzipped text. First `herd-places<TAB>1`, then header lines of a key, a tab and a value (`attribution`,
//! `id_prefix`), an empty line, and a line a place: id less the prefix, name, latitude, longitude,
//! prominence, types, vicinity, with a tab between. Types or vicinity that are the same as on the line
//! above are left empty. `data/make.py` writes such a file.

use super::{Fault, Spot};
use crate::places::{Builder, Place};
use crate::sphere::LatLng;

const FIRST_LINE: &str = "herd-places\t1";

/// Loads an unpacked file.
pub(super) fn load(text: &str, builder: &mut Builder) -> Result<(), Fault> {
    let mut lines = (1..).zip(text.lines());
    if lines.next().is_none_or(|(_, line)| line != FIRST_LINE) {
        return Err(Fault::new(
            Spot::Whole,
            "a gzipped file that is not one of herd-places; GeoJSON and CSV are read unpacked",
        ));
    }

    let mut id_prefix = "";
    for (number, line) in lines.by_ref().take_while(|(_, line)| !line.is_empty()) {
        match line.split_once('\t') {
            Some(("attribution", html)) => builder.attribute(html),
            Some(("id_prefix", prefix)) => id_prefix = prefix,
            _ => return Err(Fault::new(Spot::Line(number), "not a line of the header")),
        }
    }

    let mut id = String::from(id_prefix);
    let (mut types, mut vicinity) = ("", "");
    for (number, line) in lines {
        let fault = |what: String| Fault::new(Spot::Line(number), what);
        let row = Row::of(line).ok_or_else(|| fault("not the seven fields of a place".into()))?;
        id.truncate(id_prefix.len());
        id.push_str(row.id);
        types = if row.types.is_empty() { types } else { row.types };
        vicinity = if row.vicinity.is_empty() { vicinity } else { row.vicinity };
        let Row { name, location, prominence, .. } = row;
        builder
            .push(&Place { id: &id, name, location, types, vicinity, prominence })
            .map_err(|unfit| fault(unfit.to_string()))?;
    }
    Ok(())
}

/// The fields of a line.
struct Row<'a> {
    id: &'a str,
    name: &'a str,
    location: LatLng,
    prominence: f64,
    types: &'a str,
    vicinity: &'a str,
}

impl<'a> Row<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let mut fields = line.split('\t');
        let row = Self {
            id: fields.next()?,
            name: fields.next()?,
            location: LatLng::new(fields.next()?.parse().ok()?, fields.next()?.parse().ok()?)?,
            prominence: fields.next()?.parse().ok()?,
            types: fields.next()?,
            vicinity: fields.next()?,
        };
        fields.next().is_none().then_some(row)
    }
}
