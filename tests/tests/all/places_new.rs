//! The dialect `places-new`: Google's Places API (New), asked and answered for clients of Nearby Search.

use herd_tests::{
    Answer, Client, PATIENCE, Plan, RUNTIMES, Request, Runtime, Server, Upstream, eventually,
    google, on_both,
};
use serde_json::{Value, json};

on_both!(
    the_new_places_are_answered_in_the_format_of_the_old,
    the_request_is_exactly_this,
    every_valid_question_is_a_valid_request,
    no_more_than_the_bound_comes_back,
    nothing_near_is_zero_results,
    a_key_that_is_wrong_or_missing_is_a_request_denied,
    a_refusal_never_shows_the_key,
    each_error_of_google_has_its_status,
    what_is_no_error_of_google_is_a_failure,
    an_error_body_has_its_limit_too,
);

const KEY: &str = "AIzaSy-for_tests";

fn the_new_places_are_answered_in_the_format_of_the_old(runtime: Runtime) {
    let upstream = google(vec![bar(), json!({ "id": "b", "displayName": { "text": "Nowhere" } })]);
    let (_hill, mut client) = asking(runtime, &upstream, Some(KEY));

    let (at, body) = ask(&mut client, "WHATSAT kiwi 10 20");

    assert!(at.starts_with("AT Hill "), "{at}");
    assert!(body.ends_with("}\n\n") && !body[..body.len() - 2].contains("\n\n"), "{body:?}");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        body,
        json!({
            "html_attributions": ["<a href=\"https://example.org/\">Someone &amp; Co</a>"],
            "results": [
                {
                    "business_status": "OPERATIONAL",
                    "geometry": {
                        "location": { "lat": 34.0701, "lng": -118.4441 },
                        "viewport": {
                            "northeast": { "lat": 34.0714, "lng": -118.4427 },
                            "southwest": { "lat": 34.0687, "lng": -118.4454 },
                        },
                    },
                    "icon": "https://maps.gstatic.com/mapfiles/place_api/icons/v2/bar_pinlet.png",
                    "icon_background_color": "#FF9E67",
                    "icon_mask_base_uri": "https://maps.gstatic.com/mapfiles/place_api/icons/v2/bar_pinlet",
                    "name": "Café \"Zum Löwen\"",
                    "opening_hours": { "open_now": true },
                    "place_id": "ChIJ_a",
                    "plus_code": { "compound_code": "3HC4+29 Los Angeles", "global_code": "85633HC4+29" },
                    "price_level": 1,
                    "rating": 4.5,
                    "reference": "ChIJ_a",
                    "scope": "GOOGLE",
                    "types": ["bar", "point_of_interest", "establishment"],
                    "user_ratings_total": 321,
                    "vicinity": "1 Main St, Los Angeles",
                },
                { "name": "Nowhere", "place_id": "b", "reference": "b", "scope": "GOOGLE" },
            ],
            "status": "OK",
        })
    );
}

fn the_request_is_exactly_this(runtime: Runtime) {
    let upstream = google(Vec::new());
    let (_hill, mut client) = asking(runtime, &upstream, Some(KEY));

    ask(&mut client, "WHATSAT kiwi 10.5 5");

    let requests = upstream.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].line(), "POST /v1/places:searchNearby HTTP/1.1");
    assert_eq!(
        String::from_utf8_lossy(&requests[0].body),
        r#"{"maxResultCount":5,"locationRestriction":{"circle":{"center":{"latitude":34.068930,"longitude":-118.445127},"radius":10500}}}"#
    );
    let fields = requests[0].fields();
    let expected = [
        format!("host: {}", upstream.address()),
        "accept: */*".to_owned(),
        fields[2].clone(),
        "content-type: application/json".to_owned(),
        format!("x-goog-api-key: {KEY}"),
        fields[5].clone(),
        format!("content-length: {}", requests[0].body.len()),
    ];
    assert_eq!(fields, expected);
    assert!(fields[2].starts_with("user-agent: herd/"), "{fields:?}");
    assert!(fields[5].starts_with("x-goog-fieldmask: places.attributions,"), "{fields:?}");
}

fn every_valid_question_is_a_valid_request(runtime: Runtime) {
    let upstream = google(vec![bar()]);
    let (_hill, mut client) = asking(runtime, &upstream, Some(KEY));
    let locations = ["+00.0-000", "-0090.000+0180.0", "+34.068930-118.445127", "+0.5-0.25"];
    for (time, location) in locations.into_iter().enumerate() {
        client.ask(&format!("IAMAT emu {location} {time}"));
        for operands in
            ["0 0", "0.000 1", "0.000001 20", "50.000 020", "0049.99999999999999999999 7"]
        {
            let (_, body) = ask(&mut client, &format!("WHATSAT emu {operands}"));
            assert_eq!(status(&body), "OK", "{location} {operands}: {body}");
        }
    }
}

fn no_more_than_the_bound_comes_back(runtime: Runtime) {
    // One that does not keep to what it was asked for.
    let place = bar().to_string();
    let upstream = Upstream::start(move |_| {
        Answer::body(format!("{{\"places\":[{}]}}", vec![place.as_str(); 25].join(",")))
    });
    let (_hill, mut client) = asking(runtime, &upstream, Some(KEY));
    for bound in [0, 1, 20] {
        let (_, body) = ask(&mut client, &format!("WHATSAT kiwi 10 {bound}"));
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["results"].as_array().unwrap().len(), bound);
    }
}

fn nothing_near_is_zero_results(runtime: Runtime) {
    let upstream = google(Vec::new());
    let (_hill, mut client) = asking(runtime, &upstream, Some(KEY));

    let (_, body) = ask(&mut client, "WHATSAT kiwi 10 5");

    let expected = r#"{"html_attributions":[],"results":[],"status":"ZERO_RESULTS"}"#;
    assert_eq!(body, format!("{expected}\n\n"));
}

fn a_key_that_is_wrong_or_missing_is_a_request_denied(runtime: Runtime) {
    for (key, says) in [(Some("WRONG"), "API key not valid"), (None, "unregistered callers")] {
        let upstream = google(vec![bar()]);
        let (_hill, mut client) = asking(runtime, &upstream, key);

        let (_, body) = ask(&mut client, "WHATSAT kiwi 10 5");

        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["status"], "REQUEST_DENIED");
        assert_eq!(body["results"], json!([]));
        assert!(body["error_message"].as_str().unwrap().contains(says), "{body}");
    }
}

fn a_refusal_never_shows_the_key(runtime: Runtime) {
    let message = format!("Permission denied: Consumer 'api_key:{KEY}' has been suspended.");
    let upstream = Upstream::start(move |_| error(403, "PERMISSION_DENIED", &message));
    let (hill, mut client) = asking(runtime, &upstream, Some(KEY));

    let (_, body) = ask(&mut client, "WHATSAT kiwi 10 5");

    assert!(body.contains("REQUEST_DENIED") && body.contains("has been suspended"), "{body}");
    assert!(!body.contains(KEY), "{body}");
    eventually(PATIENCE, || hill.log().contains("has been suspended"));
    assert!(!hill.log().contains(KEY));
}

fn each_error_of_google_has_its_status(runtime: Runtime) {
    for (code, name, expected) in [
        (400, "INVALID_ARGUMENT", "INVALID_REQUEST"),
        (401, "UNAUTHENTICATED", "REQUEST_DENIED"),
        (403, "PERMISSION_DENIED", "REQUEST_DENIED"),
        (429, "RESOURCE_EXHAUSTED", "OVER_QUERY_LIMIT"),
        (500, "INTERNAL", "UNKNOWN_ERROR"),
        (503, "UNAVAILABLE", "UNKNOWN_ERROR"),
    ] {
        let upstream = Upstream::start(move |_| error(code, name, "So \"it\" is."));
        let (_hill, mut client) = asking(runtime, &upstream, Some(KEY));

        let (_, body) = ask(&mut client, "WHATSAT kiwi 10 5");

        let body: Value = serde_json::from_str(&body).unwrap();
        let expected = json!({
            "html_attributions": [], "results": [], "status": expected, "error_message": "So \"it\" is.",
        });
        assert_eq!(body, expected, "{code}");
    }
}

fn what_is_no_error_of_google_is_a_failure(runtime: Runtime) {
    let elsewhere = Upstream::serving("{}");
    let to = elsewhere.url();
    for (answer, says) in [
        (Answer::Status(404, b"<html>Not found</html>".to_vec()), "status 404"),
        (Answer::Status(502, Vec::new()), "status 502"),
        (Answer::Status(400, b"{}".to_vec()), "status 400"),
        (Answer::Redirect(to), "status 302"),
        (Answer::body("<html>Welcome</html>"), "not JSON"),
        (Answer::body("{\"places\":\"none\"}"), "not of the kind asked for"),
    ] {
        let upstream = Upstream::start(move |_: &Request| answer.clone());
        let (_hill, mut client) = asking(runtime, &upstream, Some(KEY));

        let (_, body) = ask(&mut client, "WHATSAT kiwi 10 5");

        assert_eq!(status(&body), "UNKNOWN_ERROR");
        assert!(body.contains(says), "{body}");
    }
    assert!(elsewhere.requests().is_empty());
}

fn an_error_body_has_its_limit_too(runtime: Runtime) {
    let upstream = Upstream::start(|request| {
        let head = "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunk = format!("4000\r\n{}\r\n", " ".repeat(0x4000));
        if request.nth == 0 {
            Answer::Stuck(format!("{head}{}", chunk.repeat(200)).into())
        } else {
            error(403, "PERMISSION_DENIED", "Now short")
        }
    });
    let (_hill, mut client) = asking(runtime, &upstream, Some(KEY));

    let (_, body) = ask(&mut client, "WHATSAT kiwi 10 5");
    assert!(body.contains("answer is too long"), "{body}");
    let (_, body) = ask(&mut client, "WHATSAT kiwi 10 5");
    assert!(body.contains("Now short"), "{body}");
}

/// Not run on each runtime: it compares them.
#[test]
fn both_runtimes_send_the_same_request_to_the_new_places() {
    let asked: Vec<_> = RUNTIMES
        .iter()
        .map(|runtime| {
            let upstream = google(vec![bar()]);
            let (_hill, mut client) = asking(*runtime, &upstream, Some(KEY));
            ask(&mut client, "WHATSAT kiwi 0.5 5");
            let request = upstream.requests().remove(0);
            // As it came but for the port, and for the blank that curl leaves out after the names.
            let names: Vec<_> =
                request.head.lines().map(|line| line.replace(": ", ":")).skip(2).collect();
            (request.line().to_owned(), names, String::from_utf8(request.body).unwrap())
        })
        .collect();

    assert!(asked.windows(2).all(|pair| pair[0] == pair[1]), "{asked:#?}");
}

/// The stub that holds requests against Google's definition: a wrong one is refused, and a test that
/// expects places fails.
fn google(places: Vec<Value>) -> Upstream {
    Upstream::start(move |request| google::search_nearby(request, KEY, &places))
}

fn error(code: u16, status: &str, message: &str) -> Answer {
    let body = json!({ "error": { "code": code, "message": message, "status": status } });
    Answer::Status(code, serde_json::to_vec_pretty(&body).unwrap())
}

/// A place with every field that is rendered, and some that are not asked for.
fn bar() -> Value {
    json!({
        "name": "places/ChIJ_a",
        "id": "ChIJ_a",
        "types": ["bar", "point_of_interest", "establishment"],
        "nationalPhoneNumber": "(310) 555-0100",
        "formattedAddress": "1 Main St, Los Angeles, CA 90024, USA",
        "shortFormattedAddress": "1 Main St, Los Angeles",
        "plusCode": { "globalCode": "85633HC4+29", "compoundCode": "3HC4+29 Los Angeles" },
        "location": { "latitude": 34.0701, "longitude": -118.4441 },
        "viewport": {
            "low": { "latitude": 34.0687, "longitude": -118.4454 },
            "high": { "latitude": 34.0714, "longitude": -118.4427 },
        },
        "rating": 4.5,
        "businessStatus": "OPERATIONAL",
        "priceLevel": "PRICE_LEVEL_INEXPENSIVE",
        "attributions": [{ "provider": "Someone & Co", "providerUri": "https://example.org/" }],
        "userRatingCount": 321,
        "iconMaskBaseUri": "https://maps.gstatic.com/mapfiles/place_api/icons/v2/bar_pinlet",
        "iconBackgroundColor": "#FF9E67",
        "displayName": { "text": "Café \"Zum Löwen\"", "languageCode": "de" },
        "currentOpeningHours": { "openNow": true, "periods": [] },
    })
}

/// Hill, and a client of it that has said where kiwi is.
fn asking(runtime: Runtime, upstream: &Upstream, key: Option<&str>) -> (Server, Client) {
    let url = format!("http://{}/v1/places:searchNearby", upstream.address());
    let plan = Plan::alone(runtime).url(url).places_new();
    let plan = if let Some(key) = key { plan.key(key) } else { plan };
    let hill = plan.start_one();
    let mut client = hill.client();
    client.ask("IAMAT kiwi +34.068930-118.445127 1520023934.918963997");
    (hill, client)
}

fn ask(client: &mut Client, question: &str) -> (String, String) {
    client.send(format!("{question}\n"));
    client.places_reply()
}

fn status(body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap();
    body["status"].as_str().unwrap().to_owned()
}
