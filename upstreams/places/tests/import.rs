//! Importing: extracts of OpenStreetMap and other files become one that loads fast and answers alike.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod osm;

use std::fs;
use std::path::PathBuf;

use herd_places::load::{self, Error, Loaded};
use herd_places::{
    Builder, ImportError, LatLng, Nearby, Place, Places, Rank, Search, Unfit, import,
};
use osm::{Extract, Node, Way};
use proptest::prelude::*;
use tempfile::TempDir;

#[test]
fn what_has_a_name_and_a_kind_becomes_a_place() {
    let folder = Folder::new();
    let extract = Extract {
        nodes: vec![
            Node {
                tags: vec![
                    ("amenity", "bar"),
                    ("name", "Zum Löwen"),
                    ("addr:street", "Main Street"),
                    ("addr:housenumber", "1"),
                    ("addr:city", "Springfield"),
                ],
                ..Node::at(101, 34.070_012_3, -118.440_045_6)
            },
            Node { tags: vec![("amenity", "bar")], ..Node::at(102, 34.07, -118.44) },
            Node { tags: vec![("name", "A road")], ..Node::at(103, 34.07, -118.44) },
            Node {
                tags: vec![("place", "town"), ("name", "Springfield"), ("population", "30000")],
                ..Node::at(104, 34.08, -118.43)
            },
        ],
        ways: Vec::new(),
    };

    let places = folder.imported(&[folder.file("a.osm.pbf", &extract.written())]);

    assert_eq!(places.len(), 2);
    let bar = Place {
        id: "osm:node/101",
        name: "Zum Löwen",
        location: LatLng::new(34.070_012_3, -118.440_045_6).unwrap(),
        types: "bar|food|point_of_interest|establishment",
        vicinity: "Main Street 1, Springfield",
        prominence: 0.0,
    };
    let town = Place {
        id: "osm:node/104",
        name: "Springfield",
        location: LatLng::new(34.08, -118.43).unwrap(),
        types: "locality|political",
        vicinity: "",
        prominence: 30_000.0,
    };
    assert_eq!(places.nearby(&circle(34.07, -118.44, 10_000.0), 60), [town, bar]);
    assert!(places.attributions()[0].contains("OpenStreetMap contributors"));
}

#[test]
fn an_outline_with_a_name_is_in_the_middle_of_its_nodes() {
    let folder = Folder::new();
    let corners = [(1, 10.0, 20.0), (2, 10.0, 20.002), (3, 10.002, 20.002), (4, 10.002, 20.0)];
    let tags = vec![("tourism", "museum"), ("name", "Museum")];
    let extract = Extract {
        nodes: corners.map(|(id, lat, lng)| Node::at(id, lat, lng)).into(),
        ways: vec![
            Way { id: 7, tags: tags.clone(), nodes: vec![1, 2, 3, 4, 1] },
            // Not closed, without a name, and beyond the edge of the extract.
            Way { id: 8, tags: tags.clone(), nodes: vec![1, 2, 3, 4] },
            Way { id: 9, tags: vec![("tourism", "museum")], nodes: vec![1, 2, 3, 4, 1] },
            Way { id: 10, tags, nodes: vec![91, 92, 93, 91] },
        ],
    };

    let places = folder.imported(&[folder.file("a.pbf", &extract.written())]);

    let found: Vec<_> = places.iter().map(|place| (place.id, place.location)).collect();
    assert_eq!(found, [("osm:way/7", LatLng::new(10.001, 20.001).unwrap())]);
}

#[test]
fn files_of_different_kinds_become_one() {
    let folder = Folder::new();
    let extract = Extract {
        nodes: vec![Node {
            tags: vec![("shop", "books"), ("name", "Books")],
            ..Node::at(1, 1.0, 2.0)
        }],
        ways: Vec::new(),
    };
    let csv = folder.file("a.csv", b"name,lat,lng\nHut,1,2.0001\n");
    let geojson = folder.file(
        "a.geojson",
        br#"{"type": "FeatureCollection", "features": [{"type": "Feature",
             "geometry": {"type": "Point", "coordinates": [2.0002, 1]}, "properties": {"name": "Bar"}}]}"#,
    );
    // What a file is shows in its content.
    let pbf = folder.file("a.txt", &extract.written());
    let first = folder.imported(&[csv, geojson]);
    let earlier = folder.out();
    let earlier_again = folder.0.path().join("earlier");
    fs::rename(earlier, &earlier_again).unwrap();
    assert_eq!(first.len(), 2);

    let places = folder.imported(&[pbf, earlier_again]);

    let names: Vec<_> =
        places.nearby(&circle(1.0, 2.0, 100.0), 60).iter().map(|p| p.name).collect();
    assert_eq!(names, ["Books", "Hut", "Bar"]);
    assert_eq!(places.attributions().len(), 1);
}

#[test]
fn a_failed_import_says_where_and_loses_nothing() {
    let folder = Folder::new();
    let csv = folder.file("a.csv", b"name,lat,lng\nHut,1,2\n");
    assert_eq!(folder.imported(core::slice::from_ref(&csv)).len(), 1);
    let before = fs::read(folder.out()).unwrap();
    let whole = Extract {
        nodes: vec![Node {
            tags: vec![("amenity", "bar"), ("name", "Nowhere")],
            ..Node::at(1, 95.0, 0.0)
        }],
        ways: Vec::new(),
    };
    let cut = whole.written();
    for (bytes, says) in [
        (whole.written(), "bad: block 2: node 1 is nowhere on earth"),
        (cut[..cut.len() - 3].to_vec(), "bad: block 2: "),
        (b"name,lat,lng\nHut,x,2\n".to_vec(), "bad: line 2: lat is `x`"),
    ] {
        let bad = folder.file("bad", &bytes);
        let error = import(&[csv.clone(), bad], &folder.out()).unwrap_err();
        assert!(matches!(error, ImportError::Data(Error::Bad { .. })), "{error:?}");
        assert!(error.to_string().contains(says), "{error}");
    }
    let error = import(&[&csv], &folder.0.path().join("none/out")).unwrap_err();
    assert!(error.to_string().starts_with("cannot write "), "{error}");

    assert_eq!(fs::read(folder.out()).unwrap(), before);
    // Nothing is left of the attempts.
    let names = fs::read_dir(folder.0.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().starts_with('.')));
}

#[test]
fn damage_to_a_packed_file_is_noticed() {
    let folder = Folder::new();
    folder.imported(&[folder.file("a.csv", b"name,lat,lng\nHut,1,2\nBar,3,4\n")]);
    let good = fs::read(folder.out()).unwrap();
    for at in 10..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        let file = folder.file("bad", &bad);
        assert!(matches!(load::files(&[file]), Err(Error::Bad { .. })), "byte {at}");
    }
    for length in 3..good.len() {
        let file = folder.file("bad", &good[..length]);
        assert!(matches!(load::files(&[file]), Err(Error::Bad { .. })), "{length} bytes");
    }
}

#[test]
fn ways_with_the_locations_of_their_nodes_are_read_without_the_nodes() {
    let folder = Folder::new();
    let corners = [(1, 10.0, 20.0), (2, 10.0, 20.002), (3, 10.002, 20.002), (4, 10.002, 20.0)];
    let nodes = corners.map(|(id, lat, lng)| Node::at(id, lat, lng));
    let tags = vec![("tourism", "museum"), ("name", "Museum")];
    let way = |id| Way { id, tags: tags.clone(), nodes: vec![1, 2, 3, 4, 1] };
    for has_numbers in [true, false] {
        let extract = Extract { nodes: nodes.clone().into(), ways: vec![way(7), way(8)] };
        let extract = with_locations_on_ways(&extract, has_numbers);

        let imported = folder.imported(&[folder.file("a.pbf", &extract)]);

        let found: Vec<_> = imported.iter().map(|place| (place.id, place.location)).collect();
        let middle = LatLng::new(10.001, 20.001).unwrap();
        assert_eq!(found, [("osm:way/7", middle), ("osm:way/8", middle)]);
    }
}

#[test]
fn where_nobody_lives_islands_and_capes_are_found() {
    let folder = Folder::new();
    let spot = |id, lat, lng, tag, name| Node {
        tags: vec![tag, ("name", name)],
        ..Node::at(id, lat, lng)
    };
    let extract = Extract {
        nodes: vec![
            spot(1, 34.01, -119.43, ("place", "islet"), "An islet"),
            spot(2, 34.035, -119.52, ("natural", "cape"), "A cape"),
            spot(3, -34.1, 119.44, ("natural", "hill"), "A hill"),
        ],
        ways: Vec::new(),
    };

    let places = folder.imported(&[folder.file("a.pbf", &extract.written())]);

    let near = |lat, lng| -> Vec<_> {
        places.nearby(&circle(lat, lng, 10_000.0), 60).iter().map(|place| place.name).collect()
    };
    assert_eq!(near(34.068_94, -119.445_127), ["An islet", "A cape"]);
    assert_eq!(near(-34.068_94, 119.445_127), ["A hill"]);
}

#[test]
fn elements_that_are_nowhere_are_left_out_and_named() {
    let folder = Folder::new();
    let bar = |id, lat| Node {
        tags: vec![("amenity", "bar"), ("name", "Bar")],
        ..Node::at(id, lat, 0.0)
    };
    let tags = vec![("tourism", "museum"), ("name", "Museum")];
    let ways = vec![Way { id: 9, tags, nodes: vec![91, 92, 93, 91] }];
    let extract = Extract { nodes: vec![bar(1, 1.0), bar(2, 95.0)], ways };

    let imported = import(&[folder.file("a.pbf", &extract.written())], &folder.out()).unwrap();

    assert_eq!((imported.places, imported.left_out.faulty), (1, 2));
    let [node, way] = &imported.left_out.examples[..] else { panic!("{imported:?}") };
    assert!(node.ends_with("a.pbf: block 2: node 2 is nowhere on earth"), "{node}");
    assert!(way.contains("block 3: way 9 is nowhere: the file has none of its nodes"), "{way}");
}

#[test]
fn a_block_in_another_compression_is_named() {
    let folder = Folder::new();
    let file = folder.file("a.pbf", &with_a_block_in_lz4());

    let error = import(&[file], &folder.out()).unwrap_err().to_string();

    assert!(
        error.contains("a.pbf: block 2: it is compressed with LZ4, Zstandard or LZMA"),
        "{error}"
    );
}

#[test]
fn a_place_in_several_files_is_there_once() {
    let folder = Folder::new();
    let csv = folder.file("a.csv", b"name,lat,lng,id\nHut,1,2,\nBar,3,4,b\n");
    let geojson = folder.file(
        "a.geojson",
        br#"{"type": "FeatureCollection", "features": [
            {"geometry": {"type": "Point", "coordinates": [2, 1]}, "properties": {"name": "Hut"}},
            {"geometry": {"type": "Point", "coordinates": [4.001, 3]}, "properties": {"name": "New Bar", "id": "b"}},
            {"geometry": {"type": "Point", "coordinates": [9, 9]}, "properties": {"name": "Another", "id": "b"}}]}"#,
    );
    import(&[&csv], &folder.out()).unwrap();
    let packed = folder.0.path().join("packed");
    fs::rename(folder.out(), &packed).unwrap();
    for (files, repeated) in [
        (vec![&csv, &csv], 2),
        (vec![&csv, &packed], 2),
        (vec![&packed, &csv], 2),
        (vec![&packed, &packed, &csv], 4),
    ] {
        let Loaded { places, left_out } = load::files(&files).unwrap();
        assert_eq!(
            (places.len(), left_out.repeated, left_out.faulty),
            (2, repeated, 0),
            "{files:?}"
        );
    }

    // Where they differ the first counts; far away and by another name it is another place.
    let Loaded { places, left_out } = load::files(&[&csv, &geojson]).unwrap();
    let mut names: Vec<_> = places.iter().map(|place| place.name).collect();
    names.sort_unstable();
    assert_eq!((&names[..], left_out.repeated), (&["Another", "Bar", "Hut"][..], 2));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_packed_file_holds_what_was_imported(
        given in prop::collection::vec(
            (
                "\\PC{1,9}",
                ((-90.0..=90.0), (-180.0..=180.0)),
                prop::sample::select(vec!["", "bar|food", "locality"]),
                "[a-c]{0,2}",
                -5.0..1e9,
            ),
            0..200,
        ),
        center in ((-90.0..=90.0), (-180.0..=180.0)),
    ) {
        let mut builder = Builder::default();
        let mut text = String::from("name,lat,lng,types,vicinity,population,id\n");
        for (number, (name, (lat, lng), types, vicinity, prominence)) in given.iter().enumerate() {
            let name = name.trim();
            let id = format!("x{number}");
            let location = LatLng::new(*lat, *lng).unwrap();
            let place = Place { id: &id, name, location, types, vicinity, prominence: *prominence };
            match builder.push(&place) {
                Ok(()) => {
                    let name = name.replace('"', "\"\"");
                    text += &format!("\"{name}\",{lat},{lng},{types},{vicinity},{prominence},{id}\n");
                }
                Err(unfit) => prop_assert_eq!(unfit, Unfit::NoName),
            }
        }
        let expected = builder.build();
        let folder = Folder::new();

        let places = folder.imported(&[folder.file("a.csv", text.as_bytes())]);

        prop_assert_eq!(places.iter().collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
        let search = circle(center.0, center.1, 5_000_000.0);
        prop_assert_eq!(places.nearby(&search, 60), expected.nearby(&search, 60));
        let query = format!("location={},{}&radius=50000", center.0, center.1);
        prop_assert_eq!(
            Nearby::new(places, None).answer(&query),
            Nearby::new(expected, None).answer(&query)
        );
    }
}

/// The file as `osmium add-locations-to-ways` writes it: ways have the locations, and nodes without tags are gone.
fn with_locations_on_ways(extract: &Extract, has_numbers: bool) -> Vec<u8> {
    let Extract { nodes, ways } = extract;
    let mut header = osm::header();
    osm::text(&mut header, 5, "LocationsOnWays");
    let tagged: Vec<_> = nodes.iter().filter(|node| !node.tags.is_empty()).cloned().collect();
    let mut file = osm::blob("OSMHeader", &header, false);
    file.extend(osm::blob("OSMData", &osm::dense_nodes(&tagged), true));
    file.extend(osm::blob("OSMData", &osm::ways(ways, Some((nodes, has_numbers))), true));
    file
}

/// A file whose second block is compressed as few files are.
fn with_a_block_in_lz4() -> Vec<u8> {
    let mut content = Vec::new();
    osm::number(&mut content, 2, 100);
    osm::bytes(&mut content, 6, b"what LZ4 makes of it");
    let mut file = osm::blob("OSMHeader", &osm::header(), false);
    file.extend(osm::framed("OSMData", &content));
    file
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let file = self.0.path().join(name);
        fs::write(&file, bytes).unwrap();
        file
    }

    fn out(&self) -> PathBuf {
        self.0.path().join("out")
    }

    /// The places in these files by way of a packed one.
    fn imported(&self, files: &[PathBuf]) -> Places {
        let imported = import(files, &self.out()).unwrap();
        let Loaded { places, left_out } = load::files(&[self.out()]).unwrap();
        assert_eq!(places.len(), imported.places);
        assert_eq!((left_out.faulty, left_out.repeated), (0, 0));
        places
    }
}

fn circle(lat: f64, lng: f64, radius_m: f64) -> Search {
    let center = LatLng::new(lat, lng).unwrap();
    Search { center, radius_m, kind: None, keyword: None, rank: Rank::Prominence }
}
