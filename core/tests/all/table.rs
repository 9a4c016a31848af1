//! How many records there may be, and how old.

use core::time::Duration;
use std::collections::BTreeMap;

use herd_core::{Config, Herd, Limits, Notice, Now, Timestamp};
use proptest::prelude::*;

use crate::support::{Server, Stranger, config, limited};

fn clients(server: &Server) -> Vec<String> {
    let table = server.table();
    let mut clients: Vec<_> =
        table.iter().map(|line| line.split(' ').nth(3).unwrap().to_string()).collect();
    clients.sort();
    clients
}

#[test]
fn in_a_full_table_the_oldest_makes_room() {
    let mut hill = Server::new(limited(Limits { clients: 2, ..Limits::default() }));
    let conn = hill.client();
    for line in ["IAMAT kiwi +1-2 2", "IAMAT emu +1-2 1", "IAMAT owl +1-2 3"] {
        hill.says(conn, line);
    }
    assert_eq!(clients(&hill), ["kiwi", "owl"]);
    hill.says(conn, "IAMAT kiwi +1-2 4");
    hill.says(conn, "IAMAT emu +1-2 5");
    assert_eq!(clients(&hill), ["emu", "kiwi"]);
}

#[test]
fn what_is_older_than_everything_in_a_full_table_is_answered_and_not_kept() {
    let mut hill = Server::new(limited(Limits { clients: 1, ..Limits::default() }));
    let conn = hill.client();
    hill.says(conn, "IAMAT kiwi +1-2 1520023935");
    hill.heard(conn);
    assert_eq!(
        hill.asks(conn, "IAMAT emu +1-2 1520023934"),
        "AT Hill +1.182837383 emu +1-2 1520023934\n"
    );
    assert_eq!(clients(&hill), ["kiwi"]);
    assert_eq!(hill.counters().no_room, 1);
    assert!(hill.logged().contains(&Notice::NoRoom { conn }));
    assert_eq!(hill.asks(conn, "WHATSAT emu 1 1"), "? WHATSAT emu 1 1\n");
}

#[test]
fn what_was_not_kept_is_not_passed_on() {
    let limits = Limits { clients: 1, ..Limits::default() };
    let mut hill = Server::new(Config { limits, ..config("Hill", &["Adams", "Jaquez"]) });
    let (adams, jaquez) =
        (hill.links(&Stranger::named("Adams")), hill.links(&Stranger::named("Jaquez")));
    hill.says(adams, "AT Adams +1 kiwi +1-2 5");
    hill.says(adams, "AT Adams +1 emu +1-2 4");
    assert_eq!(hill.told(jaquez), ["AT Adams +1 kiwi +1-2 5"]);
}

#[test]
fn a_client_that_was_pushed_out_may_come_back() {
    let mut hill = Server::new(limited(Limits { clients: 1, ..Limits::default() }));
    let conn = hill.client();
    for seconds in 1..100 {
        hill.says(conn, &format!("IAMAT c{} +1-2 {seconds}", seconds % 3));
        assert_eq!(clients(&hill), [format!("c{}", seconds % 3)]);
    }
}

#[test]
fn records_are_forgotten_by_their_own_stamps() {
    let mut hill = Server::new(limited(Limits { record_age_s: 60, ..Limits::default() }));
    let conn = hill.client();
    hill.says(conn, "IAMAT kiwi +1-2 1520023935");
    hill.says(conn, "IAMAT emu +1-2 1520023905");
    hill.waits_s(25);
    assert_eq!(clients(&hill), ["emu", "kiwi"]);
    hill.waits_s(10);
    assert_eq!(clients(&hill), ["kiwi"]);
    hill.waits_s(30);
    assert_eq!(clients(&hill), [""; 0]);
    assert_eq!(hill.counters().forgotten, 2);
    assert!(hill.logged().contains(&Notice::Forgotten { records: 1 }));
}

#[test]
fn a_call_that_forgets_looks_at_a_part_of_a_large_table() {
    const STEPS: u64 = 1 << 16;
    let limits = Limits { record_age_s: 60, idle_s: 0, ..Limits::default() };
    let mut hill = Server::new(limited(limits));
    let conn = hill.client();
    for piece in reports(150_000, |_| [b'x'; 16]).chunks(64 * 1024) {
        hill.types(conn, piece);
    }
    assert_eq!(hill.herd.records(), 150_000);
    hill.now = Now {
        wall: Timestamp::from_nanos(hill.now.wall.nanos() + 100_000_000_000),
        mono: hill.now.mono.after(Duration::from_secs(100)),
    };
    let mut calls = 0;
    while hill.herd.records() > 0 {
        let before = hill.counters().forgotten;
        hill.act(Herd::handle_timeout);
        calls += 1;
        assert!(hill.counters().forgotten - before <= STEPS);
        let (due, _) = hill.herd.poll_timeout().unwrap();
        assert_eq!(due <= hill.now.mono, hill.herd.records() > 0);
    }
    assert_eq!(calls, 3);
    let records = hill.logged().into_iter().filter_map(|notice| {
        if let Notice::Forgotten { records } = notice { Some(records) } else { None }
    });
    assert_eq!(records.sum::<usize>(), 150_000);
}

#[test]
fn a_report_that_is_too_old_already_is_answered_and_neither_kept_nor_passed_on() {
    let mut hill = Server::new(Config {
        limits: Limits { record_age_s: 60, ..Limits::default() },
        ..config("Hill", &["Adams"])
    });
    let adams = hill.links(&Stranger::named("Adams"));
    let conn = hill.client();
    assert_eq!(hill.asks(conn, "IAMAT kiwi +1-2 1").lines().count(), 1);
    assert_eq!(clients(&hill), [""; 0]);
    assert!(hill.told(adams).is_empty());
    assert_eq!(hill.counters().too_old, 1);
    assert!(hill.logged().contains(&Notice::TooOld { conn }));
    hill.says(conn, "IAMAT kiwi +1-2 1520023935");
    assert_eq!(clients(&hill), ["kiwi"]);
    assert_eq!(hill.counters().too_old, 1);
}

#[test]
fn records_of_neighbours_are_passed_on_at_any_age() {
    let mut hill = Server::new(Config {
        limits: Limits { record_age_s: 60, ..Limits::default() },
        ..config("Hill", &["Adams", "Baker"])
    });
    let adams = hill.links(&Stranger::named("Adams"));
    let baker = hill.links(&Stranger::named("Baker"));
    hill.says(adams, "AT Adams +0.1 kiwi +1-2 1");
    assert_eq!(hill.told(baker), ["AT Adams +0.1 kiwi +1-2 1"]);
}

#[test]
fn a_client_that_was_forgotten_may_come_back() {
    let mut hill =
        Server::new(limited(Limits { record_age_s: 60, idle_s: 0, ..Limits::default() }));
    let conn = hill.client();
    for round in 0..5 {
        hill.says(conn, &format!("IAMAT kiwi +1-2 {}", 1_520_023_935 + round * 100));
        assert_eq!(clients(&hill), ["kiwi"]);
        hill.waits_s(100);
        assert_eq!(clients(&hill), [""; 0]);
    }
}

#[test]
fn a_shorter_client_id_may_be_asked_for() {
    let mut hill = Server::new(limited(Limits { client_id_bytes: 4, ..Limits::default() }));
    let conn = hill.client();
    assert_eq!(hill.asks(conn, "IAMAT kiwis +1-2 3"), "? IAMAT kiwis +1-2 3\n");
    hill.says(conn, "IAMAT kiwi +1-2 3");
    assert_eq!(clients(&hill), ["kiwi"]);
}

#[test]
fn a_full_table_of_equal_stamps_makes_room_for_what_is_later() {
    let limits = Limits { clients: 20_000, ..Limits::default() };
    let mut hill = Server::new(limited(limits));
    let conn = hill.client();
    let lines = |name, seconds: u32, count: u32| -> String {
        (0..count).map(|client| format!("IAMAT {name}{client} +1-2 {seconds}\n")).collect()
    };
    hill.types(conn, lines("old", 1, 20_000).as_bytes());
    hill.types(conn, lines("new", 2, 50).as_bytes());
    assert_eq!(hill.herd.records(), 20_000);
    assert_eq!(clients(&hill).iter().filter(|client| client.starts_with("new")).count(), 50);
}

/// Reports of `clients` clients whose IDs end in `tail`.
fn reports(clients: u32, tail: impl Fn(u32) -> [u8; 16]) -> Vec<u8> {
    let mut lines = Vec::new();
    for client in 0..clients {
        lines.extend_from_slice(format!("IAMAT {client:015}").as_bytes());
        lines.extend_from_slice(&tail(client));
        lines.extend_from_slice(b" +1-2 1520023935\n");
    }
    lines
}

#[test]
fn client_ids_that_are_alike_under_a_faster_hash_are_found_as_fast_as_others() {
    // foldhash multiplies by the last sixteen bytes XOR a constant. Where they are that constant, every key and
    // every beginning has one hash.
    const CONSTANT: [u8; 8] = [0xdd, 0x50, 0x7c, 0xc9, 0xb7, 0x29, 0xac, 0xc0];
    let hostile = <[u8; 16]>::try_from([CONSTANT; 2].concat()).unwrap();
    let other = |client: u32| {
        let digits = format!("{:016}", u64::from(client) * 7_368_787);
        <[u8; 16]>::try_from(digits.as_bytes()).unwrap()
    };
    let [hostile, other] = [reports(100_000, |_| hostile), reports(100_000, other)].map(|lines| {
        let mut hill = Server::hill();
        let conn = hill.client();
        for piece in lines.chunks(64 * 1024) {
            hill.types(conn, piece);
        }
        assert_eq!(hill.herd.records(), 100_000);
        hill.herd.status().longest_probe
    });
    assert!(hostile <= 2 * other, "a search reads {hostile} entries, among other clients {other}");
}

/// Who said what about whom: a link or a client, the client, its stamp, and how it is spelt.
type Step = (bool, u8, i64, u8);

proptest! {
    /// Whatever the order of arrival, a full table holds the greatest records of those that came on
    /// links.
    #[test]
    fn a_full_table_holds_the_greatest(
        steps in prop::collection::vec((0..30_u8, 0..40_i64, 0..3_u8), 0..300),
        clients in 1..20_u32,
    ) {
        let limits = Limits { clients, ..Limits::default() };
        let mut hill = Server::new(Config { limits, ..config("Hill", &["Adams"]) });
        let link = hill.links(&Stranger::named("Adams"));
        let mut greatest = BTreeMap::new();
        for (client, stamp, spelling) in steps {
            let line = format!("AT Adams +{spelling} c{client} +1-2 {stamp}");
            hill.says(link, &line);
            let known = greatest.entry(client).or_insert_with(|| (stamp, line.clone()));
            *known = known.clone().max((stamp, line));
        }
        let mut all: Vec<_> = greatest.into_values().collect();
        all.sort();
        let gone = all.len().saturating_sub(clients as usize);
        let mut expected: Vec<_> = all.drain(gone..).map(|(_, line)| line).collect();
        expected.sort();
        prop_assert_eq!(hill.table(), expected);
    }

    /// A plain map, fed the same lines, holds the same records.
    #[test]
    fn a_table_holds_what_a_plain_map_holds(
        steps in prop::collection::vec((any::<bool>(), 0..9_u8, 0..9_i64, 0..3_u8), 0..200),
    ) {
        let mut hill = Server::new(config("Hill", &["Adams"]));
        let link = hill.links(&Stranger::named("Adams"));
        let conn = hill.client();
        let mut map = BTreeMap::new();
        for (on_link, client, stamp, spelling) in steps as Vec<Step> {
            if on_link {
                let line = format!("AT Ball +{spelling} c{client} +1-2 {stamp}");
                hill.says(link, &line);
                let known = map.entry(client).or_insert_with(|| (stamp, line.clone()));
                *known = known.clone().max((stamp, line));
            } else {
                let answer = hill.asks(conn, &format!("IAMAT c{client} +{spelling}-2 {stamp}"));
                let line = answer.trim_end().to_string();
                let known = map.entry(client).or_insert_with(|| (stamp, line.clone()));
                if stamp > known.0 {
                    *known = (stamp, line);
                }
            }
        }
        let mut expected: Vec<_> = map.into_values().map(|(_, line)| line).collect();
        expected.sort();
        prop_assert_eq!(hill.table(), expected);
    }
}
