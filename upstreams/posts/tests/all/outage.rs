//! A PostgreSQL that goes away, or hangs, and comes back.

use core::time::Duration;

use herd_tests::{PATIENCE, Signal, eventually, monotonic};
use serde_json::json;
use tempfile::TempDir;

use crate::harness::{Client, PASSWORD, Site};
use crate::postgres::Postgres;

/// A request fails within this: five seconds by contract, and a busy machine.
const FAST: Duration = Duration::from_secs(8);

#[test]
fn a_database_that_was_stopped_comes_back_without_a_restart() {
    let mut postgres = Postgres::start();
    let site = Site::on(postgres.database(), TempDir::new().unwrap());
    let ann = site.sign_up("ann");
    ann.post("before");

    postgres.stop();
    for _ in 0..3 {
        everything_fails_fast(&site, &ann);
    }

    postgres.resume_service();
    it_works_again(&ann);
    assert_eq!(ann.texts("feed"), ["after", "before"]);
}

#[test]
fn a_database_that_hangs_is_as_good_as_none() {
    let postgres = Postgres::start();
    let site = Site::on(postgres.database(), TempDir::new().unwrap());
    let ann = site.sign_up("ann");
    ann.post("before");

    postgres.signal_all(Signal::STOP);
    everything_fails_fast(&site, &ann);
    postgres.signal_all(Signal::CONT);

    it_works_again(&ann);
    assert_eq!(ann.texts("feed"), ["after", "before"]);
}

#[test]
fn a_database_that_is_not_there_at_the_start_is_told() {
    let dir = TempDir::new().unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_herd-posts"));
    let url = format!("postgres://herd:secret@localhost/x?host={}", dir.path().display());
    command.args(["--listen", "127.0.0.1:0", "--database-env", "URL"]).env("URL", url);

    let ended = herd_tests::Program::run(&mut command);

    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.starts_with("herd-posts: cannot open the database: "), "{}", ended.stderr);
    assert!(!ended.stderr.contains("secret"), "{}", ended.stderr);
}

fn everything_fails_fast(site: &Site, ann: &Client) {
    let nobody = site.server.client();
    let log_in =
        format!("mutation {{ logIn(name: \"ann\", password: \"{PASSWORD}\") {{ token }} }}");
    for (client, query) in [
        (ann, "{ feed { nodes { id } } }"),
        (ann, "mutation { post(text: \"lost\") { id } }"),
        (&nobody, "{ posts { nodes { id } } }"),
        (&nobody, log_in.as_str()),
    ] {
        let start = monotonic();
        let answer = client.ask(query, json!({}));
        assert_eq!(answer.error(), (503, "UNAVAILABLE".into()), "{query}");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        assert!(start.elapsed() < FAST, "{query} took {:?}", start.elapsed());
    }
}

fn it_works_again(ann: &Client) {
    eventually(PATIENCE, || {
        ann.ask("mutation { post(text: \"after\") { id } }", json!({})).status == 200
    });
}
