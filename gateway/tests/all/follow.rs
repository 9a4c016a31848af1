//! What clients report at any server, on the gateway.

use herd_tests::{Herd, Metrics, PATIENCE, eventually};

use crate::harness::{Gateway, plan};

/// A report by the line protocol.
#[track_caller]
fn report(herd: &Herd, server: &str, client: &str, location: &str, time: u32) {
    let answer = herd[server].client().ask(&format!("IAMAT {client} {location} {time}"));
    assert!(answer.starts_with("AT "), "{answer}");
}

/// Waits until the gateway shows a client there.
#[track_caller]
fn shows(gateway: &Gateway, client: &str, lat: f64) {
    eventually(PATIENCE, || {
        let answer = gateway.get(&format!("/v1/clients/{client}"));
        answer.status == 200 && answer.json()["lat"] == lat
    });
}

#[track_caller]
fn follows(gateway: &Gateway) {
    eventually(PATIENCE, || {
        Metrics::parse(&gateway.get("/metrics").body).count("herd_gateway_following") == 1
    });
}

#[test]
fn what_is_reported_at_any_server_is_shown() {
    let herd = plan().start();
    report(&herd, "Jaquez", "before", "+1+1", 100);
    let gateway = Gateway::before(&herd);
    shows(&gateway, "before", 1.0);
    follows(&gateway);
    report(&herd, "Jaquez", "after", "+2+2", 100);
    shows(&gateway, "after", 2.0);
    assert_eq!(gateway.json("/v1/clients/after")["server"], "Jaquez");
    report(&herd, "Hill", "after", "+3+3", 101);
    shows(&gateway, "after", 3.0);
    // A phone at one gateway is on the map of another.
    let other = Gateway::before(&herd);
    gateway.replay("owntracks-android");
    shows(&other, "jane/phone", 48.858_220_5);
}

#[test]
fn another_server_is_followed_when_one_is_gone_and_nothing_is_missed() {
    let mut herd = plan().start();
    let gateway = Gateway::before(&herd);
    report(&herd, "Jaquez", "a", "+1+1", 100);
    shows(&gateway, "a", 1.0);
    follows(&gateway);
    herd["Hill"].kill();
    report(&herd, "Jaquez", "b", "+2+2", 100);
    shows(&gateway, "b", 2.0);
    follows(&gateway);
    // All of it is back from a server that was away, too.
    herd["Jaquez"].kill();
    herd["Hill"].start();
    report(&herd, "Hill", "c", "+3+3", 100);
    shows(&gateway, "c", 3.0);
    assert_eq!(gateway.json("/v1/clients/a")["lat"], 1.0, "what is known stays");
}

#[test]
fn thousands_of_records_are_taken_over() {
    let herd = plan().start();
    let lines: String = (0..5000).map(|at| format!("IAMAT c{at} +1+{} 100\n", at % 180)).collect();
    let mut client = herd["Jaquez"].client();
    for part in lines.as_bytes().chunks(2000) {
        client.send(part);
    }
    for _ in 0..5000 {
        client.line();
    }
    let gateway = Gateway::before(&herd);
    eventually(PATIENCE, || {
        Metrics::parse(&gateway.get("/metrics").body).count("herd_gateway_clients") == 5000
    });
}
