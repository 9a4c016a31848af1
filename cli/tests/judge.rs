//! `herd check --assignment` as a judge of servers that others wrote: what is right passes, in whatever way it takes
//! its commands, and what is wrong fails by the right name.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on panics"
)]

mod reference;

use reference::{Reads, Slip, herd};
use std::process::Command;
use std::thread;

#[test]
fn a_server_by_the_text_passes_however_it_takes_its_commands() {
    for reads in [Reads::Lines, Reads::ToTheEnd, Reads::OneLine] {
        let verdict = check(&["--assignment"], &herd(reads, None));

        assert_eq!(verdict.code, Some(0), "{reads:?}\n{}", verdict.stdout);
        assert_eq!(verdict.failed, [""; 0], "{reads:?}");
        // Places of a number that is known, and several commands where it takes one.
        let skipped = if reads == Reads::Lines { 1 } else { 2 };
        assert!(verdict.passed > 15, "{reads:?}\n{}", verdict.stdout);
        assert_eq!(verdict.skipped.len(), skipped, "{reads:?}\n{}", verdict.stdout);
    }
}

#[test]
fn a_server_may_be_told_to_take_one_command_a_connection() {
    let verdict = check(&["--assignment", "--one-command"], &herd(Reads::Lines, None));

    assert_eq!(verdict.code, Some(0), "{}", verdict.stdout);
    assert_eq!(verdict.skipped.len(), 2, "{}", verdict.stdout);
}

/// Most of it is waiting: all at the same time.
#[test]
fn what_is_wrong_fails_by_its_name() {
    thread::scope(|scope| {
        for reads in [Reads::Lines, Reads::ToTheEnd, Reads::OneLine] {
            for (slip, name, is_alone) in SLIPS {
                scope.spawn(move || {
                    let verdict = check(&["--assignment"], &herd(reads, Some(slip)));

                    let stdout = verdict.stdout;
                    assert_eq!(verdict.code, Some(1), "{reads:?} {slip:?}\n{stdout}");
                    assert!(
                        verdict.failed.iter().any(|failed| failed == name),
                        "{reads:?} {slip:?}\n{stdout}"
                    );
                    assert!(!is_alone || verdict.failed.len() == 1, "{reads:?} {slip:?}\n{stdout}");
                });
            }
        }
    });
}

/// What is wrong, the case that has to fail, and whether no other may.
const SLIPS: [(Slip, &str, bool); 10] = [
    (Slip::DifferenceWithoutSign, "a report is answered", false),
    (
        Slip::DifferenceBackwards,
        "the time difference is the server's clock less the client's",
        true,
    ),
    (Slip::StampAsFloat, "time stamps are copied as they were written", false),
    (Slip::AnyRadius, "a radius of 50 kilometres and 20 items are the most", true),
    (Slip::WordsForNumbers, "what is not a time is refused", true),
    (Slip::LocationWithoutSigns, "locations have two signs", true),
    (Slip::MoreOperands, "IAMAT has three operands", true),
    (Slip::EmptyLinesInside, "WHATSAT answers with the record and places", false),
    (Slip::InvalidIsNotCopied, "an unknown command is copied behind a question mark", false),
    (Slip::FirstReportStays, "a newer report at another server takes over", true),
];

#[test]
fn servers_that_do_not_tell_each_other_are_no_herd() {
    let verdict = check(&["--assignment"], &herd(Reads::Lines, Some(Slip::NoFlooding)));

    assert_eq!(
        verdict.failed,
        [
            "what is said at one server is known at the next",
            "what is said at the last server is known at the first",
            "a newer report at another server takes over",
        ],
        "{}",
        verdict.stdout
    );
}

#[test]
fn points_are_counted_by_section() {
    let verdict = check(&["--assignment"], &herd(Reads::Lines, Some(Slip::AnyRadius))[..1]);

    let points: Vec<_> = verdict.stdout.lines().filter(|line| line.starts_with("# sec")).collect();
    assert!(points.contains(&"# section 2, IAMAT: 7 of 7"), "{}", verdict.stdout);
    assert!(points.contains(&"# section 3, WHATSAT: 4 of 5, 1 skipped"), "{}", verdict.stdout);
}

#[test]
fn what_came_before_an_early_end_is_shown() {
    let verdict = check(&[], &herd(Reads::OneLine, None)[..1]);

    assert!(
        verdict.stdout.contains("  got: \"the end of the connection, after `? WHEREIS kiwi."),
        "{}",
        verdict.stdout
    );
}

struct Verdict {
    code: Option<i32>,
    stdout: String,
    passed: usize,
    failed: Vec<String>,
    skipped: Vec<String>,
}

fn check(args: &[&str], servers: &[String]) -> Verdict {
    let output = Command::new(env!("CARGO_BIN_EXE_herd"))
        .arg("check")
        .args(args)
        .args(servers)
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let named = |start: &str| -> Vec<String> {
        let lines = stdout.lines().filter(|line| line.starts_with(start));
        let name = |line: &str| {
            let title = line.split_once(" - ").unwrap().1;
            title.split(" (section ").next().unwrap().to_owned()
        };
        lines.map(name).collect()
    };
    let (ok, failed) = (named("ok "), named("not ok "));
    let is_skipped = |name: &&String| {
        stdout.lines().any(|line| line.contains(name.as_str()) && line.contains("# SKIP"))
    };
    let skipped: Vec<_> = ok.iter().filter(is_skipped).cloned().collect();
    Verdict {
        code: output.status.code(),
        passed: ok.len() - skipped.len(),
        failed,
        skipped,
        stdout,
    }
}
