//! Strangers connect to the address for neighbours as fast as they can, while a neighbour far away goes through its
//! handshake: the time between its first line and its proof is a whole round trip.

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

use herd_core::{ConnId, Limits, Listener};

use crate::support::{Server, Stranger, Talk, config};

/// Between one stranger and the next: 5,000 a second.
const PACE: Duration = Duration::from_micros(200);
/// Strangers that come in the round trip of 50 ms.
const ROUND_TRIP: u32 = 250;

/// How many of 100 handshakes of Adams end well, while a stranger comes every 200 µs.
fn handshakes(
    honest: impl Fn(u32) -> Ipv4Addr,
    stranger: impl Fn(u32) -> Ipv4Addr,
    speaks: bool,
) -> usize {
    let mut hill = Server::new(config("Hill", &["Adams"]));
    let adams = Stranger::named("Adams");
    let mut strangers = 0..;
    let mut crowd = |hill: &mut Server, count: u32| {
        for n in strangers.by_ref().take(count as usize) {
            hill.waits(PACE);
            let conn = hill.accept(Listener::Links { from: stranger(n).into() });
            if speaks && !hill.is_closed(conn) {
                hill.says(conn, &adams.hello("Hill"));
            }
        }
        hill.did();
    };
    crowd(&mut hill, 1500);
    let mut attempt = |n: &u32| {
        let link = hill.accept(Listener::Links { from: honest(*n).into() });
        if hill.is_closed(link) {
            return false;
        }
        let challenge = hill.asks(link, &adams.hello("Hill"));
        crowd(&mut hill, ROUND_TRIP);
        if hill.is_closed(link) {
            return false;
        }
        let talk = Talk::accepted(&adams.hello("Hill"), &challenge);
        hill.says(link, &talk.proof("dialler", &adams.secret));
        let is_up = hill.herd.status().neighbours[0].up;
        hill.breaks(link);
        is_up
    };
    (0..100).filter(|n| attempt(n)).count()
}

/// The address of somebody who never had the same before.
fn another(n: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0b00_0000 + n)
}

/// Where a neighbour usually comes from.
fn home(_: u32) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, 1)
}

#[test]
fn strangers_of_one_address_keep_no_neighbour_out() {
    let stranger = |_| Ipv4Addr::new(198, 51, 100, 1);
    assert_eq!(handshakes(another, stranger, true), 100);
}

#[test]
fn strangers_of_a_few_hundred_addresses_keep_no_neighbour_out() {
    let stranger = |n: u32| Ipv4Addr::from_bits(0xc633_0000 + n % 500);
    assert_eq!(handshakes(another, stranger, false), 100);
}

#[test]
fn strangers_of_any_number_of_addresses_leave_most_handshakes_alone() {
    let stranger = |n: u32| Ipv4Addr::from_bits(n.wrapping_mul(0x9e37_79b1) | 0x4000_0000);
    // A chance of (1 - 1/1026)^250 each, which is 78 %.
    let done = handshakes(another, stranger, false);
    assert!((70..=90).contains(&done), "{done} of 100");
    // Once one has ended well, its address is known.
    let done = handshakes(home, stranger, false);
    assert!(done >= 95, "{done} of 100");
}

#[test]
fn a_stranger_at_the_address_of_a_neighbour_has_no_more_than_its_chance() {
    let done = handshakes(home, home, false);
    assert!((70..=90).contains(&done), "{done} of 100");
}

#[test]
fn at_a_shared_address_that_is_full_strangers_keep_no_neighbour_out() {
    let limits = Limits { connections: 10, ..Limits::default() };
    let mut hill = Server::new(herd_core::Config {
        limits,
        shared_address: true,
        ..config("Hill", &["Adams"])
    });
    let adams = Stranger::named("Adams");
    let from = |host| IpAddr::from([192, 0, 2, host]);
    let come = |hill: &mut Server, count| -> Vec<ConnId> {
        (0..count).map(|_| hill.client_from(from(1))).collect()
    };
    come(&mut hill, 3000);
    let link = hill.client_from(from(2));
    let challenge = hill.asks(link, &adams.hello("Hill"));
    for conn in come(&mut hill, 3000) {
        if !hill.is_closed(conn) {
            hill.says(conn, &adams.hello("Hill"));
        }
    }
    let talk = Talk::accepted(&adams.hello("Hill"), &challenge);
    hill.says(link, &talk.proof("dialler", &adams.secret));
    assert!(hill.herd.status().neighbours[0].up);
}
