//! What a server says of itself: its table, its lookups, and how far behind each neighbour is.

use core::time::Duration;
use herd_core::{Config, Durations, Limits, LookupError, NeighbourStatus};

use crate::support::{Server, Stranger, config, limited};

#[test]
fn a_neighbour_lacks_what_it_has_not_acknowledged() {
    let mut hill = Server::new(config("Hill", &["Adams"]));
    let link = hill.links(&Stranger::named("Adams"));
    report(&mut hill, 0..3);
    assert_eq!(lacks(&hill), (0, Some(3)));
    hill.waits_s(1);
    hill.says(link, "ACK 2");
    assert_eq!(lacks(&hill), (0, Some(1)));
    hill.says(link, "ACK 3");
    assert_eq!(lacks(&hill), (0, Some(0)));
}

#[test]
fn a_neighbour_that_takes_nothing_falls_behind() {
    let mut hill = Server::new(config("Hill", &["Adams"]));
    let link = hill.links(&Stranger::named("Adams"));
    hill.stick(link);
    report(&mut hill, 0..10_000);
    let (unsent, unacknowledged) = lacks(&hill);
    assert!((1..10_000).contains(&unsent), "{unsent} of 10000");
    assert_eq!(unacknowledged, Some(10_000));
    hill.unstick(link);
    assert_eq!(lacks(&hill), (0, Some(10_000)));
}

#[test]
fn a_neighbour_without_a_link_lacks_all_that_it_never_acknowledged() {
    let mut hill = Server::new(config("Hill", &["Adams"]));
    report(&mut hill, 0..3);
    assert_eq!(lacks(&hill), (3, Some(3)));
    let link = hill.links(&Stranger::named("Adams"));
    assert_eq!(lacks(&hill), (0, Some(3)));
    hill.breaks(link);
    assert_eq!(lacks(&hill), (3, Some(3)));
    assert!(!neighbour(&hill).up);
}

#[test]
fn a_client_that_moved_often_is_one_record_to_lack() {
    let mut hill = Server::new(config("Hill", &["Adams"]));
    let client = hill.client();
    for stamp in 1..100 {
        hill.says(client, &format!("IAMAT kiwi +1-2 {stamp}"));
    }
    assert_eq!(lacks(&hill), (1, Some(1)));
}

#[test]
fn a_neighbour_that_the_ring_has_overtaken_is_walked_to() {
    let mut hill = Server::new(Config { ring: 16, ..config("Hill", &["Adams"]) });
    report(&mut hill, 0..10_000);
    let link = hill.links_stuck(&Stranger::named("Adams"));
    assert!(neighbour(&hill).walking);
    hill.unstick(link);
    assert!(!neighbour(&hill).walking);
    assert_eq!(lacks(&hill).0, 0);
}

#[test]
fn links_are_counted_by_neighbour() {
    let mut hill = Server::new(config("Hill", &["Adams", "Baker"]));
    let adams = Stranger::named("Adams");
    for _ in 0..3 {
        let link = hill.links(&adams);
        hill.breaks(link);
    }
    let neighbours = hill.herd.status().neighbours;
    assert_eq!([0, 1].map(|at| (neighbours[at].links, neighbours[at].resumed)), [(3, 2), (0, 0)]);
}

#[test]
fn lookups_are_timed_from_their_turn() {
    let mut hill =
        Server::new(limited(Limits { lookups: 1, lookup_queue: 1, ..Limits::default() }));
    let client = hill.client();
    hill.says(client, "IAMAT kiwi +1-2 100");
    (0..3).for_each(|_| hill.says(client, "WHATSAT kiwi 1 1"));
    let status = hill.herd.status();
    assert_eq!((status.lookups_running, status.lookups_waiting), (1, 1));

    hill.waits_ms(40);
    let first = hill.request();
    hill.answers(first, "{}");
    hill.waits_ms(300);
    let second = hill.request();
    hill.lookup_ends(second, Err(LookupError::Unreachable));

    let status = hill.herd.status();
    assert_eq!((status.lookups_running, status.lookups_waiting), (0, 0));
    assert_eq!(counted(&status.lookups_took), [(50, 1), (500, 1)]);
    assert_eq!(counted(&status.lookups_waited), [(1, 1), (50, 1)]);
    assert_eq!(status.lookups_took.total(), Duration::from_millis(340));
}

#[test]
fn bytes_and_connections_are_counted() {
    let mut hill = Server::new(config("Hill", &[]));
    let client = hill.client();
    hill.client();
    assert_eq!(hill.asks(client, "hello"), "? hello\n");
    let status = hill.herd.status();
    assert_eq!((status.counters.bytes_received, status.counters.bytes_sent), (6, 8));
    assert_eq!((status.clients, status.connections, status.stopping), (2, 2, false));
    hill.stops();
    assert!(hill.herd.status().stopping);
}

#[test]
fn a_full_pipeline_and_a_full_output_are_told_apart() {
    let mut hill =
        Server::new(limited(Limits { pipeline: 1, output_bytes: 10, ..Limits::default() }));
    let (asks, takes_nothing) = (hill.client(), hill.client());
    hill.says(asks, "IAMAT kiwi +1-2 100");
    let pauses = |hill: &Server| (hill.counters().pauses, hill.counters().full_pipelines);
    hill.stick(takes_nothing);
    let before = pauses(&hill);
    hill.says(takes_nothing, "a line that is long enough");
    assert_eq!(pauses(&hill), (before.0 + 1, before.1));
    hill.says(asks, "WHATSAT kiwi 1 1");
    assert_eq!(pauses(&hill), (before.0 + 2, before.1 + 1));
}

fn report(hill: &mut Server, clients: core::ops::Range<u32>) {
    let conn = hill.client();
    for client in clients {
        hill.says(conn, &format!("IAMAT c{client} +1-2 1"));
    }
    hill.ends(conn);
}

fn neighbour(hill: &Server) -> NeighbourStatus {
    hill.herd.status().neighbours[0]
}

fn lacks(hill: &Server) -> (u64, Option<u64>) {
    let NeighbourStatus { unsent, unacknowledged, .. } = neighbour(hill);
    (unsent, unacknowledged)
}

/// The bounds in milliseconds up to which there were some, and how many.
fn counted(durations: &Durations) -> Vec<(u128, u64)> {
    let counts = durations.counts().filter(|(_, count)| *count > 0);
    counts.map(|(bound, count)| (bound.unwrap().as_millis(), count)).collect()
}
