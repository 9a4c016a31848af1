//! A PostgreSQL that goes away, or hangs, and comes back.

use core::time::Duration;

use herd_tests::{PATIENCE, Program, Signal, eventually, monotonic};
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

    let ended = Program::run(&mut command);

    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.starts_with("herd-posts: cannot open the database: "), "{}", ended.stderr);
    assert!(!ended.stderr.contains("secret"), "{}", ended.stderr);
}

#[test]
fn a_signal_ends_it_while_it_waits_for_its_database() {
    let dir = TempDir::new().unwrap();
    // It takes the connection and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://herd@{}/x?sslmode=disable", silent.local_addr().unwrap());
    for signal in [Signal::TERM, Signal::INT] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_herd-posts"));
        command.args(["--listen", "127.0.0.1:0", "--database", &url]);
        let mut program = Program::start(&mut command, dir.path(), "waiting");
        let _connection = silent.accept().unwrap();

        program.signal(signal);

        eventually(PATIENCE, || program.has_ended());
    }
}

#[test]
fn a_demo_that_can_not_be_added_says_why() {
    let site = Site::sqlite();
    site.sql("DROP TABLE follows");
    site.stop();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_herd-posts"));
    command.args(["--listen", "127.0.0.1:0", "--demo", "--database", &site.database]);

    let ended = Program::run(&mut command);

    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.starts_with("herd-posts: cannot add the demo: "), "{}", ended.stderr);
    assert!(ended.stderr.contains("no such table: follows"), "{}", ended.stderr);
}

#[test]
fn what_could_not_be_swept_is_told() {
    let site = Site::sqlite();
    site.sql("DROP TABLE login_failures");

    let other = site.another(&[]);

    let told = "what has expired was not deleted: something went wrong here: ";
    eventually(PATIENCE, || other.program.stderr().contains(told));
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
