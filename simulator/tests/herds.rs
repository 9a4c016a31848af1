//! Herds that must come through, as they do in the search that `herd sim` makes.

use herd_simulator::{Run, replay, run, run_metered};

fn check(run: &Run) {
    if let Some(violation) = &run.violation {
        panic!("herd sim --seed {}\n{violation}", run.seed);
    }
}

#[test]
fn hundreds_of_herds_break_no_rule() {
    (0..300).for_each(|seed| check(&run(seed)));
}

/// Seeds that once failed, and what was found.
const FOUND: [(u64, &str); 1] = [(0, "an answer that fills a client's output pauses reading")];

#[test]
fn what_was_found_once_stays_mended() {
    for (seed, what) in FOUND {
        let again = run(seed);
        assert!(again.violation.is_none(), "{what}: herd sim --seed {seed}");
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 1000..1060 {
        let (first, second) = (run(seed), run(seed));
        assert_eq!(first.digest, second.digest, "seed {seed}");
        assert_eq!(first.time, second.time, "seed {seed}");
        assert_ne!(first.digest, run(seed + 1).digest, "seed {seed}");
    }
}

#[test]
fn a_replay_is_the_same_run_told_aloud() {
    let mut lines = Vec::new();
    let told = replay(7, &mut |line| lines.push(line.to_string()));
    assert_eq!(told.digest, run(7).digest);
    let all = lines.join("\n");
    for part in [" starts ", " dials ", " links ", " reads ", " sends ", "everything heals"] {
        assert!(all.contains(part), "{part:?} is not told");
    }
}

/// What the core has allocated is counted, call by call, and held against what it should need for what it
/// holds.
#[test]
fn memory_stays_inside_the_limits() {
    let meter: herd_simulator::Meter = |act| allocation_counter::measure(act).bytes_current;
    for seed in 2000..2150 {
        let metered = run_metered(seed, meter);
        check(&metered);
        assert_eq!(metered.digest, run(seed).digest, "counting changes nothing");
    }
}

/// Everything that can go wrong does go wrong somewhere among a few hundred herds.
#[test]
fn nothing_is_left_untried() {
    let runs: Vec<_> = (0..200).map(run).collect();
    let sum = |of: fn(&Run) -> u64| runs.iter().map(of).sum::<u64>();
    assert!(runs.iter().map(|run| run.servers).min().unwrap() == 2);
    assert!(runs.iter().map(|run| run.servers).max().unwrap() > 30);
    assert!(sum(|run| run.tally.faults) > 1000);
    assert!(sum(|run| run.tally.resumed) > 1000);
    assert!(sum(|run| run.tally.links - run.tally.resumed) > 1000);
    assert!(sum(|run| run.tally.lookups) > 1000);
    assert!(sum(|run| run.tally.lines) > 10_000);
}

/// The naive model would prove nothing if it used what it judges.
#[test]
fn the_model_shares_no_code_with_the_core() {
    for source in [
        include_str!("../src/model.rs"),
        include_str!("../src/model/lines.rs"),
        include_str!("../src/model/links.rs"),
        include_str!("../src/model/lookups.rs"),
        include_str!("../src/model/table.rs"),
    ] {
        let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
        assert!(!code.clone().any(|line| line.contains("herd_core")));
        assert!(code.clone().count() > 50);
    }
}
