//! Which of two reports about one client a server keeps.

use herd_tests::{Plan, Runtime, on_both, wall_nanos};

on_both!(
    a_later_report_replaces_an_earlier_one,
    a_report_older_than_the_known_one_is_answered_and_forgotten,
    of_two_reports_with_one_stamp_the_first_stands,
    the_same_stamp_written_differently_is_the_same_stamp,
    time_is_compared_exactly,
    a_report_from_too_far_ahead_is_answered_and_forgotten,
    how_far_ahead_is_too_far_can_be_switched_off,
    clients_do_not_mix,
);

fn a_later_report_replaces_an_earlier_one(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();

    client.ask("IAMAT kiwi +1-1 100");
    let later = client.ask("IAMAT kiwi +2-2 100.000000001");

    assert_eq!(client.whats_at("kiwi"), Some(later));
}

fn a_report_older_than_the_known_one_is_answered_and_forgotten(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();

    let known = client.ask("IAMAT kiwi +1-1 100");
    let older = client.ask("IAMAT kiwi +2-2 99.999999999");

    assert!(older.starts_with("AT Hill ") && older.ends_with(" kiwi +2-2 99.999999999"), "{older}");
    assert_eq!(client.whats_at("kiwi"), Some(known));
}

fn of_two_reports_with_one_stamp_the_first_stands(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();

    // The second is smaller by bytes the first time and greater the second time.
    for (id, first, second) in [("kiwi", "+2-2", "+1-1"), ("emu", "+1-1", "+2-2")] {
        let known = client.ask(&format!("IAMAT {id} {first} 100"));
        let repeated = client.ask(&format!("IAMAT {id} {second} 100"));

        assert!(repeated.ends_with(&format!(" {id} {second} 100")), "{repeated}");
        assert_eq!(client.whats_at(id), Some(known));
    }
}

fn the_same_stamp_written_differently_is_the_same_stamp(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();

    let known = client.ask("IAMAT kiwi +1-1 100.5");
    client.ask("IAMAT kiwi +2-2 +0100.500000000");
    let zero = client.ask("IAMAT emu +1-1 -0");
    client.ask("IAMAT emu +2-2 +0.0");

    assert_eq!(client.whats_at("kiwi"), Some(known));
    assert_eq!(client.whats_at("emu"), Some(zero));
}

fn time_is_compared_exactly(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();

    // Both round to the same float.
    client.ask("IAMAT kiwi +1-1 1520023934.918963997");
    let later = client.ask("IAMAT kiwi +2-2 1520023934.918963998");
    client.ask("IAMAT kiwi +3-3 1520023934.918963997");
    client.ask("IAMAT emu +1-1 -100.25");
    let nearer = client.ask("IAMAT emu +2-2 -100.125");

    assert_eq!(client.whats_at("kiwi"), Some(later));
    assert_eq!(client.whats_at("emu"), Some(nearer));
}

fn a_report_from_too_far_ahead_is_answered_and_forgotten(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();

    let bold = client.ask(&format!("IAMAT kiwi +1-1 {}", seconds_ahead(86_400 + 600)));
    assert!(bold.starts_with("AT Hill -8"), "{bold}");
    assert_eq!(client.whats_at("kiwi"), None);

    let sane = client.ask("IAMAT kiwi +2-2 100");
    client.ask("IAMAT kiwi +1-1 9223372036.854775807");
    assert_eq!(client.whats_at("kiwi"), Some(sane));

    let near = client.ask(&format!("IAMAT kiwi +3-3 {}", seconds_ahead(86_400 - 600)));
    assert_eq!(client.whats_at("kiwi"), Some(near));
}

fn how_far_ahead_is_too_far_can_be_switched_off(runtime: Runtime) {
    let hill = Plan::alone(runtime).limit("ahead_s", 0).start_one();
    let mut client = hill.client();

    let bold = client.ask("IAMAT kiwi +1-1 9223372036.854775807");

    assert_eq!(client.whats_at("kiwi"), Some(bold));
}

fn clients_do_not_mix(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();

    let ids = ["kiwi", "Kiwi", "kiwi.", "kiw", "k"];
    let known = ids.map(|id| client.ask(&format!("IAMAT {id} +1-1 100")));

    for (id, known) in ids.into_iter().zip(known) {
        assert_eq!(hill.client().whats_at(id), Some(known));
    }
    assert_eq!(client.whats_at("KIWI"), None);
}

fn seconds_ahead(seconds: i128) -> i128 {
    wall_nanos() / 1_000_000_000 + seconds
}
