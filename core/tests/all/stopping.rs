//! A server that is told to stop answers what it has read, and then ends.

use herd_core::{Config, Goodbye, Limits, Notice};

use crate::support::{Did, FROM, Server, Stranger, config, limited};

const AT: &str = "AT Hill +0.182837383 kiwi +1-2 1520023935\n";

#[test]
fn a_server_without_connections_stops_at_once() {
    let mut hill = Server::hill();
    assert!(!hill.herd.has_stopped());
    hill.stops();
    assert!(hill.herd.has_stopped());
}

#[test]
fn a_client_hears_the_end_and_then_the_connection_closes() {
    let mut hill = Server::hill();
    let conn = hill.client();
    hill.did();
    hill.stops();
    assert_eq!(hill.did_aloud(), [Did::Pause(conn), Did::Shutdown(conn), Did::Resume(conn)]);
    assert!(!hill.herd.has_stopped());
    hill.ends(conn);
    assert_eq!(hill.did_aloud(), [Did::Close(conn)]);
    assert!(hill.herd.has_stopped());
}

#[test]
fn a_client_that_does_not_end_is_closed_after_a_second() {
    let mut hill = Server::hill();
    let conn = hill.client();
    hill.stops();
    hill.says(conn, "hello");
    assert_eq!(hill.heard(conn), "", "nothing is read any more");
    hill.waits_ms(999);
    assert!(!hill.is_closed(conn));
    hill.waits_ms(1);
    assert!(hill.is_closed(conn));
    assert!(hill.logged().contains(&Notice::Closed { conn, why: Goodbye::Stopping }));
    assert!(hill.herd.has_stopped());
}

#[test]
fn what_was_read_is_answered() {
    let mut hill = Server::new(limited(Limits { pipeline: 1, ..Limits::default() }));
    let conn = hill.client();
    hill.types(conn, b"IAMAT kiwi +1-2 1520023935\nWHATSAT kiwi 1 1\nhello\nhalf a li");
    let id = hill.request();
    hill.stops();
    hill.waits_s(2);
    assert!(!hill.is_closed(conn));
    hill.answers(id, "{}");
    assert_eq!(hill.heard(conn), format!("{AT}{AT}{{}}\n\n? hello\n"));
    assert!(hill.did_aloud().contains(&Did::Shutdown(conn)));
    hill.ends(conn);
    assert!(hill.herd.has_stopped());
}

#[test]
fn what_was_sent_is_taken_before_the_end() {
    let mut hill = Server::hill();
    let conn = hill.client();
    hill.stick(conn);
    hill.says(conn, "hello");
    hill.stops();
    hill.takes(conn, 7);
    assert!(!hill.did_aloud().contains(&Did::Shutdown(conn)));
    hill.takes(conn, 1);
    assert!(hill.did_aloud().contains(&Did::Shutdown(conn)));
}

#[test]
fn nothing_keeps_a_server_for_more_than_five_seconds() {
    let mut hill = Server::new(config("Hill", &["Adams"]));
    let link = hill.links(&Stranger::named("Adams"));
    hill.stick(link);
    let (stuck, asking) = (hill.client(), hill.client());
    hill.stick(stuck);
    hill.says(stuck, "hello");
    hill.says(asking, "IAMAT kiwi +1-2 1520023935");
    hill.says(asking, "WHATSAT kiwi 1 1");
    hill.stops();
    hill.waits_ms(4_999);
    assert!(!hill.herd.has_stopped());
    hill.waits_ms(1);
    assert!(hill.herd.has_stopped());
    assert!(hill.is_closed(stuck) && hill.is_closed(asking) && hill.is_closed(link));
}

#[test]
fn who_comes_while_a_server_stops_is_turned_away() {
    let mut hill = Server::new(config("Hill", &["Adams", "Jaquez"]));
    let conn = hill.client();
    let opening = hill.accept(herd_core::Listener::Links { from: FROM });
    hill.stops();
    assert!(hill.is_closed(opening));
    let late = hill.client();
    assert!(hill.is_closed(late));
    let neighbour = hill.accept(herd_core::Listener::Links { from: FROM });
    assert!(hill.is_closed(neighbour));
    hill.did();
    hill.waits_s(4);
    assert!(!hill.did().iter().any(|did| matches!(did, Did::Dial(..))), "nobody is dialled");
    assert!(hill.is_closed(conn));
}

#[test]
fn neighbours_are_told_everything_before_their_links_close() {
    let mut hill = Server::new(config("Hill", &["Adams"]));
    let link = hill.links(&Stranger::named("Adams"));
    let conn = hill.client();
    hill.stick(link);
    hill.says(conn, "IAMAT kiwi +1-2 1520023935");
    hill.stops();
    hill.ends(conn);
    assert!(hill.is_closed(conn));
    assert!(!hill.is_closed(link));
    hill.takes(link, usize::MAX);
    assert!(hill.is_closed(link));
    assert_eq!(hill.told(link), ["AT Hill +0.182837383 kiwi +1-2 1520023935"]);
    assert!(hill.herd.has_stopped());
}

#[test]
fn a_report_that_still_waits_reaches_the_neighbours() {
    let limits = Limits { pipeline: 1, ..Limits::default() };
    let mut hill = Server::new(Config { limits, ..config("Hill", &["Adams"]) });
    let link = hill.links(&Stranger::named("Adams"));
    let conn = hill.client();
    hill.types(conn, b"IAMAT kiwi +1-2 1520023935\nWHATSAT kiwi 1 1\nIAMAT emu +1-2 1520023935\n");
    let id = hill.request();
    hill.stops();
    hill.answers(id, "{}");
    assert_eq!(hill.told(link).len(), 2);
    hill.ends(conn);
    assert!(hill.is_closed(link));
}

#[test]
fn stopping_twice_is_stopping_once() {
    let mut hill = Server::hill();
    let conn = hill.client();
    hill.stops();
    hill.did();
    hill.stops();
    assert!(hill.did().is_empty());
    hill.ends(conn);
    assert!(hill.herd.has_stopped());
}

#[test]
fn a_client_that_has_not_said_what_it_is_hears_the_end_too() {
    let mut hill = Server::new(Config { shared_address: true, ..config("Hill", &["Adams"]) });
    let conn = hill.client();
    hill.stops();
    assert!(hill.did_aloud().contains(&Did::Shutdown(conn)));
    hill.ends(conn);
    assert!(hill.herd.has_stopped());
}
