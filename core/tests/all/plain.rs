//! Plain links: mixing with other implementations of the protocol.

use herd_core::{Config, ConnId, LinkKind, Listener, Neighbour};

use crate::support::{FROM, Server, Stranger, config};

/// Hill, which talks plainly with Ball, and by a proper link with Jaquez.
fn hill() -> Server {
    let neighbours = [("Ball", LinkKind::Plain), ("Jaquez", LinkKind::Herd)];
    let neighbours = neighbours.map(|(name, kind)| Neighbour { name: name.into(), kind }).to_vec();
    Server::new(Config { neighbours, ..config("Hill", &[]) })
}

fn from_ball(hill: &mut Server) -> ConnId {
    hill.accept(Listener::Clients { from: FROM, plain: true })
}

#[test]
fn a_plain_neighbour_is_sent_bare_lines_that_end_in_cr_lf() {
    let mut hill = hill();
    let client = hill.client();
    hill.says(client, "IAMAT kiwi +1-2 1520023935");
    let (ball, opening) = hill.dials("Ball");
    assert_eq!(opening, "AT Hill +0.182837383 kiwi +1-2 1520023935\r\n");
    hill.says(client, "IAMAT kiwi +3-4 1520023936");
    assert_eq!(hill.heard(ball), "AT Hill -0.817162617 kiwi +3-4 1520023936\r\n");
    hill.waits_s(1_000);
    assert_eq!(hill.heard(ball), "", "no marks");
    assert!(!hill.is_closed(ball));
}

#[test]
fn a_plain_neighbour_is_dialled_whatever_its_name() {
    let mut hill = hill();
    hill.dials("Ball");
}

#[test]
fn lines_from_a_plain_neighbours_address_are_taken_and_not_answered() {
    let mut hill = hill();
    let jaquez = hill.links(&Stranger::named("Jaquez"));
    let ball = from_ball(&mut hill);
    hill.says(ball, "AT Ball +0.1 kiwi +1-2 3\r");
    hill.says(ball, "AT Ball -1.5e-05 emu +1-2 3 Welsh");
    assert_eq!(hill.heard(ball), "");
    assert_eq!(hill.told(jaquez), ["AT Ball +0.1 kiwi +1-2 3", "AT Ball -1.5e-05 emu +1-2 3"]);
}

#[test]
fn other_addresses_write_nothing_into_the_herd() {
    let mut hill = hill();
    let client = hill.client();
    let line = "AT Ball +0.1 kiwi +1-2 3";
    assert_eq!(hill.asks(client, line), format!("? {line}\n"));
    assert_eq!(hill.table(), [""; 0]);
}

#[test]
fn clients_at_a_plain_neighbours_address_are_clients_all_the_same() {
    let mut hill = hill();
    let ball = from_ball(&mut hill);
    assert_eq!(
        hill.asks(ball, "IAMAT kiwi +1-2 1520023935"),
        "AT Hill +0.182837383 kiwi +1-2 1520023935\n"
    );
    assert_eq!(hill.asks(ball, "AT soon"), "? AT soon\n");
}

#[test]
fn a_plain_connection_may_be_silent_for_long() {
    let mut hill = hill();
    let ball = from_ball(&mut hill);
    hill.waits_s(100_000);
    assert!(!hill.is_closed(ball));
}

#[test]
fn what_a_plain_neighbour_answers_on_our_connection_is_dropped() {
    let mut hill = hill();
    let (ball, _) = hill.dials("Ball");
    hill.says(ball, "AT Ball +0.1 kiwi +1-2 3");
    hill.says(ball, "? AT Hill +1 kiwi +1-2 3");
    hill.says(ball, "MARK 1");
    assert_eq!(hill.table(), [""; 0]);
    assert_eq!(hill.heard(ball), "");
    assert_eq!(hill.counters().dropped, 3);
}

#[test]
fn a_plain_neighbour_that_reprints_numbers_does_not_set_the_herd_going() {
    let mut hill = hill();
    let jaquez = hill.links(&Stranger::named("Jaquez"));
    let (to_ball, _) = hill.dials("Ball");
    let ball = from_ball(&mut hill);
    let client = hill.client();
    hill.says(client, "IAMAT kiwi +34.0-118.40 1520023935.10");
    let first = hill.told(to_ball);
    // Ball says the same in its own spelling, again and again.
    for _ in 0..5 {
        hill.says(ball, "AT Hill 0.0828 kiwi +34.0-118.4 1520023935.1");
    }
    assert_eq!(first.len(), 1);
    assert!(hill.told(jaquez).len() <= 2);
    assert!(hill.told(to_ball).len() <= 1);
}

#[test]
fn a_plain_neighbour_that_stops_reading_costs_no_memory_that_grows() {
    let mut hill = hill();
    let (ball, _) = hill.dials("Ball");
    hill.stick(ball);
    let client = hill.client();
    for round in 1..=10 {
        let lines: Vec<_> =
            (0..1000).map(|client| format!("IAMAT c{client} +1-2 {round}\n")).collect();
        hill.types(client, lines.concat().as_bytes());
    }
    assert!(hill.waiting(ball) <= 256 * 1024 + 600);
    hill.told(ball);
    hill.takes(ball, usize::MAX);
    assert_eq!(hill.told(ball).len(), 1000);
}

#[test]
fn nobody_links_as_a_plain_neighbour() {
    let mut hill = hill();
    let conn = hill.accept(Listener::Links { from: FROM });
    hill.says(conn, &Stranger::named("Ball").hello("Hill"));
    assert!(hill.is_closed(conn));
}

#[test]
fn a_plain_connection_that_ends_is_opened_again() {
    let mut hill = hill();
    let (ball, _) = hill.dials("Ball");
    hill.ends(ball);
    assert!(hill.is_closed(ball));
    hill.dials("Ball");
}

#[test]
fn a_plain_neighbour_is_known_at_a_shared_address_whatever_its_first_line_is() {
    for first in ["hello".to_string(), "x".repeat(10_000), "AT Ball +1 owl +1-2 3".to_string()] {
        let mut hill = Server::new(Config { shared_address: true, ..config("Hill", &["Adams"]) });
        let ball = from_ball(&mut hill);
        hill.says(ball, &first);
        hill.heard(ball);
        hill.says(ball, "AT Ball +0.1 kiwi +1-2 3");
        assert_eq!(hill.heard(ball), "");
        assert_eq!(hill.record("kiwi").as_deref(), Some("AT Ball +0.1 kiwi +1-2 3"));
    }
}

#[test]
fn a_plain_neighbour_may_be_silent_at_a_shared_address_too() {
    let mut hill = Server::new(Config { shared_address: true, ..config("Hill", &["Adams"]) });
    let ball = from_ball(&mut hill);
    hill.waits_s(100_000);
    assert!(!hill.is_closed(ball));
}
