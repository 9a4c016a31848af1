//! CSV with a header: `name,lat,lng` in any order, with commas, semicolons or tabs between them, and `types`, `population`, `vicinity` and `id` if wanted.

use core::str::{self, FromStr};

use csv::{ByteRecord, Position, ReaderBuilder, StringRecord, Trim};

use super::fault::{Fault, Spot};
use super::intake::{Intake, OwnPlace, joined};
use crate::sphere::LatLng;

/// A row that is no place and takes more lines than this has most likely a quote that nothing closes.
const MAX_FAULTY_LINES: usize = 100;

pub(super) fn load(bytes: &[u8], intake: &mut Intake<'_>) -> Result<(), Fault> {
    let header_line = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
    let delimiter = delimiter(&bytes[..header_line]);
    let mut reader =
        ReaderBuilder::new().delimiter(delimiter).flexible(true).trim(Trim::All).from_reader(bytes);
    let whole = |error: csv::Error| Fault::new(Spot::Whole, error.to_string());
    let header = reader.byte_headers().map_err(whole)?.clone();
    let header = StringRecord::from_byte_record(header)
        .map_err(|_| Fault::new(Spot::Line(1), "there is text that is not UTF-8"))?;
    let columns = Columns::of(&header)?;

    let mut lines = Lines { bytes, at: 0, before: 0 };
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(whole)? {
        let Err(what) = columns.take(&record, header.len(), intake) else { continue };
        let first = lines.of(record.position());
        let last = lines.number(reader.position().byte().saturating_sub(1));
        if last - first >= MAX_FAULTY_LINES {
            let what = format!("{what}; the row goes on to line {last}: is a quote not closed?");
            return Err(Fault::new(Spot::Line(first), what));
        }
        let spot = if first == last { Spot::Line(first) } else { Spot::Lines(first, last) };
        intake.leave_out(spot, what);
    }
    Ok(())
}

/// What stands between the titles of the columns.
fn delimiter(header: &[u8]) -> u8 {
    let count = |delimiter: u8| header.iter().filter(|&&byte| byte == delimiter).count();
    // Of several that are as frequent, the last is taken.
    [b'\t', b';', b','].into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

/// Tells the numbers of lines, going forward only: a file with many faults is gone through once.
struct Lines<'t> {
    bytes: &'t [u8],
    at: usize,
    before: usize,
}

impl Lines<'_> {
    /// The line that a record begins on: its position still has the empty lines before it ahead.
    fn of(&mut self, position: Option<&Position>) -> usize {
        let byte = position.map_or(0, Position::byte);
        let start = usize::try_from(byte).unwrap_or(usize::MAX).min(self.bytes.len());
        let empty = self.bytes[start..].iter().take_while(|byte| b"\r\n".contains(byte)).count();
        self.number((start + empty) as u64)
    }

    /// The line that a byte is on.
    fn number(&mut self, byte: u64) -> usize {
        let byte = usize::try_from(byte).unwrap_or(usize::MAX).min(self.bytes.len());
        if byte > self.at {
            let passed = &self.bytes[self.at..byte];
            self.before += passed.iter().filter(|&&byte| byte == b'\n').count();
            self.at = byte;
        }
        self.before + 1
    }
}

/// The most characters of a header that an error repeats.
const MAX_TOLD_CHARS: usize = 200;

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
                let titles = header.iter().collect::<Vec<_>>().join("`, `");
                let titles: String = titles.chars().take(MAX_TOLD_CHARS).collect();
                let but = if titles.is_empty() { String::new() } else { format!(", but `{titles}`") };
                let what = format!(
                    "neither GeoJSON nor CSV with a header: the first line names no column `{}`{but}",
                    names.join("` or `"),
                );
                Fault::new(Spot::Whole, what)
            })
        };
        Ok(Self {
            name: needed(&["name"])?,
            lat: needed(&["lat", "latitude"])?,
            lng: needed(&["lng", "lon", "long", "longitude"])?,
            types: column(&["types", "type"]),
            prominence: column(&["population", "prominence"]),
            vicinity: column(&["vicinity", "address"]),
            id: column(&["id"]),
        })
    }

    /// Takes the place of a row, unless it is none.
    fn take(
        &self,
        record: &ByteRecord,
        field_count: usize,
        intake: &mut Intake<'_>,
    ) -> Result<(), String> {
        if record.iter().all(<[u8]>::is_empty) {
            return Err("the row is empty".into());
        }
        if record.len() != field_count {
            return Err(format!("{} fields where the header has {field_count}", record.len()));
        }
        let record = StringRecord::from_byte_record(record.clone())
            .map_err(|_| "there is text that is not UTF-8".to_owned())?;
        self.place(&record)?.push_to(intake.builder).map_err(|unfit| unfit.to_string())
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
