//! Lookups: how many at once, how long, and for whom.

use core::time::Duration;

use herd_core::{Config, ConnId, Limits, LookupError, Notice, Wake};

use crate::support::{Did, Server, limited};

const AT: &str = "AT Hill +0.182837383 kiwi +1-2 1520023935\n";

fn knowing(config: Config) -> (Server, ConnId) {
    let mut hill = Server::new(config);
    let conn = hill.client();
    hill.asks(conn, "IAMAT kiwi +1-2 1520023935");
    hill.did();
    (hill, conn)
}

fn with(lookups: u32, lookup_queue: u32) -> (Server, ConnId) {
    knowing(limited(Limits { lookups, lookup_queue, ..Limits::default() }))
}

fn error(message: &str) -> String {
    format!(
        r#"{AT}{{"html_attributions":[],"results":[],"status":"UNKNOWN_ERROR","error_message":"{message}"}}{}"#,
        "\n\n"
    )
}

#[test]
fn answers_come_in_the_order_of_the_commands() {
    let (mut hill, conn) = with(256, 4096);
    hill.types(conn, b"WHATSAT kiwi 1 1\nWHATSAT kiwi 2 2\nhello\nWHATSAT kiwi 3 3\n");
    let ids: Vec<_> = hill.requests().into_iter().map(|(id, _)| id).collect();
    hill.answers(ids[2], "{\"n\":3}");
    hill.answers(ids[1], "{\"n\":2}");
    assert_eq!(hill.heard(conn), "");
    hill.answers(ids[0], "{\"n\":1}");
    assert_eq!(
        hill.heard(conn),
        format!("{AT}{{\"n\":1}}\n\n{AT}{{\"n\":2}}\n\n? hello\n{AT}{{\"n\":3}}\n\n")
    );
}

#[test]
fn more_than_the_limit_wait_for_their_turn() {
    let (mut hill, conn) = with(2, 4096);
    for radius in 1..=4 {
        hill.says(conn, &format!("WHATSAT kiwi {radius} 5"));
    }
    let first = hill.requests();
    assert_eq!(first.len(), 2);
    hill.answers(first[1].0, "{}");
    let next = hill.requests();
    assert_eq!(next.len(), 1);
    assert!(next[0].1.ends_with("radius=3000"));
    hill.answers(first[0].0, "{}");
    assert!(hill.requests()[0].1.ends_with("radius=4000"));
}

#[test]
fn past_the_queue_a_lookup_fails_at_once() {
    let (mut hill, conn) = with(1, 1);
    let other = hill.client();
    hill.says(conn, "WHATSAT kiwi 1 5");
    hill.says(conn, "WHATSAT kiwi 2 5");
    assert_eq!(hill.asks(other, "WHATSAT kiwi 3 5"), error("too many lookups are waiting"));
    assert_eq!((hill.counters().lookups_refused, hill.counters().lookups_failed), (1, 1));
}

#[test]
fn a_lookup_that_fails_at_once_still_waits_for_its_place() {
    let (mut hill, conn) = with(1, 0);
    hill.says(conn, "WHATSAT kiwi 1 5");
    let id = hill.request();
    assert_eq!(hill.asks(conn, "WHATSAT kiwi 2 5"), "");
    hill.answers(id, "{}");
    assert_eq!(hill.heard(conn), format!("{AT}{{}}\n\n{}", error("too many lookups are waiting")));
}

#[test]
fn a_lookup_that_takes_too_long_is_called_off() {
    let (mut hill, conn) = with(256, 4096);
    hill.says(conn, "WHATSAT kiwi 1 5");
    let id = hill.request();
    assert_eq!(hill.herd.poll_timeout().unwrap().1, Wake::Lookup);
    hill.waits_ms(9_999);
    assert_eq!(hill.heard(conn), "");
    hill.waits_ms(1);
    assert_eq!(hill.heard(conn), error("the provider did not answer in time"));
    assert!(hill.did().contains(&Did::Cancel(id)));
    assert_eq!(hill.counters().lookups_timed_out, 1);
}

#[test]
fn an_answer_that_comes_too_late_reaches_nobody() {
    let (mut hill, conn) = with(256, 4096);
    hill.says(conn, "WHATSAT kiwi 1 5");
    let late = hill.request();
    hill.waits_s(10);
    hill.heard(conn);
    hill.says(conn, "WHATSAT kiwi 1 5");
    let id = hill.request();
    assert_ne!(id, late);
    hill.answers(late, "{\"late\":1}");
    assert_eq!(hill.heard(conn), "");
    hill.answers(id, "{}");
    hill.answers(id, "{\"twice\":1}");
    assert_eq!(hill.heard(conn), format!("{AT}{{}}\n\n"));
}

#[test]
fn waiting_for_a_turn_takes_none_of_a_lookups_time() {
    let (mut hill, conn) = with(1, 4096);
    hill.says(conn, "WHATSAT kiwi 1 5");
    hill.says(conn, "WHATSAT kiwi 2 5");
    hill.waits_s(10);
    assert_eq!(hill.heard(conn), error("the provider did not answer in time"));
    hill.waits_ms(9_999);
    assert_eq!(hill.heard(conn), "");
    hill.waits_ms(1);
    assert_eq!(hill.heard(conn), error("the provider did not answer in time"));
}

#[test]
fn a_lookup_that_gets_its_turn_early_has_its_own_time() {
    let (mut hill, conn) = with(1, 4096);
    hill.says(conn, "WHATSAT kiwi 1 5");
    hill.says(conn, "WHATSAT kiwi 2 5");
    let first = hill.request();
    hill.waits_s(4);
    hill.answers(first, "{}");
    hill.heard(conn);
    hill.waits_ms(9_999);
    assert_eq!(hill.heard(conn), "");
    hill.waits_ms(1);
    assert_eq!(hill.heard(conn), error("the provider did not answer in time"));
}

#[test]
fn a_client_that_left_has_its_lookups_called_off() {
    let (mut hill, conn) = with(2, 4096);
    let other = hill.client();
    for (client, radius) in [(conn, 1), (other, 2), (conn, 3), (other, 4)] {
        hill.says(client, &format!("WHATSAT kiwi {radius} 5"));
    }
    let running = hill.requests();
    hill.breaks(conn);
    let did = hill.did_aloud();
    let [Did::Cancel(called_off), Did::Lookup(next, request)] = &did[..] else { panic!("{did:?}") };
    assert_eq!(*called_off, running[0].0);
    assert!(request.ends_with("radius=4000"), "the turn of one that left is not taken");
    hill.answers(running[0].0, "{\"of\":\"another\"}");
    hill.answers(running[1].0, "{\"n\":2}");
    hill.answers(*next, "{\"n\":4}");
    assert_eq!(hill.heard(other), format!("{AT}{{\"n\":2}}\n\n{AT}{{\"n\":4}}\n\n"));
}

#[test]
fn an_answer_for_a_client_that_left_does_not_reach_who_came_after() {
    let (mut hill, conn) = with(256, 4096);
    hill.says(conn, "WHATSAT kiwi 1 5");
    let id = hill.request();
    hill.breaks(conn);
    let next = hill.client();
    hill.says(next, "WHATSAT kiwi 2 5");
    hill.answers(id, "{\"of\":\"another\"}");
    assert_eq!(hill.heard(next), "");
}

#[test]
fn a_lookup_is_logged_with_its_times_and_its_outcome() {
    let (mut hill, conn) = with(1, 4096);
    hill.says(conn, "WHATSAT kiwi 1 5");
    hill.says(conn, "WHATSAT kiwi 2 5");
    let first = hill.request();
    hill.waits_s(2);
    hill.answers(first, "{}");
    let second = hill.request();
    hill.waits_s(3);
    hill.lookup_ends(second, Err(LookupError::Status(500)));
    assert!(hill.logged().contains(&Notice::LookupDone {
        id: second,
        conn,
        error: Some(LookupError::Status(500)),
        waited: Duration::from_secs(2),
        took: Duration::from_secs(3),
    }));
}

#[test]
fn of_a_client_that_leaves_the_running_and_the_waiting_lookups_are_abandoned() {
    let (mut hill, conn) = with(1, 5);
    for radius in 1..=4 {
        hill.says(conn, &format!("WHATSAT kiwi {radius} 5"));
    }
    hill.breaks(conn);
    assert_eq!(hill.counters().lookups_abandoned, 4);
}
