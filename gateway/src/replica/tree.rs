//! Points that move, by where they are: a tree of boxes of latitudes and longitudes, each cut into four when it holds
//! many points and joined again when it holds few.
//!
//! Boxes know how many points are in them and when one of them last changed, so that what has changed in an area is
//! found without looking at what has not. Distances are exact: boxes are only left out for what they cannot hold.

use core::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::bounds::chord2_to_box;

/// A box with more points is cut, unless it is as deep as that.
const MOST_IN_LEAF: usize = 32;
const MAX_DEPTH: usize = 28;

/// Four boxes with no more points in all are joined.
const JOINED: u32 = 12;

/// The mean radius of the earth (IUGG), in metres.
const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// A point in space, the earth's radius being the unit.
pub(super) type Point = [f64; 3];

/// A point in the tree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Item {
    pub(super) slot: u32,
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    version: u64,
    point: Point,
}

impl Item {
    pub(super) fn new(slot: u32, latitude: f64, longitude: f64, version: u64) -> Self {
        Self { slot, latitude, longitude, version, point: unit_vector(latitude, longitude) }
    }
}

/// The tree. A point is found again by where it is.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    /// The first of four nodes that nobody uses.
    free: Vec<u32>,
    /// Where in its leaf each slot's item is.
    places: Vec<u32>,
}

#[derive(Debug, Default)]
struct Node {
    count: u32,
    /// No item has a later version.
    newest: u64,
    /// The first of the four nodes it is cut into; 0 where it is a leaf.
    children: u32,
    items: Vec<Item>,
}

/// The area of a node.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Area {
    latitudes: [f64; 2],
    longitudes: [f64; 2],
}

impl Area {
    const WORLD: Self = Self { latitudes: [-90.0, 90.0], longitudes: [-180.0, 180.0] };

    fn middle(&self) -> (f64, f64) {
        let half = |[from, to]: [f64; 2]| (from + to) / 2.0;
        (half(self.latitudes), half(self.longitudes))
    }

    /// Which of the four quarters a point is in: 1 is north, 2 is east.
    fn quarter_of(&self, latitude: f64, longitude: f64) -> u32 {
        let (middle_latitude, middle_longitude) = self.middle();
        u32::from(latitude >= middle_latitude) + 2 * u32::from(longitude >= middle_longitude)
    }

    fn quarter(&self, which: u32) -> Self {
        let (latitude, longitude) = self.middle();
        let [south, north] = self.latitudes;
        let [west, east] = self.longitudes;
        Self {
            latitudes: if which & 1 == 1 { [latitude, north] } else { [south, latitude] },
            longitudes: if which & 2 == 2 { [longitude, east] } else { [west, longitude] },
        }
    }

    fn meets(&self, latitudes: [f64; 2], longitudes: [f64; 2]) -> bool {
        let meet = |[a, b]: [f64; 2], [c, d]: [f64; 2]| a <= d && c <= b;
        meet(self.latitudes, latitudes) && meet(self.longitudes, longitudes)
    }
}

impl Tree {
    pub(super) fn new() -> Self {
        Self { nodes: vec![Node::default()], free: Vec::new(), places: Vec::new() }
    }

    /// Adds an item whose slot is not in the tree.
    pub(super) fn put(&mut self, item: Item) {
        let (mut at, mut area, mut depth) = (0, Area::WORLD, 0);
        loop {
            let node = &mut self.nodes[at];
            node.count += 1;
            node.newest = node.newest.max(item.version);
            if node.children == 0 {
                break;
            }
            let quarter = area.quarter_of(item.latitude, item.longitude);
            at = (node.children + quarter) as usize;
            area = area.quarter(quarter);
            depth += 1;
        }
        self.push(at, item);
        while self.nodes[at].items.len() > MOST_IN_LEAF && depth < MAX_DEPTH {
            self.cut(at, area);
            // All of them may be in one quarter.
            let fullest = (0..4).max_by_key(|which| self.nodes[self.child(at, *which)].count);
            let fullest = fullest.unwrap_or_default();
            at = self.child(at, fullest);
            area = area.quarter(fullest);
            depth += 1;
        }
    }

    /// Removes the item of a slot that is at this place.
    pub(super) fn take(&mut self, slot: u32, place: (f64, f64)) {
        let mut path = Vec::with_capacity(MAX_DEPTH);
        let (mut at, mut area) = (0, Area::WORLD);
        loop {
            self.nodes[at].count -= 1;
            path.push(at);
            if self.nodes[at].children == 0 {
                break;
            }
            let quarter = area.quarter_of(place.0, place.1);
            at = self.child(at, quarter);
            area = area.quarter(quarter);
        }
        let in_leaf = self.places[slot as usize] as usize;
        let items = &mut self.nodes[at].items;
        debug_assert_eq!(items[in_leaf].slot, slot, "a slot's item is where it was put");
        items.swap_remove(in_leaf);
        if let Some(moved) = items.get(in_leaf) {
            self.places[moved.slot as usize] = self.places[slot as usize];
        }
        for at in path.into_iter().rev().skip(1) {
            if self.nodes[at].count > JOINED {
                break;
            }
            self.join(at);
        }
    }

    /// Puts an item where it is now instead of where it was.
    pub(super) fn put_elsewhere(&mut self, before: (f64, f64), item: Item) {
        let (mut at, mut area) = (0, Area::WORLD);
        loop {
            let node = &mut self.nodes[at];
            node.newest = node.newest.max(item.version);
            if node.children == 0 {
                let in_leaf = self.places[item.slot as usize] as usize;
                node.items[in_leaf] = item;
                return;
            }
            let quarter = area.quarter_of(item.latitude, item.longitude);
            if area.quarter_of(before.0, before.1) != quarter {
                self.take(item.slot, before);
                self.put(item);
                return;
            }
            at = self.child(at, quarter);
            area = area.quarter(quarter);
        }
    }

    fn child(&self, at: usize, which: u32) -> usize {
        (self.nodes[at].children + which) as usize
    }

    fn push(&mut self, at: usize, item: Item) {
        let items = &mut self.nodes[at].items;
        let slot = item.slot as usize;
        if self.places.len() <= slot {
            self.places.resize(slot + 1, 0);
        }
        self.places[slot] = u32::try_from(items.len()).expect("fewer items than 2^32");
        items.push(item);
    }

    /// Makes four of a leaf.
    fn cut(&mut self, at: usize, area: Area) {
        let first = self.free.pop().unwrap_or_else(|| {
            let first = u32::try_from(self.nodes.len()).expect("fewer nodes than 2^32");
            self.nodes.extend((0..4).map(|_| Node::default()));
            first
        });
        self.nodes[at].children = first;
        for item in core::mem::take(&mut self.nodes[at].items) {
            let child = self.child(at, area.quarter_of(item.latitude, item.longitude));
            let node = &mut self.nodes[child];
            node.count += 1;
            node.newest = node.newest.max(item.version);
            self.push(child, item);
        }
    }

    /// Makes one leaf of four, where they are leaves.
    fn join(&mut self, at: usize) {
        let first = self.nodes[at].children;
        let children = first as usize..first as usize + 4;
        if self.nodes[children.clone()].iter().any(|child| child.children != 0) {
            return;
        }
        self.nodes[at].children = 0;
        for child in children {
            for item in core::mem::take(&mut self.nodes[child]).items {
                self.push(at, item);
            }
        }
        self.free.push(first);
    }

    /// The slots of the `limit` items nearest to a point within `radius_m` metres, with their distances, in no order.
    pub(super) fn nearest(&self, from: (f64, f64), radius_m: f64, limit: usize) -> Vec<(f64, u32)> {
        let point = unit_vector(from.0, from.1);
        // What the radius leaves out for its rounding alone is looked at again below.
        let farthest = metres_to_chord2(radius_m) * (1.0 + 1e-9) + 1e-15;
        let mut ahead = BinaryHeap::from([Reverse(Near { chord2: 0.0, what: (0, Area::WORLD) })]);
        let mut best: BinaryHeap<Near<u32>> = BinaryHeap::new();
        while let Some(Reverse(Near { chord2, what: (at, area) })) = ahead.pop() {
            let worst = match best.peek() {
                Some(near) if best.len() >= limit => near.chord2,
                _ => farthest,
            };
            if chord2 > worst || limit == 0 {
                break;
            }
            let node = &self.nodes[at];
            if node.children != 0 {
                for which in 0..4 {
                    let child = self.child(at, which);
                    let area = area.quarter(which);
                    let chord2 = chord2_to_box(from, area.latitudes, area.longitudes);
                    if self.nodes[child].count > 0 && chord2 <= worst {
                        ahead.push(Reverse(Near { chord2, what: (child, area) }));
                    }
                }
                continue;
            }
            for item in &node.items {
                let near = Near { chord2: distance2(point, item.point), what: item.slot };
                if near.chord2 > farthest {
                    continue;
                }
                if best.len() < limit {
                    best.push(near);
                } else if best.peek().is_some_and(|worst| near.chord2 < worst.chord2) {
                    best.pop();
                    best.push(near);
                }
            }
        }
        let near = best.into_iter().map(|near| (chord2_to_metres(near.chord2), near.what));
        near.filter(|(metres, _)| *metres <= radius_m).collect()
    }

    /// Calls `each` for the items in these ranges that have changed after version `since`, until it says `false`.
    pub(super) fn within<'a>(
        &'a self,
        latitudes: [f64; 2],
        longitudes: [f64; 2],
        since: u64,
        each: &mut dyn FnMut(&'a Item) -> bool,
    ) {
        let mut ahead = vec![(0, Area::WORLD)];
        while let Some((at, area)) = ahead.pop() {
            let node = &self.nodes[at];
            if node.count == 0 || node.newest <= since || !area.meets(latitudes, longitudes) {
                continue;
            }
            if node.children != 0 {
                ahead.extend((0..4).map(|which| (self.child(at, which), area.quarter(which))));
                continue;
            }
            for item in &node.items {
                let is_inside = (latitudes[0]..=latitudes[1]).contains(&item.latitude)
                    && (longitudes[0]..=longitudes[1]).contains(&item.longitude);
                if is_inside && item.version > since && !each(item) {
                    return;
                }
            }
        }
    }

    #[cfg(test)]
    pub(super) fn check(&self) {
        let mut ahead = vec![(0, Area::WORLD)];
        while let Some((at, area)) = ahead.pop() {
            let node = &self.nodes[at];
            if node.children == 0 {
                assert_eq!(node.count as usize, node.items.len());
                for (place, item) in node.items.iter().enumerate() {
                    assert_eq!(self.places[item.slot as usize] as usize, place);
                    assert!(area.meets([item.latitude; 2], [item.longitude; 2]));
                    assert!(item.version <= node.newest);
                }
                continue;
            }
            assert!(node.items.is_empty());
            let children = (0..4).map(|which| (self.child(at, which), area.quarter(which)));
            let children: Vec<_> = children.collect();
            let counts = children.iter().map(|(child, _)| self.nodes[*child].count);
            assert_eq!(node.count, counts.sum::<u32>());
            ahead.extend(children);
        }
    }
}

/// Something and how far away it is, ordered by that.
#[derive(Clone, Copy, Debug)]
struct Near<W> {
    chord2: f64,
    what: W,
}

impl<W> PartialEq for Near<W> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<W> Eq for Near<W> {}

impl<W> PartialOrd for Near<W> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<W> Ord for Near<W> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.chord2.total_cmp(&other.chord2)
    }
}

/// Where a place is in space.
pub(super) fn unit_vector(latitude: f64, longitude: f64) -> Point {
    let (sin_latitude, cos_latitude) = latitude.to_radians().sin_cos();
    let (sin_longitude, cos_longitude) = longitude.to_radians().sin_cos();
    [cos_latitude * cos_longitude, cos_latitude * sin_longitude, sin_latitude]
}

/// The square of the straight line between two points.
pub(super) fn distance2(a: Point, b: Point) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// The way along the ground for the square of a straight line.
pub(super) fn chord2_to_metres(chord2: f64) -> f64 {
    2.0 * EARTH_RADIUS_M * (chord2.sqrt() / 2.0).min(1.0).asin()
}

fn metres_to_chord2(metres: f64) -> f64 {
    let half_angle = (metres / (2.0 * EARTH_RADIUS_M)).min(core::f64::consts::FRAC_PI_2);
    let chord = 2.0 * half_angle.sin();
    chord * chord
}
