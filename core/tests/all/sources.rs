//! No address takes more than its share of connections, nor of reading.

use core::net::IpAddr;

use herd_core::{Config, ConnId, Goodbye, Limits, Listener, Notice};

use crate::support::{Did, Server, Stranger, config, limited};

const ONE: &str = "192.0.2.1";
const OTHER: &str = "192.0.2.2";

#[test]
fn an_address_has_its_share_of_connections_and_no_more() {
    let mut hill = Server::new(limited(Limits { address_connections: 2, ..Limits::default() }));
    let first = client(&mut hill);
    let second = client(&mut hill);
    let third = client(&mut hill);
    assert!(hill.is_closed(third));
    assert!(hill.logged().contains(&Notice::Closed { conn: third, why: Goodbye::Crowded }));
    assert_eq!((hill.counters().crowded, hill.counters().refused), (1, 0));
    assert_eq!(hill.asks(second, "still here"), "? still here\n");

    let other = hill.client_from(ip(OTHER));
    assert!(!hill.is_closed(other));

    hill.breaks(first);
    let fourth = client(&mut hill);
    assert!(!hill.is_closed(fourth));
}

#[test]
fn loopback_is_not_counted_unless_it_is_to_be() {
    for (counted, address) in [(false, "127.0.0.1"), (false, "::1"), (true, "127.0.0.1")] {
        let limits =
            Limits { address_connections: 1, address_loopback: counted, ..Limits::default() };
        let mut hill = Server::new(limited(limits));
        hill.client_from(ip(address));
        let second = hill.client_from(ip(address));
        assert_eq!(hill.is_closed(second), counted, "{address}");
    }
}

#[test]
fn zero_is_any_number_of_connections() {
    let mut hill = Server::new(limited(Limits { address_connections: 0, ..Limits::default() }));
    for _ in 0..5000 {
        let conn = client(&mut hill);
        assert!(!hill.is_closed(conn));
    }
}

#[test]
fn a_network_of_ipv6_is_one_address_and_an_ipv4_address_is_one_however_written() {
    let same = [("2001:db8::1", "2001:db8::ffff:0:0:1"), ("192.0.2.1", "::ffff:192.0.2.1")];
    let different = [("2001:db8::1", "2001:db8:0:1::1"), ("192.0.2.1", "192.0.2.2")];
    for (pair, is_one) in
        same.map(|pair| (pair, true)).into_iter().chain(different.map(|pair| (pair, false)))
    {
        let mut hill = Server::new(limited(Limits { address_connections: 1, ..Limits::default() }));
        hill.client_from(ip(pair.0));
        let second = hill.client_from(ip(pair.1));
        assert_eq!(hill.is_closed(second), is_one, "{pair:?}");
    }
}

#[test]
fn links_need_no_share_of_their_address() {
    let limits = Limits { address_connections: 1, ..Limits::default() };
    let mut hill = Server::new(Config { limits, ..config("Hill", &["Adams"]) });
    let first = client(&mut hill);
    let link = hill.links(&Stranger::named("Adams"));
    let plain = hill.accept(Listener::Clients { from: ip(ONE), plain: true });
    assert!([first, link, plain].iter().all(|conn| !hill.is_closed(*conn)));
}

#[test]
fn a_neighbour_is_let_in_at_a_shared_address_that_is_crowded() {
    let limits = Limits { address_connections: 1, ..Limits::default() };
    let shared = Config { limits, shared_address: true, ..config("Hill", &["Adams"]) };
    let mut hill = Server::new(shared);
    let first = client(&mut hill);
    let beyond = client(&mut hill);
    assert_eq!(hill.asks(beyond, "hello"), "");
    assert!(hill.is_closed(beyond));
    assert_eq!(hill.counters().crowded, 1);

    let adams = client(&mut hill);
    let challenge = hill.asks(adams, &Stranger::named("Adams").hello("Hill"));
    assert!(challenge.starts_with("CHALLENGE "), "{challenge}");

    // One that came while there was room gives its place back when it shows to be a neighbour.
    hill.breaks(first);
    let jaquez = client(&mut hill);
    hill.says(jaquez, &Stranger::named("Adams").hello("Hill"));
    let next = client(&mut hill);
    assert_eq!(hill.asks(next, "hello"), "? hello\n");
}

#[test]
fn reading_pauses_when_an_address_has_had_its_share() {
    let mut hill = throttling(1000);
    let conn = client(&mut hill);
    hill.types(conn, &lines(4000));
    assert!(!has_paused(&mut hill, conn));
    hill.types(conn, &lines(2000));
    assert!(has_paused(&mut hill, conn));
    assert_eq!(hill.counters().throttled, 1);
    assert_eq!(hill.heard(conn).lines().count(), 600, "what was read is answered");

    hill.waits_ms(1999);
    assert!(!has_resumed(&mut hill, conn));
    hill.waits_ms(1);
    assert!(has_resumed(&mut hill, conn));
}

#[test]
fn an_address_that_has_had_its_share_gets_no_further_connection() {
    let mut hill = throttling(1000);
    let conn = client(&mut hill);
    hill.types(conn, &lines(6000));
    let further = client(&mut hill);
    assert!(hill.is_closed(further));
    assert_eq!(hill.counters().crowded, 1);

    hill.waits_ms(2000);
    let later = client(&mut hill);
    assert_eq!(hill.asks(later, "hello"), "? hello\n");
}

#[test]
fn an_address_gets_its_share_and_no_more_however_many_connections_it_has() {
    let mut hill = throttling(1000);
    let conns = [(); 5].map(|()| client(&mut hill));
    let mut paused = [false; 5];
    let mut read = 0;
    for _ in 0..1000 {
        for (conn, paused) in conns.iter().zip(&mut paused) {
            if !*paused {
                hill.types(*conn, &lines(500));
                read += 500;
            }
        }
        hill.waits_ms(100);
        for did in hill.did_aloud() {
            for (conn, paused) in conns.iter().zip(&mut paused) {
                *paused = *paused && did != Did::Resume(*conn) || did == Did::Pause(*conn);
            }
        }
    }
    // 100 s, the burst of 4, and a last piece on each connection.
    assert!((100_000..=104_000 + 5 * 500).contains(&read), "{read}");
}

#[test]
fn one_address_does_not_slow_another() {
    let mut hill = throttling(1000);
    let (greedy, modest) = (client(&mut hill), hill.client_from(ip(OTHER)));
    hill.types(greedy, &lines(100_000));
    hill.types(modest, &lines(3000));
    assert!(!has_paused(&mut hill, modest));
}

#[test]
fn a_client_that_is_not_read_is_not_idle() {
    let limits = Limits { address_bytes_s: 100, idle_s: 10, ..Limits::default() };
    let mut hill = Server::new(limited(limits));
    let conn = client(&mut hill);
    hill.types(conn, &lines(10_000));
    // It is read again after 96 s.
    hill.waits_s(105);
    assert!(!hill.is_closed(conn));
    hill.waits_s(10);
    assert!(hill.is_closed(conn), "it was let speak for ten seconds");
}

#[test]
fn reading_goes_on_when_neither_limit_holds_it_any_more() {
    let limits = Limits { address_bytes_s: 1000, pipeline: 1, ..Limits::default() };
    let mut hill = Server::new(limited(limits));
    let conn = client(&mut hill);
    hill.says(conn, "IAMAT kiwi +1-2 100");
    hill.types(conn, &[b"WHATSAT kiwi 1 1\n", &lines(5000)[..]].concat());
    let lookup = hill.request();
    hill.answers(lookup, "{}");
    assert!(!has_resumed(&mut hill, conn));
    hill.waits_s(2);
    assert!(has_resumed(&mut hill, conn));

    hill.types(conn, &[b"WHATSAT kiwi 1 1\n", &lines(5000)[..]].concat());
    hill.waits_s(6);
    let did = hill.did();
    assert!(!did.contains(&Did::Resume(conn)));
    let lookup = did.iter().find_map(|did| did.lookup().map(|(id, _)| id)).unwrap();
    hill.answers(lookup, "{}");
    assert!(has_resumed(&mut hill, conn));
}

#[test]
fn a_server_that_stops_answers_a_client_that_is_not_read() {
    let mut hill = throttling(10);
    let conn = client(&mut hill);
    hill.types(conn, &lines(1000));
    hill.stops();
    assert_eq!(hill.heard(conn).lines().count(), 100);
    hill.ends(conn);
    assert!(hill.herd.has_stopped());
}

fn throttling(address_bytes_s: u32) -> Server {
    Server::new(limited(Limits { address_bytes_s, ..Limits::default() }))
}

fn client(hill: &mut Server) -> ConnId {
    hill.client_from(ip(ONE))
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// So many bytes of lines of ten.
fn lines(bytes: usize) -> Vec<u8> {
    b"nonsense!\n".repeat(bytes / 10)
}

fn has_paused(hill: &mut Server, conn: ConnId) -> bool {
    hill.did().contains(&Did::Pause(conn))
}

fn has_resumed(hill: &mut Server, conn: ConnId) -> bool {
    hill.did().contains(&Did::Resume(conn))
}
