//! The dialect of posts: one line, its own request, its own limits, its own failure.

use herd_tests::{Answer, Client, Plan, Runtime, Upstream, on_both};
use serde_json::Value;

on_both!(
    posts_come_on_a_single_line,
    the_search_is_asked_exactly_this,
    at_least_one_post_is_asked_for_and_none_given,
    posts_have_no_limit_on_the_radius,
    at_most_100_posts_can_be_asked_for,
    posts_past_the_bound_are_cut,
    a_search_that_fails_is_reported_in_its_own_format,
    posts_leave_in_one_write_with_their_at_line,
);

const KIWI: &str = "IAMAT kiwi +34.068930-118.445127 1520023934.918963997";

fn posts_come_on_a_single_line(runtime: Runtime) {
    let body = "\r\n{\n  \"results\": [\r\n    {\"text\": \"a  b\"},\r    1.50\n\n  ],\t\"page\": 1\n}\n\n";
    let upstream = Upstream::serving(body);
    let hill = Plan::alone(runtime).posts().upstream(&upstream).start_one();
    let mut client = hill.client();
    let at = client.ask(KIWI);

    client.send("WHATSAT kiwi 100 2\nend\n");

    assert_eq!(client.line(), at);
    assert_eq!(
        client.line(),
        "{  \"results\": [    {\"text\": \"a  b\"},    1.50  ],\t\"page\": 1}"
    );
    assert_eq!(client.line(), "? end");
}

fn the_search_is_asked_exactly_this(runtime: Runtime) {
    let upstream = Upstream::serving("{}");
    let hill = Plan::alone(runtime).posts().upstream(&upstream).start_one();
    let mut client = hill.client();
    client.ask(KIWI);

    ask(&mut client, "WHATSAT kiwi 100 2");

    assert_eq!(
        upstream.requests()[0].line(),
        "GET /nearby/json?q=&geocode=34.068930,-118.445127,100km&rpp=2 HTTP/1.1"
    );
}

fn at_least_one_post_is_asked_for_and_none_given(runtime: Runtime) {
    let upstream = Upstream::serving("{\"results\":[{\"id\":1}]}");
    let hill = Plan::alone(runtime).posts().upstream(&upstream).start_one();
    let mut client = hill.client();
    client.ask(KIWI);

    assert_eq!(ask(&mut client, "WHATSAT kiwi 100 0"), "{\"results\":[]}");

    assert!(upstream.requests()[0].target().ends_with("&rpp=1"));
}

fn posts_have_no_limit_on_the_radius(runtime: Runtime) {
    let upstream = Upstream::serving("{}");
    let hill = Plan::alone(runtime).posts().upstream(&upstream).start_one();
    let mut client = hill.client();
    client.ask(KIWI);
    for (n, radius) in
        ["0", "0.5", "50.01", "40000", "10.1234567890123456789"].into_iter().enumerate()
    {
        ask(&mut client, &format!("WHATSAT kiwi {radius} 5"));
        let target = format!("/nearby/json?q=&geocode=34.068930,-118.445127,{radius}km&rpp=5");
        assert_eq!(upstream.requests()[n].target(), target);
    }
}

fn at_most_100_posts_can_be_asked_for(runtime: Runtime) {
    let upstream = Upstream::serving("{}");
    let hill = Plan::alone(runtime).posts().upstream(&upstream).start_one();
    let mut client = hill.client();
    client.ask(KIWI);

    assert_eq!(ask(&mut client, "WHATSAT kiwi 10 100"), "{}");
    assert!(upstream.requests()[0].target().ends_with("&rpp=100"));
    assert_eq!(client.ask("WHATSAT kiwi 10 101"), "? WHATSAT kiwi 10 101");
}

fn posts_past_the_bound_are_cut(runtime: Runtime) {
    let upstream = Upstream::serving(
        "{\"results\":[\n {\"id\":1},\n {\"id\":2},\n {\"id\":3}\n],\n\"page\":1}",
    );
    let hill = Plan::alone(runtime).posts().upstream(&upstream).start_one();
    let mut client = hill.client();
    client.ask(KIWI);

    assert_eq!(
        ask(&mut client, "WHATSAT kiwi 10 2"),
        "{\"results\":[ {\"id\":1}, {\"id\":2}],\"page\":1}"
    );
}

fn a_search_that_fails_is_reported_in_its_own_format(runtime: Runtime) {
    let upstream = Upstream::start(|request| match request.nth {
        0 => Answer::Status(500, b"{}".into()),
        1 => Answer::body("[]"),
        _ => Answer::silence(),
    });
    let hill = Plan::alone(runtime).posts().upstream(&upstream).timeout_ms(300).start_one();
    let mut client = hill.client();
    client.ask(KIWI);
    for _ in 0..3 {
        let body = ask(&mut client, "WHATSAT kiwi 10 2");
        let parsed: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(parsed["results"], Value::Array(Vec::new()));
        assert!(parsed["error"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
        assert_eq!(parsed.as_object().map(serde_json::Map::len), Some(2));
    }
}

fn posts_leave_in_one_write_with_their_at_line(runtime: Runtime) {
    let upstream = Upstream::serving("{\"results\":[]}\n");
    let hill = Plan::alone(runtime).posts().upstream(&upstream).start_one();
    let mut client = hill.client();
    let at = client.ask(KIWI);
    for _ in 0..20 {
        client.send("WHATSAT kiwi 10 5\n");
        assert_eq!(client.one_read(), format!("{at}\n{{\"results\":[]}}\n").into_bytes());
    }
}

/// Asks and returns the line after the AT line.
#[track_caller]
fn ask(client: &mut Client, question: &str) -> String {
    let at = client.ask(question);
    assert!(at.starts_with("AT Hill "), "{at}");
    client.line()
}
