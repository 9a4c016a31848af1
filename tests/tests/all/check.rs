//! `herd check`: the conformance cases, played by the real program.

use herd_tests::{Authority, Plan, Program, Runtime, free_address, herd, on_both};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;
use tempfile::TempDir;

use crate::program::fixed_ports;

on_both!(
    a_herd_passes_every_case,
    a_lone_server_passes_what_needs_no_other,
    a_server_with_posts_is_not_asked_for_places,
    over_tls_every_case_is_as_in_the_clear,
    a_herd_is_named_by_its_file,
);

fn a_herd_passes_every_case(runtime: Runtime) {
    let upstream = free_address();
    let herd = Plan::new(runtime)
        .url(format!("http://{upstream}/nearbysearch/json"))
        .server("Hill", &["Jaquez"])
        .server("Jaquez", &["Smith"])
        .server("Smith", &[])
        .start();
    let servers = herd.servers().iter().map(|server| server.address().to_string());

    let ended = Program::run(check().arg("--upstream").arg(upstream.to_string()).args(servers));

    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let (plan, lines) = tap(&ended.stdout);
    assert!(plan > 40 && lines.len() == plan, "{}", ended.stdout);
    assert!(lines.iter().all(|line| line.starts_with("ok ") && !line.contains("SKIP")));
}

fn a_lone_server_passes_what_needs_no_other(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();

    let ended = Program::run(check().arg("--assignment").arg(hill.address().to_string()));

    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let (plan, lines) = tap(&ended.stdout);
    let skipped = lines.iter().filter(|line| line.contains("# SKIP it needs ")).count();
    assert!(0 < skipped && skipped < plan, "{}", ended.stdout);
}

fn a_server_with_posts_is_not_asked_for_places(runtime: Runtime) {
    let hill = Plan::alone(runtime).posts().start_one();

    let ended = Program::run(check().arg("--config").arg(hill.config()).arg("Hill"));

    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("# SKIP it needs places"), "{}", ended.stdout);
}

fn over_tls_every_case_is_as_in_the_clear(runtime: Runtime) {
    let tls = Authority::with(&["Hill", "Jaquez"]);
    let upstream = free_address();
    let herd = Plan::new(runtime)
        .url(format!("http://{upstream}/nearbysearch/json"))
        .server("Hill", &["Jaquez"])
        .server("Jaquez", &[])
        .extra(&tls.table())
        .start();
    let servers = herd.servers().iter().map(|server| server.address().to_string());
    let mut check = check();
    check.arg("--tls").arg(tls.file("ca.pem")).arg("--upstream").arg(upstream.to_string());

    let ended = Program::run(check.args(servers));

    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let (plan, lines) = tap(&ended.stdout);
    assert!(lines.len() == plan && !ended.stdout.contains("SKIP"), "{}", ended.stdout);
}

fn a_herd_is_named_by_its_file(runtime: Runtime) {
    let herd = Plan::new(runtime).server("Hill", &["Jaquez"]).server("Jaquez", &[]).posts().start();

    let ended = Program::run(check().arg("--config").arg(herd["Hill"].config()));

    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(!ended.stdout.contains("it needs two servers"), "{}", ended.stdout);
}

#[test]
fn the_example_of_the_help_works_beside_a_herd_that_is_up() {
    let _turn = fixed_ports();
    let home = TempDir::new().unwrap();
    let mut command = Command::new(herd());
    command.arg("up").current_dir(home.path()).env("XDG_STATE_HOME", home.path());
    let mut up = Program::start_group(command.stdin(Stdio::null()), home.path(), "up");
    up.wait_for_line("Ctrl-C stops the herd.");

    let help = Program::run(check().arg("--help"));
    assert!(help.stdout.contains("\n  herd check Hill Jaquez\n"), "{}", help.stdout);
    let ended = Program::run(check().args(["Hill", "Jaquez"]));

    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let stub = Program::run(check().args(["--upstream", "127.0.0.1:12000", "Hill"]));
    assert_eq!((stub.code, &*stub.stdout), (Some(1), ""));
    assert!(stub.stderr.contains("leave --upstream out"), "{}", stub.stderr);
}

#[test]
fn a_server_that_is_not_there_fails_no_case() {
    let address = free_address().to_string();

    let ended = Program::run(check().arg(&address));

    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""));
    assert!(ended.stderr.contains(&format!("{address} is not running")), "{}", ended.stderr);
}

/// The server under test is no herd server: it copies every line behind a question mark.
#[test]
fn a_case_that_fails_says_what_came_instead() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap());
                let mut line = Vec::new();
                while lines.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                    if stream.write_all(&[b"? ", line.as_slice()].concat()).is_err() {
                        return;
                    }
                    line.clear();
                }
            });
        }
    });

    let ended = Program::run(check().arg("--assignment").arg(address.to_string()));

    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    let (_, lines) = tap(&ended.stdout);
    assert!(lines[0].starts_with("not ok 1 - a report is answered"), "{}", ended.stdout);
    assert!(lines[1].starts_with("ok 2 - an unknown command"), "{}", ended.stdout);
    assert!(ended.stdout.contains("  got: \"? IAMAT kiwi."), "{}", ended.stdout);
}

fn check() -> Command {
    let mut command = Command::new(herd());
    command.arg("check");
    command
}

/// How many cases are promised, and the line of each.
fn tap(output: &str) -> (usize, Vec<&str>) {
    let mut lines = output.lines();
    assert_eq!(lines.next(), Some("TAP version 13"));
    let plan = lines.next().and_then(|plan| plan.strip_prefix("1..")).unwrap().parse().unwrap();
    let is_case = |line: &&str| line.starts_with("ok ") || line.starts_with("not ok ");
    (plan, lines.filter(is_case).collect())
}
