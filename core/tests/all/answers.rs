//! Answers that are not taken: what all clients together may have of them, and who is closed for it.

use herd_core::{ConnId, Goodbye, Limits, Notice};

use crate::support::{Server, limited};

const AT: &str = "AT Hill +0.182837383 kiwi +1-2 1520023935\n";
/// A body of a provider, of some 1,000 bytes.
const BODY_BYTES: usize = 1000;
const ANSWERS_BYTES: u32 = 100_000;

fn body() -> String {
    format!("{{\"a\":\"{}\"}}", "x".repeat(BODY_BYTES))
}

fn answer() -> String {
    format!("{AT}{}\n\n", body())
}

/// Hill, with room for some hundred answers.
fn small() -> Server {
    let limits = Limits {
        output_bytes: 4096,
        body_bytes: 2048,
        answers_bytes: ANSWERS_BYTES,
        ..Limits::default()
    };
    let mut hill = Server::new(limited(limits));
    let conn = hill.client();
    hill.asks(conn, "IAMAT kiwi +1-2 1520023935");
    hill.did();
    hill
}

/// A client that asks `times` and is answered, and does not read.
fn asks_and_does_not_read(hill: &mut Server, times: usize) -> ConnId {
    let conn = hill.client();
    hill.stick(conn);
    hill.types(conn, "WHATSAT kiwi 1 1\n".repeat(times).as_bytes());
    for (id, _) in hill.requests() {
        hill.answers(id, &body());
    }
    conn
}

fn held(hill: &Server) -> usize {
    hill.herd.status().answers_bytes
}

#[test]
fn what_is_sent_and_what_waits_behind_it_is_counted_until_it_is_taken() {
    let mut hill = small();
    let conn = asks_and_does_not_read(&mut hill, 20);
    assert_eq!(held(&hill), 20 * answer().len());
    hill.takes(conn, 100);
    assert_eq!(held(&hill), 20 * answer().len() - 100);
    hill.unstick(conn);
    assert_eq!(held(&hill), 0);
    let conn = asks_and_does_not_read(&mut hill, 20);
    hill.breaks(conn);
    assert_eq!(held(&hill), 0);
}

#[test]
fn clients_that_never_read_hold_no_more_than_all_may_have() {
    let mut hill = small();
    let mut reader = hill.client();
    for _ in 0..50 {
        asks_and_does_not_read(&mut hill, 20);
        assert!(held(&hill) <= ANSWERS_BYTES as usize, "{}", held(&hill));
        hill.waits_ms(100);
        hill.says(reader, "WHATSAT kiwi 1 1");
        let id = hill.request();
        hill.answers(id, &body());
        assert_eq!(hill.heard(reader), answer());
    }
    assert!(hill.counters().unread > 30, "{}", hill.counters().unread);
    assert!(!hill.is_closed(reader));
    reader = hill.client();
    assert_eq!(hill.asks(reader, "hello"), "? hello\n");
}

#[test]
fn who_is_furthest_behind_with_reading_is_closed_first() {
    let mut hill = small();
    let first = asks_and_does_not_read(&mut hill, 5);
    hill.waits_s(2);
    let others: Vec<_> = (0..4).map(|_| asks_and_does_not_read(&mut hill, 19)).collect();
    hill.waits_s(2);
    hill.logged();
    let last = asks_and_does_not_read(&mut hill, 22);
    assert!(hill.is_closed(first), "though it has least");
    assert!(hill.is_closed(*others.iter().max().unwrap()));
    assert!(!hill.is_closed(last));
    assert_eq!(hill.counters().unread, 2);
    let reason = |notice: &Notice| matches!(notice, Notice::Closed { why: Goodbye::Unread, .. });
    assert_eq!(hill.logged().iter().filter(|notice| reason(notice)).count(), 2);
}

#[test]
fn a_byte_now_and_then_is_no_reading() {
    let mut hill = small();
    let trickle = asks_and_does_not_read(&mut hill, 20);
    for _ in 0..5 {
        hill.waits_s(1);
        hill.takes(trickle, 1);
    }
    // This one has its answers for longer, as it takes them at a fair rate.
    let reader = asks_and_does_not_read(&mut hill, 20);
    for _ in 0..4 {
        hill.waits_ms(50);
        hill.takes(reader, 4096);
    }
    for _ in 0..4 {
        asks_and_does_not_read(&mut hill, 20);
    }
    assert!(hill.is_closed(trickle));
    assert!(!hill.is_closed(reader));
}

#[test]
fn a_lookup_does_not_begin_while_its_client_has_answers_to_take() {
    let limits = Limits { output_bytes: 1500, lookups: 1, ..Limits::default() };
    let mut hill = Server::new(limited(limits));
    let conn = hill.client();
    hill.asks(conn, "IAMAT kiwi +1-2 1520023935");
    hill.stick(conn);
    hill.did();
    hill.types(conn, "WHATSAT kiwi 1 1\n".repeat(4).as_bytes());
    for _ in 0..2 {
        let id = hill.request();
        hill.answers(id, &body());
    }
    assert_eq!(hill.requests(), [], "it has more than 1,500 bytes to take");
    let other = hill.client();
    hill.says(other, "WHATSAT kiwi 2 1");
    let id = hill.request();
    hill.answers(id, "{}");
    assert_eq!(hill.heard(other), format!("{AT}{{}}\n\n"), "nobody waits for it");
    hill.takes(conn, 2 * answer().len());
    let id = hill.request();
    hill.answers(id, &body());
    assert_eq!(hill.requests().len(), 1);
}

#[test]
fn a_lookup_that_all_other_answers_wait_for_begins() {
    let limits = Limits { output_bytes: 100, lookups: 1, ..Limits::default() };
    let mut hill = Server::new(limited(limits));
    let (conn, other) = (hill.client(), hill.client());
    hill.asks(conn, "IAMAT kiwi +1-2 1520023935");
    hill.did();
    hill.says(other, "WHATSAT kiwi 2 1");
    let others = hill.request();
    hill.types(conn, format!("WHATSAT kiwi 1 1\n{}\nhello\n", "x".repeat(200)).as_bytes());
    hill.answers(others, "{}");
    let id = hill.request();
    hill.answers(id, "{}");
    let said = format!("{AT}{{}}\n\n? {}\n? hello\n", "x".repeat(200));
    assert_eq!(hill.heard(conn), said);
}

#[test]
fn answers_behind_one_that_waits_pause_reading() {
    let limits = Limits { output_bytes: 100, ..Limits::default() };
    let mut hill = Server::new(limited(limits));
    let conn = hill.client();
    hill.asks(conn, "IAMAT kiwi +1-2 1520023935");
    hill.did();
    hill.says(conn, "WHATSAT kiwi 1 1");
    let id = hill.request();
    hill.types(conn, format!("{}\nIAMAT kiwi +1-2 1520023936\n", "x".repeat(200)).as_bytes());
    assert!(hill.record("kiwi").unwrap().ends_with("35"), "it was read on");
    hill.answers(id, "{}");
    assert!(hill.record("kiwi").unwrap().ends_with("36"));
}

#[test]
fn there_is_room_for_two_answers_at_least() {
    let limits = Limits { body_bytes: 2000, answers_bytes: 3999, ..Limits::default() };
    let error = limits.check().unwrap_err();
    assert_eq!(
        error.to_string(),
        "`answers_bytes` can be 4000 at least, which is two answers of `body_bytes`"
    );
    assert_eq!(Limits { answers_bytes: 4000, ..limits }.check(), Ok(()));
}
