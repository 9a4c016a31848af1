//! What one server hears, all servers know.

use herd_core::{Malformed, Notice};

use crate::net::{Net, rosters};
use crate::support::{Did, Server, Stranger, config};

const KIWI: &str = "AT Singleton +0.1 kiwi +34.0-118.4 1520023934.9";

/// Hill, linked with two neighbours.
fn hill() -> (Server, herd_core::ConnId, herd_core::ConnId) {
    let mut hill = Server::new(config("Hill", &["Jaquez", "Smith"]));
    let jaquez = hill.links(&Stranger::named("Jaquez"));
    let smith = hill.links(&Stranger::named("Smith"));
    (hill, jaquez, smith)
}

#[test]
fn an_update_goes_on_as_it_came_and_not_back() {
    let (mut hill, jaquez, smith) = hill();
    hill.says(jaquez, KIWI);
    assert_eq!(hill.told(smith), [KIWI]);
    assert!(hill.told(jaquez).is_empty());
}

#[test]
fn an_update_that_is_not_newer_ends_here() {
    let (mut hill, jaquez, smith) = hill();
    hill.says(jaquez, KIWI);
    hill.says(smith, KIWI);
    hill.says(smith, "AT Singleton +0.1 kiwi +34.0-118.4 1520023934.8");
    assert!(hill.told(jaquez).is_empty());
    assert_eq!(hill.told(smith), [KIWI]);
}

#[test]
fn what_is_known_is_counted_however_it_is_written() {
    let (mut hill, jaquez, smith) = hill();
    hill.says(jaquez, KIWI);
    hill.says(smith, KIWI);
    hill.says(smith, &KIWI.replace(' ', "  "));
    hill.says(smith, &format!("{KIWI} Ball"));
    let counters = hill.counters();
    assert_eq!((counters.updates_received, counters.records, counters.dropped), (4, 1, 0));
    assert_eq!(hill.told(smith), [KIWI]);
}

#[test]
fn of_two_updates_with_one_stamp_the_greater_line_wins() {
    let (small, great) = ("AT Ball +0.1 kiwi +1-2 5", "AT Welsh +0.1 kiwi +1-2 5.0");
    for (first, second) in [(small, great), (great, small)] {
        let (mut hill, jaquez, smith) = hill();
        hill.says(jaquez, first);
        hill.says(smith, second);
        assert_eq!(hill.record("kiwi").as_deref(), Some(great));
    }
}

#[test]
fn an_update_may_outrank_what_was_heard_here_with_the_same_stamp() {
    let (mut hill, jaquez, smith) = hill();
    let client = hill.client();
    hill.says(client, "IAMAT kiwi +1-2 1520023935");
    hill.says(jaquez, "AT Adams +9 kiwi +1-2 1520023935");
    assert!(hill.record("kiwi").unwrap().starts_with("AT Hill "));
    hill.says(jaquez, "AT Smith +9 kiwi +1-2 1520023935");
    assert!(hill.record("kiwi").unwrap().starts_with("AT Smith "));
    assert_eq!(hill.told(smith).len(), 2);
}

#[test]
fn neighbours_are_told_before_the_client_is_answered() {
    let (mut hill, jaquez, smith) = hill();
    let client = hill.client();
    hill.did();
    hill.says(client, "IAMAT kiwi +1-2 1520023935");
    let did = hill.did();
    let to: Vec<_> = did
        .iter()
        .filter_map(|did| if let Did::Send(conn, ..) = did { Some(*conn) } else { None })
        .collect();
    assert_eq!(to, [jaquez, smith, client]);
}

#[test]
fn a_client_that_moves_twice_in_one_read_is_told_once() {
    let (mut hill, jaquez, _) = hill();
    let client = hill.client();
    hill.types(client, b"IAMAT kiwi +1-2 1520023934\nIAMAT kiwi +3-4 1520023935\n");
    assert_eq!(hill.told(jaquez), ["AT Hill +0.182837383 kiwi +3-4 1520023935"]);
}

#[test]
fn what_is_no_update_is_dropped_and_never_answered() {
    let (mut hill, jaquez, smith) = hill();
    hill.waits_ms(10);
    hill.heard(jaquez);
    hill.did();
    let long = "x".repeat(256);
    let lines = [
        ("", Malformed::UnknownCommand),
        ("hello", Malformed::UnknownCommand),
        ("IAMAT kiwi +1-2 3", Malformed::UnknownCommand),
        ("WHATSAT kiwi 1 1", Malformed::UnknownCommand),
        ("MARK", Malformed::UnknownCommand),
        ("ACK x", Malformed::UnknownCommand),
        ("AT Hill +1 kiwi +1-2", Malformed::MissingField),
        ("AT Hill +1 kiwi +91-2 3", Malformed::BadLocation),
        ("AT Hill +1 kiwi +1-2 3e4", Malformed::BadTime),
        ("AT Hill soon kiwi +1-2 3", Malformed::BadSkew),
        (&*format!("AT Hill +1 {long} +1-2 3"), Malformed::LongClient),
        (&*format!("AT {long} +1 kiwi +1-2 3"), Malformed::LongServer),
    ];
    for (line, why) in lines {
        hill.says(jaquez, line);
        assert_eq!(hill.logged(), [Notice::Dropped { conn: jaquez, why }], "{line}");
    }
    hill.types(jaquez, "x".repeat(20_000).as_bytes());
    hill.says(jaquez, "x");
    assert_eq!(hill.logged(), [Notice::Dropped { conn: jaquez, why: Malformed::LongLine }]);
    assert_eq!(hill.counters().dropped, lines.len() as u64 + 1);
    assert_eq!(hill.heard(jaquez), "");
    hill.says(jaquez, KIWI);
    assert_eq!(hill.told(smith), [KIWI], "the link goes on");
}

#[test]
fn links_know_only_the_limits_that_all_servers_share() {
    use herd_core::{Config, Limits};
    let limits = Limits { client_id_bytes: 4, line_bytes: 40, ahead_s: 1, ..Limits::default() };
    for (shared_address, who) in [(false, "Jaquez"), (false, "Adams"), (true, "Jaquez")] {
        let mut hill =
            Server::new(Config { limits, shared_address, ..config("Hill", &["Adams", "Jaquez"]) });
        let link = hill.links(&Stranger::named(who));
        let update = format!(
            "AT {} -{} {} +34.{}-118 {}9223372036",
            "S".repeat(64),
            "1".repeat(63),
            "k".repeat(255),
            "0".repeat(120),
            "0".repeat(54),
        );
        hill.says(link, &update);
        assert_eq!(hill.table(), [update]);
        let client = hill.client();
        assert_eq!(hill.asks(client, "IAMAT kiwis +1-2 3"), "? IAMAT kiwis +1-2 3\n");
        hill.says(client, &"x".repeat(41));
        assert_eq!(hill.counters().long_lines, 1);
    }
}

#[test]
fn a_neighbour_reaches_a_shared_address_however_short_lines_must_be() {
    use herd_core::{Config, Limits};
    let limits = Limits { line_bytes: 10, ..Limits::default() };
    let mut hill =
        Server::new(Config { limits, shared_address: true, ..config("Hill", &["Adams"]) });
    let conn = hill.client();
    let hello = Stranger::named("Adams").hello("Hill");
    for byte in hello.bytes().chain([b'\n']) {
        hill.types(conn, &[byte]);
    }
    assert!(hill.heard(conn).starts_with("CHALLENGE "));
    let client = hill.client();
    hill.types(client, b"LINKS are short");
    assert_eq!(hill.heard(client), "? LINKS are \n");
}

#[test]
fn updates_with_odd_blanks_are_kept_in_their_usual_form() {
    let (mut hill, jaquez, smith) = hill();
    hill.says(jaquez, " AT\tBall  +1 kiwi +1-2 3\r");
    assert_eq!(hill.told(smith), ["AT Ball +1 kiwi +1-2 3"]);
}

#[test]
fn every_roster_floods_every_report_to_every_server() {
    for (roster, pairs) in rosters() {
        let mut names: Vec<_> = pairs.iter().flat_map(|(a, b)| [*a, *b]).collect();
        names.sort_unstable();
        names.dedup();
        let mut net = Net::new(&names, &pairs);
        net.waits_ms(100);
        for (at, name) in names.iter().enumerate() {
            net.says(at, &format!("IAMAT client-of-{name} +1-2 1520023935"));
            net.says(at, &format!("IAMAT kiwi +{at}-{at} 1520023935"));
        }
        net.settles();
        let tables = net.tables();
        assert_eq!(tables[0].len(), names.len() + 1);
        assert!(tables.iter().all(|table| *table == tables[0]), "{roster}: {tables:?}");
        let last = names.last().unwrap();
        assert!(net.server(names[0]).record("kiwi").unwrap().starts_with(&format!("AT {last} ")));
    }
}

#[test]
fn a_record_crosses_each_wire_once_in_each_direction_at_most() {
    let pairs = [("A", "B"), ("B", "C"), ("C", "D"), ("D", "A"), ("A", "C"), ("B", "D")];
    let mut net = Net::new(&["A", "B", "C", "D"], &pairs);
    net.waits_ms(100);
    net.moved.clear();
    net.says(0, "IAMAT kiwi +1-2 1520023935");
    net.settles();
    let lines = net.moved.iter().filter(|(_, _, bytes)| bytes.starts_with(b"AT "));
    let mut on: Vec<_> = lines.map(|(to, conn, _)| (*to, *conn)).collect();
    let all = on.len();
    on.sort();
    on.dedup();
    assert_eq!(on.len(), all);
    net.waits_ms(60_000);
    let updates: u64 =
        ["A", "B", "C", "D"].map(|name| net.server(name).counters().updates_sent).iter().sum();
    assert_eq!(updates, all as u64, "nothing goes round for ever");
}

#[test]
fn a_record_crosses_the_default_roster_without_waiting_for_any_clock() {
    let pairs = &rosters()["places-2020"];
    let mut net = Net::new(&["Campbell", "Hill", "Jaquez", "Singleton", "Smith"], pairs);
    net.waits_ms(100);
    let hill = net.at("Hill");
    net.says(hill, "IAMAT kiwi +1-2 1520023935");
    net.settles();
    assert!(net.tables().iter().all(|table| table.len() == 1));
}
