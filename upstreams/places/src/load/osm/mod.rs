//! OpenStreetMap extracts, `.osm.pbf`: what has a name and is something that somebody would look for.
//!
//! A node is where it is. A closed way, such as the outline of a building, is in the middle of its nodes,
//! which the file has before the ways: it is read a second time for them, unless each way has the locations of its
//! nodes itself (`osmium add-locations-to-ways`). Relations are left out.
//!
//! What a place is in Google's words says [`types`]; its vicinity is its address as far as it has one, its
//! prominence the population, or 1 where Wikipedia or Wikidata know it.

mod types;

use std::io::{self, BufReader, Read};

use osmpbf::{BlobDecode, BlobReader, Element, PrimitiveBlock};

use super::{Fault, Intake, Spot};
use crate::places::Place;
use crate::sphere::LatLng;

/// Whom the licence of the data wants to be named.
const ATTRIBUTION: &str = "Places: <a href=\"https://www.openstreetmap.org/copyright\">\
                           \u{a9} OpenStreetMap contributors</a>, ODbL";

/// Bytes of a file that show whether it is one of these.
pub(super) const MAGIC_BYTES: usize = 15;

/// Whether a file begins as these do: a header of a block of the kind `OSMHeader`.
pub(super) fn is_osm(start: &[u8]) -> bool {
    start.get(4..MAGIC_BYTES) == Some(b"\x0a\x09OSMHeader")
}

/// Loads the file that `open` opens, twice.
pub(super) fn load<R: Read + Send>(
    open: impl Fn() -> io::Result<R>,
    intake: &mut Intake<'_>,
) -> Result<(), Fault> {
    intake.builder.attribute(ATTRIBUTION);
    let mut outlines = Outlines::default();
    each_block(&open, |number, block| {
        for element in block.elements() {
            match element {
                Element::Node(node) => {
                    let place = Found { kind: "node", id: node.id() };
                    let here = || location(node.nano_lat(), node.nano_lon());
                    place.take(node.tags(), here, number, intake);
                }
                Element::DenseNode(node) => {
                    let place = Found { kind: "node", id: node.id() };
                    let here = || location(node.nano_lat(), node.nano_lon());
                    place.take(node.tags(), here, number, intake);
                }
                Element::Way(way) => outlines.take(&way, number),
                Element::Relation(_) => {}
            }
        }
    })?;
    outlines.want();
    if outlines.nodes.is_empty() {
        outlines.push_to(intake);
        return Ok(());
    }
    each_block(&open, |_, block| {
        for element in block.elements() {
            match element {
                Element::Node(node) => outlines.locate(node.id(), node.nano_lat(), node.nano_lon()),
                Element::DenseNode(node) => {
                    outlines.locate(node.id(), node.nano_lat(), node.nano_lon());
                }
                Element::Way(_) | Element::Relation(_) => {}
            }
        }
    })?;
    outlines.push_to(intake);
    Ok(())
}

/// Calls `visit` for each block of data with its number.
fn each_block<R: Read + Send>(
    open: impl Fn() -> io::Result<R>,
    mut visit: impl FnMut(usize, &PrimitiveBlock),
) -> Result<(), Fault> {
    let file = open().map_err(|error| Fault::new(Spot::Whole, error.to_string()))?;
    for (number, blob) in (1..).zip(BlobReader::new(BufReader::new(file))) {
        let fault = |what: String| Fault::new(Spot::Block(number), what);
        let blob = blob.map_err(|error| fault(error.to_string()))?;
        match blob.decode().map_err(|error| fault(in_words(&error)))? {
            BlobDecode::OsmData(block) => visit(number, &block),
            BlobDecode::OsmHeader(header) => {
                let unknown = |feature: &&String| !KNOWN.contains(&feature.as_str());
                if let Some(feature) = header.required_features().iter().find(unknown) {
                    return Err(fault(format!("it needs `{feature}`, which is not known here")));
                }
            }
            BlobDecode::Unknown(_) => {}
        }
    }
    Ok(())
}

/// Why a block cannot be read, and what to do about it.
fn in_words(error: &osmpbf::Error) -> String {
    use osmpbf::{BlobError, ErrorKind};

    // It has content, or it would be no block, but none that the library knows.
    if matches!(error.kind(), ErrorKind::Blob(BlobError::Empty)) {
        return "it is compressed with LZ4, Zstandard or LZMA, and only zlib is read here: \
                `osmium cat IN.osm.pbf -o OUT.osm.pbf` writes the file with zlib"
            .into();
    }
    error.to_string()
}

/// What a file may ask of its readers.
const KNOWN: [&str; 2] = ["OsmSchema-V0.6", "DenseNodes"];

/// An element that may be a place.
struct Found {
    kind: &'static str,
    id: i64,
}

impl Found {
    /// Adds the element if it is a place.
    fn take<'a>(
        &self,
        tags: impl Iterator<Item = (&'a str, &'a str)>,
        location: impl FnOnce() -> Option<LatLng>,
        block: usize,
        intake: &mut Intake<'_>,
    ) {
        let tags: Vec<_> = tags.collect();
        if let Some(tagged) = Tagged::of(&tags) {
            self.push(&tagged, location().ok_or("is nowhere on earth"), block, intake);
        }
    }

    fn push(
        &self,
        tagged: &Tagged,
        location: Result<LatLng, &str>,
        block: usize,
        intake: &mut Intake<'_>,
    ) {
        let location = match location {
            Ok(location) => location,
            Err(why) => {
                let what = format!("{} {} {why}", self.kind, self.id);
                return intake.leave_out(Spot::Block(block), what);
            }
        };
        let id = format!("osm:{}/{}", self.kind, self.id);
        let Tagged { name, types, vicinity, prominence } = tagged;
        let place = Place { id: &id, name, location, types, vicinity, prominence: *prominence };
        if let Err(unfit) = intake.builder.push(&place) {
            let what = format!("{} {}: {unfit}", self.kind, self.id);
            intake.leave_out(Spot::Block(block), what);
        }
    }
}

/// What the tags of a place say of it.
#[derive(Debug)]
struct Tagged {
    name: String,
    types: String,
    vicinity: String,
    prominence: f64,
}

impl Tagged {
    /// The place with these tags, unless it is none or has no name.
    fn of(tags: &[(&str, &str)]) -> Option<Self> {
        let tag = |key: &str| {
            let (_, value) = tags.iter().find(|(known, _)| *known == key)?;
            Some(value.trim()).filter(|value| !value.is_empty())
        };
        let name = tag("name")?.to_owned();
        let types = types::types(tag)?;
        let is_known = tag("wikidata").or_else(|| tag("wikipedia")).is_some();
        let population = tag("population")
            .and_then(|text| text.replace([',', ' '], "").parse().ok())
            .filter(|population: &f64| population.is_finite());
        let prominence = population.unwrap_or(if is_known { 1.0 } else { 0.0 });
        Some(Self { name, types, vicinity: vicinity(tag), prominence })
    }
}

/// `Main Street 1, Springfield`, as far as it is known.
fn vicinity<'a>(tag: impl Fn(&str) -> Option<&'a str>) -> String {
    if let Some(full) = tag("addr:full") {
        return full.to_owned();
    }
    let street = tag("addr:street").or_else(|| tag("addr:place"));
    let house = street.and_then(|_| tag("addr:housenumber"));
    let street = [street, house].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let city = tag("addr:city").or_else(|| tag("addr:suburb"));
    let parts = [Some(street.as_str()).filter(|street| !street.is_empty()), city];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Ways that are places, and where their nodes are.
#[derive(Default)]
struct Outlines {
    ways: Vec<Outline>,
    /// The nodes of all ways, in order, and where each is once that is known.
    nodes: Vec<i64>,
    locations: Vec<Option<LatLng>>,
}

struct Outline {
    id: i64,
    tagged: Tagged,
    block: usize,
    /// Its middle, where it has the locations of its nodes itself.
    middle: Option<LatLng>,
    /// Its nodes, where it has not.
    nodes: Vec<i64>,
}

impl Outlines {
    fn take(&mut self, way: &osmpbf::Way<'_>, block: usize) {
        let tags: Vec<_> = way.tags().collect();
        let Some(tagged) = Tagged::of(&tags) else { return };
        let mut nodes: Vec<i64> = way.refs().collect();
        let locations = way.node_locations().map(|at| location(at.nano_lat(), at.nano_lon()));
        let mut locations: Vec<_> = locations.collect();
        // The last is the first again where it is closed. Some writers leave out the numbers of nodes.
        let is_closed = if nodes.is_empty() {
            locations.len() > 3 && locations.pop() == locations.first().copied()
        } else {
            locations.truncate(nodes.len() - 1);
            nodes.len() > 3 && nodes.pop() == nodes.first().copied()
        };
        if is_closed {
            let known: Vec<_> = locations.into_iter().flatten().collect();
            let middle = middle(&known);
            if middle.is_some() {
                nodes.clear();
            }
            self.ways.push(Outline { id: way.id(), tagged, block, middle, nodes });
        }
    }

    fn want(&mut self) {
        self.nodes = self.ways.iter().flat_map(|way| &way.nodes).copied().collect();
        self.nodes.sort_unstable();
        self.nodes.dedup();
        self.locations = vec![None; self.nodes.len()];
    }

    fn locate(&mut self, node: i64, nano_lat: i64, nano_lng: i64) {
        if let Ok(at) = self.nodes.binary_search(&node) {
            self.locations[at] = location(nano_lat, nano_lng);
        }
    }

    /// Adds the ways. One whose nodes are all beyond the edge of the extract is nowhere.
    fn push_to(&self, intake: &mut Intake<'_>) {
        for Outline { id, tagged, block, middle: own, nodes } in &self.ways {
            let known = nodes.iter().filter_map(|node| {
                let at = self.nodes.binary_search(node).ok()?;
                self.locations[at]
            });
            let location = own.or_else(|| middle(&known.collect::<Vec<_>>()));
            let location = location.ok_or("is nowhere: the file has none of its nodes");
            Found { kind: "way", id: *id }.push(tagged, location, *block, intake);
        }
    }
}

/// The mean of these points, to the seven decimals that the data have.
fn middle(points: &[LatLng]) -> Option<LatLng> {
    let first = points.first()?;
    let (mut lat, mut lng) = (0.0, 0.0);
    for point in points {
        lat += point.lat();
        // Over the date line the way round the other side would be taken for the mean.
        lng += match point.lng() - first.lng() {
            east if east > 180.0 => point.lng() - 360.0,
            west if west < -180.0 => point.lng() + 360.0,
            _ => point.lng(),
        };
    }
    #[expect(clippy::cast_precision_loss, reason = "an outline has some thousand nodes at most")]
    let count = points.len() as f64;
    let lng = lng / count;
    let lng = if lng.abs() > 180.0 { lng - 360.0 * lng.signum() } else { lng };
    let rounded = |degrees: f64| (degrees * 1e7).round() / 1e7;
    LatLng::new(rounded(lat / count), rounded(lng))
}

/// The point at these billionths of a degree.
fn location(nano_lat: i64, nano_lng: i64) -> Option<LatLng> {
    #[expect(clippy::cast_precision_loss, reason = "180 degrees are fewer than 2^53 billionths")]
    let [lat, lng] = [nano_lat, nano_lng].map(|nano| nano as f64 / 1e9);
    LatLng::new(lat, lng)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(lat: f64, lng: f64) -> LatLng {
        LatLng::new(lat, lng).unwrap()
    }

    #[test]
    fn the_middle_is_where_it_looks() {
        let square = [point(1.0, 2.0), point(1.0, 4.0), point(3.0, 4.0), point(3.0, 2.0)];
        assert_eq!(middle(&square), Some(point(2.0, 3.0)));
        let over_the_line = [point(0.0, 179.9), point(0.0, -179.7)];
        assert_eq!(middle(&over_the_line), Some(point(0.0, -179.9)));
        assert_eq!(middle(&[]), None);
    }

    #[test]
    fn an_address_is_told_as_far_as_it_is_known() {
        let of = |tags: &[(&str, &'static str)]| {
            vicinity(|key| tags.iter().find(|(known, _)| *known == key).map(|(_, value)| *value))
        };
        let [street, house, city] = [
            ("addr:street", "Main Street"),
            ("addr:housenumber", "1"),
            ("addr:city", "Springfield"),
        ];
        assert_eq!(of(&[house, street, city]), "Main Street 1, Springfield");
        assert_eq!(of(&[street]), "Main Street");
        assert_eq!(of(&[house, city]), "Springfield");
        assert_eq!(of(&[street, ("addr:full", "1 Main St")]), "1 Main St");
        assert_eq!(of(&[]), "");
    }

    #[test]
    fn a_place_has_a_name_and_a_rank() {
        let bar = [("amenity", "bar"), ("name", " Bar ")];
        assert_eq!(Tagged::of(&bar).unwrap().name, "Bar");
        assert!(Tagged::of(&bar[..1]).is_none());
        assert!(Tagged::of(&[("amenity", "bar"), ("name", "  ")]).is_none());
        for (more, prominence) in [
            (("population", "12,345"), 12_345.0),
            (("population", "many"), 0.0),
            (("population", "inf"), 0.0),
            (("wikidata", "Q1"), 1.0),
        ] {
            let tags = [bar[0], bar[1], more];
            assert_eq!(Tagged::of(&tags).unwrap().prominence, prominence, "{more:?}");
        }
    }
}
