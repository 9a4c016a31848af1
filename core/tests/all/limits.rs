//! How long a client may say nothing or take nothing, and how many clients there may be.

use herd_core::{Config, Goodbye, Herd, Limits, LinkKind, Listener, Neighbour, Notice, Refusal};

use crate::support::{Did, FROM, Server, Stranger, config, limited};

fn closed(conn: herd_core::ConnId, why: Goodbye) -> Notice {
    Notice::Closed { conn, why }
}

#[test]
fn a_client_that_takes_nothing_is_closed() {
    let mut hill = Server::hill();
    let conn = hill.client();
    hill.stick(conn);
    hill.says(conn, "hello");
    hill.takes(conn, 0);
    hill.waits_ms(29_999);
    assert!(!hill.is_closed(conn));
    hill.waits_ms(1);
    assert!(hill.is_closed(conn));
    assert_eq!(hill.counters().stalled, 1);
    assert!(hill.logged().contains(&closed(conn, Goodbye::Stalled)));
}

#[test]
fn a_client_that_takes_a_little_now_and_then_is_not_closed() {
    let mut hill = Server::hill();
    let conn = hill.client();
    hill.stick(conn);
    hill.says(conn, "hello there");
    for _ in 0..10 {
        hill.waits_s(29);
        hill.takes(conn, 1);
    }
    assert!(!hill.is_closed(conn));
    hill.waits_s(30);
    assert!(hill.is_closed(conn));
}

#[test]
fn a_client_that_asks_much_and_takes_nothing_is_closed_all_the_same() {
    let mut hill = Server::hill();
    let conn = hill.client();
    hill.stick(conn);
    for _ in 0..31 {
        hill.says(conn, "hello");
        hill.takes(conn, 0);
        hill.waits_s(1);
    }
    assert!(hill.is_closed(conn));
}

#[test]
fn time_in_which_nothing_waited_is_no_stall() {
    let mut hill = Server::hill();
    let conn = hill.client();
    hill.asks(conn, "hello");
    hill.waits_s(100);
    hill.stick(conn);
    hill.says(conn, "hello");
    hill.takes(conn, 0);
    hill.waits_s(29);
    assert!(!hill.is_closed(conn));
}

#[test]
fn a_client_that_comes_from_a_plain_servers_address_is_closed_when_it_takes_nothing() {
    let mut hill = Server::hill();
    let conn = hill.accept(Listener::Clients { from: FROM, plain: true });
    hill.stick(conn);
    hill.says(conn, "hello");
    hill.takes(conn, 0);
    hill.waits_s(30);
    assert!(hill.is_closed(conn));
}

#[test]
fn a_client_that_says_nothing_is_closed() {
    let mut hill = Server::hill();
    let conn = hill.client();
    hill.waits_s(300);
    hill.asks(conn, "hello");
    hill.waits_ms(599_999);
    assert!(!hill.is_closed(conn));
    hill.waits_ms(1);
    assert!(hill.is_closed(conn));
    assert_eq!(hill.counters().idle, 1);
    assert!(hill.logged().contains(&closed(conn, Goodbye::Idle)));
}

#[test]
fn a_client_that_waits_for_its_answer_is_not_idle() {
    let slow = Config {
        lookup_timeout: core::time::Duration::from_secs(5_000),
        ..limited(Limits { idle_s: 60, ..Limits::default() })
    };
    let mut hill = Server::new(slow);
    let conn = hill.client();
    hill.says(conn, "IAMAT kiwi +1-2 3");
    hill.says(conn, "WHATSAT kiwi 1 1");
    hill.waits_s(1_000);
    assert!(!hill.is_closed(conn));
    let id = hill.request();
    hill.answers(id, "{}");
    hill.waits_s(59);
    assert!(!hill.is_closed(conn));
    hill.waits_s(61);
    assert!(hill.is_closed(conn));
}

#[test]
fn idling_can_be_allowed() {
    let mut hill = Server::new(limited(Limits { idle_s: 0, ..Limits::default() }));
    let conn = hill.client();
    hill.waits_s(1_000_000);
    assert!(!hill.is_closed(conn));
    hill.stick(conn);
    hill.says(conn, "hello");
    hill.takes(conn, 0);
    hill.waits_s(30);
    assert!(hill.is_closed(conn), "a client that takes nothing is closed all the same");
}

#[test]
fn one_client_too_many_is_closed_at_once() {
    let mut hill = Server::new(limited(Limits { connections: 2, ..Limits::default() }));
    let (one, two) = (hill.client(), hill.client());
    let three = hill.client();
    assert!(hill.is_closed(three));
    assert_eq!(hill.heard(three), "");
    assert_eq!(hill.asks(two, "hello"), "? hello\n");
    hill.ends(one);
    let four = hill.client();
    assert_eq!(hill.asks(four, "hello"), "? hello\n");
    assert_eq!((hill.counters().connections, hill.counters().refused), (4, 1));
    assert!(hill.logged().contains(&closed(three, Goodbye::TooMany)));
}

#[test]
fn links_have_room_however_many_clients_there_are() {
    let limits = Limits { connections: 1, ..Limits::default() };
    let mut hill = Server::new(Config { limits, ..config("Hill", &["Adams", "Jaquez"]) });
    hill.client();
    hill.links(&Stranger::named("Adams"));
    hill.links(&Stranger::named("Jaquez"));
    assert_eq!(hill.counters().links, 2);
    let conn = hill.client();
    assert!(hill.is_closed(conn));
}

fn shared(connections: u32) -> Server {
    let limits = Limits { connections, ..Limits::default() };
    Server::new(Config { limits, shared_address: true, ..config("Hill", &["Adams"]) })
}

#[test]
fn at_a_shared_address_the_first_line_tells_a_neighbour_from_a_client() {
    let mut hill = shared(10);
    let client = hill.client();
    assert_eq!(hill.asks(client, "hello"), "? hello\n");
    let hello = Stranger::named("Adams").hello("Hill");
    assert_eq!(hill.asks(client, &hello), format!("? {hello}\n"), "only a first line is");
    let neighbour = hill.client();
    assert!(hill.asks(neighbour, &hello).starts_with("CHALLENGE "));
}

#[test]
fn at_a_shared_address_a_client_may_send_all_it_has_and_end() {
    for text in ["hello", "hello\n", "hello\nhello", ""] {
        let mut hill = shared(10);
        let client = hill.client();
        hill.types(client, text.as_bytes());
        hill.ends(client);
        assert_eq!(hill.heard(client).lines().count(), text.lines().count());
        assert!(hill.is_closed(client));
    }
}

#[test]
fn at_a_shared_address_that_is_full_there_is_still_a_door_for_neighbours() {
    let mut hill = shared(1);
    hill.client();
    let neighbour = hill.client();
    assert!(!hill.is_closed(neighbour));
    let hello = Stranger::named("Adams").hello("Hill");
    assert!(hill.asks(neighbour, &hello).starts_with("CHALLENGE "));

    let client = hill.client();
    assert_eq!(hill.asks(client, "hello"), "");
    assert!(hill.is_closed(client));
    assert_eq!(hill.counters().refused, 1);

    let silent = hill.client();
    hill.waits_s(5);
    assert!(hill.is_closed(silent));
}

#[test]
fn at_a_shared_address_a_neighbour_takes_no_clients_place() {
    let mut hill = shared(1);
    let neighbour = hill.client();
    hill.says(neighbour, &Stranger::named("Adams").hello("Hill"));
    let client = hill.client();
    assert_eq!(hill.asks(client, "hello"), "? hello\n");
}

#[test]
fn at_the_address_for_neighbours_there_is_nothing_for_clients() {
    let mut hill = Server::new(config("Hill", &["Adams"]));
    let conn = hill.accept(Listener::Links { from: FROM });
    assert_eq!(hill.asks(conn, "IAMAT kiwi +1-2 3"), "");
    assert!(hill.is_closed(conn));
    assert_eq!(hill.table(), [""; 0]);
}

#[test]
fn who_only_holds_a_place_gives_it_up_for_the_next() {
    let limits = Limits { handshakes: 64, ..Limits::default() };
    let mut hill = Server::new(Config { limits, ..config("Hill", &["Adams"]) });
    let open: Vec<_> = (0..65).map(|_| hill.accept(Listener::Links { from: FROM })).collect();
    assert!(open.iter().all(|conn| !hill.is_closed(*conn)));
    let elsewhere = Listener::Links { from: [192, 0, 2, 1].into() };
    let neighbour = hill.accept(elsewhere);
    assert!(!hill.is_closed(neighbour));
    let gone: Vec<_> = open.iter().filter(|conn| hill.is_closed(**conn)).collect();
    let [gone] = gone[..] else { panic!("{gone:?}") };
    let refused = Notice::LinkRefused { conn: *gone, why: Refusal::TooMany };
    assert!(hill.logged().contains(&refused));
    assert_eq!(hill.counters().handshakes_dropped, 1);
    hill.waits_s(5);
    assert!(open.iter().all(|conn| hill.is_closed(*conn)));
}

#[test]
fn at_a_shared_address_a_handshake_takes_a_place_too() {
    let limits = Limits { handshakes: 64, ..Limits::default() };
    let mut hill =
        Server::new(Config { limits, shared_address: true, ..config("Hill", &["Adams"]) });
    let open: Vec<_> = (0..200).map(|_| hill.client()).collect();
    for conn in &open {
        hill.says(*conn, &Stranger::named("Adams").hello("Hill"));
    }
    assert_eq!(open.iter().filter(|conn| !hill.is_closed(**conn)).count(), 65);
}

#[test]
fn settings_that_make_no_sense_are_refused_and_told_apart() {
    use herd_core::ConfigError::*;
    let sound = config("Hill", &["Jaquez"]);
    let refused = |config| Herd::new(config).err();
    assert_eq!(refused(sound.clone()), None);
    let with = |limits| refused(Config { limits, ..sound.clone() });
    let plain = Neighbour { name: "Jaquez".into(), kind: LinkKind::Plain };
    let short = herd_core::Secret::new(*b"fifteen bytes..");
    let long_name = "x".repeat(65);
    for (refusal, error) in [
        (refused(config("", &[])), BadName),
        (refused(config("Hi ll", &[])), BadName),
        (refused(config(&long_name, &[])), BadName),
        (refused(config("Hill", &["Hill"])), OwnNeighbour),
        (refused(config("Hill", &["Smith", "Smith"])), NeighbourTwice),
        (refused(Config { secret: short.clone(), ..sound.clone() }), ShortSecret),
        (
            refused(Config { lookup_timeout: core::time::Duration::ZERO, ..sound.clone() }),
            ZeroLimit("timeout_ms"),
        ),
        (with(Limits { line_bytes: 0, ..Limits::default() }), ZeroLimit("line_bytes")),
        (
            with(Limits { client_id_bytes: 256, ..Limits::default() }),
            LimitTooLarge("client_id_bytes", 255),
        ),
    ] {
        assert_eq!(refusal, Some(error));
    }
    assert_eq!(refused(Config { secret: short, neighbours: vec![plain], ..sound }), None);
}

#[test]
fn a_secret_is_not_shown() {
    assert!(!format!("{:?}", config("Hill", &["Jaquez"])).contains("battery"));
}

#[test]
fn what_is_closed_is_closed_once_and_hears_nothing_more() {
    let mut hill = Server::hill();
    let conn = hill.client();
    hill.says(conn, "IAMAT kiwi +1-2 3");
    hill.says(conn, "WHATSAT kiwi 1 1");
    let id = hill.request();
    hill.breaks(conn);
    hill.answers(id, "{}");
    hill.breaks(conn);
    hill.waits_s(10_000);
    assert!(hill.did_aloud().iter().all(|did| matches!(did, Did::Cancel(_))));
}
