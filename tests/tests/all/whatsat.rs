//! WHATSAT: what is a question, what the provider is asked, and which AT line comes back.

use herd_tests::{Answer, Client, Gate, Plan, RUNTIMES, Runtime, Upstream, on_both};

on_both!(
    a_question_is_answered_by_the_at_line_and_the_places,
    a_question_has_exactly_three_operands_of_digits,
    the_radius_is_50_km_and_the_bound_20_items_at_most,
    a_client_nobody_has_heard_of_is_an_invalid_question,
    the_provider_is_asked_exactly_this,
    the_key_is_left_out_where_there_is_none,
    a_key_is_percent_encoded,
    kilometres_become_metres_without_losing_digits,
    a_location_loses_its_plus_signs_and_leading_zeros,
    the_at_line_is_as_it_was_when_the_question_was_read,
    the_answer_leaves_in_one_write,
    an_invalid_question_never_reaches_the_provider,
    a_client_that_sends_one_command_a_connection_and_reads_once_gets_it_all,
);

const KIWI: &str = "IAMAT kiwi +34.068930-118.445127 1520023934.918963997";

fn a_question_is_answered_by_the_at_line_and_the_places(runtime: Runtime) {
    let upstream = Upstream::serving("{\n  \"results\": [],\n  \"status\": \"ZERO_RESULTS\"\n}\n");
    let hill = Plan::alone(runtime).upstream(&upstream).start_one();
    let mut client = hill.client();
    let at = client.ask(KIWI);

    client.send("WHATSAT kiwi 10 5\nWHATSAT kiwi 10 5\n");

    for _ in 0..2 {
        let (again, body) = client.places_reply();
        assert_eq!(again, at);
        assert_eq!(body, "{\n  \"results\": [],\n  \"status\": \"ZERO_RESULTS\"\n}\n\n");
    }
}

fn a_question_has_exactly_three_operands_of_digits(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();
    client.ask(KIWI);
    for operands in [
        "",
        " kiwi",
        " kiwi 10",
        " kiwi 10 5 more",
        " kiwi +10 5",
        " kiwi -10 5",
        " kiwi 10 +5",
        " kiwi 10 -5",
        " kiwi 10. 5",
        " kiwi .5 5",
        " kiwi 1e1 5",
        " kiwi 10 5.0",
        " kiwi 10 5e0",
        " kiwi 10.0.0 5",
        " kiwi 10,0 5",
        " kiwi 0x1 5",
        " kiwi 1_0 5",
        " kiwi nan 5",
        " kiwi inf 5",
        " kiwi 10km 5",
        " kiwi ten 5",
        " kiwi 10 five",
        " kiwi ١٠ 5",
    ] {
        refuses(&mut client, &format!("WHATSAT{operands}"));
    }
    for operands in
        [" kiwi 0 0", " kiwi 0.0 0", " kiwi 010.50 05", " kiwi 0.000000000001 00000000000000000001"]
    {
        accepts(&mut client, &format!("WHATSAT{operands}"));
    }
}

fn the_radius_is_50_km_and_the_bound_20_items_at_most(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();
    client.ask(KIWI);

    for fits in ["50 20", "50.0 20", "50.00000000000000000000 20", "00000000000000000050 000020"] {
        accepts(&mut client, &format!("WHATSAT kiwi {fits}"));
    }
    for exceeds in [
        "50.01 20",
        "50.00000000000000000000000000000000001 20",
        "51 20",
        "50 21",
        "99999999999999999999999999999999999999999999 20",
        "18446744073709551617 20",
        "50 18446744073709551617",
        "50 4294967297",
    ] {
        refuses(&mut client, &format!("WHATSAT kiwi {exceeds}"));
    }
}

fn a_client_nobody_has_heard_of_is_an_invalid_question(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();

    refuses(&mut client, "WHATSAT kiwi 10 5");
    client.ask(KIWI);
    refuses(&mut client, "WHATSAT kiw 10 5");
    refuses(&mut client, "WHATSAT KIWI 10 5");
    accepts(&mut client, "WHATSAT kiwi 10 5");
}

fn the_provider_is_asked_exactly_this(runtime: Runtime) {
    let upstream = Upstream::serving("{}");
    let hill = Plan::alone(runtime).upstream(&upstream).key("KEY").start_one();
    let mut client = hill.client();
    client.ask(KIWI);

    accepts(&mut client, "WHATSAT kiwi 10 5");

    let requests = upstream.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(
        requests[0].line(),
        "GET /nearby/json?location=34.068930,-118.445127&radius=10000&key=KEY HTTP/1.1"
    );
    let fields = requests[0].fields();
    let expected = [format!("host: {}", upstream.address()), "accept: */*".to_owned()];
    assert_eq!(fields[..2], expected);
    assert!(fields.len() == 3 && fields[2].starts_with("user-agent: herd/"), "{fields:?}");
}

fn the_key_is_left_out_where_there_is_none(runtime: Runtime) {
    let upstream = Upstream::serving("{}");
    let hill = Plan::alone(runtime).upstream(&upstream).start_one();
    let mut client = hill.client();
    client.ask(KIWI);

    accepts(&mut client, "WHATSAT kiwi 10 5");

    let target = "/nearby/json?location=34.068930,-118.445127&radius=10000";
    assert_eq!(upstream.requests()[0].target(), target);
}

fn a_key_is_percent_encoded(runtime: Runtime) {
    let upstream = Upstream::serving("{}");
    let hill = Plan::alone(runtime).upstream(&upstream).key("a b&c=d/é+%#?").start_one();
    let mut client = hill.client();
    client.ask(KIWI);

    accepts(&mut client, "WHATSAT kiwi 10 5");

    let requests = upstream.requests();
    let (_, key) = requests[0].target().split_once("&key=").unwrap();
    assert_eq!(decoded(key), "a b&c=d/é+%#?".as_bytes(), "{key}");
    assert!(!key.contains(['&', '#', ' ']), "{key}");
}

fn kilometres_become_metres_without_losing_digits(runtime: Runtime) {
    let upstream = Upstream::serving("{}");
    let hill = Plan::alone(runtime).upstream(&upstream).start_one();
    let mut client = hill.client();
    client.ask(KIWI);
    for (n, (km, metres)) in [
        ("10", "10000"),
        ("0", "0"),
        ("0.5", "500"),
        ("007.25", "7250"),
        ("1.2345", "1234.5"),
        ("0.0005", "0.5"),
        ("10.1234567890123456789", "10123.4567890123456789"),
        ("0.001", "1"),
    ]
    .into_iter()
    .enumerate()
    {
        accepts(&mut client, &format!("WHATSAT kiwi {km} 5"));

        let requests = upstream.requests();
        let (_, radius) = requests[n].target().split_once("&radius=").unwrap();
        assert_eq!(radius, metres, "for {km} km");
    }
}

fn a_location_loses_its_plus_signs_and_leading_zeros(runtime: Runtime) {
    let upstream = Upstream::serving("{}");
    let hill = Plan::alone(runtime).upstream(&upstream).start_one();
    let mut client = hill.client();
    for (n, (written, sent)) in [
        ("+34.068930-118.445127", "34.068930,-118.445127"),
        ("-34.068930+118.445127", "-34.068930,118.445127"),
        ("+0034.50-00118.40", "34.50,-118.40"),
        ("+00.25-000.0", "0.25,-0.0"),
        ("+0+0", "0,0"),
        ("-000-000", "-0,-0"),
        ("+90.000+0180.000", "90.000,180.000"),
    ]
    .into_iter()
    .enumerate()
    {
        client.ask(&format!("IAMAT kiwi {written} {n}"));
        accepts(&mut client, "WHATSAT kiwi 10 5");

        let target = format!("/nearby/json?location={sent}&radius=10000");
        assert_eq!(upstream.requests()[n].target(), target);
    }
}

fn the_at_line_is_as_it_was_when_the_question_was_read(runtime: Runtime) {
    let gate = Gate::new();
    let upstream = Upstream::start({
        let gate = gate.clone();
        move |_| Answer::body("{}").held(&gate)
    });
    let hill = Plan::alone(runtime).upstream(&upstream).start_one();
    let mut client = hill.client();
    let mut other = hill.client();

    client.send("IAMAT kiwi +1-1 100\nWHATSAT kiwi 10 5\nIAMAT kiwi +2-2 200\nWHATSAT kiwi 10 5\n");
    upstream.wait_for_requests(2);
    let third = other.ask("IAMAT kiwi +3-3 300");
    gate.open();

    let first = client.line();
    assert!(first.ends_with(" kiwi +1-1 100"));
    assert_eq!(client.places_reply().0, first);
    let second = client.line();
    assert!(second.ends_with(" kiwi +2-2 200"));
    assert_eq!(client.places_reply().0, second);
    assert_eq!(other.whats_at("kiwi"), Some(third));
    let asked: Vec<_> =
        upstream.requests().iter().map(|request| request.target().to_owned()).collect();
    assert!(asked[..2].iter().any(|target| target.contains("location=1,-1&")), "{asked:?}");
    assert!(asked[..2].iter().any(|target| target.contains("location=2,-2&")), "{asked:?}");
}

fn the_answer_leaves_in_one_write(runtime: Runtime) {
    let upstream = Upstream::serving("{\"results\":[]}");
    let hill = Plan::alone(runtime).upstream(&upstream).start_one();
    let mut client = hill.client();
    let at = client.ask(KIWI);

    for _ in 0..50 {
        client.send("WHATSAT kiwi 10 5\n");
        assert_eq!(client.one_read(), format!("{at}\n{{\"results\":[]}}\n\n").into_bytes());
    }
}

fn an_invalid_question_never_reaches_the_provider(runtime: Runtime) {
    let upstream = Upstream::serving("{}");
    let hill = Plan::alone(runtime).upstream(&upstream).start_one();
    let mut client = hill.client();
    client.ask(KIWI);

    refuses(&mut client, "WHATSAT nobody 10 5");
    refuses(&mut client, "WHATSAT kiwi 51 5");
    accepts(&mut client, "WHATSAT kiwi 10 5");

    assert_eq!(upstream.requests().len(), 1);
}

fn a_client_that_sends_one_command_a_connection_and_reads_once_gets_it_all(runtime: Runtime) {
    let upstream = Upstream::serving("{\n\"results\": []\n}\n");
    let hill = Plan::alone(runtime).upstream(&upstream).start_one();
    // What many clients in use do: no line end, an end of input, one read.
    let ask_once = |command: &str| {
        let mut client = hill.client();
        client.send(command);
        client.finish();
        let answer = String::from_utf8(client.one_read()).unwrap();
        assert_eq!(client.rest(), b"", "after {answer:?}");
        answer
    };

    for n in 0..20 {
        let at = ask_once(&format!("IAMAT kiwi +34.0-118.4 {n}"));
        assert!(
            at.starts_with("AT Hill ") && at.ends_with(&format!(" kiwi +34.0-118.4 {n}\n")),
            "{at}"
        );
        assert_eq!(ask_once("WHATSAT kiwi 10 5"), format!("{at}{{\n\"results\": []\n}}\n\n"));
        assert_eq!(ask_once("WHATSAT nobody 10 5"), "? WHATSAT nobody 10 5\n");
    }
}

/// Not run on each runtime: it compares them.
#[test]
fn both_runtimes_send_the_same_request() {
    let asked: Vec<_> = RUNTIMES
        .iter()
        .map(|runtime| {
            let upstream = Upstream::serving("{}");
            let hill = Plan::alone(*runtime).upstream(&upstream).key("KEY").start_one();
            let mut client = hill.client();
            client.ask(KIWI);
            accepts(&mut client, "WHATSAT kiwi 0.5 5");
            let requests = upstream.requests();
            (requests[0].line().to_owned(), requests[0].fields()[1..].to_vec())
        })
        .collect();

    assert!(asked.windows(2).all(|pair| pair[0] == pair[1]), "{asked:#?}");
}

/// The bytes that a part of a query stands for.
fn decoded(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find('%') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        bytes.push(u8::from_str_radix(&rest[at + 1..at + 3], 16).unwrap());
        rest = &rest[at + 3..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

#[track_caller]
fn accepts(client: &mut Client, command: &str) {
    client.send(format!("{command}\n"));
    client.places_reply();
}

#[track_caller]
fn refuses(client: &mut Client, command: &str) {
    assert_eq!(client.ask(command), format!("? {command}"));
}
