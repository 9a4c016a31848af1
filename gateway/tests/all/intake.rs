//! Reports on their way through the gateway to the servers, and what the applications are answered.

use std::fs;

use herd_tests::{Metrics, PATIENCE, Program, eventually};
use serde_json::json;

use crate::harness::{Gateway, command, plan};

/// What the servers know of a client: a bound of 0 asks no more of the provider than that.
#[track_caller]
fn record(herd: &herd_tests::Herd, server: &str, client: &str) -> Option<String> {
    let answer = herd[server].client().ask(&format!("WHATSAT {client} 1 0"));
    answer.strip_prefix("AT ").map(|rest| rest.split(' ').skip(2).collect::<Vec<_>>().join(" "))
}

#[test]
fn every_application_is_answered_as_it_expects_and_its_fix_is_in_the_herd() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    for (name, record_of, want, reply) in [
        (
            "owntracks-android",
            "jane/phone",
            "jane/phone +48.8582205+2.2945 1497508651.000000000",
            "[]",
        ),
        ("osmand", "van%201", "van%201 +52.100002+4.2999997 1700000000.123000000", ""),
        ("osmand-token", "van", "van +52.1+4.3 1700000000.124000000", ""),
        ("traccar-get", "123456", "123456 +52.1+4.3 1700000000.000000000", ""),
        ("traccar-client-7", "48241179", "48241179 +52.1+4.3 1700000000.000000000", ""),
        ("traccar-client-9", "48241179", "48241179 +52.1+4.3 1749995112.862000000", ""),
        ("traccar-client-10", "48241179", "48241179 +52.1+4.3 1780000000.000000000", ""),
        ("gpslogger", "9f8e7d", "9f8e7d +52.1000003+4.3 1700000000.000000000", ""),
        (
            "overland",
            "phone",
            "phone +37.3318-122.030582 1443711610.000000000",
            r#"{"result":"ok"}"#,
        ),
        (
            "json",
            "kiwi.cs.ucla.edu",
            "kiwi.cs.ucla.edu +34.068930-118.445127 1520023934.918963997",
            r#"{"accepted":1,"rejected":[]}"#,
        ),
        (
            "geojson-one",
            "kiwi",
            "kiwi +34.068930-118.445127 1520023934.918963997",
            r#"{"accepted":1,"rejected":[]}"#,
        ),
    ] {
        let answer = gateway.replay(name);
        assert_eq!((answer.status, answer.body.trim_end()), (200, reply), "{name}");
        assert_eq!(record(&herd, "Hill", record_of).as_deref(), Some(want), "{name}");
    }
}

#[test]
fn owntracks_is_told_where_the_others_are() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    assert_eq!(gateway.replay("owntracks-android").body, "[]\n");
    let friends = gateway.replay("owntracks-ios").json();
    let jane = json!([{
        "_type": "location", "tid": "JJ", "topic": "owntracks/jane/phone",
        "lat": 48.858_220_5, "lon": 2.2945, "tst": 1_497_508_651,
    }]);
    assert_eq!(friends, jane);
    let friends = gateway.replay("owntracks-waypoint").json();
    assert_eq!(friends.as_array().unwrap().len(), 2, "who sends no fix is told of all: {friends}");
}

#[test]
fn what_is_useless_for_ever_is_not_sent_again_for_ever() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    for (name, status) in [
        ("owntracks-waypoint", 200),
        ("owntracks-lwt", 200),
        ("owntracks-encrypted", 200),
        ("owntracks-empty", 200),
        ("osmand-off-the-earth", 200),
        ("traccar-no-position", 200),
        ("overland-broken", 200),
        // These are kept by the application and shown to somebody.
        ("traccar-unknown", 400),
        ("gpslogger-no-device", 400),
    ] {
        assert_eq!(gateway.replay(name).status, status, "{name}");
    }
    let answer = gateway.replay("overland-broken");
    assert_eq!(answer.body, "{\"result\":\"ok\"}\n");
    let van = gateway.json("/v1/devices/van");
    assert_eq!(van["last_rejected"]["reason"], "out_of_range");
    assert_eq!(van["last_rejected"]["detail"], "152.1, 4.3");
    let all = gateway.json("/v1/devices");
    assert_eq!(all["last_rejected"][0]["reason"], "not_readable");
}

#[test]
fn a_batch_with_something_useless_in_it_is_taken_all_the_same() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    let answer = gateway.replay("json-many").json();
    assert_eq!(answer["accepted"], 2);
    assert_eq!(answer["rejected"][0]["client"], "c");
    assert_eq!(answer["rejected"][0]["reason"], "out_of_range");
    assert_eq!(record(&herd, "Hill", "b").unwrap(), "b +1.50-2 1700000000.000000000");
    assert_eq!(gateway.replay("geojson-lines").json()["accepted"], 2);
    let reports = r#"[{"client":"x","lat":1,"lon":2},{"client":"y","lat":1e400,"lon":2}]"#;
    let answer = gateway.post("/v1/reports", reports).json();
    assert_eq!(
        (&answer["accepted"], &answer["rejected"][0]["reason"]),
        (&json!(1), &json!("out_of_range"))
    );
    assert_eq!(gateway.get("/v1/reports").status, 405);
    assert_eq!(gateway.post("/v1/reports", "no json").status, 400);
}

#[test]
fn a_fix_far_ahead_is_told_apart() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    let answer = gateway.post("/in/json/van", r#"{"lat":1,"lon":2,"time":9000000000}"#).json();
    assert_eq!(answer["accepted"], 0);
    assert_eq!(answer["rejected"][0]["reason"], "ahead");
    assert_eq!(record(&herd, "Hill", "van"), None);
}

#[test]
fn what_the_herd_does_not_keep_for_its_age_is_not_shown() {
    let herd = plan().limit("record_age_s", 3600).start();
    let gateway = Gateway::before(&herd);
    let reports =
        r#"[{"client":"old","lat":1,"lon":2,"time":100},{"client":"new","lat":1,"lon":2}]"#;
    assert_eq!(gateway.post("/in/json", reports).json()["accepted"], 2);
    assert_eq!(gateway.get("/v1/clients/new").status, 200);
    assert_eq!(gateway.get("/v1/clients/old").status, 404);
    assert_eq!(record(&herd, "Hill", "old"), None);
}

#[test]
fn another_server_takes_what_one_that_is_gone_has_not_answered() {
    let mut herd = plan().start();
    let gateway = Gateway::before(&herd);
    let report =
        |time: u32| gateway.post("/in/json/van", &format!(r#"{{"lat":1,"lon":2,"time":{time}}}"#));
    assert_eq!(report(1).status, 200);
    assert_eq!(gateway.json("/v1/devices/van")["last_accepted"]["server"], "Hill");
    herd["Hill"].kill();
    assert_eq!(report(2).status, 200);
    assert_eq!(gateway.json("/v1/devices/van")["last_accepted"]["server"], "Jaquez");
    assert_eq!(record(&herd, "Jaquez", "van").unwrap(), "van +1+2 2.000000000");

    herd["Jaquez"].kill();
    let answer = report(3);
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.head.contains("retry-after: "), "{}", answer.head);
    herd["Jaquez"].start();
    eventually(PATIENCE, || report(4).status == 200);
    assert_eq!(record(&herd, "Jaquez", "van").unwrap(), "van +1+2 4.000000000");
}

#[test]
fn a_large_batch_is_answered_by_a_server_line_by_line() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    let lines: String =
        (0..20_000).map(|at| format!("{{\"client\":\"c{at}\",\"lat\":1,\"lon\":2}}\n")).collect();
    assert_eq!(gateway.post("/in/json", &lines).json()["accepted"], 20_000);
    assert!(record(&herd, "Hill", "c19999").is_some());
}

#[test]
fn a_request_has_so_many_reports_at_most_and_names_some_of_the_rejected() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    let nowhere = "{\"client\":\"c\",\"lat\":91,\"lon\":2}\n".repeat(100);
    let told =
        gateway.post("/in/json", &(nowhere + "{\"client\":\"c\",\"lat\":1,\"lon\":2}")).json();
    assert_eq!(told["accepted"], 1);
    assert_eq!(told["rejected"].as_array().map(Vec::len), Some(50));
    assert_eq!(told["rejected_in_all"], 100);
    assert_eq!(gateway.post("/in/json", &"1\n".repeat(25_001)).status, 413);
}

#[test]
fn a_body_has_a_limit() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    let body = " ".repeat(1024 * 1024 + 1);
    assert_eq!(gateway.post("/in/json/van", &body).status, 413);
    let full = format!("{{\"lat\":1,\"lon\":2}}{}", " ".repeat(1024 * 1024 - 17));
    assert_eq!(gateway.post("/in/json/van", &full).status, 200);
}

#[test]
fn requests_are_counted_by_what_became_of_them() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    gateway.replay("osmand");
    gateway.replay("overland");
    let answer = gateway.get("/metrics");
    let metrics = Metrics::parse(&answer.body);
    let count = |series: &str| metrics.count(series);
    assert_eq!(count("herd_gateway_accepted_fixes_total{format=\"overland\"}"), 2);
    assert_eq!(count("herd_gateway_accepted_fixes_total{format=\"osmand\"}"), 1);
    assert_eq!(
        count("herd_gateway_useless_fixes_total{format=\"overland\",reason=\"no_position\"}"),
        1
    );
    assert_eq!(gateway.get("/healthz").body, "ok\n");
}

#[test]
fn unknown_formats_and_methods_are_refused_with_words() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    let answer = gateway.get("/in/nothing/van");
    assert_eq!(answer.status, 404);
    assert!(answer.body.contains("owntracks, osmand, traccar"), "{}", answer.body);
    assert_eq!(gateway.ask("DELETE", "/in/osmand/van", &[], b"").status, 405);
    assert_eq!(gateway.get("/v1/devices/nobody").status, 404);
    // No bytes in a path are too much.
    assert_eq!(gateway.get("/in/osmand/%ff%fe?lat=1&lon=2").status, 200);
}

#[test]
fn pages_of_others_can_neither_report_nor_read() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    for headers in [
        &[("Origin", "http://evil.example")][..],
        &[("Host", "evil.example")],
        &[("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors")],
    ] {
        for target in ["/in/osmand/van?lat=1&lon=2", "/v1/clients", "/v1/stream", "/v1/points"] {
            assert_eq!(
                gateway.ask("GET", target, headers, b"").status,
                403,
                "{headers:?} {target}"
            );
        }
    }
    assert_eq!(record(&herd, "Hill", "van"), None);
}

#[test]
fn without_tokens_there_is_no_gateway_beyond_loopback() {
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:12080", "herd.example:12080"] {
        let ended = Program::run(command().args(["--listen", listen]));
        assert_eq!(ended.code, Some(2), "{listen}");
        assert!(ended.stderr.contains("there are no tokens yet"), "{}", ended.stderr);
    }
    let dir = tempfile::TempDir::new().unwrap();
    let config = dir.path().join("herd.toml");
    let server = "[[server]]\nname = \"Hill\"\naddress = \"127.0.0.1:1\"\n";
    fs::write(&config, format!("[gateway]\nlisten = \"0.0.0.0:12080\"\n{server}")).unwrap();
    let ended = Program::run(command().arg("--config").arg(&config));
    assert_eq!(ended.code, Some(2));
    fs::write(&config, format!("[gateway]\nlisten = \"12080\"\n{server}")).unwrap();
    let ended = Program::run(command().arg("--config").arg(&config));
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("herd.toml:2: write HOST:PORT"), "{}", ended.stderr);
}
