//! Reading place data: what is taken, and what is said of what is not.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::io::Write as _;

use herd_places::load::{self, Error, LeftOut, Loaded};
use herd_places::{LatLng, Place, Places, Rank, Search};

#[test]
fn the_built_in_places_are_there() {
    let places = load::built_in();

    assert!(places.len() > 200_000, "{}", places.len());
    assert!(places.attributions()[0].contains("GeoNames"));
    let at_los_angeles = nearby(&places, 34.05223, -118.24368)[0];
    assert_eq!(at_los_angeles.id, "geonames:5368361");
    assert_eq!(at_los_angeles.name, "Los Angeles");
    assert_eq!(at_los_angeles.types, "locality|political");
    assert_eq!(at_los_angeles.vicinity, "California, United States");
    assert!(at_los_angeles.prominence > 3e6);
}

#[test]
fn csv_is_read_with_its_columns_in_any_order() {
    let places = loaded(
        "\u{feff}id,Longitude,latitude,name,types,population,address\r\n\
         a1,-118.4,34.1,\"Bar, \"\"quoted\"\"\",bar; food,12,1 Main St\r\n\
         \r\n\
         ,2,1,Plain,,,\r\n",
    )
    .unwrap();

    assert_eq!(
        nearby(&places, 34.1, -118.4),
        [Place {
            id: "a1",
            name: "Bar, \"quoted\"",
            location: LatLng::new(34.1, -118.4).unwrap(),
            types: "bar|food",
            vicinity: "1 Main St",
            prominence: 12.0,
        }]
    );
    assert_eq!(nearby(&places, 1.0, 2.0)[0].name, "Plain");
}

#[test]
fn geojson_is_read_with_its_properties() {
    let places = loaded(
        "\u{feff} {\"type\": \"FeatureCollection\", \"name\": \"mine\", \"features\": [
           {\"type\": \"Feature\", \"id\": 7, \"geometry\": {\"type\": \"Point\", \"coordinates\": [2, 1, 50]},
            \"properties\": {\"name\": \"Bar\", \"types\": [\"bar\", \"food\"], \"prominence\": 3,
                             \"vicinity\": \"1 Main St\", \"colour\": \"red\"}},
           {\"type\": \"Feature\", \"geometry\": {\"type\": \"Point\", \"coordinates\": [-3.5, 4.5]},
            \"properties\": {\"name\": \"Hut\", \"type\": \"lodging\", \"address\": null}}]}",
    )
    .unwrap();

    let location = LatLng::new(1.0, 2.0).unwrap();
    assert_eq!(
        nearby(&places, 1.0, 2.0),
        [Place {
            id: "7",
            name: "Bar",
            location,
            types: "bar|food",
            vicinity: "1 Main St",
            prominence: 3.0
        }]
    );
    assert_eq!(nearby(&places, 4.5, -3.5)[0].types, "lodging");
}

#[test]
fn coordinates_keep_every_digit() {
    for lat in ["34.068930123456785", "0.1", "1e-7", "89.99999999999999"] {
        let exact = LatLng::new(lat.parse().unwrap(), 5.0).unwrap();
        let geojson = format!(
            r#"{{"type": "FeatureCollection", "features": [{{"properties": {{"name": "A"}},
                "geometry": {{"type": "Point", "coordinates": [5, {lat}]}}}}]}}"#
        );
        for text in [geojson, format!("name,lat,lng\nA,{lat},5\n")] {
            let places = loaded(&text).unwrap();
            assert_eq!(nearby(&places, exact.lat(), 5.0)[0].location, exact, "{text}");
        }
    }
}

#[test]
fn a_place_without_an_id_gets_one_that_stays() {
    let id = |text| nearby(&loaded(text).unwrap(), 1.0, 2.0)[0].id.to_owned();

    let first = id("name,lat,lng\nHut,1,2\n");
    assert!(first.starts_with("own:"), "{first}");
    assert_eq!(first, id("name,lat,lng\nAnother,5,6\nHut,1.0,2.0\n"));
    assert_ne!(first, id("name,lat,lng\nBar,1,2\n"));
}

#[test]
fn several_files_are_read_together() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
    fs::write(&a, "name,lat,lng\nA,1,2\n").unwrap();
    fs::write(&b, r#"{"type": "FeatureCollection", "features": []}"#).unwrap();

    assert_eq!(load::files(&[a, b]).unwrap().places.len(), 1);
}

#[test]
fn a_fault_in_csv_is_told_with_its_line() {
    for (text, expected) in [
        ("name,lat,lng\n\n\n\nB,x,2\n", "line 5: lat is `x`, which is not a number"),
        ("name,lat,lng\nA,1,\n", "line 2: lng is ``, which is not a number"),
        ("name,lat,lng\nA,91,0\n", "line 2: `91, 0` is outside ±90, ±180 degrees"),
        ("name,lat,lng\n\"A\nB\",1\nC,1\n", "lines 2 to 3: 2 fields where the header has 3"),
        ("name,lat,lng\n,,\n", "line 2: the row is empty"),
        ("name,lat,lng\n ,1,2\n", "line 2: the name is empty"),
        (
            "name,lat,lng,population\nA,1,2,many\n",
            "line 2: population is `many`, which is not a number",
        ),
        ("name,lat,lng,population\nA,1,2,inf\n", "line 2: the prominence is not a finite number"),
        (
            "hello\nworld\n",
            "neither GeoJSON nor CSV with a header: the first line names no column `name`, but `hello`",
        ),
        (
            "name,lat,east\nA,1,2\n",
            "neither GeoJSON nor CSV with a header: the first line names no column \
             `lng` or `lon` or `long` or `longitude`, but `name`, `lat`, `east`",
        ),
        ("", "neither GeoJSON nor CSV with a header: the first line names no column `name`"),
    ] {
        assert_eq!(fault(text.as_bytes()), expected, "{text}");
    }
    assert_eq!(fault(b"name,lat,lng\n\xff,1,2\n"), "line 2: there is text that is not UTF-8");
}

#[test]
fn a_fault_in_geojson_is_told_with_its_feature() {
    let point = r#""geometry": {"type": "Point", "coordinates": [2, 1]}"#;
    for (second, expected) in [
        (r#"{"geometry": null}"#.to_owned(), "it has no `properties`"),
        (r#"{"properties": {"name": "A"}}"#.to_owned(), "it has no `geometry`"),
        (format!(r#"{{{point}, "properties": {{}}}}"#), "the name is empty"),
        (
            format!(r#"{{{point}, "properties": {{"name": 5}}}}"#),
            "`name` is 5, which is not a text",
        ),
        (
            format!(r#"{{{point}, "properties": {{"name": "A", "types": [1]}}}}"#),
            "`types` is not a text or a list of texts",
        ),
        (
            r#"{"geometry": {"type": "Polygon"}, "properties": {"name": "A"}}"#.to_owned(),
            "its geometry is a `Polygon`, not a `Point`",
        ),
        (
            r#"{"geometry": {"type": "Point", "coordinates": [1, 91]}, "properties": {"name": "A"}}"#
                .to_owned(),
            "its coordinates `1, 91` are outside ±180, ±90 degrees (longitude first)",
        ),
        (
            r#"{"geometry": {"type": "Point", "coordinates": ["1", 2]}, "properties": {"name": "A"}}"#
                .to_owned(),
            "its `coordinates` are not two numbers, longitude and latitude",
        ),
        ("5".to_owned(), "invalid type: integer `5`, expected struct Feature"),
    ] {
        let text = format!(r#"{{"type": "FeatureCollection", "features": [{second}]}}"#);
        assert_eq!(fault(text.as_bytes()), format!("feature 1: {expected}"));
    }
}

#[test]
fn json_that_is_no_geojson_is_told_apart() {
    assert!(fault(b"{\n\"type\":\n}").starts_with("line 3: "));
    assert!(fault(b"[1, 2]").starts_with("line 1: "));
    assert_eq!(
        fault(br#"{"type": "Point"}"#),
        "JSON, but not GeoJSON: `type` is `Point`, not `FeatureCollection` or `Feature`"
    );
    assert_eq!(fault(br#"{"type": "FeatureCollection"}"#), "the collection has no `features`");
}

#[test]
fn one_bad_row_costs_a_row() {
    let mut text = b"name,lat,lng\n".to_vec();
    for number in 0..1000 {
        text.extend(format!("Hut {number},1,2\n").as_bytes());
    }
    text.extend(b",,\nB,x,2\nC,1\n\xff,1,2\n,1,2\n\"D\nD\",1,2\nE,91,2\nF,1,2\n");

    let (places, left_out) = loaded_and_left_out(&text);

    assert_eq!((places.len(), left_out.faulty), (1002, 6));
    let whats: Vec<_> =
        left_out.examples.iter().map(|line| line.split_once(": ").unwrap().1).collect();
    assert_eq!(
        whats,
        [
            "line 1002: the row is empty",
            "line 1003: lat is `x`, which is not a number",
            "line 1004: 2 fields where the header has 3",
            "line 1005: there is text that is not UTF-8",
            "line 1006: the name is empty",
            "line 1009: `91, 2` is outside ±90, ±180 degrees",
        ]
    );
}

#[test]
fn of_many_bad_rows_the_first_are_named_and_all_counted() {
    let text = format!("name,lat,lng\nA,1,2\n{}", "B,x,y\n".repeat(20_000));

    let (places, left_out) = loaded_and_left_out(text.as_bytes());

    assert_eq!((places.len(), left_out.faulty, left_out.examples.len()), (1, 20_000, 10));
    let warnings: Vec<_> = left_out.warnings().collect();
    assert!(warnings[9].contains("line 12: "), "{warnings:?}");
    assert_eq!(warnings[10..], ["20000 entries are left out, 19990 more than are told here"]);
}

#[test]
fn a_quote_that_nothing_closes_does_not_swallow_the_rest() {
    let text = format!("name,lat,lng\nA,1,2\n\"B,1,2\n{}", "C,1,2\n".repeat(200));

    let said = fault(text.as_bytes());

    assert!(said.starts_with("line 3: ") && said.ends_with("is a quote not closed?"), "{said}");
}

#[test]
fn one_bad_feature_costs_a_feature() {
    let good =
        r#"{"geometry": {"type": "Point", "coordinates": [2, 1]}, "properties": {"name": "A"}}"#;
    let line = r#"{"geometry": {"type": "LineString"}, "properties": {"name": "B"}}"#;
    let text = format!(r#"{{"type": "FeatureCollection", "features": [{good}, {line}, 5]}}"#);

    let (places, left_out) = loaded_and_left_out(text.as_bytes());

    assert_eq!((places.len(), left_out.faulty), (1, 2));
    assert!(
        left_out.examples[0].ends_with("feature 2: its geometry is a `LineString`, not a `Point`")
    );
}

#[test]
fn features_may_stand_alone_or_in_a_row() {
    let feature = |name: &str| {
        format!(
            r#"{{"type": "Feature", "geometry": {{"type": "Point", "coordinates": [2, 1]}},
                "properties": {{"name": "{name}"}}}}"#
        )
    };
    let [a, b] = [feature("A"), feature("B")];
    for (text, count) in [
        (a.clone(), 1),
        (format!("{a}\n{b}\n"), 2),
        (format!("\x1e{a}\n\x1e{b}\n"), 2),
        (format!(r#"{{"type": "FeatureCollection", "features": [{a}]}} {b}"#), 2),
    ] {
        assert_eq!(loaded(&text).unwrap().len(), count, "{text}");
    }
}

#[test]
fn csv_comes_with_other_titles_and_other_delimiters() {
    for text in [
        "Name,Lat,Long\nHut,1,2\n",
        "name;lat;long\nHut;1;2\n",
        "NAME\tLATITUDE\tLONGITUDE\r\nHut\t1\t2\r\n",
    ] {
        let places = loaded(text).unwrap();
        assert_eq!(nearby(&places, 1.0, 2.0)[0].name, "Hut", "{text}");
    }
}

#[test]
fn a_fault_in_a_compact_file_is_told_with_its_line() {
    let header = "herd-places\t1\nid_prefix\tx:\n\n";
    assert_eq!(loaded_bytes(&gzipped(header)).unwrap().len(), 0);
    let good = format!("{header}1\tA\t1\t2\t0\tbar\tMain St\n2\tB\t1\t2\t0\t\t\n");
    let places = loaded_bytes(&gzipped(&good)).unwrap();
    assert_eq!(nearby(&places, 1.0, 2.0)[1].types, "bar");

    assert_eq!(
        fault(&gzipped(&format!("{header}1\tA\t1\n"))),
        "line 4: not the seven fields of a place"
    );
    assert_eq!(fault(&gzipped("herd-places\t1\nwhat\n")), "line 2: not a line of the header");
    assert!(fault(&gzipped("name,lat,lng\n")).starts_with("a gzipped file that is not one of"));
    assert!(fault(b"\x1f\x8bnonsense").starts_with("cannot be unpacked: "));
}

#[test]
fn a_file_that_cannot_be_read_is_another_matter() {
    let error = load::files(&["/nonexistent/places.csv"]).unwrap_err();

    assert!(matches!(error, Error::Unreadable { .. }));
    assert!(error.to_string().starts_with("cannot read /nonexistent/places.csv: "), "{error}");
}

fn loaded(text: &str) -> Result<Places, Error> {
    loaded_bytes(text.as_bytes())
}

fn loaded_bytes(bytes: &[u8]) -> Result<Places, Error> {
    load_bytes(bytes).map(|loaded| loaded.places)
}

fn loaded_and_left_out(bytes: &[u8]) -> (Places, LeftOut) {
    let Loaded { places, left_out } = load_bytes(bytes).unwrap();
    (places, left_out)
}

fn load_bytes(bytes: &[u8]) -> Result<Loaded, Error> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    load::files(&[file.path()])
}

/// What is said of a file, less its name.
fn fault(bytes: &[u8]) -> String {
    let error = loaded_bytes(bytes).unwrap_err();
    let Error::Bad { spot, what, .. } = error else { panic!("{error}") };
    format!("{spot}{what}")
}

fn gzipped(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn nearby(places: &Places, lat: f64, lng: f64) -> Vec<Place<'_>> {
    let center = LatLng::new(lat, lng).unwrap();
    places.nearby(
        &Search { center, radius_m: 1.0, kind: None, keyword: None, rank: Rank::Distance },
        60,
    )
}
