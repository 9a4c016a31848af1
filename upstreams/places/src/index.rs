//! Finding the points near a point: a k-d tree that is nothing but the order of an array.
//!
//! The point in the middle of the array parts it along the x axis: what is before it has no greater x,
//! what is after it no lesser. Both halves are parted the same way along y, the quarters along z, and so
//! on down to runs short enough to look through. It takes no memory beyond the points.

/// A run of so few points is looked through from end to end.
const RUN: usize = 16;

/// A point in space and the number of the place there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) at: [f64; 3],
    pub(crate) place: u32,
}

/// Points in the order that makes them a tree.
#[derive(Debug)]
pub(crate) struct Index {
    points: Vec<Point>,
}

impl Index {
    pub(crate) fn new(mut points: Vec<Point>) -> Self {
        arrange(&mut points, 0);
        Self { points }
    }

    /// Calls `found` with every place whose squared distance from `center` is at most `max_distance2`,
    /// and with that squared distance.
    pub(crate) fn within(
        &self,
        center: [f64; 3],
        max_distance2: f64,
        mut found: impl FnMut(u32, f64),
    ) {
        let mut see = |point: &Point| {
            let distance2 = distance2(point.at, center);
            if distance2 <= max_distance2 {
                found(point.place, distance2);
            }
        };
        // What is left to look through, each with the axis that parts it; one entry a level at most.
        let mut rest = vec![(self.points.as_slice(), 0)];
        while let Some((points, axis)) = rest.pop() {
            if points.len() <= RUN {
                points.iter().for_each(&mut see);
                continue;
            }
            let (before, middle, after) = parted(points);
            see(middle);
            let to_plane = middle.at[axis] - center[axis];
            let plane_is_near = to_plane * to_plane <= max_distance2;
            if to_plane >= 0.0 || plane_is_near {
                rest.push((before, (axis + 1) % 3));
            }
            if to_plane <= 0.0 || plane_is_near {
                rest.push((after, (axis + 1) % 3));
            }
        }
    }
}

/// The points before the middle one, the middle one, and those after it.
fn parted(points: &[Point]) -> (&[Point], &Point, &[Point]) {
    let (before, from_middle) = points.split_at(points.len() / 2);
    let (middle, after) = from_middle.split_first().expect("more than a run of points");
    (before, middle, after)
}

/// Brings points into the order described above, the first parting being along `axis`.
fn arrange(points: &mut [Point], axis: usize) {
    if points.len() <= RUN {
        return;
    }
    let (before, _, after) =
        points.select_nth_unstable_by(points.len() / 2, |a, b| a.at[axis].total_cmp(&b.at[axis]));
    arrange(before, (axis + 1) % 3);
    arrange(after, (axis + 1) % 3);
}

/// The square of the straight line between two points.
pub(crate) fn distance2(a: [f64; 3], b: [f64; 3]) -> f64 {
    let [x, y, z] = [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
    x * x + y * y + z * z
}
