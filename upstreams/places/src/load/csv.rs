//! CSV with a header: `name,lat,lng` in any order, and `types`, `population`, `vicinity` and `id` if wanted.

use core::str::FromStr;

use csv::{ErrorKind, Position, ReaderBuilder, StringRecord, Trim};

use super::{Fault, OwnPlace, Spot, joined};
use crate::places::Builder;
use crate::sphere::LatLng;

pub(super) fn load(text: &str, builder: &mut Builder) -> Result<(), Fault> {
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| record_fault(text, &error))?;
    let columns = Columns::of(header)?;

    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| record_fault(text, &error))? {
        let position = record.position();
        let fault = |what| Fault::new(line(text, position), what);
        let place = columns.place(&record).map_err(fault)?;
        place.push_to(builder).map_err(|unfit| fault(unfit.to_string()))?;
    }
    Ok(())
}

/// Which column holds what.
struct Columns {
    name: usize,
    lat: usize,
    lng: usize,
    types: Option<usize>,
    prominence: Option<usize>,
    vicinity: Option<usize>,
    id: Option<usize>,
}

impl Columns {
    fn of(header: &StringRecord) -> Result<Self, Fault> {
        let column = |names: &[&str]| {
            header.iter().position(|title| names.iter().any(|n| n.eq_ignore_ascii_case(title)))
        };
        let needed = |names: &[&str]| {
            column(names).ok_or_else(|| {
                let what = format!(
                    "neither GeoJSON nor CSV with a header: the first line names no column `{}`",
                    names[0]
                );
                Fault::new(Spot::Whole, what)
            })
        };
        Ok(Self {
            name: needed(&["name"])?,
            lat: needed(&["lat", "latitude"])?,
            lng: needed(&["lng", "lon", "longitude"])?,
            types: column(&["types", "type"]),
            prominence: column(&["population", "prominence"]),
            vicinity: column(&["vicinity", "address"]),
            id: column(&["id"]),
        })
    }

    fn place<'a>(&self, record: &'a StringRecord) -> Result<OwnPlace<'a>, String> {
        let cell = |column: usize| record.get(column).unwrap_or_default();
        let cell_if_any = |column: Option<usize>| column.map(cell).filter(|cell| !cell.is_empty());

        let (lat, lng) = (number("lat", cell(self.lat))?, number("lng", cell(self.lng))?);
        let location = LatLng::new(lat, lng)
            .ok_or_else(|| format!("`{lat}, {lng}` is outside ±90, ±180 degrees"))?;
        Ok(OwnPlace {
            name: cell(self.name),
            location,
            types: joined(cell_if_any(self.types)),
            vicinity: cell_if_any(self.vicinity).unwrap_or_default(),
            prominence: match cell_if_any(self.prominence) {
                Some(prominence) => number("population", prominence)?,
                None => 0.0,
            },
            id: cell_if_any(self.id).map(str::to_owned),
        })
    }
}

fn number<T: FromStr>(what: &str, cell: &str) -> Result<T, String> {
    cell.parse().map_err(|_| format!("{what} is `{cell}`, which is not a number"))
}

fn record_fault(text: &str, error: &csv::Error) -> Fault {
    let what = if let ErrorKind::UnequalLengths { expected_len, len, .. } = error.kind() {
        format!("{len} fields where the header has {expected_len}")
    } else {
        error.to_string()
    };
    Fault::new(line(text, error.position()), what)
}

/// The line that a record begins on: its position still has the empty lines before it ahead.
fn line(text: &str, position: Option<&Position>) -> Spot {
    let Some(position) = position else { return Spot::Whole };
    let start = usize::try_from(position.byte()).expect("the text fits into memory");
    let text = text.as_bytes();
    let empty_lines = text[start..].iter().take_while(|byte| b"\r\n".contains(byte)).count();
    let lines_before = text[..start + empty_lines].iter().filter(|&&byte| byte == b'\n').count();
    Spot::Line(lines_before + 1)
}
