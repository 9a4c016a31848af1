//! What is counted in a run.

/// Runs a closure, and says how many bytes of memory it allocated and did not free.
pub type Meter = fn(&mut dyn FnMut()) -> i64;

/// What happened in a run, in numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Events.
    pub events: u64,
    /// Calls of a core.
    pub calls: u64,
    /// Lines that clients said.
    pub lines: u64,
    /// Records sent on links.
    pub updates: u64,
    /// Lookups begun.
    pub lookups: u64,
    /// Things that went wrong.
    pub faults: u64,
    /// Starts of servers.
    pub starts: u64,
    /// Links that came up, seen from both sides.
    pub links: u64,
    /// Links among them that went on where they had ended.
    pub resumed: u64,
}
