//! Extracts of OpenStreetMap as they are written, byte by byte.
//!
//! <https://wiki.openstreetmap.org/wiki/PBF_Format>: blobs of protobuf, one for the header and, here, one with dense
//! nodes and one with ways, unpacked and zipped by turns.

use std::io::Write as _;

/// What is in an extract.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extract {
    pub(crate) nodes: Vec<Node>,
    pub(crate) ways: Vec<Way>,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) id: i64,
    pub(crate) lat: f64,
    pub(crate) lng: f64,
    pub(crate) tags: Vec<(&'static str, &'static str)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) id: i64,
    pub(crate) tags: Vec<(&'static str, &'static str)>,
    pub(crate) nodes: Vec<i64>,
}

impl Node {
    pub(crate) fn at(id: i64, lat: f64, lng: f64) -> Self {
        Self { id, lat, lng, tags: Vec::new() }
    }
}

impl Extract {
    /// The whole file.
    pub(crate) fn written(&self) -> Vec<u8> {
        let mut file = blob("OSMHeader", &header(), false);
        file.extend(blob("OSMData", &dense_nodes(&self.nodes), true));
        if !self.ways.is_empty() {
            file.extend(blob("OSMData", &ways(&self.ways, None), false));
        }
        file
    }
}

/// A header that promises what is in all files here.
pub(crate) fn header() -> Vec<u8> {
    let mut header = Vec::new();
    text(&mut header, 4, "OsmSchema-V0.6");
    text(&mut header, 4, "DenseNodes");
    header
}

pub(crate) fn blob(kind: &str, content: &[u8], zipped: bool) -> Vec<u8> {
    let mut blob = Vec::new();
    if zipped {
        number(&mut blob, 2, content.len() as u64);
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).unwrap();
        bytes(&mut blob, 3, &encoder.finish().unwrap());
    } else {
        bytes(&mut blob, 1, content);
    }
    framed(kind, &blob)
}

pub(crate) fn framed(kind: &str, blob: &[u8]) -> Vec<u8> {
    let mut header = Vec::new();
    text(&mut header, 1, kind);
    number(&mut header, 3, blob.len() as u64);
    let mut all = u32::try_from(header.len()).unwrap().to_be_bytes().to_vec();
    all.extend(header);
    all.extend_from_slice(blob);
    all
}

/// Texts of a block, the first of them empty as the format wants it.
struct Strings(Vec<&'static str>);

impl Strings {
    fn new() -> Self {
        Self(vec![""])
    }

    fn number(&mut self, text: &'static str) -> u64 {
        let known = self.0.iter().position(|known| *known == text);
        known.unwrap_or_else(|| {
            self.0.push(text);
            self.0.len() - 1
        }) as u64
    }

    /// A block with these texts and this group.
    fn block(&self, group: &[u8]) -> Vec<u8> {
        let mut table = Vec::new();
        self.0.iter().for_each(|one| text(&mut table, 1, one));
        let mut block = Vec::new();
        bytes(&mut block, 1, &table);
        bytes(&mut block, 2, group);
        block
    }
}

pub(crate) fn dense_nodes(nodes: &[Node]) -> Vec<u8> {
    let mut strings = Strings::new();
    let mut tags = Vec::new();
    for node in nodes {
        for (key, value) in &node.tags {
            varint(&mut tags, strings.number(key));
            varint(&mut tags, strings.number(value));
        }
        tags.push(0);
    }
    let mut dense = Vec::new();
    bytes(&mut dense, 1, &deltas(nodes.iter().map(|node| node.id)));
    bytes(&mut dense, 8, &deltas(nodes.iter().map(|node| steps(node.lat))));
    bytes(&mut dense, 9, &deltas(nodes.iter().map(|node| steps(node.lng))));
    bytes(&mut dense, 10, &tags);
    let mut group = Vec::new();
    bytes(&mut group, 2, &dense);
    strings.block(&group)
}

#[expect(clippy::cast_possible_truncation, reason = "a coordinate in steps of 1e-7 degrees fits")]
fn steps(degrees: f64) -> i64 {
    (degrees * 1e7).round() as i64
}

/// A block of ways, with the locations of these nodes if there are any, and then the numbers of nodes if wished.
pub(crate) fn ways(ways: &[Way], locations: Option<(&[Node], bool)>) -> Vec<u8> {
    let mut strings = Strings::new();
    let mut group = Vec::new();
    for way in ways {
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        for (key, value) in &way.tags {
            varint(&mut keys, strings.number(key));
            varint(&mut values, strings.number(value));
        }
        let mut message = Vec::new();
        number(&mut message, 1, way.id.unsigned_abs());
        bytes(&mut message, 2, &keys);
        bytes(&mut message, 3, &values);
        if locations.is_none_or(|(_, has_numbers)| has_numbers) {
            bytes(&mut message, 8, &deltas(way.nodes.iter().copied()));
        }
        if let Some((nodes, _)) = locations {
            let node = |id: &i64| nodes.iter().find(|node| node.id == *id).unwrap();
            bytes(&mut message, 9, &deltas(way.nodes.iter().map(|id| steps(node(id).lat))));
            bytes(&mut message, 10, &deltas(way.nodes.iter().map(|id| steps(node(id).lng))));
        }
        bytes(&mut group, 3, &message);
    }
    strings.block(&group)
}

/// Packed signed numbers, each as the difference to the one before.
fn deltas(numbers: impl Iterator<Item = i64>) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut before = 0;
    for number in numbers {
        let delta = number - before;
        before = number;
        varint(&mut packed, ((delta << 1) ^ (delta >> 63)).cast_unsigned());
    }
    packed
}

pub(crate) fn text(out: &mut Vec<u8>, field: u64, text: &str) {
    bytes(out, field, text.as_bytes());
}

pub(crate) fn bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(crate) fn number(out: &mut Vec<u8>, field: u64, number: u64) {
    varint(out, field << 3);
    varint(out, number);
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}
