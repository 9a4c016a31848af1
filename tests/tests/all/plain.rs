//! Links with other implementations: bare AT lines, taken and sent without any proof.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use herd_tests::{
    Acceptor, Client, Identity, Link, PATIENCE, Plan, Runtime, Server, eventually, free_address,
    on_both,
};
use socket2::{Domain, Socket, Type};
use std::net::TcpListener;

on_both!(
    a_plain_neighbour_is_told_bare_lines,
    a_plain_neighbour_is_told_the_whole_table_first,
    a_plain_neighbour_is_told_again_after_it_was_away,
    a_line_from_a_plain_neighbours_address_is_taken,
    a_line_from_any_other_address_is_an_invalid_command,
    a_plain_neighbours_address_may_have_clients_too,
    what_a_plain_neighbour_sends_that_is_no_update_is_logged_and_counted,
    a_line_in_other_words_is_settled_like_any_other,
    a_plain_neighbour_that_repeats_everything_upsets_nobody,
    a_plain_neighbour_that_never_reads_holds_up_nobody,
    a_plain_neighbour_is_warned_of,
);

fn a_plain_neighbour_is_told_bare_lines(runtime: Runtime) {
    let old = Acceptor::new();
    let hill = with_plain(runtime, old.address()).start_one();
    let mut client = hill.client();

    let told = client.ask("IAMAT kiwi +1-1 100");
    let mut wire = old.next();
    assert_eq!(wire.line(), format!("{told}\r"));

    // Nothing but what is new follows, on the same connection.
    client.ask("IAMAT kiwi +1-1 100");
    let next = client.ask("IAMAT emu +2-2 200");
    assert_eq!(wire.line(), format!("{next}\r"));
}

fn a_plain_neighbour_is_told_the_whole_table_first(runtime: Runtime) {
    let address = free_address();
    let hill = with_plain(runtime, address).start_one();
    let mut client = hill.client();
    let mut told: Vec<_> =
        (0..50).map(|n| client.ask(&format!("IAMAT kiwi{n:02} +1-1 100"))).collect();

    let listener = TcpListener::bind(address).unwrap();
    let mut wire = Client::new(listener.accept().unwrap().0);

    let mut heard: Vec<_> = (0..50).map(|_| wire.line().trim_end().to_owned()).collect();
    heard.sort();
    told.sort();
    assert_eq!(heard, told);
}

fn a_plain_neighbour_is_told_again_after_it_was_away(runtime: Runtime) {
    let old = Acceptor::new();
    let hill = with_plain(runtime, old.address()).start_one();
    let told = hill.client().ask("IAMAT kiwi +1-1 100");
    drop(old.next());

    assert_eq!(old.next().line(), format!("{told}\r"));
}

fn a_line_from_a_plain_neighbours_address_is_taken(runtime: Runtime) {
    let (hill, mut aaa, mut old) = with_neighbour_on_another_address(runtime);

    // As various implementations write it: with either line end, with a last hop named or none.
    for (n, (said, kept)) in [
        ("AT Old +0.5 kiwi +1-1 100\n", "AT Old +0.5 kiwi +1-1 100"),
        ("AT Old +0.5 kiwi +1-1 200\r\n", "AT Old +0.5 kiwi +1-1 200"),
        ("AT Old +0.5 kiwi +1-1 300 Old\r\n", "AT Old +0.5 kiwi +1-1 300"),
        ("AT Far -1.5 kiwi +1.0-1.0 400.5 Old\n", "AT Far -1.5 kiwi +1.0-1.0 400.5"),
    ]
    .into_iter()
    .enumerate()
    {
        old.send(said);
        assert_eq!(aaa.at(), kept, "the {n}th line");
        assert_eq!(hill.client().whats_at("kiwi").as_deref(), Some(kept));
    }
    // None of them was answered: the first answer is to this.
    assert_eq!(old.ask("hello"), "? hello");
}

fn a_line_from_any_other_address_is_an_invalid_command(runtime: Runtime) {
    let (hill, _aaa, _old) = with_neighbour_on_another_address(runtime);
    let mut client = hill.client();

    for line in ["AT Old +0.5 kiwi +1-1 100", "AT Old +0.5 kiwi +1-1 100 Old"] {
        assert_eq!(client.ask(line), format!("? {line}"));
    }
    assert_eq!(client.whats_at("kiwi"), None);
}

fn a_plain_neighbours_address_may_have_clients_too(runtime: Runtime) {
    let (_hill, _aaa, mut old) = with_neighbour_on_another_address(runtime);

    let told = old.ask("IAMAT kiwi +1-1 100");

    assert!(told.starts_with("AT Hill +"), "{told}");
    assert_eq!(old.whats_at("kiwi"), Some(told));
    assert_eq!(old.ask("AT Old nonsense"), "? AT Old nonsense");
}

fn what_a_plain_neighbour_sends_that_is_no_update_is_logged_and_counted(runtime: Runtime) {
    let elsewhere = Ipv4Addr::new(127, 0, 0, 2);
    let old = SocketAddr::from((elsewhere, free_address().port()));
    let plan = Plan::new(runtime).metrics().server("Hill", &["Old"]);
    let hill = plan.plain_neighbour(old, "Old", &[]).log("level", "\"events\"").start_one();
    let mut old = from(elsewhere, hill.address());
    let before = hill.metrics();

    let refused = [
        ("AT Old nan kiwi +1-1 100", "the time difference is not a number"),
        ("AT Old +0.5 kiwi +1-1 nan", "the time is not a valid number of seconds"),
        ("AT Old +0.5 owl +1-1 1e9", "the time is not a valid number of seconds"),
        ("AT Old +0.5 kiwi +91-1 100", "the location is not a valid latitude and longitude"),
        ("AT Old +0.5 kiwi +1-1 1.1234567890123", "the time is not a valid number of seconds"),
    ];
    for (line, _) in refused {
        assert_eq!(old.ask(line), format!("? {line}"));
    }
    assert_eq!(old.ask("hello"), "? hello");

    let after = hill.metrics();
    let moved = |series: &str| after.count(series) - before.count(series);
    assert_eq!(moved("herd_updates_refused_total"), 5);
    assert_eq!(moved("herd_invalid_lines_total"), 1);
    assert_eq!(moved("herd_lines_received_total{from=\"clients\"}"), 1);
    assert_eq!(moved("herd_lines_received_total{from=\"neighbours\"}"), 5);
    eventually(PATIENCE, || hill.log().matches(" update refused: ").count() == 5);
    let log = hill.log();
    let said = log.lines().filter_map(|line| line.split_once(" update refused: "));
    assert!(said.map(|(_, why)| why).eq(refused.map(|(_, why)| why)), "{log}");
}

fn a_line_in_other_words_is_settled_like_any_other(runtime: Runtime) {
    let (hill, _aaa, mut old) = with_neighbour_on_another_address(runtime);
    let told = hill.client().ask("IAMAT kiwi +34.068930-118.445127 100.5");

    // An older report, the same one in smaller bytes, and then a newer one.
    old.send("AT Zebra +0.5 kiwi +1-1 100.4\n");
    old.send("AT Alford +0.5 kiwi +34.06893-118.445127 100.500\n");
    assert_eq!(old.ask("hello"), "? hello");
    assert_eq!(hill.client().whats_at("kiwi"), Some(told));
    old.send("AT Old +0.5 kiwi +1-1 100.6\n");

    eventually(PATIENCE, || {
        hill.client().whats_at("kiwi").as_deref() == Some("AT Old +0.5 kiwi +1-1 100.6")
    });
}

fn a_plain_neighbour_that_repeats_everything_upsets_nobody(runtime: Runtime) {
    // It says everything again, with its numbers printed its own way and itself as the last hop.
    let acceptor = Acceptor::new();
    let hill = with_plain(runtime, acceptor.address()).start_one();
    let mut saying = from(Ipv4Addr::LOCALHOST, hill.address());
    hill.client().ask("IAMAT first +34.068930-118.445127 99.500");
    let mut hearing = acceptor.next();

    hill.client().ask("IAMAT kiwi +34.068930-118.445127 100.500");

    let mut heard = 0;
    while hearing.stirs_within(Duration::from_millis(300)) {
        let line = hearing.line();
        let fields: Vec<_> = line.trim_end().split(' ').collect();
        let [_, server, skew, client, location, time] = fields[..] else { panic!("{line}") };
        let (skew, time) = (skew.trim_end_matches('0'), time.trim_end_matches('0'));
        saying.send(format!("AT {server} {skew} {client} {location} {time} Old\r\n"));
        heard += 1;
        assert!(heard < 20, "it goes round and round");
    }
    let known = hill.client().whats_at("kiwi").unwrap();
    assert!(
        known.starts_with("AT Hill +") && known.contains(" kiwi +34.068930-118.445127 100.5"),
        "{known}"
    );
}

fn a_plain_neighbour_that_never_reads_holds_up_nobody(runtime: Runtime) {
    let old = Acceptor::new();
    let hill = with_plain(runtime, old.address()).log("level", "\"events\"").start_one();
    let wire = old.next_within(PATIENCE);
    let mut client = hill.client();

    for round in 0..20 {
        let mut lines = String::new();
        for n in 0..1000 {
            lines.push_str(&format!("IAMAT c{n}-{} +1-1 {round}\n", "x".repeat(200)));
        }
        client.send(&lines);
        for _ in 0..1000 {
            client.line();
        }
    }

    drop(wire);
    assert_eq!(client.ask("hello"), "? hello");
}

fn a_plain_neighbour_is_warned_of(runtime: Runtime) {
    let hill = with_plain(runtime, free_address()).start_one();

    eventually(PATIENCE, || hill.stderr().contains("plain") && hill.stderr().contains("Old"));
    let alone = Plan::alone(runtime).start_one();
    assert_eq!(alone.stderr(), "");
}

/// Hill with one neighbour, Old, a plain one.
fn with_plain(runtime: Runtime, old: SocketAddr) -> Plan {
    Plan::new(runtime).server("Hill", &["Old"]).plain_neighbour(old, "Old", &[])
}

/// Hill with a link to Aaa, and a connection from the address of Old, a plain neighbour elsewhere.
fn with_neighbour_on_another_address(runtime: Runtime) -> (Server, Link, Client) {
    let elsewhere = Ipv4Addr::new(127, 0, 0, 2);
    let old = SocketAddr::from((elsewhere, free_address().port()));
    let plan = Plan::new(runtime).server("Hill", &["Aaa", "Old"]).neighbour("Aaa", &[]);
    let hill = plan.plain_neighbour(old, "Old", &[]).start_one();
    let aaa = Link::dial(hill.link_address(), &Identity::new("Aaa"), "Hill").unwrap();
    let old = from(elsewhere, hill.address());
    (hill, aaa, old)
}

/// A connection to `server` that comes from `address`.
fn from(address: Ipv4Addr, server: SocketAddr) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(IpAddr::V4(address), 0).into()).unwrap();
    socket.connect(&server.into()).unwrap();
    Client::new(socket.into())
}
