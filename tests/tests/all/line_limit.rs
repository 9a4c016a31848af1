//! Lines that are too long: answered at once, skipped in constant memory, and then life goes on.

use core::time::Duration;
use herd_tests::{Client, Plan, Runtime, Server, on_both};

on_both!(
    a_line_that_is_too_long_is_answered_before_it_ends,
    the_line_after_one_that_was_too_long_works,
    a_line_of_exactly_the_limit_is_a_line,
    a_carriage_return_counts,
    an_unterminated_line_that_is_too_long_is_answered_once,
    the_limit_is_8192_bytes_unless_configured,
    a_line_without_end_costs_no_memory,
);

fn a_line_that_is_too_long_is_answered_before_it_ends(runtime: Runtime) {
    let (_hill, mut client) = limited_to_100(runtime);

    client.send("x".repeat(100));
    assert!(!client.stirs_within(Duration::from_millis(100)));
    client.send("y");

    assert_eq!(client.line(), format!("? {}", "x".repeat(100)));
}

fn the_line_after_one_that_was_too_long_works(runtime: Runtime) {
    let (_hill, mut client) = limited_to_100(runtime);

    client.send(format!("{}\nIAMAT kiwi +34.0-118.4 1520023934.5\n", "x".repeat(1000)));
    client.send(format!("{}\r\r", "y".repeat(150)));
    client.send("z".repeat(50));
    client.send("\nshort\n");

    assert_eq!(client.line(), format!("? {}", "x".repeat(100)));
    assert!(client.line().ends_with(" kiwi +34.0-118.4 1520023934.5"));
    assert_eq!(client.line(), format!("? {}", "y".repeat(100)));
    assert_eq!(client.line(), "? short");
}

fn a_line_of_exactly_the_limit_is_a_line(runtime: Runtime) {
    let (_hill, mut client) = limited_to_100(runtime);
    let command = "IAMAT kiwi +34.0-118.4 1520023934.5";

    client.send(format!("{command:100}\n{command:101}\n{}\n", "x".repeat(100)));

    assert!(client.line().ends_with(" kiwi +34.0-118.4 1520023934.5"));
    assert_eq!(client.line(), format!("? {command:100}"));
    assert_eq!(client.line(), format!("? {}", "x".repeat(100)));
}

fn a_carriage_return_counts(runtime: Runtime) {
    let (_hill, mut client) = limited_to_100(runtime);
    let (short, full) = ("x".repeat(99), "y".repeat(100));

    client.send(format!("{short}\r\n{full}\r\nend\n"));

    assert_eq!(client.line(), format!("? {short}"));
    assert_eq!(client.line(), format!("? {full}"));
    assert_eq!(client.line(), "? end");
}

fn an_unterminated_line_that_is_too_long_is_answered_once(runtime: Runtime) {
    let (_hill, mut client) = limited_to_100(runtime);

    client.send("x".repeat(300));
    client.finish();

    assert_eq!(client.rest_text(), format!("? {}\n", "x".repeat(100)));
}

fn the_limit_is_8192_bytes_unless_configured(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();
    let command = "IAMAT kiwi +34.0-118.4 1520023934.5";

    client.send(format!("{command:8192}\n{command:8193}\nend\n"));

    assert!(client.line().ends_with(" kiwi +34.0-118.4 1520023934.5"));
    assert_eq!(client.line(), format!("? {command:8192}"));
    assert_eq!(client.line(), "? end");
}

/// Beside what the log holds until it is written, which has a limit of its own.
fn a_line_without_end_costs_no_memory(runtime: Runtime) {
    const LOG: u64 = 2 * (8 << 20);
    let mut hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();
    let sixteen_megabytes = vec![b'x'; 16 << 20];
    client.send(&sixteen_megabytes);
    client.line();
    let before = hill.program().resident_bytes();

    for _ in 0..8 {
        client.send(&sixteen_megabytes);
    }
    assert_eq!(client.ask("\nend"), "? end");

    let grown = hill.program().resident_bytes().saturating_sub(before);
    assert!(grown < LOG + (4 << 20), "grew by {grown} bytes");
}

fn limited_to_100(runtime: Runtime) -> (Server, Client) {
    let hill = Plan::alone(runtime).limit("line_bytes", 100).start_one();
    let client = hill.client();
    (hill, client)
}
