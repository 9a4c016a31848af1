//! The copy against a plain list that is searched from end to end.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::tree::{chord2_to_metres, distance2, unit_vector};
use super::*;

fn record(client: u32, latitude: f64, longitude: f64, time: u64) -> Record {
    let line = format!("AT Hill +0.1 c{client} {latitude:+}{longitude:+} {time}");
    Record::of_line(line.as_bytes()).unwrap_or_else(|| panic!("{line}"))
}

fn name(found: &Found<'_>) -> String {
    String::from_utf8(found.record.client().to_vec()).unwrap()
}

/// Coordinates of all the earth, and many near each other, the poles and the date line.
fn places() -> impl Strategy<Value = (f64, f64)> {
    let round = |degrees: f64| (degrees * 1e6).round() / 1e6;
    let near = (prop::sample::select(&CENTRES[..]), -0.1..0.1, -0.1..0.1).prop_map(
        move |((latitude, longitude), north, east): ((f64, f64), f64, f64)| {
            let longitude = (longitude + east + 540.0).rem_euclid(360.0) - 180.0;
            ((latitude + north).clamp(-90.0, 90.0), longitude)
        },
    );
    let any = (-90.0..=90.0, -180.0..=180.0);
    let exact = prop::sample::select(&CENTRES[..]);
    prop_oneof![near, any, exact]
        .prop_map(move |(latitude, longitude)| (round(latitude), round(longitude)))
}

const CENTRES: [(f64, f64); 7] = [
    (90.0, 0.0),
    (-90.0, 10.0),
    (0.0, 180.0),
    (0.0, -180.0),
    (52.1, 4.3),
    (-17.0, 179.95),
    (89.95, -100.0),
];

/// Clients that report somewhere, or are forgotten.
fn steps() -> impl Strategy<Value = Vec<(u32, Option<(f64, f64)>)>> {
    prop::collection::vec((0..200_u32, prop::option::weighted(0.9, places())), 0..400)
}

/// What the steps lead to, and a plain table of the same.
fn both(steps: &[(u32, Option<(f64, f64)>)]) -> (Replica, BTreeMap<String, (f64, f64)>) {
    let replica = Replica::new(1000);
    let mut model = BTreeMap::new();
    for (time, (client, place)) in (0..).zip(steps) {
        match place {
            Some(place) => {
                replica.apply([record(*client, place.0, place.1, time)]);
                model.insert(format!("c{client}"), *place);
            }
            None => {
                replica.remove(format!("c{client}").as_bytes());
                model.remove(&format!("c{client}"));
            }
        }
    }
    replica.read(|table| {
        table.tree.check();
        assert_eq!(table.count(), model.len());
    });
    (replica, model)
}

fn metres(a: (f64, f64), b: (f64, f64)) -> f64 {
    chord2_to_metres(distance2(unit_vector(a.0, a.1), unit_vector(b.0, b.1)))
}

proptest! {
    #[test]
    fn the_nearest_are_those_of_a_full_search(
        steps in steps(),
        from in places(),
        radius_m in prop_oneof![Just(3e7), 0.0..20_000.0, 0.0..2e7],
        limit in 0..30_usize,
    ) {
        let (replica, model) = both(&steps);
        let mut want: Vec<_> = model.iter().map(|(name, place)| (metres(from, *place), name.clone())).collect();
        want.retain(|(metres, _)| *metres <= radius_m);
        want.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
        let found = replica.read(|table| {
            let found = table.nearest(from, radius_m, limit);
            found.iter().map(|(metres, found)| (*metres, name(found))).collect::<Vec<_>>()
        });
        // Of those that are equally far at the end of the list, any may be there.
        let distances = |list: &[(f64, String)]| list.iter().take(limit).map(|(metres, _)| *metres).collect::<Vec<_>>();
        prop_assert_eq!(distances(&found), distances(&want));
        let last = found.last().map_or(0.0, |(metres, _)| *metres);
        let inner = |list: &[(f64, String)]| list.iter().filter(|(metres, _)| *metres < last).cloned().collect::<Vec<_>>();
        prop_assert_eq!(inner(&found), inner(&want));
    }

    #[test]
    fn a_box_holds_what_a_full_search_finds(
        steps in steps(),
        corners in (places(), places()),
    ) {
        let (replica, model) = both(&steps);
        let ((a, west), (b, east)) = corners;
        let bounds = Bounds { west, east, south: a.min(b), north: a.max(b) };
        let mut found = Vec::new();
        replica.read(|table| table.within(bounds, 0, |client| { found.push(name(&client)); true }));
        found.sort();
        let inside = model.iter().filter(|(_, (latitude, longitude))| bounds.contains(*latitude, *longitude));
        let want: Vec<_> = inside.map(|(name, _)| name.clone()).collect();
        prop_assert_eq!(found, want);
    }

    #[test]
    fn what_has_changed_is_told_once(steps in steps(), cut in any::<prop::sample::Index>()) {
        let cut = cut.index(steps.len() + 1);
        let (replica, _) = both(&steps[..cut]);
        let seen = replica.read(Table::version);
        let mut changed = BTreeMap::new();
        for (time, (client, place)) in (1000..).zip(&steps[cut..]) {
            if let Some(place) = place {
                replica.apply([record(*client, place.0, place.1, time)]);
                changed.insert(format!("c{client}"), *place);
            } else {
                replica.remove(format!("c{client}").as_bytes());
                changed.remove(&format!("c{client}"));
            }
        }
        let mut found = Vec::new();
        replica.read(|table| table.within(Bounds::WORLD, seen, |client| { found.push(name(&client)); true }));
        found.sort();
        prop_assert_eq!(found, changed.into_keys().collect::<Vec<_>>());
    }
}

#[test]
fn the_later_time_wins_and_then_the_greater_line() {
    let replica = Replica::new(10);
    let apply = |line: &str| replica.apply(Record::of_line(line.as_bytes()));
    let held = || replica.read(|table| table.client(b"kiwi").unwrap().record.server());
    apply("AT Hill +0.1 kiwi +1+1 100");
    apply("AT Ball +0.1 kiwi +2+2 100");
    assert_eq!(held(), "Hill");
    apply("AT Jaquez +0.1 kiwi +2+2 100.0");
    assert_eq!(held(), "Jaquez");
    apply("AT Smith +0.1 kiwi +2+2 99.999999999");
    assert_eq!(held(), "Jaquez");
    apply("AT Ball +0.1 kiwi +3+3 100.000000001");
    assert_eq!(held(), "Ball");
}

#[test]
fn a_full_copy_forgets_the_oldest() {
    let replica = Replica::new(100);
    for client in 0..150 {
        replica.apply([record(client, 1.0, 2.0, 1000 + u64::from(client))]);
    }
    replica.read(|table| {
        table.tree.check();
        assert_eq!(table.count(), 100);
        assert!(table.client(b"c49").is_none() && table.client(b"c50").is_some());
    });
}

#[test]
fn what_is_too_old_is_forgotten() {
    let replica = Replica::new(10_000);
    replica.apply((0..5000).map(|client| record(client, 1.0, 2.0, u64::from(client))));
    replica.forget_before(Timestamp::from_nanos(4000 * 1_000_000_000));
    replica.read(|table| {
        table.tree.check();
        assert_eq!(table.count(), 1000);
        assert!(table.client(b"c3999").is_none() && table.client(b"c4000").is_some());
    });
}

#[test]
fn many_clients_at_one_place_are_no_trouble() {
    let replica = Replica::new(100_000);
    replica.apply((0..20_000).map(|client| record(client, 0.0, 0.0, 1)));
    replica.read(|table| table.tree.check());
    replica.apply((0..20_000).map(|client| record(client, 10.0, f64::from(client) / 1e3, 2)));
    replica.read(|table| {
        table.tree.check();
        assert_eq!(table.nearest((10.0, 0.0), 1e7, 3).len(), 3);
    });
}

#[test]
fn a_handle_is_of_one_client_for_ever() {
    let replica = Replica::new(10);
    replica.apply([record(1, 0.0, 0.0, 1)]);
    let first = replica.read(|table| table.client(b"c1").unwrap().handle);
    replica.remove(b"c1");
    replica.apply([record(2, 0.0, 0.0, 1)]);
    replica.read(|table| {
        assert!(table.by_handle(first).is_none());
        assert!(table.by_handle(table.client(b"c2").unwrap().handle).is_some());
    });
}

#[test]
fn what_is_no_at_line_is_no_record() {
    for line in [
        "",
        "AT Hill +0.1 kiwi +1+1",
        "AT Hill +0.1 kiwi +1+1 100 x",
        "AT Hill x kiwi +1+1 100",
        "AT Hill +0.1 kiwi +91+1 100",
        "AT Hill +0.1 kiwi +1+1 now",
        "AT Hill +0.1  +1+1 100",
        "IAMAT kiwi +1+1 100",
    ] {
        assert_eq!(Record::of_line(line.as_bytes()), None, "{line}");
    }
}

#[test]
fn a_record_tells_its_fields_in_its_own_digits() {
    let record =
        Record::of_line(b"AT Hill -0.5 kiwi +034.068930-118.445127 1520023934.25").unwrap();
    assert_eq!(record.coordinates(), ["34.068930", "-118.445127"]);
    assert_eq!(record.point(), (34.068930, -118.445127));
    assert_eq!(record.heard().nanos(), 1_520_023_933_750_000_000);
    assert_eq!((record.client(), record.server().as_str()), (&b"kiwi"[..], "Hill"));
}
