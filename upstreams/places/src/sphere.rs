//! Points on the earth, taken as a sphere.
//!
//! A point is kept as people write it, latitude and longitude, and searched for as a unit vector: the
//! straight line between two vectors grows with the way along the ground, so that a circle on the
//! earth is a plain ball in space, over the date line and the poles as anywhere else.

use crate::index::{Point, distance2};

/// The mean radius of the earth (IUGG), in metres.
pub const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// A latitude and a longitude in decimal degrees, both in range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatLng {
    lat: f64,
    lng: f64,
}

impl LatLng {
    /// Takes a latitude in [-90, 90] and a longitude in [-180, 180]; anything else is no point.
    pub fn new(lat: f64, lng: f64) -> Option<Self> {
        let in_range = (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lng);
        // Adding zero makes a negative zero a plain one.
        in_range.then_some(Self { lat: lat + 0.0, lng: lng + 0.0 })
    }

    /// Degrees north of the equator.
    pub fn lat(self) -> f64 {
        self.lat
    }

    /// Degrees east of Greenwich.
    pub fn lng(self) -> f64 {
        self.lng
    }

    /// The way along the ground, in metres.
    pub fn distance_m(self, other: Self) -> f64 {
        chord2_to_metres(distance2(self.unit_vector(), other.unit_vector()))
    }

    /// Where the point is in space, with the earth's radius as the unit.
    pub(crate) fn unit_vector(self) -> Point {
        let (sin_lat, cos_lat) = self.lat.to_radians().sin_cos();
        let (sin_lng, cos_lng) = self.lng.to_radians().sin_cos();
        [cos_lat * cos_lng, cos_lat * sin_lng, sin_lat]
    }
}

/// The way along the ground for the square of a straight line between unit vectors.
fn chord2_to_metres(chord2: f64) -> f64 {
    2.0 * EARTH_RADIUS_M * (chord2.sqrt() / 2.0).min(1.0).asin()
}

/// The square of the straight line between unit vectors for a way along the ground.
pub(crate) fn metres_to_chord2(metres: f64) -> f64 {
    let half_angle = (metres / (2.0 * EARTH_RADIUS_M)).min(core::f64::consts::FRAC_PI_2);
    let chord = 2.0 * half_angle.sin();
    chord * chord
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn point(lat: f64, lng: f64) -> LatLng {
        LatLng::new(lat, lng).unwrap()
    }

    /// The usual formula, written out as a second opinion.
    fn haversine_m(a: LatLng, b: LatLng) -> f64 {
        let (lat_a, lat_b) = (a.lat.to_radians(), b.lat.to_radians());
        let half_lat = (lat_b - lat_a) / 2.0;
        let half_lng = (b.lng - a.lng).to_radians() / 2.0;
        let h = half_lat.sin().powi(2) + lat_a.cos() * lat_b.cos() * half_lng.sin().powi(2);
        2.0 * EARTH_RADIUS_M * h.sqrt().min(1.0).asin()
    }

    #[test]
    fn what_is_out_of_range_is_no_point() {
        for (lat, lng) in [(90.1, 0.0), (-90.1, 0.0), (0.0, 180.1), (0.0, -180.1), (f64::NAN, 0.0)]
        {
            assert_eq!(LatLng::new(lat, lng), None, "{lat} {lng}");
        }
        assert!(point(-0.0, -0.0).lat().is_sign_positive());
    }

    #[test]
    fn a_degree_of_the_equator_is_111_195_metres() {
        assert!((point(0.0, 0.0).distance_m(point(0.0, 1.0)) - 111_195.08).abs() < 0.01);
    }

    #[test]
    fn the_date_line_and_the_poles_are_no_obstacle() {
        assert!(point(0.0, 179.999).distance_m(point(0.0, -179.999)) < 223.0);
        assert!(point(12.0, 180.0).distance_m(point(12.0, -180.0)) < 1e-6);
        assert!(point(89.999, 0.0).distance_m(point(89.999, 180.0)) < 223.0);
        assert!(point(90.0, 17.0).distance_m(point(90.0, -120.0)) < 1e-6);
    }

    proptest! {
        #[test]
        fn distances_are_those_of_the_usual_formula(
            a in (-90.0..=90.0, -180.0..=180.0),
            b in (-90.0..=90.0, -180.0..=180.0),
        ) {
            let (a, b) = (point(a.0, a.1), point(b.0, b.1));
            // Near the antipode both formulas lose digits.
            let tolerance = if haversine_m(a, b) < 19_900_000.0 { 1e-3 } else { 10.0 };
            prop_assert!((a.distance_m(b) - haversine_m(a, b)).abs() < tolerance);
        }

        #[test]
        fn a_radius_survives_the_way_into_space_and_back(radius_m in 0.0..=20_000_000.0) {
            prop_assert!((chord2_to_metres(metres_to_chord2(radius_m)) - radius_m).abs() < 1.0);
        }
    }
}
