//! Importing: extracts of OpenStreetMap and other files become one that loads fast and answers alike.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod osm;

use std::fs;
use std::path::PathBuf;

use herd_places::load::{self, Error};
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
        let count = import(files, &self.out()).unwrap();
        let places = load::files(&[self.out()]).unwrap();
        assert_eq!(places.len(), count);
        places
    }
}

fn circle(lat: f64, lng: f64, radius_m: f64) -> Search {
    let center = LatLng::new(lat, lng).unwrap();
    Search { center, radius_m, kind: None, keyword: None, rank: Rank::Prominence }
}
