//! The places and the index to find those near a point.
//!
//! A million places must fit and be searched in well under a millisecond: the texts of all places are one
//! string, what many places share is kept once, and an index over unit vectors leads from a point to its
//! surroundings. Where places come from and how an answer looks is left to others.

use core::cmp::Ordering;
use std::collections::HashMap;

use crate::index::{Index, Point};
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
    types: Vec<String>,
    vicinities: Vec<String>,
    attributions: Vec<String>,
}

#[derive(Debug)]
struct Entry {
    location: LatLng,
    prominence: f64,
    /// Where in `texts` the name begins; the id follows it.
    text_start: u32,
    name_bytes: u16,
    id_bytes: u16,
    /// Numbers in `types` and `vicinities`.
    types: u32,
    vicinity: u32,
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
        let order = match search.rank {
            Rank::Prominence => Hit::by_prominence,
            Rank::Distance => Hit::by_distance,
        };
        if at_most < hits.len() {
            hits.select_nth_unstable_by(at_most, order);
            hits.truncate(at_most);
        }
        hits.sort_unstable_by(order);
        hits.iter().map(|hit| self.place(&self.entries[hit.entry as usize])).collect()
    }

    /// Everything that matches, in no order.
    fn hits(&self, search: &Search) -> Vec<Hit> {
        let words = Words::of(search.keyword.as_deref().unwrap_or_default());
        let right_types: Option<Vec<bool>> = search.kind.as_ref().map(|kind| {
            let has_kind = |types: &String| types.split('|').any(|t| t.eq_ignore_ascii_case(kind));
            self.types.iter().map(has_kind).collect()
        });
        let mut scratch = String::new();
        let mut matches = |entry: &Entry| {
            right_types.as_ref().is_none_or(|right| right[entry.types as usize])
                && (words.is_empty() || {
                    let Place { name, types, vicinity, .. } = self.place(entry);
                    words.are_in(&[name, types, vicinity], &mut scratch)
                })
        };

        let max_chord2 = metres_to_chord2(search.radius_m);
        let near = self.index.within(search.center.unit_vector(), max_chord2);
        let hit = |(number, chord2)| {
            let entry = &self.entries[number as usize];
            let hit = Hit { entry: number, prominence: entry.prominence, chord2 };
            matches(entry).then_some(hit)
        };
        near.filter_map(hit).collect()
    }

    fn place(&self, entry: &Entry) -> Place<'_> {
        let texts = &self.texts[entry.text_start as usize..];
        let (name, rest) = texts.split_at(entry.name_bytes.into());
        Place {
            id: &rest[..entry.id_bytes.into()],
            name,
            location: entry.location,
            types: &self.types[entry.types as usize],
            vicinity: &self.vicinities[entry.vicinity as usize],
            prominence: entry.prominence,
        }
    }
}

impl Hit {
    fn by_prominence(&self, other: &Self) -> Ordering {
        other.prominence.total_cmp(&self.prominence).then_with(|| self.by_distance(other))
    }

    fn by_distance(&self, other: &Self) -> Ordering {
        self.chord2.total_cmp(&other.chord2).then(self.entry.cmp(&other.entry))
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
}

impl Builder {
    /// Adds a place.
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
        let text_start = u32::try_from(self.texts.len()).map_err(|_| Unfit::Full)?;
        self.texts.push_str(place.name);
        self.texts.push_str(place.id);
        self.entries.push(Entry {
            location: place.location,
            prominence: place.prominence,
            text_start,
            name_bytes,
            id_bytes,
            types: self.types.number(place.types),
            vicinity: self.vicinities.number(place.vicinity),
        });
        Ok(())
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

    /// Whether there is no place yet.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Builds the index.
    pub fn build(self) -> Places {
        let point = |(place, entry): (u32, &Entry)| Point::new(entry.location.unit_vector(), place);
        Places {
            index: Index::new((0..).zip(&self.entries).map(point).collect()),
            entries: self.entries,
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

/// Texts that many places share, each kept once and known by its number.
#[derive(Debug, Default)]
struct Interner {
    texts: Vec<String>,
    numbers: HashMap<String, u32>,
    /// The number of the last text asked for: in an ordered file it mostly comes again.
    last: u32,
}

impl Interner {
    fn number(&mut self, text: &str) -> u32 {
        if self.texts.get(self.last as usize).is_some_and(|last| last == text) {
            return self.last;
        }
        self.last = self.numbers.get(text).copied().unwrap_or_else(|| {
            let next = u32::try_from(self.texts.len()).expect("there are fewer texts than places");
            self.texts.push(text.to_owned());
            self.numbers.insert(text.to_owned(), next);
            next
        });
        self.last
    }
}
