//! `herd sim`: what it prints, and that a seed is all one needs.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::process::{Command, Output};

fn sim(args: &[&str]) -> (String, Output) {
    let output = Command::new(env!("CARGO_BIN_EXE_herd")).arg("sim").args(args).output().unwrap();
    (String::from_utf8(output.stdout.clone()).unwrap(), output)
}

#[test]
fn a_replay_begins_with_its_seed_and_ends_with_a_verdict() {
    let (text, output) = sim(&["--seed", "5"]);
    assert!(text.starts_with("seed 5\n"), "{text}");
    assert!(text.contains("everything heals") && text.contains("\ndigest "), "{text}");
    assert!(text.ends_with("no rule was broken\n"), "{text}");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text, sim(&["--seed", "5"]).0, "the same seed, another story");
}

#[test]
fn a_search_begins_with_its_seeds_and_ends_with_what_it_did() {
    let (text, output) = sim(&["--runs", "20", "--first", "100"]);
    assert!(text.starts_with("seeds 100 to 119\n20 herds, none broke a rule\n"), "{text}");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "progress is for terminals");
}

#[test]
fn a_seed_and_a_number_of_runs_make_no_sense_together() {
    assert_eq!(sim(&["--seed", "5", "--runs", "3"]).1.status.code(), Some(2));
}
