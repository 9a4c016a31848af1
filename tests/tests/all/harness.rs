//! The harness's own parts: a tool that lies makes every case worthless.

use core::time::Duration;
use herd_tests::{
    Acceptor, Answer, Challenge, Client, Gate, Heard, Identity, Link, Opening, PATIENCE, Refused,
    Relay, Upstream, eventually, free_address, proof,
};
use std::collections::BTreeSet;
use std::process::Command;
use std::{env, thread};

#[test]
fn the_stub_upstream_keeps_the_request_and_gives_the_answer() {
    let upstream = Upstream::serving("{}");
    let mut client = Client::connect(upstream.address());

    client.send("GET /x?a=1 HTTP/1.1\r\nHost: somewhere\r\nAccept: */*\r\n\r\n");

    assert!(client.until(b"\r\n\r\n").starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert_eq!(client.exactly(2), b"{}");
    let requests = upstream.requests();
    assert_eq!(requests[0].target(), "/x?a=1");
    assert_eq!(requests[0].fields(), ["host: somewhere", "accept: */*"]);
}

#[test]
fn the_stub_upstream_holds_an_answer_until_the_gate_is_open() {
    let gate = Gate::new();
    let upstream = Upstream::start({
        let gate = gate.clone();
        move |_| Answer::body("{}").held(&gate)
    });
    let mut client = Client::connect(upstream.address());

    client.send("GET / HTTP/1.1\r\n\r\n");
    upstream.wait_for_requests(1);
    assert!(!client.stirs_within(Duration::from_millis(50)));
    gate.open();

    assert_eq!(client.line(), "HTTP/1.1 200 OK\r");
}

#[test]
fn two_played_neighbours_agree_on_the_handshake() {
    let acceptor = Acceptor::new();
    let relay = Relay::to(acceptor.address());
    let near = thread::spawn({
        let address = relay.address();
        move || Link::dial(address, &Identity::new("Aaa"), "Zzz").unwrap()
    });
    let mut far = acceptor.link(&Identity::new("Zzz"), "Aaa");
    let mut near = near.join().unwrap();

    near.say("MARK 7");

    assert_eq!(far.hear(), Heard::Mark(7));
    assert!(relay.said_by_dialler().starts_with(b"LINK 1 Aaa Zzz "));
    relay.cut();
    assert_eq!(far.hear_or_end(), None);
    assert_eq!(near.hear_or_end(), None);
}

#[test]
fn a_played_neighbour_reports_how_far_a_handshake_came() {
    let acceptor = Acceptor::new();
    let dialling = thread::spawn({
        let address = acceptor.address();
        move || Link::dial(address, &Identity::new("Aaa"), "Zzz").unwrap_err()
    });

    drop(acceptor.next());

    assert_eq!(dialling.join().unwrap(), Refused::AtLink);
}

#[test]
fn a_wait_on_a_link_ends_although_marks_keep_coming() {
    let waits: [fn(&mut Link); 3] =
        [|link| drop(link.at()), |link| drop(link.ats_and_mark(1)), |link| link.settle(7)];
    for wait in waits {
        let acceptor = Acceptor::new();
        let address = acceptor.address();
        let waiting = thread::spawn(move || {
            let mut near = Link::dial(address, &Identity::new("Aaa"), "Zzz").unwrap();
            near.wire().set_patience(Duration::from_millis(200));
            wait(&mut near);
        });
        let mut far = acceptor.link(&Identity::new("Zzz"), "Aaa");

        eventually(PATIENCE, || {
            far.wire().try_send("MARK 1\n");
            waiting.is_finished()
        });

        let panic = waiting.join().unwrap_err();
        let said = panic.downcast_ref::<&str>().copied();
        let said = said.or_else(|| panic.downcast_ref::<String>().map(|text| &**text));
        assert!(said.unwrap().contains("in time"), "{said:?}");
    }
}

#[test]
fn two_runs_at_once_do_not_draw_the_same_ports() {
    // This process holds its share; another run of this very test draws from another.
    let ours: BTreeSet<_> = (0..50).map(|_| free_address().port()).collect();
    if env::var_os(OTHER_RUN).is_some() {
        return eprintln!("drawn: {ours:?}");
    }
    let mut other = Command::new(env::current_exe().unwrap());
    other.args(["--exact", "harness::two_runs_at_once_do_not_draw_the_same_ports", "--nocapture"]);

    let output = other.env(OTHER_RUN, "yes").output().unwrap();

    let said = String::from_utf8(output.stderr).unwrap();
    let drawn = said.split_once("drawn: {").unwrap().1.split_once('}').unwrap().0;
    let theirs: BTreeSet<u16> = drawn.split(", ").map(|port| port.parse().unwrap()).collect();
    assert_eq!(theirs.len(), 50);
    assert!(theirs.is_disjoint(&ours), "{theirs:?} and {ours:?}");
}

/// Tells a run of a test that it is the other one.
const OTHER_RUN: &str = "HERD_TESTS_OTHER_RUN";

#[test]
fn the_handshake_is_the_documented_one() {
    let opening = "LINK 1 Hill Jaquez 0123456789abcdef 1111111111111111111111111111111111111111111111111111111111111111";
    let challenge = "CHALLENGE fedcba9876543210 2222222222222222222222222222222222222222222222222222222222222222";
    let (opening, challenge) =
        (Opening::parse(opening).unwrap(), Challenge::parse(challenge).unwrap());
    let secret = b"correct horse battery staple";

    assert_eq!(
        proof(secret, "dialler", &opening, &challenge),
        "PROOF a5e1bb907b9fc1e0307e8bef0031c3cdeaa36987b8078af34a1843f318569b53\n"
    );
    assert_eq!(
        proof(secret, "acceptor", &opening, &challenge),
        "PROOF bd1934c58adb21270b5878718bbf946a48bff00d6d9910e110787d5d536b76c1\n"
    );
}
