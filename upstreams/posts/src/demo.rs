//! A microblog to try things on: invented people around real cities, and what they wrote in the last days.
//!
//! A seed decides everything but the last moment. Benchmarks take more of the same.

mod phrases;

use core::f64::consts::TAU;
use std::collections::{BTreeSet, HashSet, VecDeque};

use fastrand::Rng;
use herd_places::{LatLng, Rank, Search, load};
use sqlx::AnyConnection;

use self::phrases::{
    ANSWERS, BIOS, CAMPUS, FIRST_NAMES, KHUMBU, LANGUAGES, LAST_NAMES, Language, TAGS, TRENDS,
};
use crate::Error;
use crate::bulk::{Rows, Value};
use crate::cells::cells_of;
use crate::database::Database;
use crate::ids::Ids;
use crate::text::{fold, parts};

const SEED: u64 = 2013;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The University of California in Los Angeles, in degrees.
const UCLA: (f64, f64) = (34.0689, -118.4451);

/// Of so many posts, the latest, some are answered or shown again.
const RECENT: usize = 150;

/// Posts are inserted in batches of so many.
const BATCH: usize = 20_000;

/// How much to invent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Size {
    /// How many people.
    pub users: usize,
    /// How many posts.
    pub posts: usize,
    /// Whether they follow each other and like posts, too.
    pub is_social: bool,
}

impl Default for Size {
    fn default() -> Self {
        Self { users: 400, posts: 4_000, is_social: true }
    }
}

/// Fills a database, all or nothing, and says whether it did: where invented people are already it adds none.
///
/// # Errors
///
/// When the database does not answer.
pub async fn fill(database: &Database, size: Size, end_ms: i64) -> Result<bool, Error> {
    const INVENTED: &str = "SELECT COUNT(*) FROM users WHERE password_hash = ''";
    let mut transaction = database.write().await?;
    let invented: i64 = sqlx::query_scalar(INVENTED).fetch_one(&mut *transaction).await?;
    if invented > 0 {
        return Ok(false);
    }
    let taken: Vec<String> =
        sqlx::query_scalar("SELECT name_key FROM users").fetch_all(&mut *transaction).await?;

    let mut inventor = Inventor::new(size, end_ms, taken.into_iter().collect());
    for rows in inventor.people() {
        rows.insert(&mut transaction).await?;
    }
    while inventor.posts_so_far < size.posts {
        let batch = inventor.posts(BATCH.min(size.posts - inventor.posts_so_far));
        batch.insert(&mut transaction).await?;
    }
    transaction.commit().await?;
    Ok(true)
}

/// A city, and how much is written there.
#[derive(Debug)]
struct City {
    name: String,
    /// With its country.
    full_name: String,
    center: LatLng,
    /// Where its share ends, if that of the city before ends where its own begins, and all sum up to 1.
    share_until: f64,
    language: &'static Language,
}

/// The cities by their shares; the university is the first.
fn cities() -> Vec<City> {
    let places = load::built_in();
    let (lat, lng) = UCLA;
    let ucla = LatLng::new(lat, lng).expect("a point on the earth");
    let nearby = |radius_m, at_most| {
        let (kind, keyword, rank) = (None, None, Rank::Prominence);
        places.nearby(&Search { center: ucla, radius_m, kind, keyword, rank }, at_most)
    };

    let mut weighed = Vec::new();
    let mut add = |name: &str, region: &str, center, weight: f64| {
        let country = region.rsplit(", ").next().unwrap_or(region);
        let language = LANGUAGES.iter().find(|language| language.countries.contains(&country));
        let city = City {
            name: name.to_owned(),
            full_name: format!("{name}, {country}"),
            center,
            share_until: 0.0,
            language: language.unwrap_or(&LANGUAGES[0]),
        };
        weighed.push((city, weight));
    };
    // A twelfth of all, a quarter and the rest.
    add("Westwood", "United States", ucla, 1.0 / 12.0);
    for (places, share) in [(nearby(60_000.0, 60), 0.25), (nearby(21_000_000.0, 250), 2.0 / 3.0)] {
        let roots = places.iter().map(|place| place.prominence.sqrt()).collect::<Vec<_>>();
        let sum: f64 = roots.iter().sum();
        for (place, root) in places.iter().zip(roots) {
            add(place.name, place.vicinity, place.location, share * root / sum);
        }
    }
    let until = |sum: &mut f64, (city, weight): (City, f64)| {
        *sum += weight;
        Some(City { share_until: *sum, ..city })
    };
    weighed.into_iter().scan(0.0, until).collect()
}

#[derive(Debug)]
struct Person {
    id: i64,
    name: String,
    /// Which of the cities.
    home: usize,
}

/// Makes people and posts up.
#[derive(Debug)]
struct Inventor {
    rng: Rng,
    size: Size,
    end_ms: i64,
    cities: Vec<City>,
    taken_names: HashSet<String>,
    people: Vec<Person>,
    ids: Ids,
    posts_so_far: usize,
    /// Posts that can be answered, and the number of who wrote them.
    recent: VecDeque<(i64, usize)>,
    /// Who has shown which post again.
    reposts: HashSet<(i64, i64)>,
}

impl Inventor {
    fn new(size: Size, end_ms: i64, taken_names: HashSet<String>) -> Self {
        Self {
            rng: Rng::with_seed(SEED),
            size,
            end_ms,
            cities: cities(),
            taken_names,
            people: Vec::new(),
            ids: Ids::new(0),
            posts_so_far: 0,
            recent: VecDeque::new(),
            reposts: HashSet::new(),
        }
    }

    /// All people, and whom they follow.
    fn people(&mut self) -> [Rows; 2] {
        let mut users = Rows::new(
            "users (id, name, name_key, display_name, bio, location, password_hash, created_at)",
        );
        let since_ms = self.end_ms - 400 * DAY_MS;
        let ids = Ids::new(0);
        for n in 0..self.size.users {
            let created_ms = since_ms + portion(370 * DAY_MS, n, self.size.users);
            let id = ids.next(created_ms);
            let home = self.city();
            let (name, display_name) = self.name();
            let bio = format!("{} in {}", pick(&mut self.rng, &BIOS), self.cities[home].name);
            users.push([
                id.into(),
                name.as_str().into(),
                fold(&name).as_str().into(),
                display_name.as_str().into(),
                bio.as_str().into(),
                self.cities[home].full_name.as_str().into(),
                "".into(),
                created_ms.into(),
            ]);
            self.people.push(Person { id, name, home });
        }

        let mut follows = Rows::new("follows (follower_id, followee_id, created_at)");
        if self.size.is_social && self.people.len() > 1 {
            for follower in 0..self.people.len() {
                let mut followed = HashSet::from([follower]);
                for _ in 0..self.rng.usize(4..20) {
                    let followee = self.person();
                    if followed.insert(followee) {
                        let ids = [follower, followee].map(|n| Value::from(self.people[n].id));
                        let [follower_id, followee_id] = ids;
                        follows.push([follower_id, followee_id, (self.end_ms - 8 * DAY_MS).into()]);
                    }
                }
            }
        }
        [users, follows]
    }

    /// The next posts.
    fn posts(&mut self, count: usize) -> Batch {
        let mut batch = Batch::new();
        for _ in 0..count {
            // The later, the more.
            let age = 1.0 - ratio(self.posts_so_far, self.size.posts);
            #[expect(clippy::cast_precision_loss, reason = "a week has few milliseconds")]
            let age_ms = (7 * DAY_MS) as f64 * age.powf(1.5);
            #[expect(clippy::cast_possible_truncation, reason = "likewise")]
            let created_ms = self.end_ms - age_ms as i64;
            self.post(created_ms, &mut batch);
            self.posts_so_far += 1;
        }
        batch
    }

    fn post(&mut self, created_ms: i64, batch: &mut Batch) {
        let id = self.ids.next(created_ms);
        let author = self.person();
        let mut post =
            NewPost { id, author_id: self.people[author].id, created_ms, ..NewPost::default() };
        let chance = self.rng.f64();
        let far_away = self.far_away();
        if chance < 0.05
            && far_away.is_none()
            && let Some((of, _)) = self.recent()
        {
            // Nobody shows a post twice.
            if self.reposts.insert((post.author_id, of)) {
                batch.push(&NewPost { repost_of_id: Some(of), lang: "und", ..post });
                return;
            }
        }

        let at_home = self.rng.f64() < 0.9;
        let city = if at_home { self.people[author].home } else { self.city() };
        let City { center, language, .. } = self.cities[city];
        let language = if self.rng.f64() < 0.15 { &LANGUAGES[0] } else { language };
        post.lang = language.code;
        let template = if chance < 0.2
            && let Some((answered, asker)) = self.recent()
        {
            post.reply_to_id = Some(answered);
            post.lang = LANGUAGES[0].code;
            format!("@{} {}", self.people[asker].name, pick(&mut self.rng, &ANSWERS))
        } else if city == 0 && self.rng.bool() {
            post.lang = LANGUAGES[0].code;
            pick(&mut self.rng, &CAMPUS).to_owned()
        } else {
            pick(&mut self.rng, language.texts).to_owned()
        };
        post.text = template
            .replace("{city}", &self.cities[city].name)
            .replace("{thing}", pick(&mut self.rng, language.things));
        if post.text.contains("{tag}") {
            let tag = self.tag(created_ms);
            post.text = post.text.replace("{tag}", &format!("#{tag}"));
        }
        if self.rng.f64() < 0.85 {
            // Most are near the middle, a few far out.
            let typical_km = if city == 0 { 1.0 } else { 5.0 };
            let away_km = -typical_km * (1.0 - self.rng.f64()).ln();
            post.position = Some(shifted(center, away_km, TAU * self.rng.f64()));
        }
        if let Some((text, position)) = far_away {
            post.lang = LANGUAGES[0].code;
            post.reply_to_id = None;
            text.clone_into(&mut post.text);
            post.position = Some(position);
        }
        if self.size.is_social {
            let likes = self.rng.usize(0..4) * self.rng.usize(0..3);
            let likers: BTreeSet<usize> = (0..likes).map(|_| self.person()).collect();
            for liker in likers {
                batch.likes.push([id.into(), self.people[liker].id.into(), created_ms.into()]);
            }
        }
        batch.push(&post);
        self.recent.push_back((id, author));
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    /// What is written now and then where few people are, and where: near the place of the example in the assignment of
    /// which this program is a part.
    fn far_away(&self) -> Option<(&'static str, LatLng)> {
        let every = (self.size.posts / KHUMBU.len()).max(1);
        let (which, rest) = (self.posts_so_far / every, self.posts_so_far % every);
        let (text, lat, lng) = KHUMBU.get(which).filter(|_| rest == every - 1)?;
        if !self.size.is_social {
            return None;
        }
        Some((text, LatLng::new(*lat, *lng).expect("a point on the earth")))
    }

    /// Somebody; some write more than others.
    fn person(&mut self) -> usize {
        let at = self.rng.f64() * self.rng.f64();
        share_of(self.people.len(), at)
    }

    /// A city, by its share.
    fn city(&mut self) -> usize {
        let at = self.rng.f64();
        let city = self.cities.partition_point(|city| city.share_until <= at);
        city.min(self.cities.len() - 1)
    }

    fn recent(&mut self) -> Option<(i64, usize)> {
        let at = share_of(self.recent.len(), self.rng.f64());
        self.recent.get(at).copied()
    }

    /// A hashtag that is used at this moment.
    fn tag(&mut self, at_ms: i64) -> &'static str {
        if self.rng.f64() < 0.6 {
            return pick(&mut self.rng, &TAGS);
        }
        let days_ago = usize::try_from((self.end_ms - at_ms) / DAY_MS).unwrap_or(usize::MAX);
        TRENDS[TRENDS.len() - 1 - days_ago.min(TRENDS.len() - 1)]
    }

    /// A name that nobody has, and how it is shown.
    fn name(&mut self) -> (String, String) {
        let first = pick(&mut self.rng, &FIRST_NAMES);
        let last = pick(&mut self.rng, &LAST_NAMES);
        let name = format!("{first}_{last}").to_lowercase();
        let numbered = (2..).map(|number| format!("{name}{number}"));
        let free = core::iter::once(name.clone())
            .chain(numbered)
            .find(|name| self.taken_names.insert(name.clone()))
            .expect("there always is a next number");
        (free, format!("{first} {last}"))
    }
}

/// A post to insert.
#[derive(Debug, Default)]
struct NewPost {
    id: i64,
    author_id: i64,
    text: String,
    lang: &'static str,
    created_ms: i64,
    position: Option<LatLng>,
    reply_to_id: Option<i64>,
    repost_of_id: Option<i64>,
}

/// Rows of all tables that posts are in.
#[derive(Debug)]
struct Batch {
    posts: Rows,
    terms: Vec<(String, i64)>,
    tags: Rows,
    cells: Vec<(i64, i64)>,
    likes: Rows,
}

impl Batch {
    fn new() -> Self {
        Self {
            posts: Rows::new(
                "posts (id, author_id, text, lang, created_at, latitude, longitude, reply_to_id, \
                 repost_of_id)",
            ),
            terms: Vec::new(),
            tags: Rows::new("post_tags (post_id, tag)"),
            cells: Vec::new(),
            likes: Rows::new("likes (post_id, user_id, created_at)"),
        }
    }

    fn push(&mut self, post: &NewPost) {
        let id = post.id;
        self.posts.push([
            id.into(),
            post.author_id.into(),
            post.text.as_str().into(),
            post.lang.into(),
            post.created_ms.into(),
            post.position.map(LatLng::lat).into(),
            post.position.map(LatLng::lng).into(),
            post.reply_to_id.into(),
            post.repost_of_id.into(),
        ]);
        let parts = parts(&post.text);
        self.terms.extend(parts.terms.into_iter().map(|term| (term, id)));
        for tag in &parts.hashtags {
            self.tags.push([id.into(), fold(tag).as_str().into()]);
        }
        self.cells.extend(post.position.into_iter().flat_map(cells_of).map(|cell| (cell, id)));
    }

    async fn insert(mut self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        // In the order of their indexes, which take them quicker then.
        self.terms.sort_unstable();
        self.cells.sort_unstable();
        let mut terms = Rows::new("post_terms (term, post_id)");
        for (term, id) in self.terms {
            terms.push([term.as_str().into(), id.into()]);
        }
        let mut cells = Rows::new("post_cells (cell, post_id)");
        for (cell, id) in self.cells {
            cells.push([cell.into(), id.into()]);
        }
        for rows in [self.posts, terms, self.tags, cells, self.likes] {
            rows.insert(&mut *connection).await?;
        }
        Ok(())
    }
}

fn pick<'a>(rng: &mut Rng, texts: &[&'a str]) -> &'a str {
    texts[rng.usize(..texts.len())]
}

/// A point so far away, as it is on a flat earth.
fn shifted(from: LatLng, away_km: f64, bearing: f64) -> LatLng {
    const KM_A_DEGREE: f64 = 111.195;
    let lat = from.lat() + away_km * bearing.cos() / KM_A_DEGREE;
    let narrowing = from.lat().to_radians().cos().max(0.01);
    let lng = from.lng() + away_km * bearing.sin() / KM_A_DEGREE / narrowing;
    let rounded = |degrees: f64| (degrees * 1e5).round() / 1e5;
    LatLng::new(rounded(lat), rounded(lng)).unwrap_or(from)
}

/// Which of `count` things a number from 0 to 1 stands for.
fn share_of(count: usize, at: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "there are few things, and the fraction shall go"
    )]
    let which = (at * count as f64) as usize;
    which.min(count.saturating_sub(1))
}

#[expect(clippy::cast_precision_loss, reason = "there are few things")]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

/// The part of a span of time after which the `n`th of `count` begins.
fn portion(span_ms: i64, n: usize, count: usize) -> i64 {
    let [n, count] = [n, count].map(|n| i64::try_from(n).unwrap_or(i64::MAX));
    span_ms / count.max(1) * n
}
