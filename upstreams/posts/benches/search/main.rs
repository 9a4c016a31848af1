//! How long `/search.json` takes around a place, over HTTP, and how long without an index.
//!
//! `cargo bench -p herd-posts` fills SQLite and a PostgreSQL server of its own with a million posts, clustered
//! around cities as those of the demo are. `cargo bench -p herd-posts -- 10000` takes fewer.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

mod postgres;

use core::error::Error;
use core::time::Duration;
use std::env;

use herd_places::LatLng;
use herd_posts::demo::{Size, fill};
use herd_posts::{Backend, Database, search_json};
use postgres::Postgres;
use sqlx::{AnyConnection, Connection as _, Row as _};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

type Outcome<T> = Result<T, Box<dyn Error>>;

const POSTS: usize = 1_000_000;

/// Requests of a row; each asks for another place a little beside.
const REQUESTS: u32 = 300;

const SCANS: u32 = 5;

/// What is asked: a name, a point, a radius in kilometres and words.
const CASES: [(&str, f64, f64, f64, &str); 11] = [
    ("Westwood", 34.0689, -118.4451, 10.0, ""),
    ("Los Angeles", 34.0522, -118.2437, 10.0, ""),
    ("Tokyo", 35.6895, 139.6917, 10.0, ""),
    ("London", 51.5085, -0.1257, 10.0, ""),
    ("Santa Clarita", 34.3917, -118.5426, 10.0, ""),
    ("Reykjavik", 64.1355, -21.8954, 10.0, ""),
    ("the Pacific", 0.0, -140.0, 10.0, ""),
    ("Westwood", 34.0689, -118.4451, 1.0, ""),
    ("Westwood", 34.0689, -118.4451, 100.0, ""),
    ("Westwood", 34.0689, -118.4451, 10.0, "coffee -tacos"),
    ("Westwood", 34.0689, -118.4451, 10.0, "フクロウ OR owls"),
];

fn main() -> Outcome<()> {
    // Cargo adds --bench.
    let posts = env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(POSTS);
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    println!(
        "{posts} posts; times in milliseconds; {REQUESTS} requests with rpp=100, {SCANS} scans"
    );
    println!("| database | around | km | words | results | median | p99 | scan |");
    println!("|---|---|---|---|---|---|---|---|");

    let dir = tempfile::tempdir()?;
    let sqlite = format!("sqlite:{}", dir.path().join("posts.sqlite").display());
    measure(&runtime, &sqlite, posts)?;
    let postgres = Postgres::start()?;
    measure(&runtime, &postgres.url(), posts)
}

fn measure(runtime: &Runtime, url: &str, posts: usize) -> Outcome<()> {
    let start = Instant::now();
    let database = runtime.block_on(Database::open(url))?;
    let size = Size { users: posts / 50 + 2, posts, is_social: false };
    runtime.block_on(async {
        fill(&database, size, herd_posts::ids::now_ms()).await?;
        // What a server does by itself, sooner or later.
        let settle = match database.backend() {
            Backend::Sqlite => "PRAGMA wal_checkpoint(TRUNCATE)",
            Backend::Postgres => "VACUUM ANALYZE",
        };
        // On a connection of its own, which may take its time.
        let mut connection = AnyConnection::connect(url).await?;
        sqlx::query(settle).execute(&mut connection).await?;
        Ok::<_, Box<dyn Error>>(())
    })?;
    eprintln!("filled in {:.0} s", start.elapsed().as_secs_f64());

    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    let router = search_json::router(database.clone());
    let server = runtime.spawn(async { axum::serve(listener, router).await });
    let agent = ureq::Agent::new_with_defaults();
    for (name, lat, lng, radius_km, words) in CASES {
        let mut took = Vec::new();
        let mut results = 0;
        // The first few fill caches and connections.
        for n in 0..REQUESTS + 20 {
            // Somewhere else within some hundred metres.
            let [lat, lng] = [lat, lng].map(|degrees| degrees + f64::from(n % 17) * 0.0003);
            let words: String = form_urlencoded::byte_serialize(words.as_bytes()).collect();
            let asked = format!(
                "http://{address}/search.json?q={words}&geocode={lat:.6},{lng:.6},{radius_km}km&rpp=100"
            );
            let start = Instant::now();
            let body = agent.get(&asked).call()?.body_mut().read_to_string()?;
            let end = start.elapsed();
            if n >= 20 {
                took.push(end);
            }
            let page: serde_json::Value = serde_json::from_str(&body)?;
            results = page["results"].as_array().map_or(0, Vec::len);
            if let Some(warning) = page.get("warning") {
                return Err(format!("{name}: {warning}").into());
            }
        }
        let mut scans = Vec::new();
        if words.is_empty() {
            let center = LatLng::new(lat, lng).ok_or("no point on the earth")?;
            for _ in 0..SCANS {
                let start = Instant::now();
                runtime.block_on(scan(&database, center, radius_km))?;
                scans.push(start.elapsed());
            }
        }
        let backend = database.backend();
        let [median, p99] = [50, 99].map(|percent| quantile(&mut took, percent));
        let scan = quantile(&mut scans, 50);
        println!(
            "| {backend:?} | {name} | {radius_km} | {words} | {results} | {median} | {p99} | {scan} |"
        );
    }
    server.abort();
    runtime.block_on(database.close());
    Ok(())
}

/// The newest hundred posts within the circle, found by looking at all posts.
async fn scan(database: &Database, center: LatLng, radius_km: f64) -> Outcome<Vec<i64>> {
    const SQL: &str = "SELECT id, latitude, longitude FROM posts \
                       WHERE latitude BETWEEN $1 AND $2 AND longitude BETWEEN $3 AND $4";
    let degrees = radius_km / 111.0;
    let wide = degrees / center.lat().to_radians().cos();
    let rows = sqlx::query(SQL)
        .bind(center.lat() - degrees)
        .bind(center.lat() + degrees)
        .bind(center.lng() - wide)
        .bind(center.lng() + wide)
        .fetch_all(&mut *database.read().await?)
        .await?;
    let mut found = Vec::new();
    for row in &rows {
        let point = LatLng::new(row.try_get(1)?, row.try_get(2)?);
        if point.is_some_and(|point| center.distance_m(point) <= radius_km * 1000.0) {
            found.push(row.try_get(0)?);
        }
    }
    found.sort_unstable_by(|a: &i64, b| b.cmp(a));
    found.truncate(100);
    Ok(found)
}

/// In milliseconds.
fn quantile(took: &mut [Duration], percent: usize) -> String {
    took.sort_unstable();
    let at = took.len() * percent / 100;
    let Some(took) = took.get(at.min(took.len().saturating_sub(1))) else { return String::new() };
    format!("{:.2}", took.as_secs_f64() * 1000.0)
}
