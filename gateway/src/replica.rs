//! A copy of the herd's table, and where on earth its clients are.
//!
//! It is fed with records as servers hold them and merges as they do: the later time wins, and at equal times the
//! greater line. Whoever follows it asks what has changed since a version it has seen; a follower that is slow gets
//! each client once, as it is by then, and costs nothing while it is slow.

use core::cmp::Ordering;
use core::sync::atomic::{self, AtomicBool};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use herd_core::{Location, Timestamp};
use tokio::sync::watch;

pub use self::bounds::Bounds;
use self::tree::{Item, Tree};

mod bounds;
mod tree;

/// A record as a server holds it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// `AT SERVER DIFFERENCE CLIENT LOCATION TIME`, single blanks, no line feed.
    line: Box<[u8]>,
    time: Timestamp,
}

impl Record {
    /// Reads an `AT` line; none where it is no such line.
    pub fn of_line(line: &[u8]) -> Option<Self> {
        let fields = line.split(|byte| *byte == b' ').collect::<Vec<_>>();
        let [b"AT", server, difference, client, location, time] = fields[..] else { return None };
        Location::parse(location)?;
        Timestamp::parse(difference)?;
        if server.is_empty() || client.is_empty() {
            return None;
        }
        Some(Self { line: line.into(), time: Timestamp::parse(time)? })
    }

    fn field(&self, at: usize) -> &[u8] {
        self.line.split(|byte| *byte == b' ').nth(at).unwrap_or_default()
    }

    /// The client's ID.
    pub fn client(&self) -> &[u8] {
        self.field(3)
    }

    /// The server that has heard the client.
    pub fn server(&self) -> String {
        String::from_utf8_lossy(self.field(1)).into_owned()
    }

    /// When the client was there, by its own clock.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// When the server has heard of it, by the server's clock.
    pub fn heard(&self) -> Timestamp {
        let difference = Timestamp::parse(self.field(2)).unwrap_or_default();
        Timestamp::from_nanos(self.time.nanos().saturating_add(difference.nanos()))
    }

    /// Latitude and longitude in the digits of the client, as JSON writes numbers.
    pub fn coordinates(&self) -> [String; 2] {
        let Some(location) = Location::parse(self.field(4)) else { return Default::default() };
        let (mut latitude, mut longitude) = (Vec::new(), Vec::new());
        location.write_latitude(&mut latitude);
        location.write_longitude(&mut longitude);
        [latitude, longitude].map(|text| String::from_utf8(text).unwrap_or_default())
    }

    /// Latitude and longitude in degrees.
    pub fn point(&self) -> (f64, f64) {
        let [latitude, longitude] = self.coordinates().map(|text| text.parse().unwrap_or_default());
        (latitude, longitude)
    }

    /// Whether this is kept rather than the other one.
    fn beats(&self, other: &Self) -> bool {
        match self.time.cmp(&other.time) {
            Ordering::Equal => self.line > other.line,
            Ordering::Greater => true,
            Ordering::Less => false,
        }
    }
}

/// So many records are forgotten before others get to read.
const REMOVED_AT_ONCE: usize = 1000;

/// The copy, shared by all who read it and the one who feeds it.
#[derive(Debug)]
pub struct Replica {
    table: RwLock<Table>,
    version: watch::Sender<u64>,
    is_following: AtomicBool,
}

/// A client of a [`Table`]. It means nothing once the client is gone from it, not even another client.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Handle {
    slot: u32,
    /// How often the slot was taken, so that who has it next is not taken for who had it before.
    turn: u32,
}

/// The records, and an index over where they are.
#[derive(Debug)]
pub struct Table {
    by_client: HashMap<Arc<[u8]>, u32>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    tree: Tree,
    /// Goes up by one with every change.
    version: u64,
    limit: usize,
    /// The latest time of what was dropped for want of room.
    dropped: Option<Timestamp>,
}

#[derive(Debug)]
struct Slot {
    turn: u32,
    entry: Option<Entry>,
}

#[derive(Debug)]
struct Entry {
    client: Arc<[u8]>,
    record: Record,
    /// Its latitude and longitude in degrees: reading them from the record again takes a while.
    point: (f64, f64),
    version: u64,
}

/// A client that was found.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// Which one it is.
    pub handle: Handle,
    /// Its record.
    pub record: &'a Record,
    /// In degrees.
    pub latitude: f64,
    /// In degrees.
    pub longitude: f64,
    /// The version of its last change.
    pub version: u64,
}

impl Replica {
    /// An empty copy that holds `limit` clients at most.
    pub fn new(limit: usize) -> Self {
        let table = Table {
            by_client: HashMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            tree: Tree::new(),
            version: 0,
            limit: limit.max(1),
            dropped: None,
        };
        Self {
            table: RwLock::new(table),
            version: watch::Sender::new(0),
            is_following: AtomicBool::new(false),
        }
    }

    /// Merges records of a server into it.
    pub fn apply(&self, records: impl IntoIterator<Item = Record>) {
        self.change(|table| records.into_iter().for_each(|record| table.apply(record)));
    }

    /// Merges what servers have answered to reports. At equal times the record that is there stands, as with a
    /// server: which one the herd keeps is told by [`Replica::apply`].
    pub fn apply_later(&self, records: impl IntoIterator<Item = Record>) {
        self.change(|table| {
            for record in records {
                let held = table.client(record.client());
                if held.is_none_or(|held| record.time > held.record.time) {
                    table.apply(record);
                }
            }
        });
    }

    /// Forgets a client.
    pub fn remove(&self, client: &[u8]) {
        self.change(|table| {
            if let Some(slot) = table.by_client.get(client).copied() {
                table.remove(slot);
            }
        });
    }

    /// Forgets all whose time is before `oldest`, as servers do with `record_age_s`.
    pub fn forget_before(&self, oldest: Timestamp) {
        let is_old =
            |held: &Slot| held.entry.as_ref().is_some_and(|entry| entry.record.time < oldest);
        // Looking for them keeps nobody waiting who reads.
        let old: Vec<u32> = self.read(|table| {
            let slots = (0..).zip(&table.slots);
            slots.filter(|(_, held)| is_old(held)).map(|(slot, _)| slot).collect()
        });
        for some in old.chunks(REMOVED_AT_ONCE) {
            self.change(|table| {
                for slot in some {
                    // It may have reported in the meantime.
                    if is_old(&table.slots[*slot as usize]) {
                        table.remove(*slot);
                    }
                }
            });
        }
    }

    fn change(&self, change: impl FnOnce(&mut Table)) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let before = table.version;
        change(&mut table);
        let version = table.version;
        drop(table);
        if version != before {
            self.version.send_if_modified(|told| {
                let is_later = version > *told;
                *told = version.max(*told);
                is_later
            });
        }
    }

    /// Reads it. Nothing is applied in the meantime.
    pub fn read<T>(&self, read: impl FnOnce(&Table) -> T) -> T {
        read(&self.table.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Says whether a server sends its records from now on.
    pub fn set_following(&self, is_following: bool) {
        self.is_following.store(is_following, atomic::Ordering::Relaxed);
    }

    /// Whether a server sends its records.
    pub fn is_following(&self) -> bool {
        self.is_following.load(atomic::Ordering::Relaxed)
    }

    /// Tells the version whenever it changes.
    pub fn versions(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }
}

impl Table {
    /// How many clients there are.
    pub fn count(&self) -> usize {
        self.by_client.len()
    }

    /// How many changes there were.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The client of this ID.
    pub fn client(&self, id: &[u8]) -> Option<Found<'_>> {
        self.found(*self.by_client.get(id)?)
    }

    /// The client of this handle, unless it is gone.
    pub fn by_handle(&self, handle: Handle) -> Option<Found<'_>> {
        let slot = self.slots.get(handle.slot as usize)?;
        if slot.turn == handle.turn { self.found(handle.slot) } else { None }
    }

    fn found(&self, slot: u32) -> Option<Found<'_>> {
        let Slot { turn, entry } = self.slots.get(slot as usize)?;
        let Entry { record, version, point: (latitude, longitude), .. } = entry.as_ref()?;
        let handle = Handle { slot, turn: *turn };
        let (latitude, longitude) = (*latitude, *longitude);
        Some(Found { handle, record, latitude, longitude, version: *version })
    }

    /// The `limit` clients nearest to a point within `radius_m` of it, the nearest first, with their distances in
    /// metres. At equal distances the lesser ID comes first.
    pub fn nearest(
        &self,
        (latitude, longitude): (f64, f64),
        radius_m: f64,
        limit: usize,
    ) -> Vec<(f64, Found<'_>)> {
        let near = self.tree.nearest((latitude, longitude), radius_m, limit);
        let mut found: Vec<_> = near
            .into_iter()
            .filter_map(|(metres, slot)| Some((metres, self.found(slot)?)))
            .collect();
        found.sort_by(|(a, one), (b, other)| {
            a.total_cmp(b).then_with(|| one.record.client().cmp(other.record.client()))
        });
        found
    }

    /// Calls `each` for the clients in a box that have changed after version `since`, in no order, until it says
    /// `false`.
    pub fn within<'a>(
        &'a self,
        bounds: Bounds,
        since: u64,
        mut each: impl FnMut(Found<'a>) -> bool,
    ) {
        for (west, east) in bounds.spans() {
            let mut goes_on = true;
            self.tree.within([bounds.south, bounds.north], [west, east], since, &mut |item| {
                let Some(Slot { turn, entry: Some(entry) }) = self.slots.get(item.slot as usize)
                else {
                    return true;
                };
                let Item { latitude, longitude, slot, .. } = *item;
                let handle = Handle { slot, turn: *turn };
                let Entry { record, version, .. } = entry;
                goes_on = each(Found { handle, record, latitude, longitude, version: *version });
                goes_on
            });
            if !goes_on {
                return;
            }
        }
    }

    fn apply(&mut self, record: Record) {
        let version = self.version + 1;
        let (latitude, longitude) = record.point();
        if let Some(&slot) = self.by_client.get(record.client()) {
            let held = &mut self.slots[slot as usize].entry;
            let entry = held.as_mut().expect("the slot of a client holds its entry");
            if !record.beats(&entry.record) {
                return;
            }
            let before = entry.point;
            entry.record = record;
            entry.point = (latitude, longitude);
            entry.version = version;
            self.tree.put_elsewhere(before, Item::new(slot, latitude, longitude, version));
        } else {
            if self.by_client.len() >= self.limit {
                self.make_room();
            }
            // A server whose table is full takes no record that is older than all it has.
            let is_full = self.by_client.len() + self.limit / 100 + 1 >= self.limit;
            if is_full && self.dropped.is_some_and(|dropped| record.time() <= dropped) {
                return;
            }
            let client: Arc<[u8]> = record.client().into();
            let point = (latitude, longitude);
            let entry = Some(Entry { client: Arc::clone(&client), record, point, version });
            let slot = match self.free.pop() {
                Some(slot) => {
                    self.slots[slot as usize].entry = entry;
                    slot
                }
                None => {
                    let slot = u32::try_from(self.slots.len()).expect("fewer clients than 2^32");
                    self.slots.push(Slot { turn: 0, entry });
                    slot
                }
            };
            self.by_client.insert(client, slot);
            self.tree.put(Item::new(slot, latitude, longitude, version));
        }
        self.version = version;
    }

    fn remove(&mut self, slot: u32) {
        let held = &mut self.slots[slot as usize];
        let Some(entry) = held.entry.take() else { return };
        held.turn = held.turn.wrapping_add(1);
        self.tree.take(slot, entry.point);
        self.by_client.remove(&entry.client);
        self.free.push(slot);
        self.version += 1;
    }

    /// Drops the oldest records, a hundredth of them, so that the next time is far away.
    fn make_room(&mut self) {
        let mut times: Vec<(Timestamp, u32)> = Vec::with_capacity(self.slots.len());
        for (slot, held) in (0..).zip(&self.slots) {
            times.extend(held.entry.as_ref().map(|entry| (entry.record.time, slot)));
        }
        let count = (times.len() / 100).max(1);
        let (_, (latest, _), _) = times.select_nth_unstable(count - 1);
        self.dropped = Some(*latest);
        for (_, slot) in &times[..count] {
            self.remove(*slot);
        }
    }
}

#[cfg(test)]
mod tests;
