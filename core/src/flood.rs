//! What a neighbour has not been sent yet.
//!
//! Nothing is queued: a neighbour is a position in the log of changes, and a line is copied out of
//! the table when there is room for it. A slot that changed again later is skipped at its older
//! position, so a slow neighbour gets the newest record of each client instead of a backlog.
//!
//! ```text
//!            sent      next                     last change
//!   ring  ···━━━━━━━━━━┿━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┥
//! ```
//!
//! When the ring has overtaken `next`, a walk over the table sends what changed from there to the
//! head as it was when the walk began, and the ring goes on from that head.

use alloc::vec::Vec;

use crate::directory::{Directory, Origin, Record, STEPS};

#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    /// The first change that has not been sent.
    next: u64,
    walk: Option<Walk>,
    /// Records from here are known there.
    origin: Origin,
}

/// One pass over the slots of the table, for the changes from the cursor's `next` up to `until`.
#[derive(Clone, Debug)]
struct Walk {
    slot: u32,
    until: u64,
}

impl Cursor {
    /// A cursor for a neighbour that has been sent everything before change `next`; records that came
    /// on the link `origin` are never sent back on it.
    pub(crate) fn new(next: u64, origin: Origin) -> Self {
        Self { next, walk: None, origin }
    }

    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    /// The last change up to which everything has been sent.
    pub(crate) fn sent(&self) -> u64 {
        self.next - 1
    }

    /// Whether there is something to look at.
    pub(crate) fn is_behind(&self, directory: &Directory) -> bool {
        self.next <= directory.changes().last()
    }

    /// Whether the log has overtaken it, and no walk has begun for that yet.
    pub(crate) fn is_overtaken(&self, directory: &Directory) -> bool {
        self.walk.is_none() && !directory.changes().remembers(self.next)
    }

    /// Whether it is a walk that sends what there is to send.
    pub(crate) fn is_walking(&self, directory: &Directory) -> bool {
        self.walk.is_some() || self.is_overtaken(directory)
    }

    /// Appends lines to `out` until `room` bytes are used, nothing is left, or it has looked at so much that others
    /// should have their turn; says how many lines. The last line may go beyond.
    pub(crate) fn fill(
        &mut self,
        directory: &Directory,
        room: usize,
        line_end: &[u8],
        out: &mut Vec<u8>,
    ) -> u64 {
        let full = out.len().saturating_add(room);
        let mut lines = 0;
        let mut steps = STEPS;
        while self.is_behind(directory) && out.len() < full && steps > 0 {
            steps -= 1;
            if let Some(record) = self.step(directory)
                && record.origin != self.origin
            {
                out.extend_from_slice(record.line);
                out.extend_from_slice(line_end);
                lines += 1;
            }
        }
        lines
    }

    /// Moves on by one change or one slot; the record to send, if that was one.
    pub(crate) fn step<'a>(&mut self, directory: &'a Directory) -> Option<Record<'a>> {
        let changes = directory.changes();
        if self.walk.is_none() && changes.remembers(self.next) {
            let number = self.next;
            self.next += 1;
            let record = directory.record(changes.slot(number)?)?;
            return (record.change == number).then_some(record);
        }
        let walk = self.walk.get_or_insert_with(|| Walk { slot: 0, until: changes.last() });
        if walk.slot == directory.slots() {
            self.next = walk.until + 1;
            self.walk = None;
            return None;
        }
        let record = directory.record(walk.slot);
        walk.slot += 1;
        record.filter(|record| (self.next..=walk.until).contains(&record.change))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{HEARD_HERE, Newcomer};
    use crate::time::Timestamp;
    use alloc::collections::BTreeMap;
    use alloc::string::{String, ToString};
    use proptest::prelude::*;

    fn learn(table: &mut Directory, client: u8, stamp: i64, origin: Origin) {
        let client = alloc::format!("c{client}");
        let line = alloc::format!("AT Hill +1 {client} +1-2 {stamp}");
        let newcomer = Newcomer {
            line: line.as_bytes(),
            client_at: "AT Hill +1 ".len(),
            client_len: client.len(),
            stamp: Timestamp::from_nanos(stamp),
            origin,
        };
        table.learn(table.find(client.as_bytes()), &newcomer);
    }

    fn taken(cursor: &mut Cursor, table: &Directory, room: usize) -> Vec<String> {
        let mut out = Vec::new();
        cursor.fill(table, room, b"\n", &mut out);
        String::from_utf8(out).unwrap().lines().map(ToString::to_string).collect()
    }

    #[test]
    fn a_client_that_moved_often_is_sent_once() {
        let mut table = Directory::new(10, 16, [1; 16]);
        let mut cursor = Cursor::new(1, 1);
        (1..=5).for_each(|stamp| learn(&mut table, 0, stamp, HEARD_HERE));
        assert_eq!(taken(&mut cursor, &table, 1000), ["AT Hill +1 c0 +1-2 5"]);
        assert!(!cursor.is_behind(&table));
    }

    #[test]
    fn a_walk_sends_only_what_the_neighbour_lacks() {
        let mut table = Directory::new(100, 4, [1; 16]);
        (0..20).for_each(|client| learn(&mut table, client, 1, HEARD_HERE));
        let mut cursor = Cursor::new(11, 1);
        assert_eq!(taken(&mut cursor, &table, 10_000).len(), 10);
        assert_eq!(cursor.sent(), 20);
    }

    #[test]
    fn a_record_is_not_sent_back_on_its_link() {
        let mut table = Directory::new(10, 16, [1; 16]);
        learn(&mut table, 0, 1, 7);
        assert!(taken(&mut Cursor::new(1, 7), &table, 1000).is_empty());
        assert_eq!(taken(&mut Cursor::new(1, 8), &table, 1000).len(), 1);
    }

    proptest! {
        /// However slowly a neighbour reads and however small the ring is, it ends with the table, and no
        /// change reaches it twice.
        #[test]
        fn a_neighbour_ends_with_the_table(
            steps in prop::collection::vec((0..30_u8, any::<bool>(), 0..200_usize), 0..300), ring in 1..40_u32,
        ) {
            let mut table = Directory::new(1000, ring, [3; 16]);
            let mut cursor = Cursor::new(1, 1);
            let (mut sent, mut held) = (Vec::new(), BTreeMap::new());
            for (stamp, (client, reads, room)) in steps.iter().enumerate() {
                learn(&mut table, *client, stamp as i64, HEARD_HERE);
                held.insert(*client, stamp.to_string());
                if *reads {
                    sent.extend(taken(&mut cursor, &table, *room));
                }
            }
            sent.extend(taken(&mut cursor, &table, usize::MAX));
            prop_assert!(!cursor.is_behind(&table));
            let mut once = sent.clone();
            once.sort();
            once.dedup();
            prop_assert_eq!(once.len(), sent.len());
            for (client, stamp) in held {
                let last = alloc::format!("AT Hill +1 c{client} +1-2 {stamp}");
                prop_assert!(sent.contains(&last), "lacks {last}");
            }
        }
    }
}
