//! What the formats make of what applications send.

use herd_gateway::formats::{Format, Parsed, Reason, Request};
use herd_gateway::intake::Target;
use proptest::prelude::*;

use crate::golden::Golden;

fn parsed(name: &str) -> Parsed {
    let golden = Golden::read(name);
    let (path, query) = golden.target.split_once('?').unwrap_or((&golden.target, ""));
    let target = Target::of_path(path).unwrap();
    target.format.parse(&Request {
        device: target.device.as_deref(),
        query,
        content_type: golden.header("content-type"),
        user: golden.header("x-limit-u"),
        user_device: golden.header("x-limit-d"),
        body: golden.body.as_bytes(),
    })
}

/// Client, position, time and what else there is, of each fix.
fn fixes(parsed: &Parsed) -> Vec<String> {
    let shown = parsed.fixes.iter().map(|fix| {
        let time = fix.time.map_or_else(|| "now".to_owned(), |time| time.nanos().to_string());
        let attributes = serde_json::to_string(&fix.attributes).unwrap();
        format!("{} {} {time} {attributes}", fix.client, fix.position.as_str())
    });
    shown.collect()
}

fn reasons(parsed: &Parsed) -> Vec<Reason> {
    parsed.useless.iter().map(|useless| useless.reason).collect()
}

#[track_caller]
fn holds(name: &str, want: &[&str], useless: &[Reason]) {
    let parsed = parsed(name);
    assert_eq!(fixes(&parsed), want, "{name}");
    assert_eq!(reasons(&parsed), useless, "{name}: {:?}", parsed.useless);
}

#[test]
fn owntracks_reports_as_user_and_device() {
    holds(
        "owntracks-android",
        &[
            r#"jane/phone +48.8582205+2.2945 1497508651000000000 {"accuracy_m":5.0,"altitude_m":167.0,"speed_mps":16.944444444444443,"course_deg":271.0,"battery_percent":41.0,"tid":"JJ"}"#,
        ],
        &[],
    );
    holds(
        "owntracks-ios",
        &[
            r#"Bob%20B/iPhone -33.856784+151.215297 1700000001000000000 {"accuracy_m":65.0,"altitude_m":0.0,"battery_percent":80.0,"tid":"BB"}"#,
        ],
        &[],
    );
    holds("owntracks-topic", &[r#"alice/nexus +52.1+4.3 1700000002000000000 {"tid":"AL"}"#], &[]);
}

#[test]
fn owntracks_says_much_that_is_no_fix() {
    for name in ["owntracks-waypoint", "owntracks-lwt", "owntracks-encrypted", "owntracks-empty"] {
        holds(name, &[], &[Reason::OtherKind]);
    }
}

#[test]
fn osmand_is_one_fix_in_a_query() {
    holds(
        "osmand",
        &[
            r#"van%201 +52.100002+4.2999997 1700000000123000000 {"accuracy_m":5.0,"altitude_m":10.0,"speed_mps":1.5,"course_deg":90.0}"#,
        ],
        &[],
    );
    holds("osmand-off-the-earth", &[], &[Reason::OutOfRange]);
}

#[test]
fn traccar_is_a_query_or_a_form() {
    holds(
        "traccar-get",
        &[
            r#"123456 +52.1+4.3 1700000000000000000 {"accuracy_m":8.0,"altitude_m":5.0,"speed_mps":5.144444444444445,"course_deg":90.0,"battery_percent":55.0}"#,
        ],
        &[],
    );
    holds("traccar-location", &["tracker%207 +52.1+4.3 1700000000000000000 {}"], &[]);
    holds("traccar-no-position", &[], &[Reason::NoPosition]);
    holds("traccar-unknown", &[], &[Reason::UnknownShape]);
}

#[test]
fn three_generations_of_traccar_client_have_one_address() {
    for (name, time) in [
        ("traccar-client-7", "1700000000000000000"),
        ("traccar-client-9", "1749995112862000000"),
        ("traccar-client-10", "1780000000000000000"),
    ] {
        let parsed = parsed(name);
        let fix = &parsed.fixes[0];
        assert_eq!(fix.client.as_str(), "48241179", "{name}");
        assert_eq!(fix.position.as_str(), "+52.1+4.3", "{name}");
        assert_eq!(fix.time.unwrap().nanos().to_string(), time, "{name}");
        assert_eq!(fix.attributes.accuracy_m, Some(8.0), "{name}");
        assert!((fix.attributes.battery_percent.unwrap() - 55.0).abs() < 1e-9, "{name}");
        let speed = fix.attributes.speed_mps.unwrap();
        assert!((1.0..=1.21).contains(&speed), "{name}: {speed} m/s");
    }
}

#[test]
fn gpslogger_leaves_place_holders_empty() {
    holds(
        "gpslogger",
        &[
            r#"9f8e7d +52.1000003+4.3 1700000000000000000 {"altitude_m":12.5,"speed_mps":1.5,"course_deg":271.2,"battery_percent":77.0}"#,
        ],
        &[],
    );
    holds(
        "gpslogger-get",
        &[r#"hike +46.5+7.5 1700000000000000000 {"accuracy_m":4.0,"speed_mps":1.0}"#],
        &[],
    );
    holds("gpslogger-no-device", &[], &[Reason::NoDevice]);
}

#[test]
fn overland_sends_batches_with_the_longitude_first() {
    holds(
        "overland",
        &[
            r#"phone +37.331800-122.030581 1443711600000000000 {"accuracy_m":30.0,"altitude_m":0.0,"speed_mps":4.0,"course_deg":90.0,"battery_percent":89.0}"#,
            "phone +37.3318-122.030582 1443711610000000000 {}",
        ],
        &[Reason::NoPosition],
    );
    holds("overland-broken", &[], &[Reason::NotReadable]);
}

#[test]
fn json_is_one_many_or_lines() {
    holds("json", &["kiwi.cs.ucla.edu +34.068930-118.445127 1520023934918963997 {}"], &[]);
    holds(
        "json-many",
        &["a +1+2 1700000000000000000 {}", "b +1.50-2 1700000000000000000 {}"],
        &[Reason::OutOfRange],
    );
    holds(
        "json-lines",
        &["van +1.1+2 1700000000000000000 {}", "van +1.3+2 1700000002000000000 {}"],
        &[Reason::NotReadable],
    );
}

#[test]
fn geojson_is_one_many_or_lines() {
    holds(
        "geojson-one",
        &[r#"kiwi +34.068930-118.445127 1520023934918963997 {"altitude_m":71.5}"#],
        &[],
    );
    holds("geojson-many", &["a +1.0+2.0 1700000000000000000 {}"], &[Reason::NoPosition]);
    holds("geojson-lines", &["van +1.0+2.0 1700000000000000000 {}", "van +1.0+2.5 now {}"], &[]);
}

#[test]
fn what_the_headers_say_of_the_body_does_not_decide() {
    let golden = Golden::read("traccar-client-9");
    for content_type in [None, Some("application/x-www-form-urlencoded"), Some("text/plain")] {
        let body = golden.body.as_bytes();
        let parsed = Format::Traccar.parse(&Request { content_type, body, ..Request::default() });
        assert_eq!(parsed.fixes.len(), 1, "{content_type:?}");
    }
}

/// Bytes that get past the first look more often than random ones do.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    const NAMES: [&str; 6] = [
        "owntracks-android",
        "traccar-client-9",
        "traccar-client-10",
        "overland",
        "json-lines",
        "geojson-many",
    ];
    let spoilt = (
        prop::sample::select(&NAMES[..]),
        any::<prop::sample::Index>(),
        any::<u8>(),
        any::<bool>(),
    )
        .prop_map(|(name, at, byte, cut)| {
            let mut body = Golden::read(name).body.into_bytes();
            let at = at.index(body.len());
            body[at] = byte;
            if cut {
                body.truncate(at);
            }
            body
        });
    prop_oneof![
        any::<Vec<u8>>(),
        "[{}\\[\\]\",:a-z0-9&=%.+-]{0,200}".prop_map(String::into_bytes),
        spoilt
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_request_panics_and_every_fix_is_a_report(
        body in bodies(),
        query in ".{0,60}",
        device in prop::option::of(".{0,30}"),
    ) {
        let request = Request { device: device.as_deref(), query: &query, body: &body, ..Request::default() };
        for format in Format::ALL {
            for fix in format.parse(&request).fixes {
                let client = fix.client.as_str().as_bytes();
                prop_assert!((1..=255).contains(&client.len()));
                prop_assert!(!client.iter().any(|byte| b" \t\n\x0b\x0c\r".contains(byte)));
                prop_assert!(herd_core::Location::parse(fix.position.as_str().as_bytes()).is_some());
            }
        }
    }

    #[test]
    fn no_path_panics(path in "/in/.{0,60}") {
        _ = Target::of_path(&path);
    }
}
