//! What somebody sends who means harm. The table in docs/security.md says which test shows what; these are those that
//! belong to no other behaviour.

use core::iter;
use herd_tests::{
    Acceptor, Challenge, Client, Identity, Link, Opening, PATIENCE, Plan, Runtime, Server,
    eventually, on_both, proof,
};

on_both!(
    a_line_of_a_megabyte_has_one_answer_and_its_connection_lives,
    names_without_end_fill_the_table_and_no_more,
    garbage_is_answered_line_for_line,
    the_lines_of_a_form_that_a_browser_sends_are_not_obeyed,
    a_form_is_not_obeyed_where_neighbours_connect_too,
    garbage_for_a_neighbour_is_not_answered,
    a_proof_for_one_server_opens_no_other,
    a_proof_heard_from_a_server_cannot_be_used_towards_it,
);

fn a_line_of_a_megabyte_has_one_answer_and_its_connection_lives(runtime: Runtime) {
    // The log has the whole of it, in memory of its own.
    let mut hill = Plan::alone(runtime).log("level", "\"off\"").start_one();
    let mut client = hill.client();
    client.ask("hello");
    let before = hill.program().resident_bytes();
    let begins = "IAMAT kiwi +1-1 100 ";

    client.send(format!("{begins}{}\n", "x".repeat((1 << 20) - begins.len())));

    let answer = client.line();
    assert_eq!(answer.len(), "? ".len() + 8192);
    assert!(answer.starts_with(&format!("? {begins}xxx")));
    assert_eq!(client.ask("still here"), "? still here");
    assert_eq!(client.whats_at("kiwi"), None);
    let grown = hill.program().resident_bytes().saturating_sub(before);
    assert!(grown < 4 << 20, "grew by {grown} bytes");
}

/// Of 250 bytes each: 350 MB of records, if each were kept.
fn names_without_end_fill_the_table_and_no_more(runtime: Runtime) {
    const NAMES: usize = 1_000_000;
    const AT_ONCE: usize = 200;
    let plan = Plan::alone(runtime).metrics().log("level", "\"off\"").limit("clients", 1000);
    let mut hill = plan.start_one();
    let mut client = hill.client();
    let mut before = 0;

    for first in (0..NAMES).step_by(AT_ONCE) {
        let numbers = first..first + AT_ONCE;
        let reports = numbers.clone().map(|n| format!("IAMAT {n:0250} +1-1 {n}\n"));
        client.send(reports.collect::<String>());
        for n in numbers {
            assert!(client.line().ends_with(&format!(" +1-1 {n}")));
        }
        if first == 10_000 {
            before = hill.program().resident_bytes();
        }
    }

    let grown = hill.program().resident_bytes().saturating_sub(before);
    assert!(grown < 4 << 20, "grew by {grown} bytes");
    eventually(PATIENCE, || hill.metrics().count("herd_records") == 1000);
    assert_eq!(client.whats_at(&format!("{:0250}", NAMES - 1001)), None);
    assert!(client.whats_at(&format!("{:0250}", NAMES - 1)).is_some());
}

fn garbage_is_answered_line_for_line(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();
    let sent = garbage(256 * 1024);
    let lines = sent.split(|byte| *byte == b'\n');
    let expected: Vec<_> = lines
        .flat_map(|line| [b"? ", line.strip_suffix(b"\r").unwrap_or(line), b"\n"].concat())
        .collect();

    client.send(&sent);
    client.finish();

    assert!(client.rest() == expected, "something else than each line behind a question mark");
    assert_eq!(hill.client().ask("still here"), "? still here");
}

fn the_lines_of_a_form_that_a_browser_sends_are_not_obeyed(runtime: Runtime) {
    let hill = Plan::alone(runtime).metrics().log("level", "\"events\"").start_one();
    sends_forms(&hill);
    assert_eq!(hill.metrics().count("herd_http_requests_total"), 4);
    eventually(PATIENCE, || hill.log().contains("closed: it speaks HTTP"));
}

fn a_form_is_not_obeyed_where_neighbours_connect_too(runtime: Runtime) {
    let plan = Plan::new(runtime).shared_addresses().server("Hill", &["Aaa"]);
    sends_forms(&plan.neighbour("Aaa", &[]).start_one());
}

/// What a page can have a browser send: with a body of its choice, to a path of its choice.
fn sends_forms(hill: &Server) {
    let body = "Host: x\r\nContent-Type: text/plain\r\n\r\nx=\r\nIAMAT victim +0-0 1700000000\r\n";
    let long = format!("POST /{} HTTP/1.1", "a".repeat(10_000));
    for request in ["POST / HTTP/1.1", "M-SEARCH * HTTP/1.0", "PRI * HTTP/2.0", &long] {
        let mut client = hill.client();
        client.send(format!("{request}\r\n{body}"));
        if request.len() < 100 {
            client.finish();
        }
        let answer = format!("? {}\n", &request[..request.len().min(8192)]);
        assert_eq!(client.rest_text(), answer);
    }
    assert_eq!(hill.client().whats_at("victim"), None);
}

fn garbage_for_a_neighbour_is_not_answered(runtime: Runtime) {
    let plan = Plan::new(runtime).server("Hill", &["Aaa"]).neighbour("Aaa", &[]);
    let hill = plan.start_one();

    let mut first = Client::connect(hill.link_address());
    first.try_send(garbage(64 * 1024));
    assert_eq!(first.rest(), b"");
    let mut second = Client::connect(hill.link_address());
    second.send(Opening::new(&Identity::new("Aaa"), "Hill").line());
    assert!(second.line().starts_with("CHALLENGE "));
    second.try_send([b"PROOF ".as_slice(), &garbage(64 * 1024)].concat());
    assert_eq!(second.rest(), b"");

    assert!(Link::dial(hill.link_address(), &Identity::new("Aaa"), "Hill").is_ok());
}

/// Aaa dials Hill, or somebody who sits at Hill's address, and what it proves there is tried on Jaquez.
fn a_proof_for_one_server_opens_no_other(runtime: Runtime) {
    let plan = Plan::new(runtime).server("Jaquez", &["Aaa"]).neighbour("Aaa", &["Hill"]);
    let jaquez = plan.neighbour("Hill", &[]).start_one();
    let aaa = Identity::new("Aaa");
    let to_jaquez = Opening::new(&aaa, "Jaquez");
    let to_hill = Opening { acceptor: "Hill".to_owned(), ..to_jaquez.clone() };
    let mut wire = Client::connect(jaquez.link_address());
    wire.send(to_jaquez.line());
    let challenge = Challenge::parse(&wire.line()).unwrap();

    wire.send(proof(&aaa.secret, "dialler", &to_hill, &challenge));
    wire.try_send("AT Aaa +0.500000000 kiwi +1-1 100\n");

    assert_eq!(wire.line_or_end(), None);
    assert_eq!(jaquez.client().whats_at("kiwi"), None);
}

/// What Hill proves to whoever it dials is heard by somebody who then dials Hill.
fn a_proof_heard_from_a_server_cannot_be_used_towards_it(runtime: Runtime) {
    let zzz = Acceptor::new();
    let plan = Plan::new(runtime).server("Hill", &["Aaa", "Zzz"]).neighbour("Aaa", &[]);
    let hill = plan.neighbour_at(zzz.address(), "Zzz", &[]).start_one();
    let mut dialled = zzz.next();
    dialled.line();
    dialled.send(Challenge::new(&Identity::new("Zzz")).line());
    let heard = dialled.line();
    assert!(heard.starts_with("PROOF "));

    let mut wire = Client::connect(hill.link_address());
    wire.send(Opening::new(&Identity::new("Aaa"), "Hill").line());
    assert!(wire.line().starts_with("CHALLENGE "));
    wire.send(format!("{heard}\n"));

    assert_eq!(wire.line_or_end(), None);
}

/// Bytes of all values, the same each time.
fn garbage(count: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let drawn = iter::from_fn(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Some(state.to_be_bytes())
    });
    drawn.flatten().take(count).collect()
}
