//! The search: posts by what is in them and by where they were written, newest first.
//!
//! One index leads to candidates, newest first: that of the cells around the place, of terms that are needed, of
//! an author, or of time alone, whichever promises the fewest. The database leaves out those that can not match;
//! the rest is looked at here, where the distance is exact. Candidates come in rounds, until there are enough
//! matches, no candidates are left or there were so many that the answer says so.

use std::sync::{Arc, LazyLock};

use herd_places::LatLng;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::Error;
use crate::cells::{Bounds, Cover, bounds, cover};
use crate::ids::first_at;
use crate::query::{Condition, Query, Subject};
use crate::shares::cores;

/// The most posts that an index leads to in a search.
pub const MAX_CANDIDATES: usize = 50_000;

/// The most texts that are looked at in a search, but for those of its last round.
pub const MAX_TEXTS: usize = 5000;

/// The fewest and the most candidates of a round, powers of two.
const ROUND: (usize, usize) = (64, 8192);

/// The most candidates of a round whose texts are looked at.
const MAX_ROUND_OF_TEXTS: usize = 2048;

/// Who looks at texts: not more at once than there are processors, and one of these is left to everything else.
static LOOKING: LazyLock<Arc<Semaphore>> =
    LazyLock::new(|| Arc::new(Semaphore::new((cores() - 1).max(1))));

/// A term with fewer posts is rare: all of them are looked at, wherever they were written.
const RARE: i64 = 1000;

/// The most lists of terms that the database looks at.
const MAX_TERM_LISTS: usize = 8;

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
    /// Where the search was given up, if it was: posts with lesser ids were not looked at.
    pub cut_at: Option<i64>,
}

/// Looks for posts.
///
/// # Errors
///
/// When the database does not answer.
pub async fn search(connection: &mut AnyConnection, search: &Search<'_>) -> Result<Found, Error> {
    let Some(source) = Source::of(connection, search).await? else { return Ok(Found::default()) };
    let (mut before, after) = between(search);
    let filter = Filter { query: Arc::new(search.query.clone()), near: search.near };
    let has_texts = !search.query.is_about_time_alone();
    let mut found = Found::default();
    let (mut seen, mut texts) = (0, 0);
    let mut at_most = round_size(search.limit * 2, has_texts);
    while found.ids.len() < search.limit && after < before.saturating_sub(1) {
        if seen >= MAX_CANDIDATES || texts >= MAX_TEXTS {
            found.cut_at = Some(before);
            break;
        }
        let round = source.round(connection, search, before, after, at_most).await?;
        texts += if has_texts { round.candidates.len() } else { 0 };
        let mut matching = filter.matching(round.candidates).await;
        matching.sort_unstable_by(|a, b| b.cmp(a));
        // Two terms may lead to the same post.
        matching.dedup();
        found.ids.extend(matching);
        if round.seen < at_most {
            break;
        }
        before = round.last_id;
        seen += round.seen;
        let left = search.limit.saturating_sub(found.ids.len());
        let wanted = match found.ids.len() {
            0 => at_most * 8,
            matches => seen * left / matches + left / 4,
        };
        at_most = round_size(wanted, has_texts);
    }
    found.ids.truncate(search.limit);
    Ok(found)
}

/// What candidates are held against.
#[derive(Clone, Debug)]
struct Filter {
    query: Arc<Query>,
    near: Option<Circle>,
}

impl Filter {
    /// The ids of those that match; texts are looked at away from the threads that serve.
    async fn matching(&self, candidates: Vec<Candidate>) -> Vec<i64> {
        let this = self.clone();
        let look = move || candidates.iter().filter_map(|one| this.match_one(one)).collect();
        if self.query.is_about_time_alone() {
            return look();
        }
        let turn = Arc::clone(&LOOKING).acquire_owned().await.expect("it is never closed");
        // The turn lasts as long as the work, which goes on when nobody waits for it any more.
        let look = move || {
            let _turn = turn;
            look()
        };
        spawn_blocking(look).await.expect("looking at a text does not panic")
    }

    fn match_one(&self, candidate: &Candidate) -> Option<i64> {
        let is_near = |near: Circle| {
            candidate
                .position
                .is_some_and(|position| near.center.distance_m(position) <= near.radius_km * 1000.0)
        };
        let has_it = |text: &Text| self.query.matches(&Subject::new(&text.author, &text.text));
        let is_match = self.near.is_none_or(is_near) && candidate.text.as_ref().is_none_or(has_it);
        is_match.then_some(candidate.id)
    }
}

/// Few different sizes, so that there are few different statements.
fn round_size(wanted: usize, has_texts: bool) -> usize {
    let (least, most) = ROUND;
    let most = if has_texts { MAX_ROUND_OF_TEXTS } else { most };
    wanted.next_power_of_two().clamp(least, most)
}

/// Between which ids to look, both exclusive.
fn between(search: &Search<'_>) -> (i64, i64) {
    let until = search.query.until_ms.map(first_at);
    let since = search.query.since_ms.map(|ms| first_at(ms) - 1);
    let before = [search.before, until].into_iter().flatten().min();
    let after = [search.after, since].into_iter().flatten().max();
    (before.unwrap_or(i64::MAX), after.unwrap_or(-1).max(-1))
}

/// Where the candidates of a search come from.
#[derive(Debug)]
struct Source {
    index: Index,
    /// Of each of these lists a match must have a term.
    needed_terms: Vec<Vec<String>>,
}

/// What leads to candidates.
#[derive(Debug, PartialEq)]
enum Index {
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
        let mut needed_terms: Vec<Vec<String>> = Vec::new();
        for one_of in &search.query.needed {
            if let [Condition::From(name)] = one_of.as_slice() {
                let id: Option<i64> =
                    sqlx::query_scalar("SELECT id FROM users WHERE name_key = $1")
                        .bind(name.clone())
                        .fetch_optional(&mut *connection)
                        .await?;
                let Some(id) = id else { return Ok(None) };
                author = Some(Index::Author(id));
            } else if let Some(terms) =
                one_of.iter().map(|condition| condition.term().map(str::to_owned)).collect()
            {
                needed_terms.push(terms);
            }
        }
        needed_terms.truncate(MAX_TERM_LISTS);
        let mut rarest = None;
        for (at, list) in needed_terms.iter().enumerate() {
            let mut count = 0;
            for term in list {
                count += count_term(connection, term).await?;
            }
            if count == 0 {
                return Ok(None);
            }
            if rarest.is_none_or(|(least, _)| count < least) {
                rarest = Some((count, at));
            }
        }
        let place = search.near.map(|near| match cover(near.center, near.radius_km) {
            Cover::Cells(cells) => Index::Cells(cells),
            Cover::Everywhere => Index::Positions,
        });
        let is_rare = rarest.is_some_and(|(count, _)| count < RARE);
        let is_small = matches!(place, Some(Index::Cells(_)));
        let index = match (author, place, rarest) {
            (_, _, Some((_, at))) if is_rare => Index::Terms(needed_terms.remove(at)),
            (Some(author), _, _) => author,
            (None, Some(cells), _) if is_small => cells,
            (None, _, Some((_, at))) => Index::Terms(needed_terms.remove(at)),
            (None, Some(positions), None) => positions,
            (None, None, None) => Index::All,
        };
        Ok(Some(Self { index, needed_terms }))
    }

    /// The newest candidates between two ids.
    async fn round(
        &self,
        connection: &mut AnyConnection,
        search: &Search<'_>,
        before: i64,
        after: i64,
        at_most: usize,
    ) -> Result<Round, Error> {
        let mut statement = Statement::default();
        self.write(&mut statement, search, before, after, at_most);
        let Statement { sql, values } = statement;
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for value in values {
            query = match value {
                Value::Id(id) => query.bind(id),
                Value::Degrees(degrees) => query.bind(degrees),
                Value::Text(text) => query.bind(text),
            };
        }
        let mut round = Round::default();
        for row in query.fetch_all(connection).await? {
            let (seen, id): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
            match usize::try_from(seen) {
                Ok(seen) => (round.seen, round.last_id) = (seen, id),
                Err(_) => round.candidates.push(Candidate::read(&row)?),
            }
        }
        Ok(round)
    }

    /// The statement for [`round`](Self::round): a row of how many there were and the last id, and a row for each
    /// candidate that may match.
    fn write(
        &self,
        to: &mut Statement,
        search: &Search<'_>,
        before: i64,
        after: i64,
        at_most: usize,
    ) {
        let before = to.value(Value::Id(before));
        let after = to.value(Value::Id(after));
        to.sql += "WITH c AS (SELECT post_id FROM (";
        match &self.index {
            Index::Cells(cells) => {
                let keys = cells.iter().copied().map(Value::Id);
                to.heads("post_cells", "cell", keys, &before, &after, at_most);
            }
            Index::Terms(terms) => {
                let keys = terms.iter().cloned().map(Value::Text);
                to.heads("post_terms", "term", keys, &before, &after, at_most);
            }
            Index::Author(id) => {
                let author = to.value(Value::Id(*id));
                to.posts(&format!("author_id = {author} AND"), &before, &after, at_most);
            }
            Index::Positions => to.posts("latitude IS NOT NULL AND", &before, &after, at_most),
            Index::All => to.posts("", &before, &after, at_most),
        }
        // SQLite would rather scan the posts for those within the bounds: a cross join is done as it is written.
        let has_texts = !search.query.is_about_time_alone();
        let (no_texts, texts, users) = if has_texts {
            (", NULL, NULL", ", u.name, p.text", " CROSS JOIN users u")
        } else {
            ("", "", "")
        };
        to.sql += &format!(
            ") AS h ORDER BY post_id DESC LIMIT {at_most}) \
             SELECT COUNT(*), COALESCE(MIN(post_id), 0), NULL, NULL{no_texts} FROM c UNION ALL \
             SELECT -1, p.id, p.latitude, p.longitude{texts} \
             FROM c CROSS JOIN posts p{users} WHERE p.id = c.post_id AND p.repost_of_id IS NULL"
        );
        if has_texts {
            to.sql += " AND u.id = p.author_id";
        }
        if let Some(near) = search.near {
            let Bounds { latitudes: (south, north), longitudes } =
                bounds(near.center, near.radius_km);
            let [south, north] = [south, north].map(|side| to.value(Value::Degrees(side)));
            to.sql += &format!(" AND p.latitude BETWEEN {south} AND {north} AND (");
            for (n, (west, east)) in longitudes.into_iter().enumerate() {
                let [west, east] = [west, east].map(|side| to.value(Value::Degrees(side)));
                let or = if n == 0 { "" } else { " OR " };
                to.sql += &format!("{or}p.longitude BETWEEN {west} AND {east}");
            }
            to.sql.push(')');
        }
        if let Some(lang) = search.lang {
            let lang = to.value(Value::Text(lang.to_owned()));
            to.sql += &format!(" AND p.lang = {lang}");
        }
        for terms in &self.needed_terms {
            let terms: Vec<_> =
                terms.iter().map(|term| to.value(Value::Text(term.clone()))).collect();
            let terms = terms.join(", ");
            to.sql += &format!(
                " AND EXISTS (SELECT 1 FROM post_terms t WHERE t.post_id = c.post_id \
                 AND t.term IN ({terms}))"
            );
        }
        if let Some(viewer) = search.viewer {
            let viewer = to.value(Value::Id(viewer));
            for (one, other) in [("blocker_id", "blocked_id"), ("blocked_id", "blocker_id")] {
                to.sql += &format!(
                    " AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.{one} = {viewer} \
                     AND b.{other} = p.author_id)"
                );
            }
        }
    }
}

/// SQL on its way to the database. What anybody has typed is among the values alone.
#[derive(Debug, Default)]
struct Statement {
    sql: String,
    values: Vec<Value>,
}

#[derive(Debug)]
enum Value {
    Id(i64),
    Degrees(f64),
    Text(String),
}

impl Statement {
    /// Takes a value, and returns what stands for it.
    fn value(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    /// Selects the newest posts under each of some keys, whose newest are the newest of all.
    ///
    /// Each of them is read in order from the index, and no more of it than is needed.
    fn heads(
        &mut self,
        table: &str,
        column: &str,
        keys: impl Iterator<Item = Value>,
        before: &str,
        after: &str,
        at_most: usize,
    ) {
        for (n, key) in keys.enumerate() {
            let key = self.value(key);
            let union = if n == 0 { "" } else { " UNION ALL " };
            self.sql += &format!(
                "{union}SELECT * FROM (SELECT post_id FROM {table} WHERE {column} = {key} \
                 AND post_id < {before} AND post_id > {after} ORDER BY post_id DESC \
                 LIMIT {at_most}) AS k{n}"
            );
        }
    }

    /// Selects the newest posts that fulfil a condition an index has been made for.
    fn posts(&mut self, condition: &str, before: &str, after: &str, at_most: usize) {
        self.sql += &format!(
            "SELECT id AS post_id FROM posts WHERE {condition} id < {before} AND id > {after} \
             ORDER BY id DESC LIMIT {at_most}"
        );
    }
}

/// How many posts have this term, counted up to what is rare.
async fn count_term(connection: &mut AnyConnection, term: &str) -> Result<i64, Error> {
    const SQL: &str =
        "SELECT COUNT(*) FROM (SELECT 1 FROM post_terms WHERE term = $1 LIMIT 1000) AS t";
    Ok(sqlx::query_scalar(SQL).bind(term.to_owned()).fetch_one(connection).await?)
}

/// What one statement has led to.
#[derive(Debug, Default)]
struct Round {
    /// How many posts the index has led to, and the least of their ids.
    seen: usize,
    last_id: i64,
    candidates: Vec<Candidate>,
}

/// A post that may match.
#[derive(Debug)]
struct Candidate {
    id: i64,
    position: Option<LatLng>,
    /// If there is more to match than time and place.
    text: Option<Text>,
}

/// What somebody wrote.
#[derive(Debug)]
struct Text {
    author: String,
    text: String,
}

impl Candidate {
    fn read(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let position: (Option<f64>, Option<f64>) = (row.try_get(2)?, row.try_get(3)?);
        let text = if row.len() > 4 {
            Some(Text { author: row.try_get(4)?, text: row.try_get(5)? })
        } else {
            None
        };
        Ok(Self {
            id: row.try_get(1)?,
            position: position.0.zip(position.1).and_then(|(lat, lng)| LatLng::new(lat, lng)),
            text,
        })
    }
}
