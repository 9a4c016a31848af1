//! The search: posts by what is in them and by where they were written, newest first.
//!
//! One index leads to candidates, newest first, and each is looked at: only whether a post is hidden is left
//! to the database. The index is that of the cells around the place, of the terms that are needed, of an
//! author, or of time alone, whichever promises the fewest candidates. They come in rounds, which grow, until
//! there are enough matches, no candidates are left or so many were looked at that the answer says so.

use core::fmt::Write as _;

use herd_places::LatLng;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use crate::Error;
use crate::cells::{Cover, cover};
use crate::ids::first_at;
use crate::query::{Condition, Query, Subject};

/// The most candidates that a search looks at.
pub const MAX_LOOKED_AT: usize = 20_000;

/// The fewest and the most candidates of a round.
const ROUND: (usize, usize) = (64, 4096);

/// A term with fewer posts is rare: all of them are looked at, wherever they were written.
const RARE: i64 = 1000;

/// The most terms that are counted to find a rare one.
const MAX_COUNTED: usize = 8;

/// A circle on the ground.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Circle {
    /// Its middle.
    pub center: LatLng,
    /// The way along the ground to its edge, which is part of it.
    pub radius_km: f64,
}

/// What to look for.
#[derive(Clone, Debug)]
pub struct Search<'a> {
    /// What the posts are to match.
    pub query: &'a Query,
    /// Where they were written, if that matters.
    pub near: Option<Circle>,
    /// The language they are in, as [`lang`](#structfield.lang) of a post, if that matters.
    pub lang: Option<&'a str>,
    /// Posts with a lesser id alone.
    pub before: Option<i64>,
    /// Posts with a greater id alone.
    pub after: Option<i64>,
    /// Who asks: posts of those they have blocked, or who have blocked them, are hidden.
    pub viewer: Option<i64>,
    /// The most posts to find.
    pub limit: usize,
}

/// What a search has found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Found {
    /// The ids of the posts, newest first. Reposts are not among them.
    pub ids: Vec<i64>,
    /// Whether the search was given up, so that there may be older posts that match.
    pub is_cut: bool,
}

/// Looks for posts.
///
/// # Errors
///
/// When the database does not answer.
pub async fn search(connection: &mut AnyConnection, search: &Search<'_>) -> Result<Found, Error> {
    let Some(source) = Source::of(connection, search).await? else { return Ok(Found::default()) };
    let (mut before, after) = bounds(search);
    let mut found = Found::default();
    let mut looked_at = 0;
    let mut round = (search.limit * 2).next_power_of_two().clamp(ROUND.0, ROUND.1);
    while found.ids.len() < search.limit && after < before - 1 {
        if looked_at >= MAX_LOOKED_AT {
            found.is_cut = true;
            break;
        }
        let candidates = source.candidates(connection, search.viewer, before, after, round).await?;
        let is_last = candidates.len() < round;
        looked_at += candidates.len();
        for candidate in candidates {
            // A post may be found by two terms, which stand next to each other.
            if candidate.id < before {
                before = candidate.id;
                if candidate.matches(search) {
                    found.ids.push(candidate.id);
                }
            }
        }
        if is_last {
            break;
        }
        round = (round * 4).min(ROUND.1);
    }
    found.ids.truncate(search.limit);
    Ok(found)
}

/// Between which ids to look, both exclusive.
fn bounds(search: &Search<'_>) -> (i64, i64) {
    let until = search.query.until_ms.map(first_at);
    let since = search.query.since_ms.map(|ms| first_at(ms) - 1);
    let before = [search.before, until].into_iter().flatten().min();
    let after = [search.after, since].into_iter().flatten().max();
    (before.unwrap_or(i64::MAX), after.unwrap_or(-1).max(-1))
}

/// The index that leads to the candidates.
#[derive(Debug, PartialEq)]
enum Source {
    Cells(Vec<i64>),
    /// Posts with one of these terms.
    Terms(Vec<String>),
    Author(i64),
    /// All posts with a position.
    Positions,
    All,
}

impl Source {
    /// The best for a search; none if there can be no match.
    async fn of(
        connection: &mut AnyConnection,
        search: &Search<'_>,
    ) -> Result<Option<Self>, Error> {
        let mut author = None;
        // Lists of terms of which each match must have one.
        let mut lists: Vec<Vec<&str>> = Vec::new();
        for one_of in &search.query.needed {
            if let [Condition::From(name)] = one_of.as_slice() {
                author = sqlx::query_scalar("SELECT id FROM users WHERE name_key = $1")
                    .bind(name.clone())
                    .fetch_optional(&mut *connection)
                    .await?
                    .map(Self::Author);
                if author.is_none() {
                    return Ok(None);
                }
            } else if let Some(list) = one_of.iter().map(Condition::term).collect() {
                lists.push(list);
            }
        }
        let mut rarest: Option<(i64, Vec<&str>)> = None;
        for list in lists.into_iter().take(MAX_COUNTED) {
            let mut count = 0;
            for term in &list {
                count += count_term(connection, term).await?;
            }
            if rarest.as_ref().is_none_or(|(least, _)| count < *least) {
                rarest = Some((count, list));
            }
        }
        let place = search.near.map(|near| match cover(near.center, near.radius_km) {
            Cover::Cells(cells) => Self::Cells(cells),
            Cover::Everywhere => Self::Positions,
        });
        let (count, terms) = match rarest {
            Some((0, _)) => return Ok(None),
            Some((count, terms)) => (count, Some(terms)),
            None => (0, None),
        };
        let terms = terms.map(|terms| Self::Terms(terms.into_iter().map(str::to_owned).collect()));
        let by_rank = if count < RARE {
            [terms, author, place]
        } else if matches!(place, Some(Self::Cells(_))) {
            [author, place, terms]
        } else {
            [author, terms, place]
        };
        Ok(Some(by_rank.into_iter().flatten().next().unwrap_or(Self::All)))
    }

    /// The newest candidates between two ids, newest first.
    async fn candidates(
        &self,
        connection: &mut AnyConnection,
        viewer: Option<i64>,
        before: i64,
        after: i64,
        at_most: usize,
    ) -> Result<Vec<Candidate>, Error> {
        let sql = self.sql(viewer.is_some(), at_most);
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(before).bind(after);
        if let Some(viewer) = viewer {
            query = query.bind(viewer);
        }
        match self {
            Self::Cells(cells) => {
                for cell in cells {
                    query = query.bind(*cell);
                }
            }
            Self::Terms(terms) => {
                for term in terms {
                    query = query.bind(term.clone());
                }
            }
            Self::Author(id) => query = query.bind(*id),
            Self::Positions | Self::All => {}
        }
        let rows = query.fetch_all(connection).await?;
        rows.iter().map(|row| Ok(Candidate::read(row)?)).collect()
    }

    /// The statement for [`candidates`](Self::candidates). Its text depends on nothing that anybody has typed.
    ///
    /// The newest of each cell are found without looking at others, and so the newest of all cells are.
    fn sql(&self, is_anybody: bool, at_most: usize) -> String {
        let first_key = if is_anybody { 4 } else { 3 };
        let heads = match self {
            Self::Cells(cells) => heads("post_cells", "cell", first_key, cells.len(), at_most),
            Self::Terms(terms) => heads("post_terms", "term", first_key, terms.len(), at_most),
            Self::Author(_) => format!(
                "SELECT id AS post_id FROM posts WHERE author_id = ${first_key} AND id < $1 AND id > $2"
            ),
            Self::Positions => "SELECT id AS post_id FROM posts \
                WHERE latitude IS NOT NULL AND id < $1 AND id > $2"
                .to_owned(),
            Self::All => "SELECT id AS post_id FROM posts WHERE id < $1 AND id > $2".to_owned(),
        };
        // Each block there may be is looked up by its key.
        let hidden = if is_anybody {
            "(SELECT COUNT(*) FROM blocks b WHERE b.blocker_id = $3 AND b.blocked_id = p.author_id) \
             + (SELECT COUNT(*) FROM blocks b WHERE b.blocked_id = $3 AND b.blocker_id = p.author_id)"
        } else {
            "0"
        };
        format!(
            "SELECT c.post_id, u.name, p.text, p.lang, p.latitude, p.longitude, \
             CAST({hidden} AS BIGINT) AS hidden, \
             CASE WHEN p.repost_of_id IS NULL THEN 0 ELSE 1 END AS is_repost \
             FROM (SELECT post_id FROM ({heads}) AS h ORDER BY post_id DESC LIMIT {at_most}) AS c \
             LEFT JOIN posts p ON p.id = c.post_id LEFT JOIN users u ON u.id = p.author_id \
             ORDER BY c.post_id DESC"
        )
    }
}

/// The newest posts under each of some keys of an index.
fn heads(table: &str, column: &str, first_key: usize, keys: usize, at_most: usize) -> String {
    let mut sql = String::new();
    for key in first_key..first_key + keys {
        if !sql.is_empty() {
            sql.push_str(" UNION ALL ");
        }
        write!(
            sql,
            "SELECT * FROM (SELECT post_id FROM {table} WHERE {column} = ${key} \
             AND post_id < $1 AND post_id > $2 ORDER BY post_id DESC LIMIT {at_most}) AS k{key}"
        )
        .expect("a string takes everything");
    }
    sql
}

/// How many posts have this term, counted up to what is rare.
async fn count_term(connection: &mut AnyConnection, term: &str) -> Result<i64, Error> {
    const SQL: &str =
        "SELECT COUNT(*) FROM (SELECT 1 FROM post_terms WHERE term = $1 LIMIT 1000) AS t";
    Ok(sqlx::query_scalar(SQL).bind(term.to_owned()).fetch_one(connection).await?)
}

/// A post that may match.
#[derive(Debug)]
struct Candidate {
    id: i64,
    author: String,
    text: String,
    lang: String,
    position: Option<LatLng>,
    is_shown: bool,
}

impl Candidate {
    fn read(row: &AnyRow) -> Result<Self, sqlx::Error> {
        // A post that is gone, but for a row in an index, counts as a candidate all the same.
        let [author, text, lang]: [Option<String>; 3] =
            [row.try_get(1)?, row.try_get(2)?, row.try_get(3)?];
        let is_there = text.is_some();
        let position: (Option<f64>, Option<f64>) = (row.try_get(4)?, row.try_get(5)?);
        let (hidden, is_repost): (i64, i32) = (row.try_get(6)?, row.try_get(7)?);
        Ok(Self {
            id: row.try_get(0)?,
            author: author.unwrap_or_default(),
            text: text.unwrap_or_default(),
            lang: lang.unwrap_or_default(),
            position: position.0.zip(position.1).and_then(|(lat, lng)| LatLng::new(lat, lng)),
            is_shown: is_there && hidden == 0 && is_repost == 0,
        })
    }

    fn matches(&self, search: &Search<'_>) -> bool {
        let is_near = |near: Circle| {
            self.position
                .is_some_and(|position| near.center.distance_m(position) <= near.radius_km * 1000.0)
        };
        self.is_shown
            && search.near.is_none_or(is_near)
            && search.lang.is_none_or(|lang| self.lang == lang)
            && (search.query.is_about_time_alone()
                || search.query.matches(&Subject::new(&self.author, &self.text)))
    }
}
