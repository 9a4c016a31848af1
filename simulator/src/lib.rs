//! Whole herds on invented time.
//!
//! A seed decides everything: who talks with whom, what clients say, and what goes wrong. Many cores run in
//! one thread, on a network that delays, cuts and loses, with providers that hang and lie. After every step
//! a naive model of the protocol, which shares no code with the core, says whether that was right; then
//! everything heals, and the herd must become one again. [`TABLE`] has what must hold, and why.
//!
//! ```
//! let run = herd_simulator::run(7);
//! assert!(run.violation.is_none(), "{run:?}");
//! assert_eq!(run.digest, herd_simulator::run(7).digest);
//! ```

mod crowd;
mod graph;
mod growth;
mod invariants;
mod life;
mod model;
mod plan;
mod random;
mod tally;
mod upstream;
mod wire;
mod world;

use core::fmt::Arguments;
use core::panic::AssertUnwindSafe;
use core::time::Duration;
use std::panic::catch_unwind;

pub use graph::Shape;
pub use growth::{Growth, growth};
pub use invariants::{Invariant, Row, TABLE, Violation};
pub use tally::{Meter, Tally};

use plan::Plan;
use random::Random;
use world::World;

/// What became of a herd.
#[derive(Clone, Debug)]
pub struct Run {
    /// What decided everything.
    pub seed: u64,
    /// A digest over everything the servers did.
    pub digest: [u8; 32],
    /// How many servers there were.
    pub servers: usize,
    /// How they were connected.
    pub shape: Shape,
    /// Pairs of servers that talked with each other.
    pub links: usize,
    /// Invented time that passed.
    pub time: Duration,
    /// How long after healing all tables were equal.
    pub converged: Option<Duration>,
    /// What has happened.
    pub tally: Tally,
    /// The rule that was broken, if one was.
    pub violation: Option<Violation>,
}

/// Runs the herd of a seed.
pub fn run(seed: u64) -> Run {
    simulate(seed, None, None)
}

/// Runs the herd of a seed, and tells what happens line by line.
pub fn replay(seed: u64, trace: &mut dyn FnMut(Arguments<'_>)) -> Run {
    simulate(seed, Some(trace), None)
}

/// Runs the herd of a seed, and holds the memory of each server against what is fair.
pub fn run_metered(seed: u64, meter: Meter) -> Run {
    simulate(seed, None, Some(meter))
}

fn simulate(seed: u64, mut trace: Option<world::Trace<'_>>, meter: Option<Meter>) -> Run {
    let mut random = Random::new(seed);
    let plan = Plan::draw(&mut random.branch());
    if let Some(trace) = &mut trace {
        plan.tell(trace);
    }
    let (servers, shape, links) = (plan.names.len(), plan.shape, plan.pairs.len());
    let length = plan.length;
    let mut world = World::new(plan, random.branch(), trace, meter);
    world.gathers();
    world.threatens();
    let lives = AssertUnwindSafe(|| world.run_until(length).and_then(|()| world.heal()));
    let outcome = catch_unwind(lives).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Violation::new(Invariant::Sound, text.unwrap_or("something panicked")))
    });
    let (converged, violation) = match outcome {
        Ok(took) => (Some(Duration::from_nanos(took)), None),
        Err(violation) => (None, Some(violation)),
    };
    let tally = world.tally;
    Run {
        seed,
        digest: world.digest(),
        servers,
        shape,
        links,
        time: Duration::from_nanos(world.now),
        converged,
        tally,
        violation,
    }
}
