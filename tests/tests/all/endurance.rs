//! A herd under load in which somebody is killed every second, for as long as one likes.
//!
//! `tests/endurance` runs these; the ordinary tests leave them out. `chaos` has more kinds of trouble in less time.

use crate::reporters::{Load, agreed, lost};
use crate::roster::{self, neighbours};
use core::time::Duration;
use herd_tests::{Herd, PATIENCE, Runtime, eventually, monotonic, pass};
use std::env;
use std::fs;

#[test]
#[ignore = "takes minutes: tests/endurance runs it"]
fn on_tokio() {
    println!("\n{}", endure("tokio", &[Runtime::Tokio]));
}

#[test]
#[ignore = "takes minutes: tests/endurance runs it"]
fn on_async_std() {
    println!("\n{}", endure("async-std", &[Runtime::AsyncStd]));
}

#[test]
#[ignore = "takes minutes: tests/endurance runs it"]
fn mixed() {
    println!("\n{}", endure("mixed", &[Runtime::Tokio, Runtime::AsyncStd]));
}

const LIVING: [&str; 2] = ["Hill", "Smith"];
const KILLED: [&str; 3] = ["Jaquez", "Campbell", "Singleton"];
/// Ends of links that are up when all is well.
const LINK_ENDS: usize = 12;
/// How often the memory of the living is looked at, at even intervals.
const LOOKS: usize = 5;
/// How much more memory the living may have at the end than after the first fifth: what an allocator keeps.
const SLACK_BYTES: u64 = 4 * 1024 * 1024;

/// Kills a server every second and starts it again at once. Returns what came of it as a row of a table.
fn endure(title: &str, runtimes: &[Runtime]) -> String {
    let seconds = env::var("HERD_ENDURANCE_SECONDS").map_or(300, |text| text.parse().unwrap());
    let mut herd = roster::plan(runtimes).start();
    let load = Load::on(&LIVING.map(|name| &herd[name]));
    let mut memory = vec![resident_bytes(&mut herd)];

    let began = monotonic();
    let mut kills = 0;
    for second in 1..=seconds {
        let victim = KILLED[second % KILLED.len()];
        let mut client = herd[victim].client();
        client.ask(&format!("IAMAT {victim} +1-1 {second}"));
        herd[victim].kill();
        fs::remove_file(herd[victim].log_file()).unwrap();
        herd[victim].start();
        kills += 1;
        pass((began + Duration::from_secs(second as u64)).saturating_duration_since(monotonic()));
        if second * LOOKS / seconds != (second - 1) * LOOKS / seconds {
            memory.push(resident_bytes(&mut herd));
        }
    }
    let took = monotonic() - began;
    let answers = load.answers();
    let told = load.finish();
    let lost = lost(&told, &agreed(&herd));
    let mut up = 0;
    eventually(PATIENCE, || {
        up = link_ends_up(&herd);
        up == LINK_ENDS
    });

    let over_time = |at: usize| {
        let kib: Vec<_> = memory.iter().map(|bytes| (bytes[at] >> 10).to_string()).collect();
        format!("{} {}", LIVING[at], kib.join(" "))
    };
    let row = format!(
        "| {title} | {} | {kills} | {answers} | {} | {up} of {LINK_ENDS} | {}, {} |",
        took.as_secs(),
        lost.len(),
        over_time(0),
        over_time(1),
    );
    assert_eq!(lost, [""; 0], "{row}");
    for (early, late) in memory[1].iter().zip(memory[memory.len() - 1]) {
        assert!(late <= early + SLACK_BYTES, "it grows: {row}");
    }
    row
}

fn resident_bytes(herd: &mut Herd) -> [u64; 2] {
    LIVING.map(|name| herd[name].program().resident_bytes())
}

/// How many ends of links are up by what the servers' logs said last.
fn link_ends_up(herd: &Herd) -> usize {
    let is_up = |log: &str, neighbour: &str| {
        let about = format!(" link with {neighbour} is ");
        let last = log.lines().rev().find_map(|line| line.split_once(&about));
        last.is_some_and(|(_, state)| state.starts_with("up"))
    };
    let up = herd.servers().iter().map(|server| {
        let log = server.log();
        neighbours(server.name()).filter(|neighbour| is_up(&log, neighbour)).count()
    });
    up.sum()
}
