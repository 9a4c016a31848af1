//! Who is where: by ID, in a box, near a point.

use serde_json::{Value, json};

use crate::harness::{Gateway, plan};

/// A report by the gateway, which is of its copy at once.
#[track_caller]
fn report(gateway: &Gateway, client: &str, (lat, lon): (&str, &str), time: &str) {
    let report = format!(r#"{{"client":"{client}","lat":"{lat}","lon":"{lon}","time":"{time}"}}"#);
    assert_eq!(gateway.post("/v1/reports", &report).json()["accepted"], 1, "{report}");
}

fn names(answer: &Value) -> Vec<&str> {
    answer["clients"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["client"].as_str().unwrap())
        .collect()
}

#[test]
fn a_client_is_told_in_its_own_digits() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    report(&gateway, "kiwi.cs.ucla.edu", ("034.068930", "-118.445127"), "1520023934.918963997");
    report(&gateway, "jane/my phone", ("1", "2"), "100");
    let answer = gateway.get("/v1/clients/kiwi.cs.ucla.edu");
    for want in [
        r#""client":"kiwi.cs.ucla.edu","lat":34.068930,"lon":-118.445127,"time":1520023934.918963997"#,
        r#""server":"Hill""#,
    ] {
        assert!(answer.body.contains(want), "{}", answer.body);
    }
    assert!(answer.json()["age_s"].as_f64().unwrap() > 2e8);
    let feature = gateway.json("/v1/clients/kiwi.cs.ucla.edu?format=geojson");
    assert_eq!(
        feature["geometry"],
        json!({"type": "Point", "coordinates": [-118.445_127, 34.068_93]})
    );
    for path in ["/v1/clients/jane/my%20phone", "/v1/clients/jane%2Fmy%2520phone"] {
        assert_eq!(gateway.json(path)["client"], "jane/my%20phone", "{path}");
    }
    assert_eq!(gateway.get("/v1/clients/nobody").status, 404);
}

#[test]
fn a_box_may_lie_across_the_date_line() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    for (client, lat, lon) in
        [("a", "-17", "179"), ("b", "-17", "-179"), ("c", "-17", "0"), ("d", "80", "180")]
    {
        report(&gateway, client, (lat, lon), "100");
    }
    assert_eq!(names(&gateway.json("/v1/clients?bbox=170,-20,-170,-10")), ["a", "b"]);
    assert_eq!(names(&gateway.json("/v1/clients")), ["a", "b", "c", "d"]);
    let few = gateway.json("/v1/clients?limit=1");
    assert_eq!((few["clients"].as_array().unwrap().len(), &few["more"]), (1, &json!(true)));
    let features = gateway.ask(
        "GET",
        "/v1/clients?bbox=-1,-20,1,-10",
        &[("Accept", "application/geo+json")],
        b"",
    );
    assert!(features.head.contains("content-type: application/geo+json"), "{}", features.head);
    assert_eq!(features.json()["features"][0]["id"], "c");
    for target in [
        "/v1/clients?bbox=1,2,3",
        "/v1/clients?bbox=0,5,1,1",
        "/v1/clients?limit=100000",
        "/v1/clients?x=1",
    ] {
        assert_eq!(gateway.get(target).status, 400, "{target}");
    }
}

#[test]
fn the_nearest_come_first_over_the_pole_too() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    for (client, lat, lon) in
        [("a", "89.9", "0"), ("b", "89.9", "180"), ("c", "80", "0"), ("d", "-89", "0")]
    {
        report(&gateway, client, (lat, lon), "100");
    }
    let near = gateway.json("/v1/nearby?lat=89.95&lon=180");
    assert_eq!(names(&near), ["b", "a", "c", "d"]);
    assert!((near["clients"][1]["distance_m"].as_f64().unwrap() - 16_679.0).abs() < 1.0, "{near}");
    assert_eq!(names(&gateway.json("/v1/nearby?lat=90&lon=0&radius_km=12&limit=5")), ["a", "b"]);
    let one = gateway.json("/v1/nearby?lat=90&lon=0&limit=1");
    assert_eq!((names(&one).len(), &one["more"]), (1, &json!(true)));
    for target in [
        "/v1/nearby?lat=91&lon=0",
        "/v1/nearby?lat=1",
        "/v1/nearby?lat=1&lon=nan",
        "/v1/nearby?lat=1&lon=1&radius_km=-1",
        "/v1/nearby?lat=1&lon=1&limit=5000",
    ] {
        assert_eq!(gateway.get(target).status, 400, "{target}");
    }
}

#[test]
fn what_an_application_says_more_is_told_with_the_fix_it_came_with() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    gateway.replay("traccar-client-9");
    let client = gateway.json("/v1/clients/48241179");
    assert_eq!((&client["accuracy_m"], &client["speed_mps"]), (&json!(8.0), &json!(1.2)));
    // A late fix changes nothing about where the client is by now.
    report(&gateway, "48241179", ("50", "4"), "1700000000");
    let client = gateway.json("/v1/clients/48241179");
    assert_eq!((&client["lat"], &client["accuracy_m"]), (&json!(52.1), &json!(8.0)));
    report(&gateway, "48241179", ("52.2", "4.3"), "1760000000");
    let client = gateway.json("/v1/clients/48241179");
    assert_eq!((&client["lat"], &client["accuracy_m"]), (&json!(52.2), &Value::Null));
}
