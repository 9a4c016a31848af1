//! Many at once: all get their turn, and nobody's takes that of others.

use core::time::Duration;
use std::thread;

use herd_tests::{PATIENCE, eventually, holds_for};
use serde_json::json;
use sqlx::{AnyConnection, Connection as _, Executor as _};

use crate::harness::{Client, PASSWORD, Site};

/// A hash of a password takes this much memory.
const HASH_BYTES: u64 = 19 << 20;

#[test]
fn sign_ups_by_the_hundred_all_get_in_and_hold_up_no_log_in() {
    let site = Site::sqlite();
    site.sign_up("ann");
    let before = site.server.program.resident_bytes();
    let cores = thread::available_parallelism().unwrap().get() as u64;
    let sign_up = |n: usize| {
        let client = site.server.client();
        let query = "mutation($name: String!, $password: String!) \
                     { signUp(name: $name, password: $password) { user { name } } }";
        client.ask(query, json!({"name": format!("n{n}"), "password": PASSWORD})).status
    };

    let (mut most, mut log_ins) = (0, Vec::new());
    let sign_ups: Vec<_> = thread::scope(|scope| {
        let all: Vec<_> = (0..400).map(|n| scope.spawn(move || sign_up(n))).collect();
        while !all.iter().all(|one| one.is_finished()) {
            log_ins.push(site.server.log_in("ann", PASSWORD).status);
            most = site.server.program.resident_bytes().max(most);
        }
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });

    assert!(sign_ups.iter().all(|status| *status == 200), "{sign_ups:?}");
    assert!(log_ins.len() > 10, "each waits for few of the others: {}", log_ins.len());
    assert!(log_ins.iter().all(|status| *status == 200), "{log_ins:?}");
    // Beside the hashes: connections, threads, the pages of the database.
    let room = 100 << 20;
    assert!(most < before + (cores + 1) * HASH_BYTES + room, "{before} bytes, then {most}");
    eventually(PATIENCE, || site.server.program.resident_bytes() < before + room);
}

#[test]
fn one_request_takes_one_connection_and_one_address_leaves_some() {
    let site = Site::postgres();
    let server = site.another(&["--trust-proxy"]);
    server.sign_up("ann").post("#kiwi");
    let locked = Locked::new(&site.database, "post_tags");
    let asks_much = |client: Client| {
        client
            .ask("{ a: trending { tag } b: trending { tag } c: trending { tag } }", json!({}))
            .status
    };

    thread::scope(|scope| {
        let one = scope.spawn(|| asks_much(server.client_at("192.0.2.1")));
        locked.eventually_waits_for_it(1);
        holds_for(Duration::from_millis(500), || locked.waiting() <= 1);
        assert_eq!(one.join().unwrap(), 503, "what takes too long has an end");
        locked.eventually_waits_for_it(0);

        let crowd: Vec<_> =
            (0..30).map(|_| scope.spawn(|| asks_much(server.client_at("192.0.2.7")))).collect();
        locked.eventually_waits_for_it(10);
        for _ in 0..3 {
            let other = server.client_at("192.0.2.8");
            assert_eq!(other.texts("posts"), ["#kiwi"]);
            let found = other.fetch("/search.json?q=kiwi", &[]);
            assert_eq!(
                (found.status, found.json()["results"][0]["text"].as_str()),
                (200, Some("#kiwi"))
            );
        }
        assert!(locked.waiting() <= 10, "{}", locked.waiting());
        for one in crowd {
            assert_eq!(one.join().unwrap(), 503);
        }
    });
}

#[test]
fn a_search_has_an_end() {
    let site = Site::postgres();
    site.sign_up("ann").post("kiwi");
    let locked = Locked::new(&site.database, "post_terms");

    let found = site.server.client().fetch("/search.json?q=kiwi", &[]);

    assert_eq!((found.status, found.header("retry-after")), (503, Some("2")), "{found:?}");
    assert!(found.json()["error"].as_str().unwrap().contains("too long"), "{found:?}");
    drop(locked);
    eventually(PATIENCE, || site.server.client().fetch("/search.json?q=kiwi", &[]).status == 200);
}

/// Who asks for what is newer than the newest they have seen misses nothing.
#[test]
fn ids_grow_in_the_order_in_which_posts_can_be_seen() {
    let site = Site::postgres();
    let ann = site.sign_up("ann");
    let first: i64 = ann.post("first").parse().unwrap();
    // Another server whose clock is ahead, and which is about to write a post.
    let ahead = first + (60_000 << 22);
    let other = Locked::new(&site.database, "posts");

    let second: i64 = thread::scope(|scope| {
        let second = scope.spawn(|| ann.post("second"));
        other.eventually_waits_for_it(1);
        other.execute(&format!(
            "INSERT INTO posts SELECT {ahead}, author_id, 'third', 'und', 0, NULL, NULL, NULL, NULL FROM posts"
        ));
        other.execute("COMMIT");
        second.join().unwrap().parse().unwrap()
    });

    assert!(second > ahead, "{second} {ahead}");
    assert_eq!(ann.texts("posts"), ["second", "third", "first"]);
}

/// A table that nobody else can read.
struct Locked {
    runtime: tokio::runtime::Runtime,
    connection: core::cell::RefCell<AnyConnection>,
}

impl Locked {
    fn new(database: &str, table: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        sqlx::any::install_default_drivers();
        let connection = runtime.block_on(async {
            let mut connection = AnyConnection::connect(database).await.unwrap();
            connection.execute("BEGIN").await.unwrap();
            let lock = format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
            connection.execute(sqlx::AssertSqlSafe(lock)).await.unwrap();
            connection
        });
        Self { runtime, connection: connection.into() }
    }

    fn execute(&self, sql: &str) {
        let mut connection = self.connection.borrow_mut();
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        self.runtime.block_on(connection.execute(sql)).unwrap();
    }

    /// How many connections wait for it.
    fn waiting(&self) -> i64 {
        let sql = "SELECT COUNT(*) FROM pg_stat_activity \
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let mut connection = self.connection.borrow_mut();
        // The view is the same throughout a transaction unless it is told to look again.
        self.runtime.block_on(async {
            connection.execute("SELECT pg_stat_clear_snapshot()").await.unwrap();
            sqlx::query_scalar(sql).fetch_one(&mut *connection).await.unwrap()
        })
    }

    fn eventually_waits_for_it(&self, count: i64) {
        eventually(PATIENCE, || self.waiting() == count);
    }
}
