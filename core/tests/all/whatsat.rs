//! `WHATSAT`: a record, and what the provider says is near it.

use core::time::Duration;

use herd_core::{Config, Dialect, Form, Limits, LookupError, NotJson};

use crate::support::{Did, Server, Stranger, config, limited};

const KIWI: &str = "IAMAT kiwi +34.068930-118.445127 1520023934.918963997";
const KIWI_AT: &str = "AT Hill +0.263873386 kiwi +34.068930-118.445127 1520023934.918963997\n";

/// A server that has heard of kiwi, and one of its clients.
fn knowing(config: Config) -> (Server, herd_core::ConnId) {
    let mut hill = Server::new(config);
    let conn = hill.client();
    hill.asks(conn, KIWI);
    hill.did();
    (hill, conn)
}

fn places() -> (Server, herd_core::ConnId) {
    knowing(config("Hill", &[]))
}

fn places_new() -> (Server, herd_core::ConnId) {
    knowing(Config { dialect: Dialect::PlacesNew, ..config("Hill", &[]) })
}

fn posts() -> (Server, herd_core::ConnId) {
    knowing(Config { dialect: Dialect::Posts, ..config("Hill", &[]) })
}

#[test]
fn an_answer_is_the_record_and_the_providers_body() {
    let (mut hill, conn) = places();
    assert_eq!(hill.asks(conn, "WHATSAT kiwi 10 5"), "");
    let id = hill.request();
    hill.answers(id, "{\n   \"results\" : [ 1, 2 ],\n   \"status\" : \"OK\"\n}\n");
    assert_eq!(
        hill.heard(conn),
        format!("{KIWI_AT}{{\n   \"results\" : [ 1, 2 ],\n   \"status\" : \"OK\"\n}}\n\n")
    );
    assert_eq!((hill.counters().queries, hill.counters().lookups), (1, 1));
}

#[test]
fn record_and_body_leave_in_one_write_of_their_own() {
    let (mut hill, conn) = places();
    hill.types(conn, b"WHATSAT kiwi 1 1\nWHATSAT kiwi 2 2\nhello\n");
    let ids: Vec<_> = hill.requests().into_iter().map(|(id, _)| id).collect();
    hill.answers(ids[1], "{}");
    hill.answers(ids[0], "{}");
    let answer = format!("{KIWI_AT}{{}}\n\n").into_bytes();
    assert_eq!(
        hill.did_aloud(),
        [
            Did::Send(conn, answer.clone(), Form::Answer),
            Did::Send(conn, answer, Form::Answer),
            Did::Send(conn, b"? hello\n".to_vec(), Form::Lines),
        ]
    );
}

#[test]
fn places_are_asked_for_in_metres() {
    let (mut hill, conn) = places();
    for (radius, metres) in [("10", "10000"), ("0", "0"), ("00.50", "500"), ("1.23456", "1234.56")]
    {
        hill.says(conn, &format!("WHATSAT kiwi {radius} 5"));
        let asked = format!("location=34.068930,-118.445127&radius={metres}");
        assert_eq!(hill.requests()[0].1, asked);
    }
}

#[test]
fn posts_are_asked_for_in_kilometres_and_at_least_one_of_them() {
    let (mut hill, conn) = posts();
    for (operands, asked) in [
        ("100 2", "100km&rpp=2"),
        ("0 0", "0km&rpp=1"),
        ("007.250 100", "7.250km&rpp=100"),
        ("99999999999999999999999.5 1", "99999999999999999999999.5km&rpp=1"),
    ] {
        hill.says(conn, &format!("WHATSAT kiwi {operands}"));
        assert_eq!(hill.requests()[0].1, format!("q=&geocode=34.068930,-118.445127,{asked}"));
    }
}

#[test]
fn a_location_is_asked_for_without_plus_signs_and_leading_zeros() {
    let (mut hill, conn) = places();
    for (written, asked) in [
        ("+034.10+000.0", "34.10,0.0"),
        ("-00.5-0118", "-0.5,-118"),
        ("+0-0", "0,-0"),
        ("+90+180", "90,180"),
    ] {
        hill.says(conn, &format!("IAMAT emu{asked} {written} 1"));
        hill.says(conn, &format!("WHATSAT emu{asked} 1 1"));
        assert_eq!(hill.requests()[0].1, format!("location={asked}&radius=1000"));
    }
}

#[test]
fn the_record_is_the_one_of_when_the_command_was_read() {
    let (mut hill, conn) = places();
    hill.says(conn, "WHATSAT kiwi 10 5");
    let id = hill.request();
    hill.says(conn, "IAMAT kiwi +1-2 1520023935");
    hill.answers(id, "{}");
    let heard = hill.heard(conn);
    assert!(heard.starts_with(KIWI_AT), "{heard}");
    assert!(heard.ends_with("\n\nAT Hill +0.182837383 kiwi +1-2 1520023935\n"), "{heard}");
}

#[test]
fn the_record_names_the_server_that_heard_it() {
    let mut hill = Server::new(config("Hill", &["Jaquez"]));
    let link = hill.links(&Stranger::named("Jaquez"));
    hill.says(link, "AT Singleton -5.25 kiwi +034.0-118 1520023934.9");
    let conn = hill.client();
    hill.did();
    hill.says(conn, "WHATSAT kiwi 10 5");
    let id = hill.request();
    hill.answers(id, "{}");
    assert_eq!(hill.heard(conn), "AT Singleton -5.25 kiwi +034.0-118 1520023934.9\n{}\n\n");
}

#[test]
fn what_is_not_exactly_a_query_is_invalid() {
    let (mut hill, conn) = places();
    for line in [
        "WHATSAT",
        "WHATSAT kiwi",
        "WHATSAT kiwi 10",
        "WHATSAT kiwi 10 5 5",
        "whatsat kiwi 10 5",
        "WHATSAT kiwi +10 5",
        "WHATSAT kiwi -1 5",
        "WHATSAT kiwi 1e1 5",
        "WHATSAT kiwi 10 5.0",
        "WHATSAT kiwi 10 +5",
        "WHATSAT kiwi 10 -5",
        "WHATSAT kiwi 10. 5",
        "WHATSAT kiwi .5 5",
        "WHATSAT kiwi ten 5",
        "WHATSAT kiwi 50.0000000000000000000001 5",
        "WHATSAT kiwi 51 5",
        "WHATSAT kiwi 10 21",
        "WHATSAT kiwi 10 99999999999999999999",
        "WHATSAT nobody 10 5",
        "WHATSAT KIWI 10 5",
    ] {
        assert_eq!(hill.asks(conn, line), format!("? {line}\n"));
    }
    assert_eq!(hill.asks(conn, "WHATSAT nobody 10 5\r"), "? WHATSAT nobody 10 5\n");
    assert!(hill.requests().is_empty());
}

#[test]
fn limits_themselves_are_valid() {
    let (mut hill, conn) = places();
    for operands in ["0 0", "50 20", "050.000 00020", "0.0 0"] {
        assert_eq!(hill.asks(conn, &format!("WHATSAT kiwi {operands}")), "");
        hill.request();
    }
    let (mut hill, conn) = posts();
    assert_eq!(hill.asks(conn, "WHATSAT kiwi 100000 100"), "");
    hill.request();
    let (mut hill, conn) = posts();
    assert_eq!(hill.asks(conn, "WHATSAT kiwi 1 101"), "? WHATSAT kiwi 1 101\n");
}

#[test]
fn places_are_cut_by_splicing() {
    let body = "\n{\n  \"a\" : 1.50,\n\n\n  \"results\" : [\n    {\"x\":\"\\u00e9]\"},\n\n    2\n  ],\n  \"z\":1e2}\n\n";
    for (bound, expected) in [
        (0, "{\n  \"a\" : 1.50,\n  \"results\" : [\n  ],\n  \"z\":1e2}\n\n"),
        (
            1,
            "{\n  \"a\" : 1.50,\n  \"results\" : [\n    {\"x\":\"\\u00e9]\"}\n  ],\n  \"z\":1e2}\n\n",
        ),
        (
            2,
            "{\n  \"a\" : 1.50,\n  \"results\" : [\n    {\"x\":\"\\u00e9]\"},\n    2\n  ],\n  \"z\":1e2}\n\n",
        ),
    ] {
        let (mut hill, conn) = places();
        hill.says(conn, &format!("WHATSAT kiwi 10 {bound}"));
        let id = hill.request();
        hill.answers(id, body);
        assert_eq!(hill.heard(conn), format!("{KIWI_AT}{expected}"), "{bound}");
    }
}

#[test]
fn posts_are_cut_and_put_on_one_line() {
    let (mut hill, conn) = posts();
    hill.says(conn, "WHATSAT kiwi 10 1");
    let id = hill.request();
    hill.answers(
        id,
        "\r\n{\r\n \"results\": [ {\"text\":\"a\\nb\"} , 2\n],\n \"page\" : 1.0 }\n\n",
    );
    assert_eq!(
        hill.heard(conn),
        format!("{KIWI_AT}{{ \"results\": [ {{\"text\":\"a\\nb\"}}], \"page\" : 1.0 }}\n")
    );
}

#[test]
fn the_cut_is_made_here_also_where_a_provider_sends_more_than_it_was_asked_for() {
    let (mut hill, conn) = posts();
    hill.says(conn, "WHATSAT kiwi 10 0");
    let id = hill.request();
    hill.answers(id, "{\"results\":[1]}");
    assert_eq!(hill.heard(conn), format!("{KIWI_AT}{{\"results\":[]}}\n"));
}

#[test]
fn a_status_of_the_providers_own_passes_through() {
    for body in [
        r#"{"html_attributions":[],"results":[],"status":"ZERO_RESULTS"}"#,
        r#"{"results":[],"status":"OVER_QUERY_LIMIT","error_message":"pay"}"#,
        r#"{"status":"REQUEST_DENIED"}"#,
        r#"{"status":"INVALID_REQUEST","results":null}"#,
        r#"{"results":{"results":[1,2,3]}}"#,
        "{}",
    ] {
        let (mut hill, conn) = places();
        hill.says(conn, "WHATSAT kiwi 10 1");
        let id = hill.request();
        hill.answers(id, body);
        assert_eq!(hill.heard(conn), format!("{KIWI_AT}{body}\n\n"));
        assert_eq!(hill.counters().lookups_failed, 0);
    }
}

/// Every reason there is for having no body, as a driver or a body brings it about.
fn failures() -> Vec<(LookupError, Result<Vec<u8>, LookupError>)> {
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(100));
    vec![
        (LookupError::Unreachable, Err(LookupError::Unreachable)),
        (LookupError::TimedOut, Err(LookupError::TimedOut)),
        (LookupError::Status(302), Err(LookupError::Status(302))),
        (LookupError::TooLong, Err(LookupError::TooLong)),
        (LookupError::TooLong, Ok(long.into_bytes())),
        (LookupError::NotJson(NotJson::Encoding), Ok(b"{\"a\":\"\xff\"}".to_vec())),
        (LookupError::NotJson(NotJson::Syntax), Ok(b"<html>".to_vec())),
        (LookupError::NotJson(NotJson::Syntax), Ok(b"".to_vec())),
        (LookupError::NotJson(NotJson::Syntax), Ok(b"{\"results\":[1,2".to_vec())),
        (LookupError::NotJson(NotJson::NotAnObject), Ok(b"[1,2]".to_vec())),
        (LookupError::Busy, Err(LookupError::Busy)),
    ]
}

#[test]
fn without_a_body_a_client_gets_the_record_and_an_error_its_parser_understands() {
    let limits = Limits { body_bytes: 50, ..Limits::default() };
    for (error, answer) in failures() {
        for dialect in [Dialect::Places, Dialect::PlacesNew, Dialect::Posts] {
            let (mut hill, conn) = knowing(Config { dialect, ..limited(limits) });
            hill.says(conn, "WHATSAT kiwi 10 5");
            let id = hill.request();
            hill.lookup_ends(id, answer.as_deref().map_err(|error| *error));
            let heard = hill.heard(conn);
            let (at, body) = heard.split_at(KIWI_AT.len());
            assert_eq!(at, KIWI_AT);
            let value: serde_json::Value = serde_json::from_str(body).unwrap();
            let expected = match dialect {
                Dialect::Places | Dialect::PlacesNew => format!(
                    r#"{{"html_attributions":[],"results":[],"status":"UNKNOWN_ERROR","error_message":"{error}"}}{}"#,
                    "\n\n"
                ),
                Dialect::Posts => format!("{{\"results\":[],\"error\":\"{error}\"}}\n"),
            };
            assert_eq!(body, expected);
            assert_eq!(value["results"], serde_json::json!([]));
            assert_eq!((hill.counters().lookups, hill.counters().lookups_failed), (0, 1));
        }
    }
}

#[test]
fn a_status_other_than_200_is_a_failure_whatever_the_body_says() {
    for (dialect, status) in
        [(Dialect::Places, 201), (Dialect::Posts, 302), (Dialect::PlacesNew, 302)]
    {
        let (mut hill, conn) = knowing(Config { dialect, ..config("Hill", &[]) });
        hill.says(conn, "WHATSAT kiwi 10 5");
        let id = hill.request();
        hill.answers_by(status, id, r#"{"results":[1],"places":[{}],"status":"OK"}"#);
        let heard = hill.heard(conn);
        assert!(heard.contains(&format!("the provider answered with status {status}")), "{heard}");
        assert_eq!((hill.counters().lookups, hill.counters().lookups_failed), (0, 1));
    }
}

#[test]
fn the_new_places_are_asked_for_with_a_body_and_answered_as_the_old_ones_were() {
    let (mut hill, conn) = places_new();
    hill.says(conn, "WHATSAT kiwi 10 1");
    let (id, request) = hill.requests().remove(0);
    let (fields, body) = request.split_once(' ').unwrap();
    assert!(fields.split(',').all(|field| field.starts_with("places.")), "{fields}");
    let value: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(value["maxResultCount"], 1);
    assert_eq!(value["locationRestriction"]["circle"]["radius"], 10_000);

    hill.answers(id, r#"{"places":[{"displayName":{"text":"A"}},{"displayName":{"text":"B"}}]}"#);

    let result = r#"{"name":"A","scope":"GOOGLE"}"#;
    assert_eq!(
        hill.heard(conn),
        format!(
            "{KIWI_AT}{{\"html_attributions\":[],\"results\":[{result}],\"status\":\"OK\"}}\n\n"
        )
    );
}

#[test]
fn an_error_of_the_new_places_is_the_providers_own_status() {
    let (mut hill, conn) = places_new();
    hill.says(conn, "WHATSAT kiwi 10 1");
    let id = hill.request();
    hill.answers_by(
        429,
        id,
        r#"{"error":{"code":429,"message":"Later","status":"RESOURCE_EXHAUSTED"}}"#,
    );
    assert_eq!(
        hill.heard(conn),
        format!(
            "{KIWI_AT}{}\n\n",
            r#"{"html_attributions":[],"results":[],"status":"OVER_QUERY_LIMIT","error_message":"Later"}"#
        )
    );
    assert_eq!((hill.counters().lookups, hill.counters().lookups_failed), (1, 0));
}

#[test]
fn the_limits_of_places_are_those_of_the_new_ones() {
    let (mut hill, conn) = places_new();
    for line in ["WHATSAT kiwi 50.1 5", "WHATSAT kiwi 10 21"] {
        assert_eq!(hill.asks(conn, line), format!("? {line}\n"));
    }
    assert!(hill.requests().is_empty());
}

#[test]
fn a_body_of_the_limit_fits() {
    let limits = Limits { body_bytes: 50, ..Limits::default() };
    let (mut hill, conn) = knowing(limited(limits));
    hill.says(conn, "WHATSAT kiwi 10 5");
    let id = hill.request();
    let body = format!("{{\"a\":\"{}\"}}", "x".repeat(50 - "{\"a\":\"\"}".len()));
    hill.answers(id, &body);
    assert_eq!(hill.heard(conn), format!("{KIWI_AT}{body}\n\n"));
    assert_eq!(hill.counters().long_bodies, 0);
}

#[test]
fn one_answer_larger_than_the_output_limit_still_fits() {
    let (mut hill, conn) = places();
    hill.says(conn, "WHATSAT kiwi 10 5");
    let id = hill.request();
    let body = format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 20));
    hill.answers(id, &body);
    assert_eq!(hill.heard(conn), format!("{KIWI_AT}{body}\n\n"));
}

#[test]
fn a_record_that_has_grown_too_old_is_nobodys() {
    let (mut hill, conn) = knowing(limited(Limits { record_age_s: 60, ..Limits::default() }));
    hill.now.wall = hill.now.wall.plus_seconds(60);
    assert_eq!(hill.asks(conn, "WHATSAT kiwi 10 5"), "? WHATSAT kiwi 10 5\n");
}

#[test]
fn a_lookup_blocks_nobody() {
    let (mut hill, conn) = places();
    hill.says(conn, "WHATSAT kiwi 10 5");
    let other = hill.client();
    assert_eq!(hill.asks(other, "hello"), "? hello\n");
    hill.says(conn, "IAMAT emu +1-2 1520023935.182837383");
    assert_eq!(
        hill.record("emu").as_deref(),
        Some("AT Hill +0.000000000 emu +1-2 1520023935.182837383")
    );
    hill.waits(Duration::from_secs(1));
    assert_eq!(hill.heard(conn), "");
}
