//! `herd load`: the real program against real servers, and against one that lies.

use herd_tests::{Ended, Plan, Program, Runtime, Upstream, herd, on_both};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::thread;

on_both!(
    every_reply_of_a_server_is_right,
    reports_and_lookups_are_checked_together,
    a_whole_herd_is_loaded_with_news,
    a_rate_is_kept_and_the_process_is_watched,
);

fn every_reply_of_a_server_is_right(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let address = hill.address().to_string();

    let ended = load(&[&address, "--count", "20000", "--depth", "64", "--clients", "500"]);

    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("\n20,000 lines answered in "), "{}", ended.stdout);
    assert!(ended.stdout.contains("\nIAMAT    min "), "{}", ended.stdout);
    assert_eq!(ended.stderr, "");
    assert!(hill.client().ask("WHATSAT walker-0000499 0 0").starts_with("AT Hill "));
}

fn reports_and_lookups_are_checked_together(runtime: Runtime) {
    let upstream = Upstream::serving("{\"results\": [\n1,\n2,\n3],\n\"status\": \"OK\"}\n");
    let hill = Plan::alone(runtime).upstream(&upstream).start_one();
    let address = hill.address().to_string();

    let outcome = outcome(&[
        &address,
        "--count",
        "1000",
        "--depth",
        "8",
        "--mix",
        "0.25",
        "--bound",
        "2",
        "--fresh",
        "--distribution",
        "zipf",
        "--json",
    ]);

    let count = |what: &str| outcome[what]["count"].as_u64().unwrap();
    assert_eq!(count("iamat") + count("whatsat"), 1000);
    assert!(count("whatsat").abs_diff(250) < 50, "{outcome}");
    assert_eq!(outcome["unprovided"], 0);
    assert!(upstream.requests().len() as u64 >= count("whatsat"));
}

fn a_whole_herd_is_loaded_with_news(runtime: Runtime) {
    let herd = Plan::new(runtime)
        .server("Hill", &["Jaquez"])
        .server("Jaquez", &["Smith"])
        .server("Smith", &[])
        .start();
    let config = herd["Hill"].config();
    let herd_of = config.to_str().unwrap();

    let outcome = outcome(&[
        "Hill",
        "Smith",
        "--config",
        herd_of,
        "--count",
        "5000",
        "--depth",
        "16",
        "--fresh",
        "--connections",
        "6",
        "--json",
    ]);

    assert_eq!(outcome["answered"], 5000);
    assert_eq!(outcome["iamat"]["count"], 5000);
}

fn a_rate_is_kept_and_the_process_is_watched(runtime: Runtime) {
    let mut hill = Plan::alone(runtime).start_one();
    let (address, pid) = (hill.address().to_string(), hill.program().pid().to_string());

    let outcome = outcome(&[
        &address, "--count", "1000", "--rate", "2000", "--ramp", "0.1", "--pid", &pid, "--json",
    ]);

    // It can be slower on a busy machine, never faster.
    assert!(outcome["seconds"].as_f64().unwrap() >= 0.499, "{outcome}");
    assert_eq!(outcome["iamat"]["count"], 1000);
    assert!(outcome["server_cpu_seconds"].is_number(), "{outcome}");
}

/// The server under test takes half of the clients to another hemisphere.
#[test]
fn a_wrong_reply_is_shown_and_fails_the_run() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                for line in lines.map_while(Result::ok) {
                    let operands = line.strip_prefix("IAMAT ").unwrap();
                    let lie = operands.replacen(" -", " +", 1);
                    let _ = stream.write_all(format!("AT Hill +0.000000001 {lie}\n").as_bytes());
                }
            });
        }
    });

    let ended = load(&[&address, "--count", "1000", "--clients", "100"]);

    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("herd: wrong replies: "), "{}", ended.stderr);
    assert!(ended.stderr.contains("herd:   asked    IAMAT walker-"), "{}", ended.stderr);
    assert!(ended.stderr.contains("herd:   answered AT Hill +0.000000001 walker-"));
}

#[test]
fn a_server_that_is_not_running_is_named() {
    // A port that nobody is given, and few may take.
    let ended = load(&["127.0.0.1:1"]);

    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.starts_with("herd: 127.0.0.1:1 is not running: "), "{}", ended.stderr);
}

/// It answers what is no TLS with an alert, and hangs up.
#[test]
fn of_a_server_that_speaks_tls_it_is_said_that_the_tool_does_not() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"\x15\x03\x03\x00\x02\x02\x32");
        }
    });

    let ended = load(&[&address, "--count", "10"]);

    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("speaks TLS"), "{}", ended.stderr);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let wrong: [&[&str]; 6] = [
        &[],
        &["Hill", "--mix", "1.5"],
        &["Hill", "--rate", "0"],
        &["Hill", "--connections", "0"],
        &["Hill", "--protocol", "echo", "--mix", "0.5"],
        &["Hill", "Smith", "--connections", "1"],
    ];
    for args in wrong {
        assert_eq!(load(args).code, Some(2), "{args:?}");
    }
}

fn load(args: &[&str]) -> Ended {
    Program::run(Command::new(herd()).arg("load").args(args))
}

/// What a run measured in which nothing went wrong.
#[track_caller]
fn outcome(args: &[&str]) -> Value {
    let ended = load(args);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let mut printed: Value = serde_json::from_str(&ended.stdout).unwrap();
    printed["outcome"].take()
}
