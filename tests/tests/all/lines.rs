//! Lines: how bytes become commands, and how what is no command is answered.

use herd_tests::{Answer, At, Gate, Plan, Runtime, Upstream, on_both};

on_both!(
    all_kinds_of_white_space_separate_and_surround_fields,
    other_control_bytes_are_part_of_a_field,
    an_invalid_line_comes_back_byte_for_byte,
    a_carriage_return_goes_with_its_line_feed,
    an_empty_line_is_an_invalid_command,
    a_command_name_is_upper_case,
    bytes_that_are_not_utf_8_are_a_client_id_like_any_other,
    a_command_may_come_a_byte_at_a_time,
    many_commands_in_one_segment_are_answered_in_order,
    an_unterminated_last_line_is_a_line,
    the_end_of_input_after_a_line_feed_is_not_another_line,
    a_half_close_loses_no_answer,
    a_server_says_nothing_unasked,
);

fn all_kinds_of_white_space_separate_and_surround_fields(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();

    client.send(b"\t\x0b\x0c\r IAMAT\tkiwi\x0b \x0c+34.0-118.4\r\r1520023934.5 \t\x0b\x0c\r\n");

    let at = At::parse(&client.line());
    assert_eq!((&*at.client, &*at.location, &*at.time), ("kiwi", "+34.0-118.4", "1520023934.5"));
}

fn other_control_bytes_are_part_of_a_field(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();

    // NUL, the separators that Python strips from text, NEL and no-break space in UTF-8.
    let id = b"a\x00\x1c\x1d\x1e\x1f\xc2\x85\xc2\xa0b";
    client.send([b"IAMAT ", &id[..], b" +34.0-118.4 1520023934.5\n"].concat());

    let reply = client.line_bytes();
    let tail = [b" ", &id[..], b" +34.0-118.4 1520023934.5"].concat();
    assert!(reply.starts_with(b"AT Hill +") && reply.ends_with(&tail), "{reply:?}");
}

fn an_invalid_line_comes_back_byte_for_byte(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();

    for line in [
        &b"hello"[..],
        b"  two  spaces\tand a tab ",
        b"IAMAT kiwi",
        b"WHATSAT nobody 10 5",
        b"\x0b\x0c",
        b"\x00\x01\x7f\x80\xfe\xff",
        b"IAMAT \xff +34.0-118.4 never ",
        "grüße 🥝".as_bytes(),
        b"? hello",
        b"AT Hill +0.263873386 kiwi +34.068930-118.445127 1520023934.918963997",
    ] {
        client.send([line, b"\n"].concat());
        assert_eq!(client.line_bytes(), [b"? ", line].concat());
    }
}

fn a_carriage_return_goes_with_its_line_feed(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();

    client.send("one\r\ntwo\r\r\nth\rree\n\rfour\r");
    client.finish();

    assert_eq!(client.rest_text(), "? one\n? two\r\n? th\rree\n? \rfour\n");
}

fn an_empty_line_is_an_invalid_command(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();

    client.send("\n\r\n \n\t \r\n\r");
    client.finish();

    assert_eq!(client.rest_text(), "? \n? \n?  \n? \t \n? \n");
}

fn a_command_name_is_upper_case(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();

    for name in ["iamat", "Iamat", "IAMATE", "IAMA", "IamAt"] {
        let line = format!("{name} kiwi +34.0-118.4 1520023934.5");
        assert_eq!(client.ask(&line), format!("? {line}"));
    }
    assert_eq!(client.ask("whatsat kiwi 10 5"), "? whatsat kiwi 10 5");
}

fn bytes_that_are_not_utf_8_are_a_client_id_like_any_other(runtime: Runtime) {
    let upstream = Upstream::serving("{}");
    let hill = Plan::alone(runtime).upstream(&upstream).start_one();
    let mut client = hill.client();

    client.send(b"IAMAT \xff\xfe\x80 +34.0-118.4 1520023934.5\n");
    let at = client.line_bytes();
    client.send(b"WHATSAT \xff\xfe\x80 10 5\n");

    assert!(at.ends_with(b" \xff\xfe\x80 +34.0-118.4 1520023934.5"), "{at:?}");
    assert_eq!(client.line_bytes(), at);
    assert_eq!(client.exactly(4), b"{}\n\n");
}

fn a_command_may_come_a_byte_at_a_time(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();

    for byte in b"IAMAT kiwi +34.0-118.4 1520023934.5\r\nnonsense\r\n" {
        client.send([*byte]);
    }

    assert!(client.line().ends_with(" kiwi +34.0-118.4 1520023934.5"));
    assert_eq!(client.line(), "? nonsense");
}

fn many_commands_in_one_segment_are_answered_in_order(runtime: Runtime) {
    let gate = Gate::new();
    let upstream = Upstream::start({
        let gate = gate.clone();
        move |request| {
            // The earliest lookups are answered last, so that order is not luck.
            let answer = Answer::body(format!(r#"{{"n":"{}"}}"#, request.target()));
            if request.target().contains("location=0,") { answer.held(&gate) } else { answer }
        }
    });
    let hill = Plan::alone(runtime).upstream(&upstream).start_one();
    let mut client = hill.client();

    let mut segment = String::new();
    for n in 0..16 {
        segment.push_str(&format!("IAMAT c{n} +{n}-118.4 1520023934.5\nnonsense {n}\n"));
        segment.push_str(&format!("WHATSAT c{n} 10 5\nWHATSAT d{n} 10 5\n"));
    }
    client.send(segment);
    upstream.wait_for_requests(16);
    gate.open();

    for n in 0..16 {
        let at = client.line();
        assert!(at.ends_with(&format!(" c{n} +{n}-118.4 1520023934.5")), "{at}");
        assert_eq!(client.line(), format!("? nonsense {n}"));
        let (again, body) = client.places_reply();
        assert_eq!(again, at);
        assert!(body.contains(&format!("location={n},-118.4&")), "{body}");
        assert_eq!(client.line(), format!("? WHATSAT d{n} 10 5"));
    }
}

fn an_unterminated_last_line_is_a_line(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    for (sent, tail) in [
        ("IAMAT kiwi +34.0-118.4 1520023934.5", " kiwi +34.0-118.4 1520023934.5\n"),
        ("IAMAT kiwi +34.0-118.4 1520023934.5\r", " kiwi +34.0-118.4 1520023934.5\n"),
        ("first\nnonsense", "? first\n? nonsense\n"),
        (" ", "?  \n"),
    ] {
        let mut client = hill.client();
        client.send(sent);
        client.finish();
        let answer = client.rest_text();
        assert!(answer.ends_with(tail), "{sent:?} is answered by {answer:?}");
    }
}

fn the_end_of_input_after_a_line_feed_is_not_another_line(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    for (sent, answer) in [("", ""), ("one\n", "? one\n"), ("\n", "? \n")] {
        let mut client = hill.client();
        client.send(sent);
        client.finish();
        assert_eq!(client.rest_text(), answer);
    }
}

fn a_half_close_loses_no_answer(runtime: Runtime) {
    let gate = Gate::new();
    let upstream = Upstream::start({
        let gate = gate.clone();
        move |_| Answer::body("{}").held(&gate)
    });
    let hill = Plan::alone(runtime).upstream(&upstream).start_one();
    let mut client = hill.client();

    client
        .send("IAMAT kiwi +34.0-118.4 1520023934.5\nWHATSAT kiwi 1 1\nnonsense\nWHATSAT kiwi 2 2");
    client.finish();
    upstream.wait_for_requests(2);
    gate.open();

    let at = client.line();
    assert_eq!(client.rest_text(), format!("{at}\n{{}}\n\n? nonsense\n{at}\n{{}}\n\n"));
}

fn a_server_says_nothing_unasked(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();

    client.send("no line feed yet");

    assert!(!client.stirs_within(core::time::Duration::from_millis(300)));
    assert_eq!(client.ask(""), "? no line feed yet");
}
