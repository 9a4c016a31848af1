//! The table as anybody would write it: an ordered map, searched from end to end.

use std::collections::BTreeMap;

/// A record in merge order: by time stamp, then by the bytes of the line.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Record {
    pub(crate) stamp: i64,
    pub(crate) line: Vec<u8>,
}

/// Where a record came from: the succession of links it came by, 0 for a client.
pub(crate) type Chain = u64;

/// The origin of what the server's own clients report.
pub(crate) const HEARD_HERE: Chain = 0;

#[derive(Debug)]
struct Kept {
    record: Record,
    change: u64,
    chain: Chain,
}

#[derive(Debug)]
pub(crate) struct Table {
    capacity: usize,
    kept: BTreeMap<Vec<u8>, Kept>,
    /// Whose record is which change.
    by_change: BTreeMap<u64, Vec<u8>>,
    /// Every line that was ever taken, the change it made, and where it came from.
    taken: BTreeMap<Vec<u8>, (u64, Chain)>,
    /// The greatest record of each client that was ever taken, also where it had to go since.
    pub(crate) best: BTreeMap<Vec<u8>, Record>,
    pub(crate) changes: u64,
    /// Whose records were added, replaced or removed since somebody last looked.
    pub(crate) touched: Vec<Vec<u8>>,
}

impl Table {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            kept: BTreeMap::new(),
            by_change: BTreeMap::new(),
            taken: BTreeMap::new(),
            best: BTreeMap::new(),
            changes: 0,
            touched: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    pub(crate) fn record(&self, client: &[u8]) -> Option<&Record> {
        self.kept.get(client).map(|kept| &kept.record)
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = (&Vec<u8>, &Record)> {
        self.kept.iter().map(|(client, kept)| (client, &kept.record))
    }

    /// The change that a line made and where it came from, if it was ever taken.
    pub(crate) fn taken(&self, line: &[u8]) -> Option<(u64, Chain)> {
        self.taken.get(line).copied()
    }

    /// The records that are still what a change from `first` to `last` made them.
    pub(crate) fn changed(
        &self,
        first: u64,
        last: u64,
    ) -> impl Iterator<Item = (u64, Chain, &Record)> {
        let range = if first <= last { first..last + 1 } else { 0..0 };
        self.by_change.range(range).filter_map(|(change, client)| {
            self.kept.get(client).map(|kept| (*change, kept.chain, &kept.record))
        })
    }

    /// A report of an own client: later ones win.
    pub(crate) fn report(&mut self, client: &[u8], record: Record) -> bool {
        if self.record(client).is_some_and(|known| record.stamp <= known.stamp) {
            return false;
        }
        self.take(client, record, HEARD_HERE)
    }

    /// A record of a neighbour: greater ones win.
    pub(crate) fn merge(&mut self, client: &[u8], record: Record, chain: Chain) -> bool {
        if self.record(client).is_some_and(|known| record <= *known) {
            return false;
        }
        self.take(client, record, chain)
    }

    fn take(&mut self, client: &[u8], record: Record, chain: Chain) -> bool {
        if !self.kept.contains_key(client) && self.kept.len() >= self.capacity {
            let smallest = self.kept.iter().min_by_key(|(_, kept)| &kept.record);
            let Some((smallest, kept)) = smallest else { return false };
            if record < kept.record {
                return false;
            }
            let smallest = smallest.clone();
            self.remove(&smallest);
        }
        self.changes += 1;
        let change = self.changes;
        self.taken.insert(record.line.clone(), (change, chain));
        self.by_change.insert(change, client.to_vec());
        let best = self.best.entry(client.to_vec()).or_insert_with(|| record.clone());
        if *best < record {
            *best = record.clone();
        }
        let before = self.kept.insert(client.to_vec(), Kept { record, change, chain });
        if let Some(before) = before {
            self.by_change.remove(&before.change);
        }
        self.touched.push(client.to_vec());
        true
    }

    /// Forgets what is stamped before `oldest`.
    pub(crate) fn forget_before(&mut self, oldest: i64) -> usize {
        let old = self.kept.iter().filter(|(_, kept)| kept.record.stamp < oldest);
        let old: Vec<_> = old.map(|(client, _)| client.clone()).collect();
        old.iter().for_each(|client| self.remove(client));
        old.len()
    }

    fn remove(&mut self, client: &[u8]) {
        if let Some(kept) = self.kept.remove(client) {
            self.by_change.remove(&kept.change);
            self.touched.push(client.to_vec());
        }
    }
}
