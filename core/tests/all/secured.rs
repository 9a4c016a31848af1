//! Connections that the driver secures: what is expected of them, and what a link is bound to.

use herd_core::{Binding, Config, ConnId, Goodbye, Listener, Notice, PeerId, Refusal, Secured};

use crate::support::{Did, FROM, Server, Stranger, Talk, config};

/// The neighbours of Hill, in order.
const ADAMS: usize = 0;
const JAQUEZ: usize = 1;

/// Hill, which Adams dials and which dials Jaquez, where everything is secured.
fn hill() -> Server {
    Server::new(Config {
        secured: Secured { clients: true, links: true },
        ..config("Hill", &["Adams", "Jaquez"])
    })
}

fn secure(server: &mut Server, conn: ConnId, byte: u8, peers: &[usize]) {
    let peers: Vec<_> = peers.iter().map(|at| PeerId::at(*at).unwrap()).collect();
    let binding = Binding([byte; 32]);
    server.act(|herd, now, out| herd.handle_secured(now, conn, binding, &peers, out));
}

fn closed_for(server: &mut Server, conn: ConnId, why: Goodbye) -> bool {
    server.is_closed(conn) && server.logged().contains(&Notice::Closed { conn, why })
}

#[test]
fn a_client_is_served_once_it_is_secured() {
    let mut hill = hill();
    let client = hill.client();
    secure(&mut hill, client, 1, &[]);
    assert!(hill.asks(client, "IAMAT kiwi +1-2 3").starts_with("AT Hill "));
    assert_eq!((hill.counters().secured, hill.counters().insecure), (1, 0));
    // The time for securing it is not the time it has.
    hill.waits_s(60);
    assert!(!hill.is_closed(client));
}

#[test]
fn what_is_not_secured_within_five_seconds_is_closed() {
    let mut hill = hill();
    let (client, door, (dialled, _)) =
        (hill.client(), hill.accept(Listener::Links { from: FROM }), hill.dials("Jaquez"));
    hill.waits_ms(4_900);
    assert!([client, door, dialled].iter().all(|conn| !hill.is_closed(*conn)));
    hill.waits_s(1);
    let did = hill.did();
    for conn in [client, door, dialled] {
        assert!(hill.is_closed(conn));
        assert!(did.contains(&Did::Log(Notice::Closed { conn, why: Goodbye::NeverSecured })));
    }
    assert_eq!(hill.counters().insecure, 3);
    // What was dialled is dialled again.
    assert!(matches!(did[..], [.., Did::Dial(..)]), "{did:?}");
}

#[test]
fn what_cannot_be_secured_is_closed() {
    let mut hill = hill();
    let client = hill.client();
    hill.act(|herd, now, out| herd.handle_insecure(now, client, out));
    assert!(closed_for(&mut hill, client, Goodbye::Insecure));
    assert_eq!((hill.counters().insecure, hill.counters().connections), (1, 1));
}

#[test]
fn who_waits_to_be_secured_takes_a_place_and_gives_it_back() {
    let limits = herd_core::Limits { connections: 1, ..herd_core::Limits::default() };
    let secured = Secured { clients: true, links: false };
    let mut hill = Server::new(Config { secured, limits, ..config("Hill", &[]) });
    let first = hill.client();
    let second = hill.client();
    assert!(closed_for(&mut hill, second, Goodbye::TooMany));
    hill.waits_s(6);
    assert!(hill.is_closed(first));
    let third = hill.client();
    secure(&mut hill, third, 1, &[]);
    assert_eq!(hill.asks(third, "hello"), "? hello\n");
}

#[test]
fn a_server_that_stops_does_not_wait_for_security() {
    let mut hill = hill();
    let (client, door) = (hill.client(), hill.accept(Listener::Links { from: FROM }));
    hill.stops();
    assert!(hill.is_closed(client) && hill.is_closed(door) && hill.herd.has_stopped());
}

#[test]
fn a_link_is_bound_to_its_connection() {
    let mut hill = hill();
    let adams = Stranger::named("Adams");
    let (hello, conn) = (adams.hello("Hill"), hill.accept(Listener::Links { from: FROM }));
    secure(&mut hill, conn, 7, &[ADAMS]);
    let challenge = hill.asks(conn, &hello);
    let proof = Talk::accepted(&hello, &challenge).bound(7).proof("dialler", &adams.secret);

    let answer = hill.asks(conn, &proof);

    let expected = Talk::accepted(&hello, &challenge).bound(7).proof("acceptor", &adams.secret);
    assert_eq!(answer, expected + "\n");
    assert_eq!(hill.counters().links, 1);
}

#[test]
fn a_link_that_is_dialled_is_bound_too() {
    let mut hill = hill();
    let jaquez = Stranger::named("Jaquez");
    let (conn, hello) = hill.dials("Jaquez");
    secure(&mut hill, conn, 9, &[JAQUEZ]);
    let talk = Talk::accepted(&hello, &jaquez.challenge()).bound(9);

    assert_eq!(hill.asks(conn, &jaquez.challenge()), talk.proof("dialler", &jaquez.secret) + "\n");
    hill.says(conn, &talk.proof("acceptor", &jaquez.secret));

    assert_eq!(hill.counters().links, 1);
}

/// Somebody in the middle, who has a certificate of the herd's and passes on what both sides say, ends one
/// secured connection and begins another: each has a binding of its own.
#[test]
fn a_proof_made_for_another_connection_is_refused() {
    let mut hill = hill();
    let adams = Stranger::named("Adams");
    for bound_to in [Some(8), None] {
        let (hello, conn) = (adams.hello("Hill"), hill.accept(Listener::Links { from: FROM }));
        secure(&mut hill, conn, 7, &[ADAMS]);
        let challenge = hill.asks(conn, &hello);
        let talk = Talk::accepted(&hello, &challenge);
        let talk = if let Some(byte) = bound_to { talk.bound(byte) } else { talk };
        assert_eq!(hill.asks(conn, &talk.proof("dialler", &adams.secret)), "");
        assert!(hill.logged().contains(&Notice::LinkRefused { conn, why: Refusal::Proof }));
    }
    assert_eq!(hill.counters().links, 0);
}

#[test]
fn a_neighbour_without_its_certificate_is_refused() {
    let mut hill = hill();
    let adams = Stranger::named("Adams");
    for peers in [&[][..], &[JAQUEZ]] {
        let conn = hill.accept(Listener::Links { from: FROM });
        secure(&mut hill, conn, 7, peers);
        assert_eq!(hill.asks(conn, &adams.hello("Hill")), "");
        assert!(hill.logged().contains(&Notice::LinkRefused { conn, why: Refusal::Certificate }));
    }
    assert_eq!((hill.counters().links_refused, hill.counters().links), (2, 0));
}

#[test]
fn a_server_proves_nothing_to_who_shows_another_certificate() {
    let mut hill = hill();
    let (conn, _) = hill.dials("Jaquez");
    secure(&mut hill, conn, 7, &[ADAMS]);
    assert_eq!(hill.asks(conn, &Stranger::named("Jaquez").challenge()), "");
    assert!(hill.logged().contains(&Notice::LinkRefused { conn, why: Refusal::Certificate }));
}

#[test]
fn one_certificate_may_be_for_several_servers() {
    let mut hill = hill();
    let conn = hill.accept(Listener::Links { from: FROM });
    secure(&mut hill, conn, 7, &[ADAMS, JAQUEZ]);
    assert!(hill.asks(conn, &Stranger::named("Adams").hello("Hill")).starts_with("CHALLENGE "));
}

/// Where a plain server lives, a connection need not be secured, and then it cannot become a link.
#[test]
fn a_link_in_the_clear_is_refused_where_links_are_secured() {
    let secured = Secured { clients: true, links: true };
    let mut hill =
        Server::new(Config { secured, shared_address: true, ..config("Hill", &["Adams"]) });
    let conn = hill.accept(Listener::Clients { from: FROM, plain: true });
    assert_eq!(hill.asks(conn, &Stranger::named("Adams").hello("Hill")), "");
    assert!(hill.logged().contains(&Notice::LinkRefused { conn, why: Refusal::Certificate }));

    let plain = hill.accept(Listener::Clients { from: FROM, plain: true });
    assert!(hill.asks(plain, "IAMAT kiwi +1-2 3").starts_with("AT Hill "));
}

#[test]
fn securing_what_is_gone_does_nothing() {
    let mut hill = hill();
    let client = hill.client();
    hill.breaks(client);
    hill.did();
    secure(&mut hill, client, 1, &[]);
    hill.act(|herd, now, out| herd.handle_insecure(now, client, out));
    assert_eq!(hill.did(), Vec::<Did>::new());
    assert_eq!((hill.counters().secured, hill.counters().insecure), (0, 0));
}
