//! Finding the points near a point: a k-d tree over unit vectors that is nothing but an order of them.
//!
//! The point in the middle of a range parts the range: what comes before it is no greater along one of the
//! three axes, what comes behind no smaller. Each half is parted along the next axis, down to ranges of a
//! few points, which are looked at one by one. So the tree takes no memory, needs no building where the
//! points come in its order, and what is near on the ground is near in memory too.

/// A point in space, on the unit sphere.
pub(crate) type Point = [f64; 3];

/// All points, in the order of the tree.
#[derive(Debug)]
pub(crate) struct Index {
    points: Vec<Point>,
}

/// A range of so many points is not parted further.
const FEW: usize = 16;

impl Index {
    /// The index of these points; and their order in it, as numbers, unless they come in that order.
    pub(crate) fn new(points: Vec<Point>) -> (Self, Option<Vec<u32>>) {
        if bounds_if_arranged(&points, 0).is_some() {
            return (Self { points }, None);
        }
        let mut numbered: Vec<(Point, u32)> = points.into_iter().zip(0..).collect();
        arrange(&mut numbered, 0);
        let (points, order) = numbered.into_iter().unzip();
        (Self { points }, Some(order))
    }

    /// Every point whose squared distance from `center` is at most `max_distance2`, by its number in the
    /// order of the index, and that squared distance.
    pub(crate) fn within(
        &self,
        center: Point,
        max_distance2: f64,
        mut found: impl FnMut(u32, f64),
    ) {
        // A little more, as squares and roots are rounded: what is too far is sorted out below.
        let reach = max_distance2.sqrt() * (1.0 + 1e-9);
        let mut look = |start: usize, end: usize| {
            for (number, point) in (start..).zip(&self.points[start..end]) {
                let distance2 = distance2(*point, center);
                if distance2 <= max_distance2 {
                    found(u32::try_from(number).expect("points are numbered by u32"), distance2);
                }
            }
        };
        let mut ranges = vec![(0, self.points.len(), 0)];
        while let Some((start, end, axis)) = ranges.pop() {
            if end - start <= FEW {
                look(start, end);
                continue;
            }
            let middle = start.midpoint(end);
            look(middle, middle + 1);
            let ahead = center[axis] - self.points[middle][axis];
            if ahead >= -reach {
                ranges.push((middle + 1, end, next(axis)));
            }
            if ahead <= reach {
                ranges.push((start, middle, next(axis)));
            }
        }
    }
}

/// The square of the straight line between two points.
pub(crate) fn distance2(a: Point, b: Point) -> f64 {
    let [x, y, z] = [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
    x * x + y * y + z * z
}

fn next(axis: usize) -> usize {
    (axis + 1) % 3
}

fn arrange(points: &mut [(Point, u32)], axis: usize) {
    if points.len() <= FEW {
        return;
    }
    let middle = points.len() / 2;
    points.select_nth_unstable_by(middle, |(a, m), (b, n)| {
        a[axis].total_cmp(&b[axis]).then(m.cmp(n))
    });
    let (before, behind) = points.split_at_mut(middle);
    arrange(before, next(axis));
    arrange(&mut behind[1..], next(axis));
}

/// The least and the greatest coordinates of points that are in the order of the tree.
///
/// A file says nothing of the order that its places are in. It is looked at here, for less than it takes to
/// unpack them, and so neither a strange file nor a sine that is rounded elsewhere can make a search wrong.
fn bounds_if_arranged(points: &[Point], axis: usize) -> Option<(Point, Point)> {
    if points.len() <= FEW {
        let none = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
        let join = |(least, greatest), point: &Point| joined((least, greatest), (*point, *point));
        return Some(points.iter().fold(none, join));
    }
    let (before, behind) = points.split_at(points.len() / 2);
    let (middle, behind) = behind.split_first()?;
    let parting = middle[axis];
    let lower = bounds_if_arranged(before, next(axis)).filter(|lower| lower.1[axis] <= parting)?;
    let upper = bounds_if_arranged(behind, next(axis)).filter(|upper| upper.0[axis] >= parting)?;
    Some(joined(joined(lower, upper), (*middle, *middle)))
}

fn joined(a: (Point, Point), b: (Point, Point)) -> (Point, Point) {
    let of = |pick: fn(f64, f64) -> f64, a: Point, b: Point| {
        [pick(a[0], b[0]), pick(a[1], b[1]), pick(a[2], b[2])]
    };
    (of(f64::min, a.0, b.0), of(f64::max, a.1, b.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Few different coordinates, so that many points are equal along an axis or altogether.
        #[test]
        fn an_index_is_in_the_order_it_gives(
            points in prop::collection::vec(prop::array::uniform3(0..6_i8), 0..300),
            center in prop::array::uniform3(0..6_i8),
            max_distance2 in 0..30_i8,
        ) {
            let point = |[x, y, z]: [i8; 3]| [f64::from(x), f64::from(y), f64::from(z)];
            let points: Vec<Point> = points.into_iter().map(point).collect();
            let (center, max_distance2) = (point(center), f64::from(max_distance2));

            let (index, order) = Index::new(points.clone());
            let order = order.unwrap_or_else(|| (0..).take(points.len()).collect());

            let mut found = Vec::new();
            index.within(center, max_distance2, |number, d2| found.push((order[number as usize], d2)));
            found.sort_by_key(|(number, _)| *number);
            let near: Vec<_> = (0..)
                .zip(&points)
                .map(|(number, point)| (number, distance2(*point, center)))
                .filter(|(_, d2)| *d2 <= max_distance2)
                .collect();
            prop_assert_eq!(found, near);
            prop_assert!(Index::new(index.points).1.is_none());
        }
    }
}
