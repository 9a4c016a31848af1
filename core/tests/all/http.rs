//! A connection that begins with a request of HTTP says nothing that is obeyed.

use herd_core::{Goodbye, Limits, Listener, Notice};
use proptest::prelude::*;

use crate::support::{Did, FROM, Server, config, limited};

const FORM: &str = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n\r\nx=\r\nIAMAT victim +0-0 1700000000\r\n";

#[test]
fn the_lines_of_a_form_are_not_obeyed() {
    let mut hill = Server::hill();
    let conn = hill.client();
    hill.types(conn, FORM.as_bytes());
    assert_eq!(hill.heard(conn), "? POST / HTTP/1.1\n", "one answer");
    hill.types(conn, b"IAMAT victim +0-0 1700000000\n");
    assert_eq!(hill.heard(conn), "");
    assert_eq!(hill.record("victim"), None);
    assert_eq!((hill.counters().http_requests, hill.counters().invalid), (1, 1));
    assert!(hill.did().contains(&Did::Shutdown(conn)), "the answer is not lost");
    hill.waits_s(1);
    assert!(hill.is_closed(conn));
    assert!(hill.logged().contains(&Notice::Closed { conn, why: Goodbye::Http }));
}

#[test]
fn a_request_behind_another_line_is_a_line_like_others() {
    let mut hill = Server::hill();
    let conn = hill.client();
    hill.asks(conn, "hello");
    assert_eq!(hill.asks(conn, "GET / HTTP/1.1"), "? GET / HTTP/1.1\n");
    assert_eq!(hill.asks(conn, "still here"), "? still here\n");
}

#[test]
fn a_request_that_is_too_long_is_known_by_its_begin() {
    let mut hill = Server::new(limited(Limits { line_bytes: 20, ..Limits::default() }));
    let conn = hill.client();
    let path = "a".repeat(100);
    hill.types(conn, format!("POST /{path} HTTP/1.1\r\nIAMAT v +0-0 1\n").as_bytes());
    assert_eq!(hill.heard(conn), format!("? POST /{}\n", &path[..14]));
    assert_eq!(hill.record("v"), None);
    hill.waits_s(1);
    assert!(hill.is_closed(conn));
}

#[test]
fn a_client_that_ends_its_half_has_its_answer() {
    let mut hill = Server::hill();
    let conn = hill.client();
    hill.stick(conn);
    hill.types(conn, FORM.as_bytes());
    hill.ends(conn);
    assert!(!hill.is_closed(conn));
    assert_eq!(hill.heard(conn), "? POST / HTTP/1.1\n");
    hill.unstick(conn);
    assert!(hill.is_closed(conn));
    assert_eq!(hill.record("victim"), None);
}

proptest! {
    /// However it is cut, at an address for clients and at one that neighbours share.
    #[test]
    fn however_a_request_is_cut_nothing_of_it_is_obeyed(
        mut cuts in prop::collection::vec(0..FORM.len(), 0..6),
        shared: bool,
        output_bytes in 1..100_u32,
        ends: bool,
    ) {
        let mut settings = config("Hill", &[]);
        settings.limits.output_bytes = output_bytes;
        settings.shared_address = shared;
        let mut hill = Server::new(settings);
        let conn = hill.accept(Listener::Clients { from: FROM, plain: false });
        cuts.sort_unstable();
        let mut start = 0;
        for cut in cuts.into_iter().chain([FORM.len()]) {
            hill.types(conn, &FORM.as_bytes()[start..cut]);
            start = cut;
        }
        if ends {
            hill.ends(conn);
        }
        prop_assert_eq!(hill.heard(conn), "? POST / HTTP/1.1\n");
        prop_assert_eq!(hill.record("victim"), None);
        hill.waits_s(1);
        prop_assert!(hill.is_closed(conn));
    }
}
