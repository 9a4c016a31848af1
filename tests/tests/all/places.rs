//! The `herd-places` program, as a provider of its own.

use core::net::SocketAddr;
use herd_tests::{Client, PATIENCE, Program, Signal, herd_places};
use serde_json::Value;
use std::process::{Command, Stdio};
use tempfile::TempDir;

#[test]
fn places_are_served_on_a_free_port_until_told_to_stop() {
    for signal in [Signal::TERM, Signal::INT] {
        let (mut places, address, _dir) = started(&[]);

        let (status, body) = get(
            address,
            "/maps/api/place/nearbysearch/json?location=34.068930,-118.445127&radius=50000",
        );
        assert_eq!(status, 200);
        assert_eq!(body["status"], "OK");
        assert!(body["results"].as_array().is_some_and(|results| results.len() == 20));

        places.signal(signal);
        assert_eq!(places.wait(PATIENCE), Some(0));
        assert_eq!(places.stdout().lines().count(), 1);
    }
}

#[test]
fn places_with_a_key_are_for_those_who_have_it() {
    let (_places, address, _dir) = started(&["--key", "SESAME"]);
    let ask = |key: &str| {
        let place = "/maps/api/place/nearbysearch/json?location=34.068930,-118.445127&radius=50000";
        get(address, &format!("{place}{key}")).1
    };

    assert_eq!(ask("")["status"], "REQUEST_DENIED");
    assert_eq!(ask("&key=WRONG")["status"], "REQUEST_DENIED");
    assert_eq!(ask("&key=SESAME")["status"], "OK");
}

#[test]
fn places_that_cannot_start_say_why() {
    let (_places, address, _dir) = started(&[]);

    let taken = Program::run(Command::new(herd_places()).args(["--listen", &address.to_string()]));
    let wrong = Program::run(Command::new(herd_places()).args(["--listen", "nowhere"]));

    assert_eq!(taken.code, Some(1), "{}", taken.stderr);
    assert!(taken.stderr.contains(&address.to_string()), "{}", taken.stderr);
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
}

fn started(args: &[&str]) -> (Program, SocketAddr, TempDir) {
    let dir = TempDir::new().unwrap();
    let mut command = Command::new(herd_places());
    command.args(["--listen", "127.0.0.1:0"]).args(args).stdin(Stdio::null());
    let mut places = Program::start(&mut command, dir.path(), "places");
    let start = "herd-places: listens on http://";
    let address = places.wait_for_line(start)[start.len()..].parse().unwrap();
    (places, address, dir)
}

fn get(address: SocketAddr, target: &str) -> (u16, Value) {
    let mut client = Client::connect(address);
    client.send(format!("GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"));
    let answer = client.rest_text();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}
