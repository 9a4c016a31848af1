//! How the cost of one report grows with the herd.
//!
//! Nothing goes wrong here: a herd stands, one client reports to one server, and the record is watched on
//! its way to all the others.

use core::time::Duration;

use crate::graph::Shape;
use crate::invariants::Violation;
use crate::plan::Plan;
use crate::random::Random;
use crate::world::World;

/// What a report costs in a herd that stands, on average.
#[derive(Clone, Copy, Debug)]
pub struct Growth {
    /// How the servers are connected.
    pub shape: Shape,
    /// How many there are.
    pub servers: usize,
    /// How many pairs of them talk with each other.
    pub links: usize,
    /// Records sent on links for one report.
    pub messages: f64,
    /// Links that the record crossed on its way to the server that it reached over most.
    pub hops: f64,
    /// From the answer to the client until the last server had the record.
    pub time: Duration,
}

/// Reports that are watched.
const REPORTS: u32 = 10;
/// A hop takes this long at least and at most, in nanoseconds.
const HOP: (u64, u64) = (5_000_000, 15_000_000);
const MS: u64 = 1_000_000;

/// Measures what a report costs.
///
/// # Errors
///
/// The rule that the herd broke, if it did.
pub fn growth(shape: Shape, servers: usize) -> Result<Growth, Violation> {
    let mut random = Random::new(servers as u64);
    let plan = Plan::calm(shape, servers, HOP, &mut random.branch());
    let links = plan.pairs.len();
    let mut world = World::new(plan, random.branch(), None, None);
    world.stands()?;
    let (mut hops, mut time) = (0, 0);
    let before = world.tally.updates;
    for number in 0..REPORTS {
        let reached = world.watched(random.place(servers), format!("g{number}").as_bytes(), MS)?;
        hops += reached.iter().map(|(_, hops)| *hops).max().unwrap_or_default();
        let times = reached.iter().map(|(at, _)| *at);
        time += times.clone().max().unwrap_or_default() - times.min().unwrap_or_default();
    }
    #[expect(clippy::cast_precision_loss, reason = "the counts are small")]
    let each = |sum: u64| sum as f64 / f64::from(REPORTS);
    Ok(Growth {
        shape,
        servers,
        links,
        messages: each(world.tally.updates - before),
        hops: each(hops),
        time: Duration::from_nanos(time / u64::from(REPORTS)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_a_tree_a_record_crosses_each_link_once() {
        let tree = growth(Shape::Tree, 31).unwrap();
        assert_eq!((tree.links, tree.messages), (30, 30.0));
        assert!(tree.hops >= 4.0 && tree.hops <= 8.0, "{tree:?}");
    }

    #[test]
    fn in_a_mesh_a_record_is_passed_on_to_all_but_where_it_came_from() {
        let mesh = growth(Shape::Mesh, 12).unwrap();
        // Each server passes it on to all neighbours but the one it has it from: 12 * 11 - 11.
        assert_eq!((mesh.links, mesh.messages), (66, 121.0));
        assert!(mesh.time <= Duration::from_nanos(2 * HOP.1), "{mesh:?}");
    }
}
