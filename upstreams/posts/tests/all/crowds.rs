//! Many at once: all get their turn, and nobody's takes that of others.

use std::thread;

use herd_tests::{PATIENCE, eventually};
use serde_json::json;

use crate::harness::{PASSWORD, Site};

/// A hash of a password takes this much memory.
const HASH_BYTES: u64 = 19 << 20;

#[test]
fn sign_ups_by_the_hundred_all_get_in_and_hold_up_no_log_in() {
    let site = Site::sqlite();
    site.sign_up("ann");
    let before = site.server.program.resident_bytes();
    let cores = thread::available_parallelism().unwrap().get() as u64;
    let sign_up = |n: usize| {
        let client = site.server.client();
        let query = "mutation($name: String!, $password: String!) \
                     { signUp(name: $name, password: $password) { user { name } } }";
        client.ask(query, json!({"name": format!("n{n}"), "password": PASSWORD})).status
    };

    let (mut most, mut log_ins) = (0, Vec::new());
    let sign_ups: Vec<_> = thread::scope(|scope| {
        let all: Vec<_> = (0..400).map(|n| scope.spawn(move || sign_up(n))).collect();
        while !all.iter().all(|one| one.is_finished()) {
            log_ins.push(site.server.log_in("ann", PASSWORD).status);
            most = site.server.program.resident_bytes().max(most);
        }
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });

    assert!(sign_ups.iter().all(|status| *status == 200), "{sign_ups:?}");
    assert!(log_ins.len() > 10, "each waits for few of the others: {}", log_ins.len());
    assert!(log_ins.iter().all(|status| *status == 200), "{log_ins:?}");
    // Beside the hashes: connections, threads, the pages of the database.
    let room = 100 << 20;
    assert!(most < before + (cores + 1) * HASH_BYTES + room, "{before} bytes, then {most}");
    eventually(PATIENCE, || site.server.program.resident_bytes() < before + room);
}
