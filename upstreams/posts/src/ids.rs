//! Ids that grow with time, without asking the database.
//!
//! The layout is that of Twitter's snowflakes: 41 bits of milliseconds since an epoch, 10 bits that tell
//! the servers of one database apart, 12 bits that count within a millisecond. See
//! <https://github.com/twitter-archive/snowflake/tree/snowflake-2010>.

use core::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// 2010-11-04 01:42:54.657 UTC, where Twitter's begin: milliseconds since 1970.
const EPOCH_MS: i64 = 1_288_834_974_657;
const NODE_BITS: u32 = 10;
const SEQUENCE_BITS: u32 = 12;

/// Gives out ids, each greater than the one before.
#[derive(Debug)]
pub struct Ids {
    /// Already where it stands in an id.
    node: i64,
    /// The last id given out, less the node.
    last: AtomicI64,
}

impl Ids {
    /// For the server with this number, of which the low ten bits count.
    pub fn new(node: u16) -> Self {
        let node = i64::from(node) & ((1 << NODE_BITS) - 1);
        Self { node: node << SEQUENCE_BITS, last: AtomicI64::new(0) }
    }

    /// An id for what happens at this moment, in milliseconds since 1970.
    ///
    /// When the clock stands still, steps back or more than 4096 a millisecond are taken, it runs ahead.
    pub fn next(&self, now_ms: i64) -> i64 {
        let at_least = first_at(now_ms);
        let step = |last| Some(after(last, at_least));
        let taken = self
            .last
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, step)
            .expect("there always is a next one");
        after(taken, at_least) | self.node
    }
}

/// The least id of this millisecond since 1970: ids of later moments are greater.
pub fn first_at(unix_ms: i64) -> i64 {
    (unix_ms - EPOCH_MS).clamp(0, (1 << 41) - 1) << (NODE_BITS + SEQUENCE_BITS)
}

/// The moment of an id, in milliseconds since 1970.
pub fn moment_ms(id: i64) -> i64 {
    (id >> (NODE_BITS + SEQUENCE_BITS)) + EPOCH_MS
}

/// Now, in milliseconds since 1970.
pub fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// What follows `last` (both without a node) and is not before `at_least`.
fn after(last: i64, at_least: i64) -> i64 {
    const SEQUENCE: i64 = (1 << SEQUENCE_BITS) - 1;
    let next = if last & SEQUENCE == SEQUENCE {
        // On to the next millisecond, over the bits of the node.
        (last | ((1 << (NODE_BITS + SEQUENCE_BITS)) - 1)) + 1
    } else {
        last + 1
    };
    next.max(at_least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_even_if_the_clock_does_not() {
        let ids = Ids::new(7);
        let moment = EPOCH_MS + 1_000;

        let first: Vec<i64> = (0..10_000).map(|_| ids.next(moment)).collect();
        let after_a_step_back = ids.next(moment - 500);

        assert!(first.is_sorted_by(|a, b| a < b));
        assert!(after_a_step_back > first[9_999]);
        assert!(first.iter().all(|id| (id >> SEQUENCE_BITS) & 0x3ff == 7));
        assert_eq!(moment_ms(first[0]), moment);
        assert_eq!(moment_ms(first[9_999]), moment + 2, "4096 fit into a millisecond");
    }

    #[test]
    fn a_moment_splits_the_ids_in_earlier_and_later() {
        let ids = Ids::new(1023);
        let moment = EPOCH_MS + 77;

        assert!(ids.next(moment - 1) < first_at(moment));
        assert!(ids.next(moment) >= first_at(moment));
        assert_eq!(first_at(0), 0);
    }
}
