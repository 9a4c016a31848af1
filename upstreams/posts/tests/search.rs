//! The search on both databases, held against one that looks at all posts.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may: the panic is its report")]

#[path = "../benches/search/postgres.rs"]
mod postgres;

use fastrand::Rng;
use herd_places::LatLng;
use herd_posts::cells::cells_of;
use herd_posts::demo::{Size, fill};
use herd_posts::query::Query;
use herd_posts::search::{Circle, Found, Search, search};
use herd_posts::text::{parts, words};
use herd_posts::{Database, search_json};
use postgres::Postgres;
use serde_json::Value;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use tempfile::TempDir;
use tokio::net::TcpListener;

/// 2026-01-01, in milliseconds since 1970.
const NOW_MS: i64 = 1_767_225_600_000;

/// Runs a test on a fresh database of each kind.
fn on_both(test: impl AsyncFn(&Database)) {
    let dir = TempDir::new().unwrap();
    let postgres = Postgres::start().unwrap();
    let file = dir.path().join("posts.sqlite");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for url in [format!("sqlite:{}", file.display()), postgres.url()] {
        eprintln!("on {url}");
        runtime.block_on(async {
            let database = Database::open(&url).await.unwrap();
            test(&database).await;
            database.close().await;
        });
    }
}

#[test]
fn the_search_finds_what_looking_at_all_posts_finds() {
    on_both(async |database| {
        let size = Size { users: 60, posts: 2_500, is_social: true };
        assert!(fill(database, size, NOW_MS).await.unwrap());
        let mut rng = Rng::with_seed(7);
        scatter(database, &mut rng).await;
        let all = all_posts(database).await;
        let (blocker, blocked) = (all[700].author_id, all[900].author_id);
        assert_ne!(blocker, blocked);
        execute(database, format!("INSERT INTO blocks VALUES ({blocker}, {blocked}, 0)")).await;

        let mut with_results = 0;
        for _ in 0..400 {
            let typed = Typed::any(&mut rng, &all);
            let near = (rng.f64() < 0.7).then(|| any_circle(&mut rng, &all));
            let before = (rng.f64() < 0.3).then(|| pick(&mut rng, &all).id);
            let after = (rng.f64() < 0.2).then(|| pick(&mut rng, &all).id);
            let viewer = *pick(&mut rng, &[None, Some(blocker), Some(blocked)]);
            let lang = *pick(&mut rng, &[None, None, Some("ja")]);
            let limit = rng.usize(1..150);
            let query = Query::parse(&typed.text);
            let asked = Search { query: &query, near, lang, before, after, viewer, limit };

            let found = search(&mut database.read().await.unwrap(), &asked).await.unwrap();

            let is_hidden = |author| {
                let pair = (viewer, author);
                pair == (Some(blocker), blocked) || pair == (Some(blocked), blocker)
            };
            let matching = all.iter().filter(|post| {
                typed.is_in(post)
                    && near.is_none_or(|near| post.is_within(near))
                    && before.is_none_or(|id| post.id < id)
                    && after.is_none_or(|id| post.id > id)
                    && lang.is_none_or(|lang| post.lang == lang)
                    && !is_hidden(post.author_id)
            });
            let ids: Vec<_> = matching.map(|post| post.id).take(limit).collect();
            with_results += usize::from(!ids.is_empty());
            assert_eq!(found, Found { ids, cut_at: None }, "{asked:?}");
        }
        assert!(with_results > 100, "too few of the searches find something: {with_results}");
    });
}

#[test]
fn a_search_that_would_take_too_long_is_given_up() {
    on_both(async |database| {
        execute(
            database,
            "INSERT INTO users VALUES (1, 'sea', 'sea', '', '', '', '', 0);
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
             INSERT INTO posts SELECT i, 1, 'buoy', 'en', 0, NULL, NULL, NULL, NULL FROM n;"
                .into(),
        )
        .await;
        let query = Query::parse("filter:links -coffee");
        let (near, lang, before, after, viewer) = (None, None, None, None, None);
        let asked = Search { query: &query, near, lang, before, after, viewer, limit: 10 };

        let found = search(&mut database.read().await.unwrap(), &asked).await.unwrap();
        assert!(found.ids.is_empty(), "{found:?}");
        // The last round went beyond the 5,000 newest texts.
        assert!(found.cut_at.is_some_and(|id| (50_000..=55_001).contains(&id)), "{found:?}");

        let (status, page) = Server::start(database).await.get("?q=filter:links").await;
        assert_eq!((status, page["results"].as_array().map(Vec::len)), (200, Some(0)));
        assert!(page["warning"].as_str().is_some_and(|text| text.contains("older")), "{page}");
    });
}

#[test]
fn the_demo_is_the_same_each_time_and_added_once() {
    on_both(async |database| {
        let size = Size { users: 40, posts: 300, is_social: true };
        assert!(fill(database, size, NOW_MS).await.unwrap());
        let first = all_posts(database).await;
        assert!(first.len() > 250);
        assert!(!fill(database, size, NOW_MS).await.unwrap());
        assert_eq!(all_posts(database).await.len(), first.len());
        // The example that a posts herd began with.
        let khumbu = Circle { center: LatLng::new(27.5916, 86.5640).unwrap(), radius_km: 100.0 };
        assert!(first.iter().filter(|post| post.is_within(khumbu)).count() >= 2);

        let dir = TempDir::new().unwrap();
        let other = format!("sqlite:{}", dir.path().join("other").display());
        let other = Database::open(&other).await.unwrap();
        execute(&other, "INSERT INTO users VALUES (1, 'x', 'ann', '', '', '', 'a hash', 0)".into())
            .await;
        assert!(fill(&other, size, NOW_MS).await.unwrap());
        let texts = |posts: &[Post]| posts.iter().map(|post| post.text.clone()).collect::<Vec<_>>();
        assert_eq!(texts(&all_posts(&other).await), texts(&first));
        other.close().await;
    });
}

#[test]
fn pages_of_the_old_format_lead_from_one_to_the_next() {
    on_both(async |database| {
        let size = Size { users: 30, posts: 400, is_social: true };
        assert!(fill(database, size, NOW_MS).await.unwrap());
        let all = all_posts(database).await;
        let server = Server::start(database).await;
        let circle = Circle { center: LatLng::new(34.0689, -118.4451).unwrap(), radius_km: 50.0 };
        let expected: Vec<_> = all.iter().filter(|p| p.is_within(circle)).map(|p| p.id).collect();
        assert!(expected.len() > 25, "{}", expected.len());

        let geocode = "geocode=34.0689%2C-118.4451%2C50km";
        let mut asked = format!("?q=&{geocode}&rpp=10");
        let mut ids = Vec::new();
        for page_number in 1.. {
            let (status, page) = server.get(&asked).await;
            assert_eq!((status, page["page"].as_i64()), (200, Some(page_number)), "{page}");
            let newest = expected[0];
            assert_eq!(page["max_id"], newest);
            assert_eq!(page["refresh_url"], format!("?since_id={newest}&rpp=10&{geocode}&q="));
            for post in page["results"].as_array().unwrap() {
                ids.push(post["id"].as_i64().unwrap());
                let ours = all.iter().find(|ours| post["id"] == ours.id).unwrap();
                assert_eq!(post["id_str"], ours.id.to_string());
                assert_eq!(post["text"], ours.text);
                assert_eq!(post["from_user"], ours.author);
                assert_eq!(post["from_user_id"], ours.author_id);
                assert_eq!(post["geo"]["type"], "Point");
                assert_eq!(post["to_user_id"].is_null(), !ours.text.starts_with('@'), "{post}");
            }
            let Some(next) = page.get("next_page") else { break };
            asked = next.as_str().unwrap().to_owned();
        }
        assert_eq!(ids, expected);

        let newer = server.get(&format!("?{geocode}&since_id={}", ids[3])).await.1;
        assert_eq!(newer["results"].as_array().map(Vec::len), Some(3));
        let older = server.get(&format!("?{geocode}&rpp=100&max_id={}", ids[3])).await.1;
        assert_eq!(older["results"].as_array().map(Vec::len), Some(100.min(ids.len() - 3)));
        assert_eq!(older["results"][0]["id"], ids[3]);
    });
}

#[test]
fn a_database_that_is_away_is_an_error_with_a_body() {
    on_both(async |database| {
        let server = Server::start(database).await;
        database.close().await;

        let (status, body) = server.get("?q=kiwi").await;

        assert_eq!(status, 503);
        assert!(body["error"].as_str().is_some_and(|error| error.contains("database")), "{body}");
        assert_eq!(server.get("").await.0, 403);
        assert_eq!(server.get("?q=a&rpp=x").await.0, 400);
    });
}

/// A post as the naive search looks at it.
#[derive(Clone, Debug)]
struct Post {
    id: i64,
    author_id: i64,
    author: String,
    text: String,
    words: Vec<String>,
    lang: String,
    position: Option<LatLng>,
}

impl Post {
    fn read(row: &AnyRow) -> Self {
        let text: String = row.get(3);
        let position: (Option<f64>, Option<f64>) = (row.get(5), row.get(6));
        Self {
            id: row.get(0),
            author_id: row.get(1),
            author: row.get(2),
            words: words(&text),
            text,
            lang: row.get(4),
            position: position.0.zip(position.1).map(|(lat, lng)| LatLng::new(lat, lng).unwrap()),
        }
    }

    fn is_within(&self, circle: Circle) -> bool {
        let distance_m = self.position.map(|position| circle.center.distance_m(position));
        distance_m.is_some_and(|distance_m| distance_m <= circle.radius_km * 1000.0)
    }
}

/// All but reposts, newest first.
async fn all_posts(database: &Database) -> Vec<Post> {
    const SQL: &str = "SELECT p.id, p.author_id, u.name, p.text, p.lang, p.latitude, p.longitude \
                       FROM posts p JOIN users u ON u.id = p.author_id \
                       WHERE p.repost_of_id IS NULL ORDER BY p.id DESC";
    let mut connection = database.read().await.unwrap();
    let rows = sqlx::query(SQL).fetch_all(&mut *connection).await.unwrap();
    rows.iter().map(Post::read).collect()
}

async fn execute(database: &Database, sql: String) {
    let mut transaction = database.write().await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *transaction).await.unwrap();
    transaction.commit().await.unwrap();
}

/// Adds posts all over the earth, many of them at its seams and in one spot.
async fn scatter(database: &Database, rng: &mut Rng) {
    const SEAMS: [f64; 5] = [90.0, -90.0, 0.0, 180.0, -180.0];
    let mut sql = "INSERT INTO users VALUES (1, 'sea', 'sea', '', '', '', '', 0);".to_owned();
    for n in 0..600_i64 {
        let id = (1 << 60) + n * 1000;
        let mut degrees = |limit: f64| {
            let seam = *pick(rng, &SEAMS);
            match rng.u8(..4) {
                0 => seam.clamp(-limit, limit),
                1 => (seam + rng.f64() - 0.5).clamp(-limit, limit),
                _ => (rng.f64() * 2.0 - 1.0) * limit,
            }
        };
        let (lat, lng) = if n % 6 == 0 { (60.0, 5.0) } else { (degrees(90.0), degrees(180.0)) };
        let text = format!("buoy number{} coffee #sea", n % 50);
        sql += &format!(
            "INSERT INTO posts VALUES ({id}, 1, '{text}', 'und', 0, {lat:?}, {lng:?}, NULL, NULL);"
        );
        for cell in cells_of(LatLng::new(lat, lng).unwrap()) {
            sql += &format!("INSERT INTO post_cells VALUES ({cell}, {id});");
        }
        for term in parts(&text).terms {
            sql += &format!("INSERT INTO post_terms VALUES ('{term}', {id});");
        }
    }
    execute(database, sql).await;
}

fn any_circle(rng: &mut Rng, all: &[Post]) -> Circle {
    let positions: Vec<_> = all.iter().filter_map(|post| post.position).collect();
    let center = if rng.f64() < 0.8 {
        *pick(rng, &positions)
    } else {
        LatLng::new(rng.f64() * 180.0 - 90.0, rng.f64() * 360.0 - 180.0).unwrap()
    };
    let radius_km = match rng.u8(..4) {
        // A post is on the edge.
        0 => center.distance_m(*pick(rng, &positions)) / 1000.0,
        _ => 10f64.powf(rng.f64() * 6.5 - 2.0),
    };
    Circle { center, radius_km }
}

/// What is typed, and what it means.
#[derive(Debug, Default)]
struct Typed {
    text: String,
    one_of: Vec<Vec<&'static str>>,
    none_of: Vec<&'static str>,
    author: Option<String>,
}

impl Typed {
    fn any(rng: &mut Rng, all: &[Post]) -> Self {
        const WORDS: [&str; 9] =
            ["coffee", "#sea", "buoy", "number7", "tacos", "#coffee", "in", "nowhere", "ramen"];
        let mut typed = Self::default();
        for _ in 0..*pick(rng, &[0, 0, 1, 1, 2]) {
            let one_of: Vec<_> = (0..rng.usize(1..3)).map(|_| *pick(rng, &WORDS)).collect();
            typed.text += &format!(" {}", one_of.join(" OR "));
            typed.one_of.push(one_of);
        }
        if rng.f64() < 0.3 {
            let word = *pick(rng, &WORDS);
            typed.text += &format!(" -{word}");
            typed.none_of.push(word);
        }
        if rng.f64() < 0.15 {
            let author = &pick(rng, all).author;
            typed.text += &format!(" from:{author}");
            typed.author = Some(author.clone());
        }
        typed
    }

    fn is_in(&self, post: &Post) -> bool {
        let has = |word: &&str| {
            if word.starts_with('#') {
                post.text.split_whitespace().any(|written| written.eq_ignore_ascii_case(word))
            } else {
                post.words.iter().any(|written| written == word)
            }
        };
        self.one_of.iter().all(|one_of| one_of.iter().any(has))
            && !self.none_of.iter().any(has)
            && self.author.as_ref().is_none_or(|author| post.author == *author)
    }
}

fn pick<'a, T>(rng: &mut Rng, from: &'a [T]) -> &'a T {
    &from[rng.usize(..from.len())]
}

/// The route over HTTP.
struct Server {
    url: String,
}

impl Server {
    async fn start(database: &Database) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}{}", listener.local_addr().unwrap(), search_json::PATH);
        let router = search_json::router(database.clone());
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { url }
    }

    /// The status, and the body, which is one line.
    async fn get(&self, query: &str) -> (u16, Value) {
        let url = format!("{}{query}", self.url);
        let asked = tokio::task::spawn_blocking(move || {
            let config = ureq::Agent::config_builder().http_status_as_error(false).build();
            let mut answer = ureq::Agent::new_with_config(config).get(&url).call().unwrap();
            (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
        });
        let (status, body) = asked.await.unwrap();
        assert_eq!(body.find('\n'), Some(body.len() - 1), "one line: {body}");
        (status, serde_json::from_str(&body).unwrap())
    }
}
