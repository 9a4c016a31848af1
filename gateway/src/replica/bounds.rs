//! Boxes of latitudes and longitudes, and how far they are from a point.

/// A box as GeoJSON has it: `west,south,east,north` in degrees. Where the west is greater than the east, it lies
/// across the date line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// From -180 to 180.
    pub west: f64,
    /// From -90 to 90.
    pub south: f64,
    /// From -180 to 180.
    pub east: f64,
    /// From the south to 90.
    pub north: f64,
}

impl Bounds {
    /// All of the earth.
    pub const WORLD: Self = Self { west: -180.0, south: -90.0, east: 180.0, north: 90.0 };

    /// Reads `west,south,east,north`.
    ///
    /// # Errors
    ///
    /// What is wrong, for a person to read.
    pub fn parse(text: &str) -> Result<Self, String> {
        let numbers = text.split(',').map(|part| part.trim().parse::<f64>());
        let numbers = numbers.collect::<Result<Vec<_>, _>>();
        let Ok([west, south, east, north]) = numbers
            .as_deref()
            .map_err(|_| ())
            .and_then(|numbers| <[f64; 4]>::try_from(numbers).map_err(|_| ()))
        else {
            return Err("a box is four numbers: west,south,east,north".to_owned());
        };
        let bounds = Self { west, south, east, north };
        let is_longitude = |degrees| (-180.0..=180.0).contains(&degrees);
        let is_latitude = |degrees| (-90.0..=90.0).contains(&degrees);
        if !is_longitude(west) || !is_longitude(east) {
            return Err("the west and the east of a box are within 180 degrees".to_owned());
        }
        if !is_latitude(south) || !is_latitude(north) || south > north {
            return Err(
                "the south and the north of a box are within 90 degrees, in this order".to_owned()
            );
        }
        Ok(bounds)
    }

    /// Whether a point is inside, the edges included.
    pub fn contains(&self, latitude: f64, longitude: f64) -> bool {
        let is_between = (self.south..=self.north).contains(&latitude);
        is_between && self.spans().iter().any(|(west, east)| (*west..=*east).contains(&longitude))
    }

    /// Its longitudes without a jump: one range, or two across the date line.
    pub(super) fn spans(&self) -> Vec<(f64, f64)> {
        let Self { west, east, .. } = *self;
        if west <= east {
            // The date line has two names.
            let mut spans = vec![(west, east)];
            if east == 180.0 && west > -180.0 {
                spans.push((-180.0, -180.0));
            }
            if west == -180.0 && east < 180.0 {
                spans.push((180.0, 180.0));
            }
            return spans;
        }
        vec![(west, 180.0), (-180.0, east)]
    }
}

/// Not more than the square of the straight line from a point to the nearest one of the box, on a sphere of radius 1.
pub(super) fn chord2_to_box(
    (latitude, longitude): (f64, f64),
    [south, north]: [f64; 2],
    [west, east]: [f64; 2],
) -> f64 {
    let cosine = if (west..=east).contains(&longitude) {
        let away = (south - latitude).max(latitude - north).max(0.0);
        away.to_radians().cos()
    } else {
        let edges =
            [west, east].map(|edge| cosine_to_meridian(latitude, longitude - edge, south, north));
        edges[0].max(edges[1])
    };
    // A cosine near 1 has lost digits: what is left of them is on the safe side.
    (2.0 - 2.0 * cosine - 1e-15).max(0.0)
}

/// The cosine of the angle from a point to the nearest one on a piece of a meridian that is `apart` degrees away.
fn cosine_to_meridian(latitude: f64, apart: f64, south: f64, north: f64) -> f64 {
    let (sin, cos) = latitude.to_radians().sin_cos();
    let along = cos * apart.to_radians().cos();
    // The cosine as a function of the latitude on the meridian is one wave, whose crest is here.
    let crest = sin.atan2(along).to_degrees();
    if (south..=north).contains(&crest) {
        return sin.hypot(along);
    }
    let at = |latitude: f64| {
        let (there_sin, there_cos) = latitude.to_radians().sin_cos();
        sin * there_sin + along * there_cos
    };
    at(south).max(at(north))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tree::{distance2, unit_vector};
    use super::*;

    #[test]
    fn a_box_has_its_numbers_in_the_order_of_geojson() {
        let bounds = Bounds::parse("-118.6, 33.9,-118.1,34.2").unwrap();
        assert!(bounds.contains(34.07, -118.44) && !bounds.contains(34.07, -118.0));
        for wrong in
            ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "-181,0,0,1", "0,1,1,0", "0,-91,1,0", "nan,0,1,1"]
        {
            assert!(Bounds::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_box_may_lie_across_the_date_line() {
        let fiji = Bounds::parse("177,-19,-178,-16").unwrap();
        for longitude in [177.0, 179.9, 180.0, -180.0, -179.0] {
            assert!(fiji.contains(-17.0, longitude), "{longitude}");
        }
        assert!(!fiji.contains(-17.0, 0.0) && !fiji.contains(-17.0, -177.0));
        assert!(Bounds::parse("170,-19,180,-16").unwrap().contains(-17.0, -180.0));
        assert!(Bounds::parse("-180,-19,-170,-16").unwrap().contains(-17.0, 180.0));
    }

    proptest! {
        #[test]
        fn no_point_of_a_box_is_nearer_than_it_says(
            from in (-90.0..=90.0, -180.0..=180.0),
            corner in (-90.0..=90.0, -180.0..=180.0),
            size in (0.0..180.0, 0.0..360.0),
            inside in (0.0..=1.0, 0.0..=1.0),
        ) {
            let latitudes = [corner.0, f64::min(corner.0 + size.0, 90.0)];
            let longitudes = [corner.1, f64::min(corner.1 + size.1, 180.0)];
            let between = |[from, to]: [f64; 2], share: f64| (from + (to - from) * share).clamp(from, to);
            let point = (between(latitudes, inside.0), between(longitudes, inside.1));
            let real = distance2(unit_vector(from.0, from.1), unit_vector(point.0, point.1));
            let bound = chord2_to_box(from, latitudes, longitudes);
            prop_assert!(bound <= real, "{bound} > {real}");
        }
    }
}
