//! Back-pressure: a client that is owed much is read no further, and loses nothing by it.

use herd_core::{ConnId, Limits};
use proptest::prelude::*;

use crate::support::{Did, Server, limited};

const AT: &str = "AT Hill +0.182837383 kiwi +1-2 1520023935\n";

fn with(limits: Limits) -> (Server, ConnId) {
    let mut hill = Server::new(limited(limits));
    let conn = hill.client();
    hill.asks(conn, "IAMAT kiwi +1-2 1520023935");
    hill.did();
    (hill, conn)
}

/// The pauses and resumptions since the last look.
fn turns(hill: &mut Server) -> Vec<Did> {
    let did = hill.did().into_iter();
    did.filter(|did| matches!(did, Did::Pause(_) | Did::Resume(_))).collect()
}

#[test]
fn reading_pauses_when_as_many_answers_are_owed_as_may_be() {
    let (mut hill, conn) = with(Limits { pipeline: 3, ..Limits::default() });
    hill.says(conn, "WHATSAT kiwi 1 1");
    let id = hill.request();
    hill.says(conn, "hello");
    assert_eq!(turns(&mut hill), []);
    hill.says(conn, "hello");
    assert_eq!(turns(&mut hill), [Did::Pause(conn)]);
    hill.answers(id, "{}");
    assert_eq!(turns(&mut hill), [Did::Resume(conn)]);
    assert_eq!(hill.heard(conn), format!("{AT}{{}}\n\n? hello\n? hello\n"));
    assert_eq!(hill.counters().pauses, 1);
}

#[test]
fn lines_behind_the_pause_are_obeyed_when_it_is_over() {
    let (mut hill, conn) = with(Limits { pipeline: 1, ..Limits::default() });
    hill.types(conn, b"WHATSAT kiwi 1 1\nIAMAT emu +1-2 3\nWHATSAT emu 2 2\nIAMAT emu +1-2 4\nhel");
    assert_eq!(hill.record("emu"), None);
    let first = hill.request();
    hill.answers(first, "{}");
    assert!(hill.record("emu").unwrap().ends_with(" 3"));
    let did = hill.did_aloud();
    assert!(!did.contains(&Did::Resume(conn)), "reading goes on while a line waits");
    let second = did.iter().find_map(Did::lookup).map(|(id, _)| id).unwrap();
    hill.answers(second, "{}");
    assert!(hill.record("emu").unwrap().ends_with(" 4"));
    assert_eq!(turns(&mut hill), [Did::Resume(conn)]);
    hill.heard(conn);
    assert_eq!(hill.asks(conn, "lo"), "? hello\n");
}

#[test]
fn bytes_that_come_in_spite_of_the_pause_wait_too() {
    let (mut hill, conn) = with(Limits { pipeline: 1, ..Limits::default() });
    hill.types(conn, b"WHATSAT kiwi 1 1\nhel");
    let id = hill.request();
    hill.types(conn, b"lo\nI am");
    hill.types(conn, b" late");
    hill.ends(conn);
    assert_eq!(hill.heard(conn), "");
    hill.answers(id, "{}");
    assert_eq!(hill.heard(conn), format!("{AT}{{}}\n\n? hello\n? I am late\n"));
    assert!(hill.is_closed(conn));
}

#[test]
fn an_answer_that_is_not_taken_pauses_reading() {
    let (mut hill, conn) = with(Limits { output_bytes: 20, ..Limits::default() });
    hill.stick(conn);
    hill.says(conn, "WHATSAT kiwi 1 1");
    let id = hill.request();
    assert_eq!(turns(&mut hill), []);
    hill.answers(id, "{}");
    assert_eq!(turns(&mut hill), [Did::Pause(conn)]);
    let answer = hill.waiting(conn);
    hill.says(conn, "held");
    assert_eq!(hill.waiting(conn), answer, "nothing is added to what is too much already");
    hill.takes(conn, usize::MAX);
    assert_eq!(turns(&mut hill), [Did::Resume(conn)]);
}

#[test]
fn reading_pauses_while_a_client_does_not_read() {
    let (mut hill, conn) = with(Limits { output_bytes: 20, ..Limits::default() });
    hill.stick(conn);
    hill.says(conn, "12345678");
    assert_eq!(turns(&mut hill), []);
    hill.says(conn, "12345678");
    assert_eq!(turns(&mut hill), [Did::Pause(conn)]);
    hill.says(conn, "held");
    assert_eq!(hill.waiting(conn), 22);
    hill.takes(conn, 2);
    assert_eq!(turns(&mut hill), []);
    hill.takes(conn, 10);
    assert_eq!(turns(&mut hill), [Did::Resume(conn)]);
    assert_eq!(hill.heard(conn), "? 12345678\n? 12345678\n? held\n");
}

#[test]
fn further_answers_wait_while_a_client_does_not_read() {
    let (mut hill, conn) = with(Limits { output_bytes: 100, ..Limits::default() });
    hill.stick(conn);
    hill.types(conn, b"WHATSAT kiwi 1 1\nWHATSAT kiwi 1 1\nWHATSAT kiwi 1 1\n");
    let body = format!("{{\"a\":\"{}\"}}", "x".repeat(200));
    for (id, _) in hill.requests() {
        hill.answers(id, &body);
    }
    let one = format!("{AT}{body}\n\n");
    assert_eq!(hill.heard(conn), one, "one whole answer always fits");
    hill.takes(conn, one.len() - 100);
    assert_eq!(hill.heard(conn), "");
    hill.takes(conn, 1);
    assert_eq!(hill.heard(conn), one);
    hill.takes(conn, usize::MAX);
    assert_eq!(hill.heard(conn), one);
}

#[test]
fn what_waits_for_one_client_is_bounded() {
    let (mut hill, conn) = with(Limits::default());
    hill.stick(conn);
    let lines = "hello\n".repeat(20_000);
    hill.types(conn, lines.as_bytes());
    assert!(hill.waiting(conn) < 64 * 1024 + "? hello\n".len());
    let mut heard = 0;
    while hill.waiting(conn) > 0 {
        hill.takes(conn, 10_000);
        heard += hill.heard(conn).lines().count();
    }
    assert_eq!(heard, 20_000);
}

#[test]
fn one_client_that_does_not_read_does_not_hold_up_another() {
    let (mut hill, conn) = with(Limits { output_bytes: 20, pipeline: 1, ..Limits::default() });
    hill.stick(conn);
    hill.types(conn, "hello\n".repeat(100).as_bytes());
    let other = hill.client();
    assert_eq!(hill.asks(other, "hello"), "? hello\n");
}

#[test]
fn a_client_that_closes_while_it_is_paused_is_forgotten() {
    let (mut hill, conn) = with(Limits { pipeline: 1, ..Limits::default() });
    hill.types(conn, b"WHATSAT kiwi 1 1\nIAMAT emu +1-2 3\n");
    let id = hill.request();
    hill.breaks(conn);
    hill.answers(id, "{}");
    assert_eq!(hill.record("emu"), None);
}

/// Something that happens to a server.
#[derive(Clone, Debug)]
enum Event {
    Says(usize),
    Takes(usize),
    Answers(prop::sample::Index),
}

const LINES: [&str; 6] = [
    "IAMAT kiwi +1-2 1520023935\n",
    "WHATSAT kiwi 1 20\nhello\n",
    "WHATSAT kiwi 2 0\n",
    "hello\nhello\nhello\nWHATSAT kiwi 3 1\nhello\n",
    "WHATSAT nobody 1 1\n",
    "WHATSAT kiwi 4 1\nWHATSAT kiwi 5 1\nWHATSAT kiwi 6 1\nIAMAT kiwi +1-2 1520023936\n",
];

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..LINES.len()).prop_map(Event::Says),
        (0..300_usize).prop_map(Event::Takes),
        any::<prop::sample::Index>().prop_map(Event::Answers),
    ]
}

fn body(request: &str) -> String {
    format!("{{\"results\":[\"{request}\",1,2,3]}}")
}

/// What a client hears that reads at once, of a server that pauses for nothing and a provider that
/// answers at once.
fn unhindered(text: &str) -> Vec<u8> {
    let limits = Limits { pipeline: 1 << 20, output_bytes: 1 << 30, ..Limits::default() };
    let mut hill = Server::new(limited(limits));
    let conn = hill.client();
    for line in text.lines() {
        hill.says(conn, line);
        for (id, request) in hill.requests() {
            hill.answers(id, &body(&request));
        }
    }
    hill.heard_bytes(conn)
}

proptest! {
    /// Pauses change when answers come, and nothing else.
    #[test]
    fn nothing_is_lost_by_a_pause(
        events in prop::collection::vec(event(), 0..80),
        pipeline in 1..6_u32,
        output_bytes in 1..500_u32,
        lookups in 1..4_u32,
    ) {
        let limits = Limits { pipeline, output_bytes, lookups, ..Limits::default() };
        let mut hill = Server::new(limited(limits));
        let conn = hill.client();
        hill.stick(conn);
        let (mut said, mut open, mut paused) = (String::new(), Vec::new(), false);
        for event in &events {
            match event {
                Event::Says(line) => {
                    hill.types(conn, LINES[*line].as_bytes());
                    said.push_str(LINES[*line]);
                }
                Event::Takes(most) => hill.takes(conn, *most),
                Event::Answers(which) if !open.is_empty() => {
                    let (id, request): (_, String) = open.remove(which.index(open.len()));
                    hill.answers(id, &body(&request));
                }
                Event::Answers(_) => {}
            }
            for did in hill.did() {
                if let Some((id, request)) = did.lookup() {
                    open.push((id, request.to_string()));
                } else if did == Did::Pause(conn) {
                    prop_assert!(!core::mem::replace(&mut paused, true), "paused twice");
                } else if did == Did::Resume(conn) {
                    prop_assert!(core::mem::replace(&mut paused, false), "resumed without a pause");
                }
            }
            prop_assert!(open.len() <= lookups as usize);
            prop_assert!(hill.waiting(conn) < output_bytes as usize + 300);
        }
        hill.ends(conn);
        while !hill.is_closed(conn) {
            hill.takes(conn, usize::MAX);
            for (id, request) in open.drain(..) {
                hill.answers(id, &body(&request));
            }
            for (id, request) in hill.requests() {
                open.push((id, request));
            }
        }
        prop_assert_eq!(hill.heard_bytes(conn), unhindered(&said));
    }
}
