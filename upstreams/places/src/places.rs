//! The places and the index to find those near a point.
//!
//! A million places must fit and be searched in well under a millisecond: the texts of all places are one
//! string, what many places share is kept once, and an index over unit vectors leads from a point to its
//! surroundings. Where places come from and how an answer looks is left to others.

use core::cmp::Ordering;
use core::hash::BuildHasher as _;
use core::mem;
use std::collections::HashMap;
use std::hash::RandomState;

use crate::index::{Index, distance2};
use crate::sphere::{LatLng, metres_to_chord2};
use crate::words::Words;

/// The most bytes that a name, an id, a vicinity or a list of types may have.
pub const MAX_TEXT_BYTES: usize = 4096;

/// A place, its texts borrowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place<'a> {
    /// What tells it from every other place, and stays.
    pub id: &'a str,
    /// What people call it.
    pub name: &'a str,
    /// Where it is.
    pub location: LatLng,
    /// Its types in Google's words, most specific first, with `|` between them.
    pub types: &'a str,
    /// Roughly where it is in words, or nothing.
    pub vicinity: &'a str,
    /// How well known it is, as a number without a unit; for a town its population.
    pub prominence: f64,
}

/// What to look for.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// The middle of the circle.
    pub center: LatLng,
    /// The way along the ground from the middle to the edge, which is part of the circle.
    pub radius_m: f64,
    /// A type that a place must have, if any.
    pub kind: Option<String>,
    /// Words that must all be in the place's name, types or vicinity, if any.
    pub keyword: Option<String>,
    /// Which places come first.
    pub rank: Rank,
}

/// Which places come first.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Rank {
    /// The best known.
    #[default]
    Prominence,
    /// The nearest.
    Distance,
}

/// All places, ready to be searched.
#[derive(Debug)]
pub struct Places {
    index: Index,
    entries: Vec<Entry>,
    texts: String,
    types: Texts,
    vicinities: Texts,
    attributions: Vec<String>,
}

/// What is kept of each place, in the order of the index.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Where in `texts` the name begins; the id follows it.
    text_start: u32,
    row: Row,
}

impl Entry {
    fn name_and_id<'t>(&self, texts: &'t str) -> (&'t str, &'t str) {
        let (name, rest) = texts[self.text_start as usize..].split_at(self.row.name_bytes.into());
        (name, &rest[..self.row.id_bytes.into()])
    }
}

/// A place less its texts, as it is kept and stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) location: LatLng,
    pub(crate) prominence: f64,
    pub(crate) name_bytes: u16,
    pub(crate) id_bytes: u16,
    /// A number among the texts that say types.
    pub(crate) types: u32,
    /// A number among the texts that say vicinities.
    pub(crate) vicinity: u32,
    /// How many places were added before it.
    pub(crate) added: u32,
}

/// A place that a search found.
#[derive(Clone, Copy, Debug)]
struct Hit {
    entry: u32,
    prominence: f64,
    chord2: f64,
}

impl Places {
    /// The number of places.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no place at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whom to thank for the data, as HTML.
    pub fn attributions(&self) -> &[String] {
        &self.attributions
    }

    /// The first `at_most` places that match, best first.
    ///
    /// Where the rank leaves a tie the nearer place comes first, and then the one that was added
    /// first: the same search always has the same answer.
    pub fn nearby(&self, search: &Search, at_most: usize) -> Vec<Place<'_>> {
        let mut hits = self.hits(search);
        let by_rank = match search.rank {
            Rank::Prominence => Hit::by_prominence,
            Rank::Distance => Hit::by_distance,
        };
        let added = |hit: &Hit| self.entries[hit.entry as usize].row.added;
        let order = |a: &Hit, b: &Hit| by_rank(a, b).then_with(|| added(a).cmp(&added(b)));
        if at_most < hits.len() {
            hits.select_nth_unstable_by(at_most, order);
            hits.truncate(at_most);
        }
        hits.sort_unstable_by(order);
        hits.iter().map(|hit| self.place(&self.entries[hit.entry as usize])).collect()
    }

    /// All places, those next to each other that are near each other.
    pub fn iter(&self) -> impl Iterator<Item = Place<'_>> {
        self.entries.iter().map(|entry| self.place(entry))
    }

    /// The places less their texts, in the same order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.entries.iter().map(|entry| &entry.row)
    }

    /// The types and the vicinities that rows have numbers of.
    pub(crate) fn shared_texts(&self) -> [&Texts; 2] {
        [&self.types, &self.vicinities]
    }

    /// Everything that matches, in no order.
    fn hits(&self, search: &Search) -> Vec<Hit> {
        let words = Words::of(search.keyword.as_deref().unwrap_or_default());
        let right_types: Option<Vec<bool>> = search.kind.as_ref().map(|kind| {
            let has_kind = |types: &str| types.split('|').any(|t| t.eq_ignore_ascii_case(kind));
            self.types.iter().map(has_kind).collect()
        });
        let mut scratch = String::new();
        let mut matches = |entry: &Entry| {
            right_types.as_ref().is_none_or(|right| right[entry.row.types as usize])
                && (words.is_empty() || {
                    let Place { name, types, vicinity, .. } = self.place(entry);
                    words.are_in(&[name, types, vicinity], &mut scratch)
                })
        };

        let max_chord2 = metres_to_chord2(search.radius_m);
        let mut hits = Vec::new();
        self.index.within(search.center.unit_vector(), max_chord2, |number, chord2| {
            let entry = &self.entries[number as usize];
            if matches(entry) {
                hits.push(Hit { entry: number, prominence: entry.row.prominence, chord2 });
            }
        });
        hits
    }

    fn place(&self, entry: &Entry) -> Place<'_> {
        let (name, id) = entry.name_and_id(&self.texts);
        Place {
            id,
            name,
            location: entry.row.location,
            types: self.types.text(entry.row.types),
            vicinity: self.vicinities.text(entry.row.vicinity),
            prominence: entry.row.prominence,
        }
    }
}

impl Hit {
    fn by_prominence(&self, other: &Self) -> Ordering {
        other.prominence.total_cmp(&self.prominence).then_with(|| self.by_distance(other))
    }

    fn by_distance(&self, other: &Self) -> Ordering {
        self.chord2.total_cmp(&other.chord2)
    }
}

/// Why a place cannot be taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// It has no name.
    #[error("the name is empty")]
    NoName,
    /// A text of it has more than [`MAX_TEXT_BYTES`].
    #[error("the {0} has more than {MAX_TEXT_BYTES} bytes")]
    TooLong(&'static str),
    /// Its prominence is infinite or no number.
    #[error("the prominence is not a finite number")]
    Prominence,
    /// All names and ids together have more bytes than a `u32` counts.
    #[error("the names and ids of all places together have more than 4 GiB")]
    Full,
}

/// Places on their way in.
#[derive(Debug, Default)]
pub struct Builder {
    entries: Vec<Entry>,
    texts: String,
    types: Interner,
    vicinities: Interner,
    attributions: Vec<String>,
    ids: Ids,
    repeated: usize,
}

/// The places by the hashes of their ids.
#[derive(Debug, Default)]
struct Ids {
    first_with: HashMap<u64, u32>,
    hasher: RandomState,
    /// How many of the places are here: those of a packed file only if more follow.
    known: usize,
}

/// Two places with one id that are no farther apart are the same.
const SAME_PLACE_M: f64 = 1000.0;

impl Builder {
    /// Adds a place, unless it is there already: one with the same id that has the same name or is less than a
    /// kilometre away. Where it differs, the first counts.
    ///
    /// # Errors
    ///
    /// When it is [`Unfit`]; then nothing was added.
    pub fn push(&mut self, place: &Place<'_>) -> Result<(), Unfit> {
        if place.name.is_empty() {
            return Err(Unfit::NoName);
        }
        if !place.prominence.is_finite() {
            return Err(Unfit::Prominence);
        }
        let name_bytes = text_bytes("name", place.name)?;
        let id_bytes = text_bytes("id", place.id)?;
        text_bytes("list of types", place.types)?;
        text_bytes("vicinity", place.vicinity)?;
        if self.has(place) {
            self.repeated += 1;
            return Ok(());
        }
        let text_start = u32::try_from(self.texts.len()).map_err(|_| Unfit::Full)?;
        self.texts.push_str(place.name);
        self.texts.push_str(place.id);
        let row = Row {
            location: place.location,
            prominence: place.prominence,
            name_bytes,
            id_bytes,
            types: self.types.number(place.types),
            vicinity: self.vicinities.number(place.vicinity),
            added: u32::try_from(self.entries.len()).map_err(|_| Unfit::Full)?,
        };
        self.entries.push(Entry { text_start, row });
        Ok(())
    }

    /// Takes places over as they were stored: rows, and in the same order the name and the id of each,
    /// all in one string.
    ///
    /// # Errors
    ///
    /// The number, counted from 1, of the first place that is none.
    pub(crate) fn restore(
        rows: impl Iterator<Item = Option<Row>>,
        texts: String,
        [types, vicinities]: [Texts; 2],
    ) -> Result<Self, usize> {
        let mut entries = Vec::with_capacity(rows.size_hint().0);
        let mut text_start = 0;
        for (number, row) in (1_usize..).zip(rows) {
            let entry = row.and_then(|row| {
                let name_end = text_start + usize::from(row.name_bytes);
                let end = name_end + usize::from(row.id_bytes);
                let is_place = row.prominence.is_finite()
                    && (1..=MAX_TEXT_BYTES).contains(&row.name_bytes.into())
                    && usize::from(row.id_bytes) <= MAX_TEXT_BYTES
                    && texts.is_char_boundary(name_end)
                    && texts.is_char_boundary(end)
                    && types.has(row.types)
                    && vicinities.has(row.vicinity);
                let start = u32::try_from(text_start).ok()?;
                text_start = end;
                is_place.then_some(Entry { text_start: start, row })
            });
            entries.push(entry.ok_or(number)?);
        }
        if text_start != texts.len() {
            return Err(entries.len());
        }
        let [types, vicinities] = [types, vicinities].map(Interner::of);
        Ok(Self { entries, texts, types, vicinities, ..Self::default() })
    }

    /// Whether this place is there already.
    fn has(&mut self, place: &Place<'_>) -> bool {
        let Self { ids, entries, texts, .. } = self;
        for (number, entry) in (ids.known..).zip(&entries[ids.known..]) {
            let number = u32::try_from(number).expect("places are numbered by u32");
            let hash = ids.hasher.hash_one(entry.name_and_id(texts).1);
            ids.first_with.entry(hash).or_insert(number);
        }
        ids.known = entries.len();
        let Some(first) = ids.first_with.get(&ids.hasher.hash_one(place.id)) else { return false };
        let first = &entries[*first as usize];
        let (name, id) = first.name_and_id(texts);
        let distance2 =
            || distance2(first.row.location.unit_vector(), place.location.unit_vector());
        id == place.id && (name == place.name || distance2() <= metres_to_chord2(SAME_PLACE_M))
    }

    /// Adds everything that another has.
    ///
    /// # Errors
    ///
    /// When it is too much.
    pub(crate) fn append(&mut self, mut other: Self) -> Result<(), Unfit> {
        let attributions = mem::take(&mut other.attributions);
        attributions.iter().for_each(|html| self.attribute(html));
        self.repeated += other.repeated;
        if self.is_empty() {
            other.attributions = mem::take(&mut self.attributions);
            other.repeated = self.repeated;
            *self = other;
            return Ok(());
        }
        let other = other.build();
        let mut entries: Vec<&Entry> = other.entries.iter().collect();
        entries.sort_by_key(|entry| entry.row.added);
        entries.into_iter().try_for_each(|entry| self.push(&other.place(entry)))
    }

    /// Adds somebody to thank for the data, as HTML, unless they are thanked already.
    pub fn attribute(&mut self, html: &str) {
        if !self.attributions.iter().any(|known| known == html) {
            self.attributions.push(html.to_owned());
        }
    }

    /// The number of places so far.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many places were pushed that were there already.
    pub fn repeated(&self) -> usize {
        self.repeated
    }

    /// Whether there is no place yet.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Builds the index.
    pub fn build(self) -> Places {
        let unit_vector = |entry: &Entry| entry.row.location.unit_vector();
        let (index, order) = Index::new(self.entries.iter().map(unit_vector).collect());
        let in_order =
            |order: Vec<u32>| order.iter().map(|at| self.entries[*at as usize]).collect();
        Places {
            index,
            entries: match order {
                None => self.entries,
                Some(order) => in_order(order),
            },
            texts: self.texts,
            types: self.types.texts,
            vicinities: self.vicinities.texts,
            attributions: self.attributions,
        }
    }
}

fn text_bytes(what: &'static str, text: &str) -> Result<u16, Unfit> {
    let bytes = u16::try_from(text.len()).map_err(|_| Unfit::TooLong(what))?;
    if usize::from(bytes) > MAX_TEXT_BYTES { Err(Unfit::TooLong(what)) } else { Ok(bytes) }
}

/// Texts in a row, known by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    all: String,
    ends: Vec<usize>,
}

impl Texts {
    /// The texts that end at these places in `all`, unless that can not be.
    pub(crate) fn ending(all: String, ends: Vec<usize>) -> Option<Self> {
        let is_right = ends.is_sorted()
            && ends.iter().all(|end| all.is_char_boundary(*end))
            && ends.last().copied().unwrap_or_default() == all.len();
        is_right.then_some(Self { all, ends })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        (0..).map_while(|number| self.has(number).then(|| self.text(number)))
    }

    fn text(&self, number: u32) -> &str {
        let number = number as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.all[start..self.ends[number]]
    }

    fn has(&self, number: u32) -> bool {
        (number as usize) < self.ends.len()
    }

    fn push(&mut self, text: &str) {
        self.all.push_str(text);
        self.ends.push(self.all.len());
    }
}

/// Texts that many places share, each kept once and known by its number.
#[derive(Debug, Default)]
struct Interner {
    texts: Texts,
    numbers: HashMap<String, u32>,
    /// How many of the texts have been put among the numbers: those of a file only if more follow.
    numbered: u32,
    /// The number of the last text asked for: in an ordered file it mostly comes again.
    last: u32,
}

impl Interner {
    fn of(texts: Texts) -> Self {
        Self { texts, ..Self::default() }
    }

    fn number(&mut self, text: &str) -> u32 {
        if self.texts.has(self.last) && self.texts.text(self.last) == text {
            return self.last;
        }
        while self.texts.has(self.numbered) {
            let text = self.texts.text(self.numbered).to_owned();
            self.numbers.entry(text).or_insert(self.numbered);
            self.numbered += 1;
        }
        self.last = self.numbers.get(text).copied().unwrap_or_else(|| {
            let next = self.numbered;
            self.texts.push(text);
            self.numbers.insert(text.to_owned(), next);
            self.numbered += 1;
            next
        });
        self.last
    }
}
