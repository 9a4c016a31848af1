//! The table: where every client is.
//!
//! The value of a record is its `AT` line, kept as it was written, so that queries and links copy it
//! and nobody formats it twice. Records lie in slots of two cache lines that never move; a line that
//! does not fit into them, which takes an unusually long client ID, lies elsewhere.
//!
//! [`Directory::learn`] is the only way in. Each record that is learnt takes the next number of change, which is what
//! neighbours are told by.

use alloc::vec::Vec;
use core::hint::black_box;

use siphasher::sip::SipHasher13;

use crate::changes::Changes;
use crate::index::Index;
use crate::smallest::{Key, Smallest};
use crate::time::Timestamp;

#[derive(Debug)]
pub(crate) struct Directory {
    /// Keyed: who does not know the key cannot choose client IDs whose hashes are alike.
    hasher: SipHasher13,
    index: Index,
    /// Each with room for [`CHUNK`] cells from the start, or as many as there may be, so that none ever moves. All
    /// but the last are full.
    chunks: Vec<Vec<Cell>>,
    /// Slots that hold no record.
    free: Vec<u32>,
    len: usize,
    /// Records that made room for greater ones.
    evicted: u64,
    capacity: usize,
    smallest: Smallest,
    changes: Changes,
    /// Where the walk that looks for old records goes on.
    aging: u32,
}

/// Slots of the table that one call looks at before it lets others have their turn.
pub(crate) const STEPS: u32 = 1 << 16;

/// A record that might be kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Newcomer<'a> {
    /// The `AT` line, single spaces between its fields, without its line end.
    pub(crate) line: &'a [u8],
    /// Where in the line the client's ID begins.
    pub(crate) client_at: usize,
    pub(crate) client_len: usize,
    pub(crate) stamp: Timestamp,
    /// The link it came on, or [`HEARD_HERE`].
    pub(crate) origin: Origin,
}

/// The link a record came on: no two links of a server's life have one number, and a link that is
/// resumed keeps it.
pub(crate) type Origin = u32;

/// The origin of a report that one of our own clients made.
pub(crate) const HEARD_HERE: Origin = 0;

/// Where the record of a client is, or would be: as long as nothing is learnt or forgotten.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    hash: u64,
    slot: Option<u32>,
}

/// What became of a [`Newcomer`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum News {
    /// It is the client's record now.
    Fresh,
    /// It is not newer than what is known.
    Stale,
    /// The table is full of greater records.
    NoRoom,
}

/// What one step of the walk for old records did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Forgotten {
    pub(crate) records: usize,
    /// Whether all slots have been looked at. Otherwise the next call goes on.
    pub(crate) is_over: bool,
}

/// What is known of one client: the latest report by the client's own clock, and which server had it.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its `AT` line without the line end, single spaces between its fields.
    pub(crate) line: &'a [u8],
    pub(crate) stamp: Timestamp,
    pub(crate) origin: Origin,
    /// The number of the change that made it what it is.
    pub(crate) change: u64,
    client_at: u8,
    client_len: u8,
}

impl<'a> Record<'a> {
    /// The client's ID.
    pub fn client(&self) -> &'a [u8] {
        &self.line[usize::from(self.client_at)..][..usize::from(self.client_len)]
    }

    /// The location as the client wrote it: [`Location::parse`](crate::Location::parse) reads it.
    pub fn location(&self) -> &'a [u8] {
        self.behind_client(0)
    }

    /// The time as the client wrote it, in POSIX seconds.
    pub fn time(&self) -> &'a [u8] {
        self.behind_client(1)
    }

    /// The same time as a number.
    pub fn stamp(&self) -> Timestamp {
        self.stamp
    }

    /// The ID of the server that the client reported to.
    pub fn server(&self) -> &'a [u8] {
        self.field(self.line, 1)
    }

    /// How far that server's clock was ahead of the client's, in seconds with a sign, as the server wrote it.
    pub fn skew(&self) -> &'a [u8] {
        self.field(self.line, 2)
    }

    /// The `AT` line of the record, without its line end.
    pub fn line(&self) -> &'a [u8] {
        self.line
    }

    fn behind_client(&self, number: usize) -> &'a [u8] {
        let behind = usize::from(self.client_at) + usize::from(self.client_len) + 1;
        self.field(&self.line[behind..], number)
    }

    fn field(&self, text: &'a [u8], number: usize) -> &'a [u8] {
        text.split(|byte| *byte == b' ').nth(number).unwrap_or_default()
    }

    /// Whether this is just what the client said: its ID, location and time with a space before each.
    #[inline]
    pub(crate) fn was_made_by(&self, said: &[u8]) -> bool {
        let known = &self.line[usize::from(self.client_at) - 1..];
        // What differs is the time, if anything, which stands last.
        known.last_chunk::<8>() == said.last_chunk::<8>() && known == said
    }
}

impl Directory {
    /// An empty table for `capacity` records, remembering `ring` changes. `key` is secret: client IDs are hostile.
    pub(crate) fn new(capacity: u32, ring: u32, key: [u8; 16]) -> Self {
        Self {
            hasher: SipHasher13::new_with_key(&key),
            index: Index::new(),
            chunks: Vec::new(),
            free: Vec::new(),
            len: 0,
            evicted: 0,
            capacity: capacity as usize,
            smallest: Smallest::default(),
            changes: Changes::new(ring),
            aging: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many records have made room for greater ones since the start.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }

    pub(crate) fn changes(&self) -> &Changes {
        &self.changes
    }

    /// The number of slots there are, used or not.
    #[expect(clippy::cast_possible_truncation, reason = "slots are numbered in 32 bits")]
    pub(crate) fn slots(&self) -> u32 {
        (self.len + self.free.len()) as u32
    }

    pub(crate) fn hash(&self, client: &[u8]) -> u64 {
        self.hasher.hash(client)
    }

    /// How many entries of the index the longest search for a client reads, since the index last grew.
    pub(crate) fn longest_probe(&self) -> usize {
        self.index.longest()
    }

    /// Has the records of `hashes` fetched from memory, all at once rather than one after the other.
    pub(crate) fn warm(&self, hashes: impl Iterator<Item = u64> + Clone) {
        let mut sum = 0;
        for hash in hashes.clone() {
            sum ^= self.index.begin(hash);
        }
        black_box(sum);
        let mut ends = 0;
        for slot in hashes.filter_map(|hash| self.index.first(hash)) {
            ends ^= self.cell(slot).ends();
        }
        black_box(ends);
    }

    /// Where the record of a client is.
    pub(crate) fn find(&self, client: &[u8]) -> Place {
        self.find_hashed(self.hash(client), client)
    }

    /// The same with the hash of the client's ID at hand.
    #[inline(always)]
    pub(crate) fn find_hashed(&self, hash: u64, client: &[u8]) -> Place {
        let slot = self.index.find(hash, client, |slot| self.cell(slot).record().client());
        Place { hash, slot }
    }

    /// The record that is there.
    #[inline(always)]
    pub(crate) fn at(&self, place: Place) -> Option<Record<'_>> {
        place.slot.map(|slot| self.cell(slot).record())
    }

    /// The record in a slot, if there is one.
    pub(crate) fn record(&self, slot: u32) -> Option<Record<'_>> {
        record(&self.chunks, slot)
    }

    /// Keeps `newcomer`, whose client's place is `place`, if it is newer than what is known, and says what became
    /// of it.
    ///
    /// A report that a client makes here is newer by its time stamp alone, so that repeating one costs
    /// nothing. Records of neighbours are also compared by their bytes, so that all servers choose the
    /// same one of two.
    #[inline(always)]
    pub(crate) fn learn(&mut self, place: Place, newcomer: &Newcomer<'_>) -> News {
        debug_assert_eq!(
            place.slot,
            self.find(newcomer.client()).slot,
            "the table has changed since"
        );
        let slot = match place.slot {
            Some(slot) if newcomer.supersedes(&self.cell(slot).record()) => slot,
            Some(_) => return News::Stale,
            None => match self.vacate(newcomer) {
                Some(slot) => slot,
                None => return News::NoRoom,
            },
        };
        let change = self.changes.push(slot);
        self.cell_mut(slot).put(newcomer, change);
        if place.slot.is_none() {
            let chunks = &self.chunks;
            self.index.insert(place.hash, slot, |slot| cell(chunks, slot).record().client());
            self.len += 1;
            self.smallest
                .grow(self.len, self.capacity, self.slots(), |slot| key(&self.chunks, slot));
        }
        self.smallest.note(slot, |slot| key(&self.chunks, slot));
        News::Fresh
    }

    /// Forgets the records stamped before `oldest` in as many slots as one call looks at: the first ones, or those
    /// behind where the last call stopped.
    pub(crate) fn forget_before(&mut self, oldest: Timestamp) -> Forgotten {
        let before = self.len;
        let end = self.slots().min(self.aging.saturating_add(STEPS));
        for slot in self.aging..end {
            if self.record(slot).is_some_and(|record| record.stamp < oldest) {
                self.remove(slot);
                self.smallest.note(slot, |slot| key(&self.chunks, slot));
            }
        }
        let is_over = end == self.slots();
        self.aging = if is_over { 0 } else { end };
        Forgotten { records: before - self.len, is_over }
    }

    /// A slot for `newcomer`, at the cost of the smallest record where there is no other; none if
    /// the newcomer itself is the smallest.
    fn vacate(&mut self, newcomer: &Newcomer<'_>) -> Option<u32> {
        if self.len >= self.capacity {
            let smallest = self.smallest_slot()?;
            let record = self.cell(smallest).record();
            if (newcomer.stamp, newcomer.line) < (record.stamp, record.line) {
                return None;
            }
            self.remove(smallest);
            self.evicted += 1;
        }
        Some(self.free.pop().unwrap_or_else(|| self.new_slot()))
    }

    fn new_slot(&mut self) -> u32 {
        let slot = self.slots();
        if slot as usize == self.chunks.len() * CHUNK {
            let rest = self.capacity.saturating_sub(slot as usize);
            self.chunks.push(Vec::with_capacity(rest.min(CHUNK)));
        }
        self.chunks[slot as usize / CHUNK].push(Cell::unused());
        slot
    }

    fn smallest_slot(&mut self) -> Option<u32> {
        self.smallest.slot(self.slots(), |slot| key(&self.chunks, slot))
    }

    /// Empties a slot. What is the smallest record is to be told afterwards.
    fn remove(&mut self, slot: u32) {
        let client = cell(&self.chunks, slot).record().client();
        self.index.remove(self.hasher.hash(client), slot, client);
        *self.cell_mut(slot) = Cell::unused();
        self.free.push(slot);
        self.len -= 1;
    }

    fn cell(&self, slot: u32) -> &Cell {
        cell(&self.chunks, slot)
    }

    fn cell_mut(&mut self, slot: u32) -> &mut Cell {
        &mut self.chunks[slot as usize / CHUNK][slot as usize % CHUNK]
    }
}

fn cell(chunks: &[Vec<Cell>], slot: u32) -> &Cell {
    &chunks[slot as usize / CHUNK][slot as usize % CHUNK]
}

/// The record in a slot, if there is such a slot and it has one.
fn record(chunks: &[Vec<Cell>], slot: u32) -> Option<Record<'_>> {
    let cell = chunks.get(slot as usize / CHUNK)?.get(slot as usize % CHUNK)?;
    (cell.change != UNUSED).then(|| cell.record())
}

fn key(chunks: &[Vec<Cell>], slot: u32) -> Option<Key<'_>> {
    record(chunks, slot).map(|record| (record.stamp, record.line))
}

impl Newcomer<'_> {
    fn client(&self) -> &[u8] {
        &self.line[self.client_at..][..self.client_len]
    }

    fn supersedes(&self, known: &Record<'_>) -> bool {
        if self.origin == HEARD_HERE {
            return self.stamp > known.stamp;
        }
        (self.stamp, self.line) > (known.stamp, known.line)
    }
}

/// So many slots have memory together; they stay where they are.
const CHUNK: usize = 1024;
/// The change of a slot that holds no record.
const UNUSED: u64 = 0;
/// What fits into a slot beside the rest of it.
const INLINE_BYTES: usize = 103;

/// One slot: two cache lines.
#[derive(Debug)]
#[repr(C, align(64))]
struct Cell {
    stamp: Timestamp,
    change: u64,
    origin: Origin,
    len: u16,
    client_at: u8,
    client_len: u8,
    text: Text,
}

const _: () = assert!(size_of::<Cell>() == 128);

#[derive(Debug)]
enum Text {
    Inline([u8; INLINE_BYTES]),
    Long(Vec<u8>),
}

impl Cell {
    fn unused() -> Self {
        Self {
            stamp: Timestamp::default(),
            change: UNUSED,
            origin: HEARD_HERE,
            len: 0,
            client_at: 0,
            client_len: 0,
            text: Text::Inline([0; INLINE_BYTES]),
        }
    }

    fn record(&self) -> Record<'_> {
        let line = match &self.text {
            Text::Inline(bytes) => &bytes[..usize::from(self.len)],
            Text::Long(bytes) => bytes,
        };
        let Self { stamp, origin, change, client_at, client_len, .. } = *self;
        Record { line, stamp, origin, change, client_at, client_len }
    }

    /// Something of both cache lines.
    fn ends(&self) -> u64 {
        match &self.text {
            Text::Inline([.., last]) => self.change ^ u64::from(*last),
            Text::Long(_) => self.change,
        }
    }

    fn put(&mut self, newcomer: &Newcomer<'_>, change: u64) {
        let fits = "an AT line keeps to the maxima of its fields";
        self.stamp = newcomer.stamp;
        self.change = change;
        self.origin = newcomer.origin;
        self.len = u16::try_from(newcomer.line.len()).expect(fits);
        self.client_at = u8::try_from(newcomer.client_at).expect(fits);
        self.client_len = u8::try_from(newcomer.client_len).expect(fits);
        match &mut self.text {
            Text::Long(bytes) => {
                bytes.clear();
                bytes.extend_from_slice(newcomer.line);
            }
            Text::Inline(bytes) if newcomer.line.len() <= INLINE_BYTES => {
                bytes[..newcomer.line.len()].copy_from_slice(newcomer.line);
            }
            Text::Inline(_) => self.text = Text::Long(newcomer.line.to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use alloc::string::String;
    use proptest::prelude::*;

    fn learn(table: &mut Directory, client: &str, stamp: i64, text: &str, origin: Origin) -> News {
        let line = alloc::format!("AT Hill {text} {client} +1-2 {stamp}");
        let newcomer = Newcomer {
            line: line.as_bytes(),
            client_at: "AT Hill ".len() + text.len() + 1,
            client_len: client.len(),
            stamp: Timestamp::from_nanos(stamp),
            origin,
        };
        table.learn(table.find(client.as_bytes()), &newcomer)
    }

    fn lines(table: &Directory) -> Vec<String> {
        let records = (0..table.slots()).filter_map(|slot| table.record(slot));
        let mut lines: Vec<_> =
            records.map(|record| String::from_utf8(record.line.to_vec()).unwrap()).collect();
        lines.sort();
        lines
    }

    #[test]
    fn a_report_with_an_equal_stamp_does_not_replace_the_first() {
        let mut table = Directory::new(10, 16, [1; 16]);
        assert_eq!(learn(&mut table, "kiwi", 5, "+1", HEARD_HERE), News::Fresh);
        assert_eq!(learn(&mut table, "kiwi", 5, "+2", HEARD_HERE), News::Stale);
        assert_eq!(learn(&mut table, "kiwi", 5, "+2", 1), News::Fresh);
        assert_eq!(learn(&mut table, "kiwi", 5, "+1", 1), News::Stale);
    }

    #[test]
    fn a_line_too_long_for_its_slot_is_kept_whole() {
        let mut table = Directory::new(10, 16, [1; 16]);
        let long = "x".repeat(255);
        learn(&mut table, &long, 1, "+1", HEARD_HERE);
        learn(&mut table, &long, 2, "+1", HEARD_HERE);
        let record = table.at(table.find(long.as_bytes())).unwrap();
        assert_eq!(record.client(), long.as_bytes());
        assert_eq!(record.location(), b"+1-2");
    }

    proptest! {
        /// Whatever the order of arrival, a full table holds the greatest record of each of the greatest
        /// clients.
        #[test]
        fn a_full_table_keeps_the_greatest(
            updates in prop::collection::vec((0..40_u8, 0..30_i64, 0..3_u8), 0..400), capacity in 1..20_u32,
        ) {
            let mut table = Directory::new(capacity, 16, [7; 16]);
            let mut greatest = BTreeMap::new();
            for (client, stamp, text) in &updates {
                learn(&mut table, &alloc::format!("c{client}"), *stamp, &alloc::format!("+{text}"), 1);
                let line = alloc::format!("AT Hill +{text} c{client} +1-2 {stamp}");
                let best = greatest.entry(*client).or_insert_with(|| (*stamp, line.clone()));
                *best = best.clone().max((*stamp, line));
            }
            let mut best: Vec<_> = greatest.into_values().collect();
            best.sort();
            let kept = best.len().saturating_sub(capacity as usize);
            let mut expected: Vec<_> = best.into_iter().skip(kept).map(|(_, line)| line).collect();
            expected.sort();
            prop_assert_eq!(lines(&table), expected);
        }
    }

    #[test]
    fn old_records_are_forgotten() {
        let mut table = Directory::new(10, 16, [1; 16]);
        learn(&mut table, "kiwi", 5, "+1", HEARD_HERE);
        learn(&mut table, "emu", 6, "+1", HEARD_HERE);
        let forgotten = table.forget_before(Timestamp::from_nanos(6));
        assert_eq!(forgotten, Forgotten { records: 1, is_over: true });
        assert_eq!(lines(&table), ["AT Hill +1 emu +1-2 6"]);
        assert_eq!(learn(&mut table, "kiwi", 7, "+1", HEARD_HERE), News::Fresh);
    }
}
