//! What keeps the data: full, for reading only, somebody else's, or in use.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::thread;

use herd_tests::{PATIENCE, Program, eventually};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::json;
use tempfile::TempDir;

use crate::harness::{Client, PASSWORD, Server, Site};
use crate::postgres::Postgres;

fn try_to_post(client: &Client) -> u16 {
    let query = "mutation($text: String!) { post(text: $text) { id } }";
    client.ask(query, json!({"text": "long words ".repeat(25)})).status
}

/// A limit on the size of files stands for a disk of that size.
#[test]
fn a_disk_that_was_full_works_again_at_once_when_there_is_room() {
    let dir = TempDir::new().unwrap();
    let database = format!("sqlite:{}", dir.path().join("posts.sqlite").display());
    let mut command = Command::new("sh");
    // The system tells of the limit by an error instead of a signal that ends the program.
    command.args(["-c", r#"trap "" XFSZ; ulimit -S -f 1000; exec "$0" "$@""#]);
    command.arg(env!("CARGO_BIN_EXE_herd-posts"));
    let server = Server::start_by(command, &database, dir.path(), &[]);
    let ann = server.sign_up("ann");
    let crowd = || -> Vec<u16> {
        thread::scope(|scope| {
            let all: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| (0..4).map(|_| try_to_post(&ann)).collect()))
                .collect();
            all.into_iter().flat_map(|one| -> Vec<u16> { one.join().unwrap() }).collect()
        })
    };

    let statuses = (0..50).map(|_| crowd()).find(|statuses| statuses.contains(&503)).unwrap();
    assert!(statuses.iter().all(|status| matches!(status, 200 | 503)), "{statuses:?}");
    crowd();
    let pid = Pid::from_raw(server.program.pid().try_into().unwrap());
    let limit = Rlimit { current: None, maximum: None };
    prlimit(pid, Resource::Fsize, limit).unwrap();

    let statuses = crowd();
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(server.log_in("ann", PASSWORD).status, 200);
    // What SQLite keeps beside the file is as private as the file.
    for entry in fs::read_dir(dir.path()).unwrap().map(Result::unwrap) {
        if entry.file_name().to_string_lossy().starts_with("posts.sqlite") {
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{entry:?}: {mode:o}");
        }
    }
}

#[test]
fn a_postgres_that_became_read_only_is_not_available_and_recovers() {
    let postgres = Postgres::start();
    let site = Site::on(postgres.database(), TempDir::new().unwrap());
    let ann = site.sign_up("ann");
    assert_eq!(try_to_post(&ann), 200);
    let set = |value: &str| {
        for sql in [
            &format!("ALTER SYSTEM SET default_transaction_read_only = {value}"),
            "SELECT pg_reload_conf()",
        ] {
            postgres.sql(&site.database, sql);
        }
    };

    set("on");
    eventually(PATIENCE, || try_to_post(&ann) == 503);
    assert_eq!(ann.data("{ me { name } }")["me"]["name"], "ann", "reading goes on");
    assert_eq!(try_to_post(&ann), 503);
    set("off");

    eventually(PATIENCE, || try_to_post(&ann) == 200);
}

#[test]
fn a_database_that_does_not_hold_every_text_is_refused() {
    let postgres = Postgres::shared();
    let url = postgres.database_with(&["--encoding=LATIN1", "--locale=C", "--template=template0"]);

    let said = refused(&url);

    assert!(said.contains("LATIN1") && said.contains("UTF8"), "{said}");
}

#[test]
fn a_database_of_another_program_is_refused_before_anything_is_written() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("other.sqlite");
    let sqlite = format!("sqlite:{}", file.display());
    let postgres = Postgres::shared().database();
    for url in [&sqlite, &postgres] {
        for own in ["CREATE TABLE users (id INTEGER)", "CREATE TABLE tweets (id INTEGER)"] {
            if url.starts_with("sqlite") {
                execute(&format!("{url}?mode=rwc"), own);
            } else {
                execute(url, own);
            }
        }
        let before = fs::read(&file).unwrap();

        let said = refused(url);

        assert!(said.contains("tables of another program (tweets, users)"), "{said}");
        assert_eq!(fs::read(&file).unwrap(), before);
        // Nor is it taken for ours the next time.
        assert_eq!(refused(url), said);
    }
}

#[test]
fn a_file_belongs_to_one_server_which_says_which_it_is() {
    let site = Site::sqlite();
    let file = site.database.strip_prefix("sqlite:").unwrap();
    let told = site.server.program.stderr();
    assert!(told.contains(&format!("herd-posts: the data are in the file {file}")), "{told}");
    let other_name = TempDir::new().unwrap();
    let link = other_name.path().join("link.sqlite");
    std::os::unix::fs::symlink(file, &link).unwrap();

    for name in [file.to_owned(), link.display().to_string()] {
        let said = refused(&format!("sqlite:{name}"));
        assert!(said.contains(&format!("another herd-posts serves {name}")), "{said}");
    }

    let ann = site.sign_up("ann");
    assert_eq!(try_to_post(&ann), 200);
    let other = site.another(&[]);
    assert_eq!(other.log_in("ann", PASSWORD).status, 200, "once the first has ended");
}

/// What a server says that does not start.
#[track_caller]
fn refused(database: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_herd-posts"));
    command.args(["--listen", "127.0.0.1:0", "--database", database]);
    let ended = Program::run(&mut command);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
    ended.stderr
}

fn execute(url: &str, sql: &'static str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        use sqlx::{Connection as _, Executor as _};
        sqlx::any::install_default_drivers();
        let mut connection = sqlx::AnyConnection::connect(url).await.unwrap();
        connection.execute(sql).await.unwrap();
        connection.close().await.unwrap();
    });
}
