//! Lookups: how many at once, how long, and for whom.

use std::collections::VecDeque;

use core::net::IpAddr;
use core::time::Duration;

use herd_core::{Config, ConnId, Limits, LookupError, LookupId, Notice, Wake};

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

/// What one client asks at most before it is read no further.
const PIPELINE: usize = 128;

/// Hill, of whom 35 connections from `from` have asked all that they may, so that nobody else finds room.
fn besieged(from: IpAddr) -> (Server, Vec<ConnId>, Vec<LookupId>) {
    let (mut hill, _) = with(256, 4096);
    let crowd: Vec<_> = (0..35).map(|_| hill.client_from(from)).collect();
    for conn in &crowd {
        hill.types(*conn, "WHATSAT kiwi 50 20\n".repeat(PIPELINE).as_bytes());
    }
    let running: Vec<_> = hill.requests().into_iter().map(|(id, _)| id).collect();
    assert_eq!((running.len(), hill.herd.status().lookups_waiting), (256, 4096));
    (hill, crowd, running)
}

/// How many lookups begin until that of `radius` does, when one after the other of those running is over.
fn begun_before(hill: &mut Server, running: &[LookupId], radius: u32) -> usize {
    let asked = format!("radius={radius}000");
    let mut running: VecDeque<_> = running.iter().copied().collect();
    for others in 0.. {
        hill.answers(running.pop_front().expect("it begins"), "{}");
        let begun = hill.requests();
        if begun.iter().any(|(_, request)| request.ends_with(&asked)) {
            return others;
        }
        running.extend(begun.into_iter().map(|(id, _)| id));
    }
    unreachable!("it begins")
}

#[test]
fn who_asks_alone_waits_for_one_of_another_address_however_much_that_asked() {
    let (mut hill, _, running) = besieged([198, 51, 100, 7].into());
    let bystander = hill.client();
    assert_eq!(hill.asks(bystander, "WHATSAT kiwi 7 20"), "", "it is not refused");
    assert!(begun_before(&mut hill, &running, 7) <= 1);
}

#[test]
fn who_asks_alone_waits_for_one_of_each_other_connection_of_its_address() {
    let (mut hill, _, running) = besieged([198, 51, 100, 7].into());
    let bystander = hill.client_from([198, 51, 100, 7].into());
    assert_eq!(hill.asks(bystander, "WHATSAT kiwi 7 20"), "", "it is not refused");
    assert!(begun_before(&mut hill, &running, 7) <= 35);
}

#[test]
fn where_an_address_has_no_limits_each_connection_has_a_turn() {
    let (mut hill, _, running) = besieged([127, 0, 0, 1].into());
    let bystander = hill.client_from([127, 0, 0, 1].into());
    assert_eq!(hill.asks(bystander, "WHATSAT kiwi 7 20"), "", "it is not refused");
    assert!(begun_before(&mut hill, &running, 7) <= 35);
}

#[test]
fn who_has_most_waiting_gives_way_and_is_answered_in_order() {
    let (mut hill, other) = with(1, 3);
    let greedy = hill.client_from([198, 51, 100, 7].into());
    hill.types(
        greedy,
        b"WHATSAT kiwi 1 5\nWHATSAT kiwi 2 5\nWHATSAT kiwi 3 5\nWHATSAT kiwi 4 5\nhello\n",
    );
    let first = hill.request();
    assert_eq!(hill.asks(other, "WHATSAT kiwi 5 5"), "");
    assert_eq!(hill.counters().lookups_refused, 1);
    let is_refused = |notice: Notice| {
        let Notice::LookupDone { conn, error, .. } = notice else { return false };
        (conn, error) == (greedy, Some(LookupError::Busy))
    };
    assert!(hill.logged().into_iter().any(is_refused));
    assert_eq!(hill.asks(greedy, "WHATSAT kiwi 6 5"), "", "it has as much waiting as anybody");
    assert_eq!(hill.counters().lookups_refused, 2);

    let mut next = Some(first);
    while let Some(id) = next {
        hill.answers(id, "{}");
        next = hill.requests().first().map(|(id, _)| *id);
    }
    let busy = error("too many lookups are waiting");
    let answer = format!("{AT}{{}}\n\n");
    assert_eq!(hill.heard(greedy), [&answer, &answer, &answer, &busy, "? hello\n", &busy].concat());
    assert_eq!(hill.heard(other), answer);
}

#[test]
fn who_reads_on_when_an_answer_is_there_does_not_take_anothers_turn() {
    let (mut hill, other) = with(1, 4096);
    let greedy = hill.client_from([198, 51, 100, 7].into());
    hill.types(greedy, "WHATSAT kiwi 1 5\n".repeat(2 * PIPELINE).as_bytes());
    let first = hill.request();
    hill.says(other, "WHATSAT kiwi 7 5");
    assert!(begun_before(&mut hill, &[first], 7) <= 1);
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
