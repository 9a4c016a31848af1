//! Providers that fail: the client still gets its AT line, and a body that its parser understands.

use core::time::Duration;
use herd_tests::{
    Answer, Gate, PATIENCE, Plan, Request, Runtime, Upstream, eventually, free_address, on_both,
};
use serde_json::Value;
use socket2::{Domain, SockRef, Socket, Type};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

on_both!(
    a_provider_that_refuses_the_connection_fails,
    a_provider_that_takes_no_connection_times_out,
    a_provider_that_never_answers_times_out,
    a_provider_that_stops_in_the_middle_of_the_body_times_out,
    a_provider_that_trickles_times_out,
    any_status_but_200_fails,
    a_redirect_is_not_followed,
    a_body_that_is_not_utf_8_fails,
    a_body_that_is_no_json_object_fails,
    a_body_may_be_nested_127_deep,
    a_body_at_the_limit_passes_and_one_byte_more_fails,
    a_long_body_comes_whole_and_in_order,
    a_body_has_two_mebibytes_at_most_unless_configured,
    a_body_without_end_is_given_up,
    a_body_that_claims_too_much_is_given_up,
    a_connection_closed_in_the_middle_of_the_body_fails,
    an_answer_that_is_not_http_fails,
    a_kept_connection_that_breaks_costs_no_lookup,
    a_request_is_sent_twice_at_most,
    what_is_nearly_http_is_taken_by_both_or_named,
    a_compressed_answer_is_named,
    why_a_lookup_failed_is_in_the_log_without_the_key,
    a_failure_is_over_with_the_next_answer,
    a_late_answer_never_reaches_another_question,
    waiting_for_a_turn_costs_no_time,
    a_chunked_body_is_read_whole,
);

fn a_provider_that_refuses_the_connection_fails(runtime: Runtime) {
    let plan = Plan::alone(runtime).url(format!("http://{}/nearby/json", free_address()));
    fails(plan);
}

fn a_provider_that_takes_no_connection_times_out(runtime: Runtime) {
    // The queue of connections to be accepted is full: whoever else connects hears nothing.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&free_address().into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let patience = Duration::from_millis(300);
    let filling: Vec<_> = (0..4).map(|_| TcpStream::connect_timeout(&address, patience)).collect();
    assert!(filling.iter().any(Result::is_err), "the queue is not full");

    fails(Plan::alone(runtime).url(format!("http://{address}/nearby/json")).timeout_ms(500));
}

fn a_provider_that_never_answers_times_out(runtime: Runtime) {
    fails_when(runtime, |_| Answer::silence());
}

fn a_provider_that_stops_in_the_middle_of_the_body_times_out(runtime: Runtime) {
    let part = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"results\":[";
    fails_when(runtime, move |_| Answer::Stuck(part.into()));
}

fn a_provider_that_trickles_times_out(runtime: Runtime) {
    // The time covers everything up to the last byte, however lively the provider looks.
    fails_when(runtime, |_| {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"results\":[";
        Answer::Trickle(head.into(), Duration::from_millis(50))
    });
}

fn any_status_but_200_fails(runtime: Runtime) {
    // The last has no name in any list.
    for code in [201, 202, 204, 206, 300, 400, 403, 404, 429, 500, 502, 503, 520] {
        let why = fails_when(runtime, move |_| {
            Answer::Status(code, b"{\"results\":[],\"status\":\"OK\"}".into())
        });
        assert_eq!(why, format!("the provider answered with status {code}"));
    }
}

fn a_redirect_is_not_followed(runtime: Runtime) {
    let elsewhere = Upstream::serving("{\"results\":[],\"status\":\"OK\"}");
    let to = elsewhere.url();

    fails_when(runtime, move |_| Answer::Redirect(to.clone()));

    assert!(elsewhere.requests().is_empty());
}

fn a_body_that_is_not_utf_8_fails(runtime: Runtime) {
    fails_when(runtime, |_| Answer::body(&b"{\"results\":[\"\xff\"]}"[..]));
    fails_when(runtime, |_| Answer::body(&b"{\"results\":[\"\xed\xa0\x80\"]}"[..]));
}

fn a_body_that_is_no_json_object_fails(runtime: Runtime) {
    for body in [
        "",
        "\n",
        "[]",
        "[{\"results\":[]}]",
        "\"{}\"",
        "null",
        "<html>Bad gateway</html>",
        "{\"results\":[}",
        "{\"results\":[]",
        "{\"results\":[]}}",
        "{\"results\":[]} {}",
        "{\"results\":[1,]}",
        "{'results':[]}",
        "{\"results\":[01]}",
        "{\"results\":[\"\n\"]}",
        "\u{feff}{\"results\":[]}",
    ] {
        fails_when(runtime, move |_| Answer::body(body));
    }
}

fn a_body_may_be_nested_127_deep(runtime: Runtime) {
    let nested =
        |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    let upstream = Upstream::start(move |request| Answer::body(nested(127 + request.nth)));
    let hill = Plan::alone(runtime).upstream(&upstream).start_one();
    let mut client = hill.client();
    client.ask("IAMAT kiwi +34.0-118.4 1520023934.5");

    client.send("WHATSAT kiwi 10 5\n");
    assert_eq!(client.places_reply().1, nested(127) + "\n\n");
    client.send("WHATSAT kiwi 10 5\n");
    failure(&client.places_reply().1);
    // As deep as a body can be, it is refused and no more.
    let deep = "[".repeat(2 << 20);
    fails_when(runtime, move |_| Answer::body(deep.clone()));
}

fn a_body_at_the_limit_passes_and_one_byte_more_fails(runtime: Runtime) {
    let body_of = |bytes: usize| format!("{{\"results\":[\"{}\"]}}", "x".repeat(bytes - 16));
    assert_eq!(body_of(1000).len(), 1000);
    let chunked = |body: String| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        Answer::Raw(format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).into())
    };
    let limited =
        |upstream: &Upstream| Plan::alone(runtime).limit("body_bytes", 1000).upstream(upstream);

    let at_the_limit = Upstream::start(move |request| {
        if request.nth == 0 { Answer::body(body_of(1000)) } else { chunked(body_of(1000)) }
    });
    let hill = limited(&at_the_limit).start_one();
    let mut client = hill.client();
    client.ask("IAMAT kiwi +34.0-118.4 1520023934.5");
    for _ in 0..2 {
        client.send("WHATSAT kiwi 10 5\n");
        assert_eq!(client.places_reply().1, format!("{}\n\n", body_of(1000)));
    }

    let above = Upstream::start(move |_| Answer::body(body_of(1001)));
    fails(limited(&above));
    let above = Upstream::start(move |_| chunked(body_of(1001)));
    fails(limited(&above));
}

fn a_long_body_comes_whole_and_in_order(runtime: Runtime) {
    let body_of = |items: usize| {
        let items: Vec<_> = (0..items).map(|item| item.to_string()).collect();
        format!("{{\"results\":[],\"all\":[{}]}}", items.join(","))
    };
    let upstream = Upstream::start(move |request| Answer::body(body_of(3000 + 3000 * request.nth)));
    let hill = Plan::alone(runtime).upstream(&upstream).start_one();
    let mut client = hill.client();
    client.ask("IAMAT kiwi +34.0-118.4 1520023934.5");
    for nth in 0..30 {
        client.send("WHATSAT kiwi 10 5\n");
        assert_eq!(client.places_reply().1, body_of(3000 + 3000 * nth) + "\n\n");
    }
}

fn a_body_has_two_mebibytes_at_most_unless_configured(runtime: Runtime) {
    let upstream = Upstream::start(|request| {
        let extra = request.nth;
        Answer::body(format!("{{\"results\":[\"{}\"]}}", "x".repeat((2 << 20) - 16 + extra)))
    });
    let hill = Plan::alone(runtime).upstream(&upstream).start_one();
    let mut client = hill.client();
    client.ask("IAMAT kiwi +34.0-118.4 1520023934.5");

    client.send("WHATSAT kiwi 10 5\n");
    assert_eq!(client.places_reply().1.len(), (2 << 20) + 2);
    client.send("WHATSAT kiwi 10 5\n");
    failure(&client.places_reply().1);
}

fn a_body_without_end_is_given_up(runtime: Runtime) {
    let upstream = Upstream::start(|_| Answer::Endless);
    // Time is not what ends it.
    fails(Plan::alone(runtime).upstream(&upstream).timeout_ms(3_600_000));
}

fn a_body_that_claims_too_much_is_given_up(runtime: Runtime) {
    let upstream = Upstream::start(|_| {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n{\"results\":[";
        let mut bytes = head.as_bytes().to_vec();
        bytes.resize(3 << 20, b' ');
        Answer::Stuck(bytes)
    });
    fails(Plan::alone(runtime).upstream(&upstream).timeout_ms(3_600_000));
}

fn a_connection_closed_in_the_middle_of_the_body_fails(runtime: Runtime) {
    let part = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"results\":[]}";
    fails_when(runtime, move |_| Answer::Raw(part.into()));
    let chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ne\r\n{\"results\":[]}\r\n";
    fails_when(runtime, move |_| Answer::Raw(chunk.into()));
}

fn an_answer_that_is_not_http_fails(runtime: Runtime) {
    for answer in ["SSH-2.0-OpenSSH_9.9\r\n", "HTTP/1.1 abc\r\n\r\n", "{\"results\":[]}\n"] {
        let why = fails_when(runtime, move |_| Answer::Raw(answer.into()));
        assert_eq!(why, "the provider answered with something that is no HTTP", "{answer}");
    }
    let why = fails_when(runtime, |_| Answer::Raw(Vec::new()));
    assert_eq!(why, "the connection to the provider broke");
}

fn a_kept_connection_that_breaks_costs_no_lookup(runtime: Runtime) {
    // As providers do that have kept a connection long enough: they end or reset it while a request is on its way, or
    // after the first bytes of an answer.
    let answer =
        "HTTP/1.1 200 OK\r\nContent-Length: 29\r\n\r\n{\"results\":[],\"status\":\"OK\"}\n";
    for how in [Break::End, Break::Reset, Break::Torn] {
        let provider = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/nearby/json", provider.local_addr().unwrap());
        thread::spawn(move || {
            for connection in provider.incoming() {
                thread::spawn(move || answer_once(connection.unwrap(), answer, how));
            }
        });
        let hill = Plan::alone(runtime).url(url).start_one();
        let mut client = hill.client();
        client.ask("IAMAT kiwi +34.0-118.4 1520023934.5");

        for number in 0..100 {
            client.send("WHATSAT kiwi 10 5\n");
            let body = client.places_reply().1;
            assert!(body.contains("\"status\":\"OK\""), "{how:?}, lookup {number}: {body}");
        }
    }
}

/// How a connection that was kept comes to its end.
#[derive(Clone, Copy, Debug)]
enum Break {
    End,
    Reset,
    Torn,
}

/// Answers the first request of a connection, and breaks it at the second.
fn answer_once(mut connection: TcpStream, answer: &str, how: Break) {
    let mut read_head = {
        let mut reader = BufReader::new(connection.try_clone().unwrap());
        move || {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                // A server that ends leaves its connections too.
                if reader.read_line(&mut head).unwrap_or_default() == 0 {
                    return false;
                }
            }
            true
        }
    };
    if !read_head() {
        return;
    }
    connection.write_all(answer.as_bytes()).unwrap();
    if !read_head() {
        return;
    }
    match how {
        Break::End => {}
        Break::Reset => {
            SockRef::from(&connection).set_linger(Some(Duration::ZERO)).unwrap();
        }
        Break::Torn => connection.write_all(b"HTTP/1.1 2").unwrap(),
    }
}

fn a_request_is_sent_twice_at_most(runtime: Runtime) {
    let upstream = Upstream::start(|_| Answer::Raw(Vec::new()));
    let hill = Plan::alone(runtime).upstream(&upstream).start_one();
    let mut client = hill.client();
    client.ask("IAMAT kiwi +34.0-118.4 1520023934.5");

    for lookups in 1..5 {
        client.send("WHATSAT kiwi 10 5\n");
        failure(&client.places_reply().1);
        assert_eq!(upstream.requests().len(), 2 * lookups);
    }
}

fn what_is_nearly_http_is_taken_by_both_or_named(runtime: Runtime) {
    let body = "{\"results\":[]}";
    let whole = |head: &str| format!("{head}\r\nContent-Length: 14\r\n\r\n{body}");
    let fields: String = (0..200).map(|n| format!("\r\nX-Field-{n}: {n}")).collect();
    for answer in [
        whole(&format!("HTTP/1.1 200 OK{fields}")),
        whole("HTTP/1.1 200 OK\r\nX-Folded: one\r\n two\r\n\tthree"),
        whole("HTTP/1.1 200"),
        whole("HTTP/1.0 200 OK"),
        whole("HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\nHTTP/1.1 200 OK"),
        whole("HTTP/1.1 200 OK\r\nX-Latin: caf\u{e9}"),
        whole("HTTP/1.1 200 OK\r\nContent-Encoding: identity"),
        format!("HTTP/1.1 200 OK\r\n\r\n{body}"),
    ] {
        let upstream = Upstream::start({
            let answer = answer.clone();
            move |_| Answer::Raw(answer.clone().into())
        });
        let hill = Plan::alone(runtime).upstream(&upstream).start_one();
        let mut client = hill.client();
        client.ask("IAMAT kiwi +34.0-118.4 1520023934.5");
        client.send("WHATSAT kiwi 10 5\n");
        assert_eq!(client.places_reply().1, format!("{body}\n\n"), "{answer}");
    }
    let fields: String = (0..600).map(|n| format!("\r\nX-Field-{n}: {n}")).collect();
    for answer in [
        whole(&format!("HTTP/1.1 200 OK{fields}")),
        whole("HTTP/1.1 200 OK\r\nX-Blank : before the colon"),
    ] {
        let raw = answer.clone();
        let why = fails_when(runtime, move |_| Answer::Raw(raw.clone().into()));
        assert_eq!(why, "the provider answered with something that is no HTTP", "{answer}");
    }
    // Lines that end with a bare line feed are what isahc alone does not take.
    let feeds = format!("HTTP/1.1 200 OK\nContent-Length: 14\n\n{body}");
    if runtime == Runtime::AsyncStd {
        let why = fails_when(runtime, move |_| Answer::Raw(feeds.clone().into()));
        assert_eq!(why, "the provider answered with something that is no HTTP");
    }
}

fn a_compressed_answer_is_named(runtime: Runtime) {
    for encoding in ["gzip", "br", "deflate, gzip"] {
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: 4\r\n");
        let why =
            fails_when(runtime, move |_| Answer::Raw(format!("{head}\r\n\x1f\x08\x01\x02").into()));
        assert_eq!(why, "the provider's answer is compressed though not asked");
    }
}

fn why_a_lookup_failed_is_in_the_log_without_the_key(runtime: Runtime) {
    let closed = free_address();
    let speaks_no_tls = Upstream::serving("{}");
    // Longer than a name may be: nobody has to be asked.
    let unknown = "x".repeat(64);
    for (url, reason) in [
        (format!("http://{closed}/nearby/json"), "onnect"),
        (format!("http://{unknown}.invalid/nearby/json"), "resol|address information"),
        (format!("https://{}/nearby/json", speaks_no_tls.address()), "SSL|TLS|tls"),
    ] {
        let hill = Plan::alone(runtime).url(url.clone()).key("SES AME").start_one();
        let mut client = hill.client();
        client.ask("IAMAT kiwi +34.0-118.4 1520023934.5");

        client.send("WHATSAT kiwi 10 5\n");

        assert_eq!(failure(&client.places_reply().1), "the provider can not be reached");
        eventually(PATIENCE, || hill.log().contains("lookup 1 took"));
        let log = hill.log();
        let line =
            log.lines().find(|line| line.contains("lookup 1 failed: ")).expect("it says why");
        assert!(reason.split('|').any(|reason| line.contains(reason)), "{line}");
        assert!(!log.contains("SES") && !log.contains("AME"), "{log}");
    }
}

fn a_failure_is_over_with_the_next_answer(runtime: Runtime) {
    let upstream = Upstream::start(|request| match request.nth {
        0 => Answer::Raw(Vec::new()),
        1 => Answer::Status(500, Vec::new()),
        _ => Answer::body("{\"results\":[],\"status\":\"OK\"}"),
    });
    let hill = Plan::alone(runtime).upstream(&upstream).start_one();
    let mut client = hill.client();
    client.ask("IAMAT kiwi +34.0-118.4 1520023934.5");

    // An HTTP client may ask again on a fresh connection where the first one broke.
    let mut body = String::new();
    for _ in 0..3 {
        client.send("WHATSAT kiwi 10 5\n");
        body = client.places_reply().1;
    }

    assert_eq!(body, "{\"results\":[],\"status\":\"OK\"}\n\n");
}

fn a_late_answer_never_reaches_another_question(runtime: Runtime) {
    // Every other request is answered only after its time is over, and each answer names its question.
    let upstream = Upstream::start(|request: &Request| {
        let answer = Answer::body(format!("{{\"asked\":\"{}\"}}", request.target()));
        let is_late = request.target().contains("radius=1000&");
        if is_late { answer.late(Duration::from_millis(350)) } else { answer }
    });
    let hill = Plan::alone(runtime).upstream(&upstream).key("K").timeout_ms(250).start_one();
    let mut client = hill.client();
    client.ask("IAMAT kiwi +34.0-118.4 1520023934.5");

    for _ in 0..8 {
        client.send("WHATSAT kiwi 1 5\n");
        failure(&client.places_reply().1);
        client.send("WHATSAT kiwi 2 5\n");
        let body = client.places_reply().1;
        let asked = "{\"asked\":\"/nearby/json?location=34.0,-118.4&radius=2000&key=K\"}\n\n";
        assert!(body == asked || body.contains("UNKNOWN_ERROR"), "{body}");
    }
    // A busy machine may let a prompt answer come too late, but not all of them.
    client.send("WHATSAT kiwi 3 5\n");
    assert!(client.places_reply().1.contains("radius=3000"));
}

fn waiting_for_a_turn_costs_no_time(runtime: Runtime) {
    let gate = Gate::new();
    let upstream = Upstream::start({
        let gate = gate.clone();
        move |request| {
            if request.nth == 0 { Answer::silence() } else { Answer::body("{}").held(&gate) }
        }
    });
    let plan = Plan::alone(runtime).upstream(&upstream).limit("lookups", 1).timeout_ms(1000);
    let hill = plan.start_one();
    let mut client = hill.client();
    client.ask("IAMAT kiwi +34.0-118.4 1520023934.5");

    // The second waits as long as the first may take, and has its own time still before it.
    client.send("WHATSAT kiwi 1 1\nWHATSAT kiwi 2 2\n");
    failure(&client.places_reply().1);
    upstream.wait_for_requests(2);
    gate.open();

    assert_eq!(client.places_reply().1, "{}\n\n");
}

fn a_chunked_body_is_read_whole(runtime: Runtime) {
    let upstream = Upstream::start(|_| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        Answer::Raw(
            format!("{head}5\r\n{{\"res\r\na\r\nults\":[1,2\r\n2\r\n]}}\r\n0\r\n\r\n").into(),
        )
    });
    let hill = Plan::alone(runtime).upstream(&upstream).start_one();
    let mut client = hill.client();
    client.ask("IAMAT kiwi +34.0-118.4 1520023934.5");

    client.send("WHATSAT kiwi 10 1\n");

    assert_eq!(client.places_reply().1, "{\"results\":[1]}\n\n");
}

/// Checks that a question fails politely where the provider behaves like this, with little patience.
#[track_caller]
fn fails_when(
    runtime: Runtime,
    behaviour: impl Fn(&Request) -> Answer + Send + Sync + 'static,
) -> String {
    let upstream = Upstream::start(behaviour);
    fails(Plan::alone(runtime).upstream(&upstream).timeout_ms(500))
}

/// A lookup fails, and what comes after it is answered. What its answer says.
#[track_caller]
fn fails(plan: Plan) -> String {
    let hill = plan.start_one();
    let mut client = hill.client();
    let at = client.ask("IAMAT kiwi +34.0-118.4 1520023934.5");

    client.send("WHATSAT kiwi 10 5\nend\n");

    let (again, body) = client.places_reply();
    assert_eq!(again, at);
    assert_eq!(client.line(), "? end");
    failure(&body)
}

/// What a body says that has to be that of a failure.
#[track_caller]
fn failure(body: &str) -> String {
    let parsed: Value = serde_json::from_str(body).expect("a failure is JSON");
    assert_eq!(parsed["html_attributions"], Value::Array(Vec::new()));
    assert_eq!(parsed["results"], Value::Array(Vec::new()));
    assert_eq!(parsed["status"], "UNKNOWN_ERROR");
    assert_eq!(parsed.as_object().map(serde_json::Map::len), Some(4));
    assert_eq!(body.trim_end_matches('\n').len() + 2, body.len());
    let why = parsed["error_message"].as_str().expect("a failure says why");
    assert!(!why.is_empty(), "{body}");
    why.to_owned()
}
