//! What a search finds, and in which order.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use herd_places::{Builder, LatLng, Place, Places, Rank, Search, Unfit};
use proptest::prelude::*;

#[test]
fn a_circle_reaches_over_the_date_line() {
    let places = places(&[("west", 0.0, 179.995), ("east", 0.0, -179.99), ("far", 0.0, 178.0)]);

    assert_eq!(names(&places, circle(0.0, 180.0, 2_000.0)), ["west", "east"]);
    assert_eq!(names(&places, circle(0.0, -180.0, 2_000.0)), ["west", "east"]);
}

#[test]
fn a_circle_reaches_over_the_poles() {
    let places = places(&[("here", 89.9, 10.0), ("beyond", 89.9, -170.0), ("far", 89.0, 10.0)]);

    assert_eq!(names(&places, circle(89.99, 10.0, 20_000.0)), ["here", "beyond"]);
    assert_eq!(names(&places, circle(90.0, 0.0, 20_000.0)), ["here", "beyond"]);
}

#[test]
fn a_radius_of_nothing_finds_what_is_exactly_there() {
    let places = places(&[("here", 34.06893, -118.445127), ("near", 34.06893, -118.445128)]);

    assert_eq!(names(&places, circle(34.06893, -118.445127, 0.0)), ["here"]);
    assert_eq!(names(&places, circle(34.0, -118.0, 0.0)), [""; 0]);
}

#[test]
fn no_place_at_all_can_be_searched_too() {
    let places = places(&[]);

    assert!(places.is_empty());
    assert_eq!(names(&places, circle(0.0, 0.0, 50_000.0)), [""; 0]);
}

#[test]
fn the_best_known_come_first_unless_the_nearest_are_asked_for() {
    let mut builder = Builder::default();
    for (name, lng, prominence) in
        [("hut", 0.001, 0.0), ("city", 0.003, 900.0), ("town", 0.002, 30.0)]
    {
        builder.push(&Place { prominence, ..place(name, 0.0, lng) }).unwrap();
    }
    let places = builder.build();
    let by_prominence = circle(0.0, 0.0, 1_000.0);
    let by_distance = Search { rank: Rank::Distance, ..by_prominence.clone() };

    assert_eq!(names(&places, by_prominence), ["city", "town", "hut"]);
    assert_eq!(names(&places, by_distance), ["hut", "town", "city"]);
}

#[test]
fn a_type_and_a_keyword_narrow_the_search() {
    let mut builder = Builder::default();
    for (name, types) in [("Café Zürich", "cafe|food"), ("Zürich", "locality"), ("Bar", "bar|food")]
    {
        builder.push(&Place { types, vicinity: "Somewhere", ..place(name, 0.0, 0.0) }).unwrap();
    }
    let places = builder.build();
    let search = |kind: Option<&str>, keyword: Option<&str>| Search {
        kind: kind.map(str::to_owned),
        keyword: keyword.map(str::to_owned),
        ..circle(0.0, 0.0, 10.0)
    };

    assert_eq!(names(&places, search(Some("food"), None)), ["Café Zürich", "Bar"]);
    assert_eq!(names(&places, search(Some("foo"), None)), [""; 0]);
    assert_eq!(names(&places, search(None, Some("zurich"))), ["Café Zürich", "Zürich"]);
    assert_eq!(names(&places, search(Some("food"), Some("somewhere ZURICH"))), ["Café Zürich"]);
}

#[test]
fn a_place_comes_back_as_it_went_in() {
    let place = Place {
        id: "own:1",
        name: "Ünïcode",
        location: LatLng::new(-12.5, 130.25).unwrap(),
        types: "bar|food",
        vicinity: "Main Street",
        prominence: 2.5,
    };
    let mut builder = Builder::default();
    builder.push(&self::place("another", -12.5, 130.25)).unwrap();
    builder.push(&place).unwrap();

    assert_eq!(builder.build().nearby(&circle(-12.5, 130.25, 0.0), 1), [place]);
}

#[test]
fn an_unfit_place_leaves_no_trace() {
    let fit = place("a", 0.0, 0.0);
    let long = "x".repeat(herd_places::MAX_TEXT_BYTES + 1);
    let mut builder = Builder::default();

    assert_eq!(builder.push(&Place { name: "", ..fit }), Err(Unfit::NoName));
    assert_eq!(builder.push(&Place { prominence: f64::NAN, ..fit }), Err(Unfit::Prominence));
    assert_eq!(builder.push(&Place { vicinity: &long, ..fit }), Err(Unfit::TooLong("vicinity")));
    assert!(builder.is_empty());
}

proptest! {
    /// Many points close together, so that circles hold some and the nodes of the index part them.
    #[test]
    fn a_search_finds_what_looking_at_every_place_finds(
        offsets in prop::collection::vec((-0.5..0.5, -0.5..0.5), 0..1000),
        middle in prop::sample::select(vec![(0.0, 180.0), (89.9, 0.0), (-90.0, 0.0), (48.0, 11.0)]),
        radius_m in 0.0..60_000.0,
        at_most in 0_usize..80,
    ) {
        let around = |(lat, lng): (f64, f64)| {
            let lng: f64 = middle.1 + lng * if middle.0 > 80.0 || middle.0 < -80.0 { 360.0 } else { 1.0 };
            let lng = if lng > 180.0 { lng - 360.0 } else { lng };
            ((middle.0 + lat).clamp(-90.0, 90.0), lng)
        };
        let points: Vec<(f64, f64)> = offsets.into_iter().map(around).collect();
        let named: Vec<(String, f64, f64)> =
            points.iter().enumerate().map(|(n, &(lat, lng))| (n.to_string(), lat, lng)).collect();
        let places =
            places(&named.iter().map(|(n, lat, lng)| (n.as_str(), *lat, *lng)).collect::<Vec<_>>());
        let search = Search { rank: Rank::Distance, ..circle(middle.0, middle.1, radius_m) };

        let mut expected: Vec<(f64, &str)> = named
            .iter()
            .map(|(n, lat, lng)| (search.center.distance_m(LatLng::new(*lat, *lng).unwrap()), n.as_str()))
            .filter(|(distance_m, _)| *distance_m <= radius_m)
            .collect();
        expected.sort_by(|a, b| a.0.total_cmp(&b.0));
        expected.truncate(at_most);

        let found = places.nearby(&search, at_most);
        let distances: Vec<f64> = found.iter().map(|p| search.center.distance_m(p.location)).collect();
        prop_assert_eq!(distances, expected.iter().map(|(d, _)| *d).collect::<Vec<_>>());
    }
}

fn place<'a>(name: &'a str, lat: f64, lng: f64) -> Place<'a> {
    let location = LatLng::new(lat, lng).unwrap();
    Place { id: name, name, location, types: "", vicinity: "", prominence: 0.0 }
}

fn places(named: &[(&str, f64, f64)]) -> Places {
    let mut builder = Builder::default();
    for (name, lat, lng) in named {
        builder.push(&place(name, *lat, *lng)).unwrap();
    }
    builder.build()
}

fn circle(lat: f64, lng: f64, radius_m: f64) -> Search {
    let center = LatLng::new(lat, lng).unwrap();
    Search { center, radius_m, kind: None, keyword: None, rank: Rank::Prominence }
}

fn names(places: &Places, search: Search) -> Vec<String> {
    places.nearby(&search, 60).iter().map(|place| place.name.to_owned()).collect()
}
