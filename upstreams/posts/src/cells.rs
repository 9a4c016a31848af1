//! Cells of the earth's surface, to find what lies near a point by an ordinary index.
//!
//! The globe is cut along circles of latitude into rows of one height, and each row into as many equal
//! columns as fit its length at the edge nearer the equator: cells are about square, and near a pole
//! there are few of them. Four such grids lie on top of each other, each ten times as coarse as the one
//! before. A circle is searched for in the finest grid of which a few cells cover it; which of the points
//! in these cells are in the circle is left to others.

use core::f64::consts::PI;
use core::ops::RangeInclusive;

use herd_places::{EARTH_RADIUS_M, LatLng};

/// The most cells that a covering has.
pub const MAX_COVER: usize = 40;

/// The rows from pole to pole in each grid, the finest first: cells are 0.01, 0.1, 1 and 10 degrees high.
const ROWS: [u16; 4] = [18_000, 1_800, 180, 18];

/// Added to a circle on all sides, in radians (some centimetres), since distances are rounded.
const MARGIN: f64 = 1e-8;

/// Where in an id the number of the grid and that of the row begin; the column is below.
const LEVEL_SHIFT: u32 = 32;
const ROW_SHIFT: u32 = 16;

/// Where to look for the points within a circle.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Cover {
    /// In these cells, at most [`MAX_COVER`].
    Cells(Vec<i64>),
    /// The circle is so large that cells are of no use.
    Everywhere,
}

/// Latitudes and longitudes between which a circle lies, a little more than needed.
///
/// Over the date line it lies in two ranges of longitudes; otherwise both are the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// From south to north.
    pub latitudes: (f64, f64),
    /// From west to east.
    pub longitudes: [(f64, f64); 2],
}

/// The cell around a point in each grid, the finest first.
pub fn cells_of(point: LatLng) -> [i64; 4] {
    [0, 1, 2, 3].map(|level| {
        let row = row(level, point.lat());
        cell(level, row, column(point.lng(), columns(level, row)))
    })
}

/// The cells that hold every point within `radius_km` along the ground from `center`.
pub fn cover(center: LatLng, radius_km: f64) -> Cover {
    let angle = radius_km.max(0.0) * 1000.0 / EARTH_RADIUS_M + MARGIN;
    if angle < PI / 2.0 {
        for level in 0..ROWS.len() {
            if let Some(cells) = cover_at(level, center, angle) {
                return Cover::Cells(cells);
            }
        }
    }
    Cover::Everywhere
}

/// The bounds of every point within `radius_km` along the ground from `center`.
pub fn bounds(center: LatLng, radius_km: f64) -> Bounds {
    let angle = radius_km.max(0.0) * 1000.0 / EARTH_RADIUS_M + MARGIN;
    if angle >= PI / 2.0 {
        return Bounds { latitudes: (-90.0, 90.0), longitudes: [(-180.0, 180.0); 2] };
    }
    let south = (center.lat() - angle.to_degrees()).max(-90.0);
    let north = (center.lat() + angle.to_degrees()).min(90.0);
    let reach = lng_reach(center.lat(), angle, south, north);
    let (west, east) = (center.lng() - reach, center.lng() + reach);
    let longitudes = if reach >= 180.0 {
        [(-180.0, 180.0); 2]
    } else if west < -180.0 {
        [(-180.0, east), (west + 360.0, 180.0)]
    } else if east > 180.0 {
        [(-180.0, east - 360.0), (west, 180.0)]
    } else {
        [(west, east); 2]
    };
    Bounds { latitudes: (south, north), longitudes }
}

/// The cells of one grid that touch a circle, unless they are too many.
fn cover_at(level: usize, center: LatLng, angle: f64) -> Option<Vec<i64>> {
    let reach = angle.to_degrees();
    let south = (center.lat() - reach).max(-90.0);
    let north = (center.lat() + reach).min(90.0);
    let mut cells = Vec::new();
    for row in row(level, south)..=row(level, north) {
        let (bottom, top) = edges(level, row);
        let reach = lng_reach(center.lat(), angle, bottom.max(south), top.min(north));
        let columns = columns(level, row);
        for range in column_ranges(center.lng(), reach, columns) {
            if cells.len() + range.clone().count() > MAX_COVER {
                return None;
            }
            cells.extend(range.map(|column| cell(level, row, column)));
        }
    }
    Some(cells)
}

/// How far east and west a circle around a point at latitude `lat` reaches between two latitudes, all in
/// degrees but the circle's `angle`; 180 and more is all the way around.
fn lng_reach(lat: f64, angle: f64, bottom: f64, top: f64) -> f64 {
    let (sin_lat, cos_lat) = lat.to_radians().sin_cos();
    // A circle is widest here, or at the pole if that is inside, and the narrower the farther from it.
    let widest = (sin_lat / angle.cos()).clamp(-1.0, 1.0).asin();
    let (sin_at, cos_at) = widest.clamp(bottom.to_radians(), top.to_radians()).sin_cos();
    let cos_reach = (angle.cos() - sin_lat * sin_at) / (cos_lat * cos_at);
    // At a pole it may be infinite or no number at all.
    if cos_reach > -1.0 {
        cos_reach.min(1.0).acos().to_degrees() + (MARGIN / cos_at).to_degrees()
    } else {
        180.0
    }
}

/// The columns from `reach` degrees west to `reach` degrees east of a longitude, over the date line as two
/// ranges without a column in common.
fn column_ranges(lng: f64, reach: f64, columns: u16) -> Vec<RangeInclusive<u16>> {
    let (west, east, last) = (lng - reach, lng + reach, columns - 1);
    let (first, second) = if reach >= 180.0 {
        (0..=last, None)
    } else if west < -180.0 {
        (0..=column(east, columns), Some(column(west + 360.0, columns)..=last))
    } else if east > 180.0 {
        (0..=column(east - 360.0, columns), Some(column(west, columns)..=last))
    } else {
        (column(west, columns)..=column(east, columns), None)
    };
    match second {
        Some(second) if *second.start() <= *first.end() => vec![0..=last],
        second => core::iter::once(first).chain(second).collect(),
    }
}

fn cell(level: usize, row: u16, column: u16) -> i64 {
    let level = i64::try_from(level).expect("there are four grids");
    level << LEVEL_SHIFT | i64::from(row) << ROW_SHIFT | i64::from(column)
}

/// The row in which a latitude lies; rows are counted from the south, and grow with the latitude.
fn row(level: usize, lat: f64) -> u16 {
    slot((lat + 90.0) / 180.0, ROWS[level])
}

/// The column in which a longitude lies; columns are counted from -180 degrees to the east.
fn column(lng: f64, columns: u16) -> u16 {
    slot((lng + 180.0) / 360.0, columns)
}

/// In which of `slots` equal parts a share of a whole lies; never less for a greater share.
fn slot(share: f64, slots: u16) -> u16 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the fraction shall go, and the cast saturates"
    )]
    let slot = (share * f64::from(slots)) as u16;
    slot.min(slots - 1)
}

/// The latitudes between which a row lies.
fn edges(level: usize, row: u16) -> (f64, f64) {
    let height = 180.0 / f64::from(ROWS[level]);
    let bottom = f64::from(row) * height - 90.0;
    // A little more, for a latitude next to an edge may be rounded over it.
    (bottom - height * 1e-6, bottom + height * (1.0 + 1e-6))
}

/// How many columns a row has.
fn columns(level: usize, row: u16) -> u16 {
    let rows = ROWS[level];
    // Rows north and south of the equator mirror each other.
    let from_pole = row.min(rows - 1 - row) + 1;
    let length = (PI * f64::from(from_pole) / f64::from(rows)).sin() * 2.0 * f64::from(rows);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 6 and 36,000"
    )]
    let columns = length as u16;
    columns.max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn point(lat: f64, lng: f64) -> LatLng {
        LatLng::new(lat, lng).unwrap()
    }

    /// Whether a search around `center` looks where `found` is.
    fn is_looked_at(center: LatLng, radius_km: f64, found: LatLng) -> bool {
        let Bounds { latitudes, longitudes } = bounds(center, radius_km);
        let is_in = |(from, to): (f64, f64), degrees: f64| from <= degrees && degrees <= to;
        let in_bounds = is_in(latitudes, found.lat())
            && longitudes.iter().any(|range| is_in(*range, found.lng()));
        in_bounds && is_covered(center, radius_km, found)
    }

    fn is_covered(center: LatLng, radius_km: f64, found: LatLng) -> bool {
        match cover(center, radius_km) {
            Cover::Everywhere => true,
            Cover::Cells(cells) => cells_of(found).iter().any(|cell| cells.contains(cell)),
        }
    }

    /// The point that lies in this direction, so far along the ground.
    fn destination(from: LatLng, bearing: f64, km: f64) -> LatLng {
        let (sin_angle, cos_angle) = (km * 1000.0 / EARTH_RADIUS_M).sin_cos();
        let (sin_lat, cos_lat) = from.lat().to_radians().sin_cos();
        let lat = (sin_lat * cos_angle + cos_lat * sin_angle * bearing.cos()).clamp(-1.0, 1.0);
        let lng = (bearing.sin() * sin_angle * cos_lat).atan2(cos_angle - sin_lat * lat);
        let lng = (from.lng() + lng.to_degrees() + 540.0).rem_euclid(360.0) - 180.0;
        point(lat.asin().to_degrees().clamp(-90.0, 90.0), lng.clamp(-180.0, 180.0))
    }

    fn cells(lat: f64, lng: f64, radius_km: f64) -> Option<Vec<i64>> {
        match cover(point(lat, lng), radius_km) {
            Cover::Cells(cells) => Some(cells),
            Cover::Everywhere => None,
        }
    }

    fn level(cells: Option<Vec<i64>>) -> Option<i64> {
        cells.map(|cells| cells[0] >> LEVEL_SHIFT)
    }

    #[test]
    fn larger_circles_take_larger_cells_and_in_the_end_none() {
        let at_ucla = |radius_km| level(cells(34.0689, -118.4451, radius_km));

        assert_eq!(at_ucla(0.0), Some(0));
        assert_eq!(at_ucla(2.0), Some(0));
        assert_eq!(at_ucla(10.0), Some(1));
        assert_eq!(at_ucla(100.0), Some(2));
        assert_eq!(at_ucla(2_000.0), Some(3));
        assert_eq!(at_ucla(6_000.0), None);
        assert_eq!(at_ucla(30_000.0), None);
    }

    #[test]
    fn a_small_circle_takes_a_small_part_of_the_earth() {
        assert_eq!(cells(34.0689, -118.4451, 0.0).unwrap().len(), 1);
        // 1.8 times the height of a cell across.
        assert!(cells(34.0689, -118.4451, 10.0).unwrap().len() <= 9);
        assert!(cells(90.0, 0.0, 0.1).unwrap().len() <= 6, "the row around the pole");
    }

    #[test]
    fn cells_are_about_square() {
        for lat in [-80.5, -45.5, 0.5, 33.5, 60.5] {
            let row = row(2, lat);
            let width = 360.0 / f64::from(columns(2, row)) * lat.to_radians().cos();
            assert!((0.9..1.15).contains(&width), "at {lat}: {width}");
        }
    }

    #[test]
    fn the_date_line_is_no_edge() {
        assert!(is_looked_at(point(-17.0, 180.0), 1.0, point(-17.0, -180.0)));
        assert!(is_looked_at(point(-17.0, -180.0), 0.0, point(-17.0, 180.0)));
        assert!(is_looked_at(point(-17.0, 179.99), 5.0, point(-17.0, -179.99)));
        assert!(is_looked_at(point(89.9, 3.0), 30.0, point(89.9, -177.0)));
    }

    #[test]
    fn the_ends_of_the_earth_have_cells() {
        for (lat, lng) in [(90.0, 180.0), (-90.0, -180.0), (0.0, 180.0), (-90.0, 180.0)] {
            for cell in cells_of(point(lat, lng)) {
                assert!(cell >= 0);
            }
        }
        assert_eq!(cells_of(point(-90.0, -180.0))[0], 0);
    }

    /// Latitudes and longitudes, many of them where things go wrong.
    fn any_point() -> impl Strategy<Value = LatLng> {
        let lat = prop_oneof![
            4 => -90.0..=90.0,
            1 => prop::sample::select(vec![90.0, -90.0, 0.0, 89.9999, -89.99, 60.0]),
            1 => (-9000i32..=9000).prop_map(|hundredths| f64::from(hundredths) / 100.0),
        ];
        let lng = prop_oneof![
            4 => -180.0..=180.0,
            1 => prop::sample::select(vec![180.0, -180.0, 0.0, 179.9999, -179.9999]),
            1 => (-18000i32..=18000).prop_map(|hundredths| f64::from(hundredths) / 100.0),
        ];
        (lat, lng).prop_map(|(lat, lng)| point(lat, lng))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn what_is_in_the_circle_is_in_the_cover(
            center in any_point(),
            bearing in 0.0..2.0 * PI,
            exponent in -4.0..4.4,
            share in prop_oneof![1 => 0.0..=1.0, 1 => Just(1.0)],
        ) {
            let radius_km = 10f64.powf(exponent);
            let found = destination(center, bearing, radius_km * share);
            let distance_km = center.distance_m(found) / 1000.0;
            if distance_km <= radius_km {
                prop_assert!(is_looked_at(center, radius_km, found));
            }
            // On the edge exactly, whatever the rounding.
            prop_assert!(is_looked_at(center, distance_km, found));
        }

        #[test]
        fn any_two_points_find_each_other(a in any_point(), b in any_point()) {
            let distance_km = a.distance_m(b) / 1000.0;
            prop_assert!(is_looked_at(a, distance_km, b));
        }

        #[test]
        fn no_cell_comes_twice(center in any_point(), exponent in -4.0..4.4) {
            if let Cover::Cells(cells) = cover(center, 10f64.powf(exponent)) {
                prop_assert!(!cells.is_empty() && cells.len() <= MAX_COVER);
                prop_assert_eq!(cells.iter().collect::<BTreeSet<_>>().len(), cells.len());
            }
        }
    }
}
