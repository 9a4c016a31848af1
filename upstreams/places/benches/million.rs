//! A million places: how long they take to load, and a question to be answered.
//!
//! ```sh
//! cargo bench -p herd-places
//! ```
//!
//! They are spread as an extract of a country is: over 200 towns, thicker towards the middle of each, so
//! that a circle of 10 km around a town holds some 5000.
#![expect(clippy::unwrap_used, reason = "a bench may panic")]

use core::hint::black_box;
use core::time::Duration;
use std::fs;
use std::path::Path;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use herd_places::{LatLng, Nearby, Rank, Search, import, load};

const PLACES: u32 = 1_000_000;
const TOWNS: u32 = 200;

/// Where a town is.
fn town(number: u32) -> (f64, f64) {
    (47.0 + f64::from(number % 20) * 0.35, 6.0 + f64::from(number / 20) * 0.8)
}

/// Writes the places, the same every time, as CSV.
fn write_csv(file: &Path) {
    let mut seed = 1_u64;
    let mut random = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        f64::from(u32::try_from(seed >> 32).unwrap()) / f64::from(u32::MAX)
    };
    let kinds = ["bar|food", "store", "lodging", "restaurant|food", "school"];
    let mut text = String::from("name,lat,lng,types,population,vicinity,id\n");
    for number in 0..PLACES {
        let town_number = number % TOWNS;
        let (lat, lng) = town(town_number);
        let (away, angle) = (0.15 * random() * random(), random() * core::f64::consts::TAU);
        let (lat, lng) = (lat + away * angle.sin(), lng + away * angle.cos());
        let kind = kinds[number as usize % kinds.len()];
        let (street, house) = (number % 5000, number % 90);
        text += &format!(
            "Place {number},{lat:.7},{lng:.7},{kind}|point_of_interest|establishment,{},\
             \"Street {street} {house}, Town {town_number}\",osm:node/{}\n",
            u8::from(random() < 0.01),
            10_000_000_000 + u64::from(number)
        );
    }
    fs::write(file, text).unwrap();
}

fn a_million(bench: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let [csv, packed] = ["a.csv", "a.places"].map(|name| folder.path().join(name));
    write_csv(&csv);
    assert_eq!(import(&[&csv], &packed).unwrap().places, PLACES as usize);
    eprintln!("the packed file has {} bytes", fs::metadata(&packed).unwrap().len());

    let mut group = bench.benchmark_group("a million places");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    group.bench_function("load, packed", |bench| {
        bench.iter_with_large_drop(|| load::files(&[&packed]).unwrap());
    });
    group.bench_function("load, CSV", |bench| {
        bench.iter_with_large_drop(|| load::files(&[&csv]).unwrap());
    });

    let places = load::files(&[&packed]).unwrap().places;
    group.sample_size(100).measurement_time(Duration::from_secs(5));
    for radius_m in [1_000.0, 10_000.0, 50_000.0] {
        let search_at = |number: u32| {
            let (lat, lng) = town(number % TOWNS);
            let center = LatLng::new(lat + 0.01, lng).unwrap();
            Search { center, radius_m, kind: None, keyword: None, rank: Rank::Prominence }
        };
        let count = places.nearby(&search_at(1), 1 << 20).len();
        let mut number = 0;
        group.bench_function(format!("the best 20 of {count} within {radius_m} m"), |bench| {
            bench.iter_batched(
                || {
                    number += 1;
                    search_at(number)
                },
                |search| black_box(places.nearby(&search, 20).len()),
                BatchSize::SmallInput,
            );
        });
    }
    let nearby = Nearby::new(places, None);
    let query = "location=48.06,6.8&radius=10000";
    group.bench_function("a whole answer within 10 km", |bench| {
        bench.iter(|| black_box(nearby.answer(query).len()));
    });
    group.finish();
}

criterion_group!(benches, a_million);
criterion_main!(benches);
