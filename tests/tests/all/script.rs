//! The script that runs all tests: what it says before it runs them.

use herd_tests::Program;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::program::fixed_ports;

#[test]
fn ports_that_tests_need_and_others_have_are_named_before_any_test_runs() {
    let _turn = fixed_ports();
    let _taken = [12020, 12101].map(|port| TcpListener::bind(("127.0.0.1", port)).unwrap());

    let ended = Program::run(script().arg("--check"));

    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended.stderr.starts_with(
            "The tests cannot run:\n- in use on 127.0.0.1: port 12020, 12101. Stop what listens there"
        ),
        "{}",
        ended.stderr
    );
}

#[test]
fn arguments_that_the_script_does_not_know_run_no_test() {
    assert_eq!(Program::run(script().arg("--chek")).code, Some(2));
}

fn script() -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = Command::new(root.join("test"));
    command.stdin(Stdio::null());
    command
}
