//! IAMAT: what is a report, and how it is answered.

use herd_tests::{At, Client, Plan, Runtime, on_both, wall_nanos};

on_both!(
    a_report_is_answered_by_an_at_line,
    the_difference_is_receipt_minus_report,
    the_operands_come_back_as_they_were_written,
    a_report_has_exactly_three_operands,
    a_location_is_two_signed_decimal_degrees,
    anything_else_is_no_location,
    a_location_has_128_bytes_at_most,
    a_time_is_seconds_with_up_to_nine_decimals,
    anything_else_is_no_time,
    a_time_fits_in_64_bits_of_nanoseconds,
    a_time_has_64_bytes_at_most,
    a_client_id_has_255_bytes_at_most,
    a_configured_limit_on_client_ids_holds,
);

fn a_report_is_answered_by_an_at_line(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();

    let at = At::parse(
        &hill.client().ask("IAMAT kiwi.cs.ucla.edu +34.068930-118.445127 1520023934.918963997"),
    );

    assert_eq!(at.server, "Hill");
    assert_eq!(at.client, "kiwi.cs.ucla.edu");
    assert_eq!(at.location, "+34.068930-118.445127");
    assert_eq!(at.time, "1520023934.918963997");
}

fn the_difference_is_receipt_minus_report(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();
    for (time, nanos) in [
        ("1520023934.918963997", 1_520_023_934_918_963_997),
        ("-0.000000001", -1),
        ("9000000000.5", 9_000_000_000_500_000_000),
        ("0", 0),
    ] {
        let before = wall_nanos();
        let at = At::parse(&client.ask(&format!("IAMAT kiwi +34.0-118.4 {time}")));
        let after = wall_nanos();

        let received = at.skew_nanos + nanos;
        assert!((before..=after).contains(&received), "{before} {received} {after}");
    }
}

fn the_operands_come_back_as_they_were_written(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();
    for operands in [
        "kiwi +034.068930-0118.4451270 +01520023934.900",
        "{}[]\\\"'<&> +0-0 -0",
        "AT +00.0-000.000 00000.0",
        "IAMAT -90.000000+180.0 1520023934",
    ] {
        let reply = client.ask(&format!("IAMAT {operands}"));
        assert!(
            reply.starts_with("AT Hill ") && reply.ends_with(&format!(" {operands}")),
            "{reply}"
        );
    }
}

fn a_report_has_exactly_three_operands(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();
    refuses(&mut client, "IAMAT");
    refuses(&mut client, "IAMAT kiwi");
    refuses(&mut client, "IAMAT kiwi +34.0-118.4");
    refuses(&mut client, "IAMAT kiwi +34.0-118.4 1520023934.5 more");
    refuses(&mut client, "IAMAT kiwi +34.0 -118.4 1520023934.5");
}

fn a_location_is_two_signed_decimal_degrees(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();
    for location in [
        "+34.068930-118.445127",
        "+0+0",
        "-0-0",
        "+90+180",
        "-90-180",
        "+90.000-180.0000000000",
        "+89.99999999999999999999999-179.9999999999999999999999",
        "+0034-00118.40",
        "+00000000090+00000000180",
        "-00.0000000000000000001+1",
    ] {
        accepts(&mut client, &format!("IAMAT kiwi {location} 1520023934.5"));
    }
}

fn anything_else_is_no_location(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();
    for location in [
        "34.0-118.4",
        "+34.0118.4",
        "+34.0",
        "+34.0-",
        "-118.4",
        "+-118.4",
        "++34-118",
        "+34--118",
        "+34.-118.4",
        "+34.0-118.",
        "+.5-118.4",
        "+34.0-.4",
        "+34.0.0-118.4",
        "+34,0-118,4",
        "+34.0,-118.4",
        "+3e1-118.4",
        "+34.0-1e2",
        "+0x22-118.4",
        "+34.0-118.4/",
        "+34.0-118.4+10",
        "+34.0-118.4+10/",
        "+3404.1-11826.7",
        "+340408.1-1182642.5",
        "+90.00000000000000000001+0",
        "-90.1+0",
        "+91+0",
        "+0+180.00000000000000000001",
        "+0-180.1",
        "+0+181",
        "+99999999999999999999999+0",
        "+nan-118.4",
        "+inf-118.4",
        "+٣٤-١١٨",
        "+34_0-118",
        "/",
        "+",
    ] {
        refuses(&mut client, &format!("IAMAT kiwi {location} 1520023934.5"));
    }
}

fn a_location_has_128_bytes_at_most(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();
    let zeros = |count: usize| "0".repeat(count);
    let fits = format!("+34.{}-118.{}", zeros(60), zeros(59));
    assert_eq!(fits.len(), 128);

    accepts(&mut client, &format!("IAMAT kiwi {fits} 1520023934.5"));
    accepts(&mut client, &format!("IAMAT kiwi +{}34-118 1520023934.5", zeros(121)));
    refuses(&mut client, &format!("IAMAT kiwi {fits}0 1520023934.5"));
    refuses(&mut client, &format!("IAMAT kiwi +{}34-118 1520023934.5", zeros(122)));
}

fn a_time_is_seconds_with_up_to_nine_decimals(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();
    for time in [
        "0",
        "-0",
        "+0.0",
        "1520023934",
        "+1520023934.9",
        "-1520023934.918963997",
        "1520023934.000000000",
        "000001520023934.5",
        "1.123456789",
    ] {
        accepts(&mut client, &format!("IAMAT kiwi +34.0-118.4 {time}"));
    }
}

fn anything_else_is_no_time(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();
    for time in [
        "1520023934.1234567890",
        "1.0000000000",
        "1520023934.",
        ".5",
        ".",
        "+",
        "-",
        "+.5",
        "--1",
        "+-1",
        "1520023934,5",
        "1.5.5",
        "1e9",
        "1.5e9",
        "1E9",
        "0x5a99b5fe",
        "1_520_023_934",
        "nan",
        "NaN",
        "inf",
        "-inf",
        "infinity",
        "now",
        "١٥٢٠",
        "1520023934s",
    ] {
        refuses(&mut client, &format!("IAMAT kiwi +34.0-118.4 {time}"));
    }
}

fn a_time_fits_in_64_bits_of_nanoseconds(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();
    for time in ["9223372036.854775807", "9223372036", "-9223372036.854775808", "-9223372036.85"] {
        accepts(&mut client, &format!("IAMAT kiwi +34.0-118.4 {time}"));
    }
    for time in [
        "9223372036.854775808",
        "9223372036.9",
        "9223372037",
        "-9223372036.854775809",
        "-9223372037",
        "18446744073.709551616",
        "99999999999999999999999999",
    ] {
        refuses(&mut client, &format!("IAMAT kiwi +34.0-118.4 {time}"));
    }
}

fn a_time_has_64_bytes_at_most(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();
    accepts(&mut client, &format!("IAMAT kiwi +34.0-118.4 {:064}", 1_520_023_934));
    refuses(&mut client, &format!("IAMAT kiwi +34.0-118.4 {:065}", 1_520_023_934));
}

fn a_client_id_has_255_bytes_at_most(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();
    accepts(&mut client, &format!("IAMAT {} +34.0-118.4 1520023934.5", "k".repeat(255)));
    refuses(&mut client, &format!("IAMAT {} +34.0-118.4 1520023934.5", "k".repeat(256)));
}

fn a_configured_limit_on_client_ids_holds(runtime: Runtime) {
    let hill = Plan::alone(runtime).limit("client_id_bytes", 4).start_one();
    let mut client = hill.client();
    accepts(&mut client, "IAMAT kiwi +34.0-118.4 1520023934.5");
    refuses(&mut client, "IAMAT kiwis +34.0-118.4 1520023934.5");
}

#[track_caller]
fn accepts(client: &mut Client, command: &str) {
    let reply = client.ask(command);
    assert!(reply.starts_with("AT Hill "), "{reply}");
    let operands = command.strip_prefix("IAMAT").unwrap();
    assert!(reply.ends_with(operands), "{reply}");
    At::parse(&reply);
}

#[track_caller]
fn refuses(client: &mut Client, command: &str) {
    assert_eq!(client.ask(command), format!("? {command}"));
}
