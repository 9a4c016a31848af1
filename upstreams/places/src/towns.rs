//! The greatest towns of the earth, for maps.

use crate::load;
use crate::places::{Rank, Search};
use crate::sphere::LatLng;

/// Farther than any two points of the earth are apart.
const ALL_AROUND_M: f64 = 20_100_000.0;

/// The names of the `count` greatest towns of the built-in data with their latitudes and longitudes, the greatest first.
///
/// It unpacks the data, which takes a while.
pub fn greatest_towns(count: usize) -> Vec<(String, f64, f64)> {
    let everywhere = Search {
        center: LatLng::new(0.0, 0.0).expect("a point"),
        radius_m: ALL_AROUND_M,
        kind: None,
        keyword: None,
        rank: Rank::Prominence,
    };
    let places = load::built_in();
    let towns = places.nearby(&everywhere, count).into_iter();
    towns.map(|town| (town.name.to_owned(), town.location.lat(), town.location.lng())).collect()
}
