//! `IAMAT`: every report is answered, and the newest is kept.

use herd_core::{Config, Limits, Notice};
use proptest::prelude::*;

use crate::support::{Server, Stranger, config, limited};

#[test]
fn a_report_is_answered_as_the_description_says() {
    let mut hill = Server::hill();
    let conn = hill.client();
    assert_eq!(
        hill.asks(conn, "IAMAT kiwi.cs.ucla.edu +34.068930-118.445127 1520023934.918963997"),
        "AT Hill +0.263873386 kiwi.cs.ucla.edu +34.068930-118.445127 1520023934.918963997\n"
    );
}

#[test]
fn a_difference_has_its_sign_and_nine_decimals() {
    let mut hill = Server::hill();
    let conn = hill.client();
    for (time, difference) in [
        ("1520023935.182837383", "+0.000000000"),
        ("1520023935.182837384", "-0.000000001"),
        ("1520023936", "-0.817162617"),
        ("1520023935.1", "+0.082837383"),
        ("0", "+1520023935.182837383"),
        ("-1", "+1520023936.182837383"),
        ("9223372036.854775807", "-7703348101.671938424"),
        ("-9223372036.854775808", "+10743395972.037613191"),
    ] {
        let answer = hill.asks(conn, &format!("IAMAT kiwi +1-2 {time}"));
        assert_eq!(answer, format!("AT Hill {difference} kiwi +1-2 {time}\n"));
    }
}

#[test]
fn operands_come_back_as_the_client_wrote_them() {
    let mut hill = Server::hill();
    let conn = hill.client();
    assert_eq!(
        hill.asks(conn, "IAMAT kiwi +0034.0-000.00 +001520023935.1828373830".trim_end_matches('0')),
        "AT Hill +0.000000000 kiwi +0034.0-000.00 +001520023935.182837383\n"
    );
}

#[test]
fn what_is_not_exactly_a_report_is_invalid() {
    let mut hill = Server::hill();
    let conn = hill.client();
    for line in [
        "IAMAT",
        "IAMAT kiwi",
        "IAMAT kiwi +1-2",
        "IAMAT kiwi +1-2 3 4",
        "iamat kiwi +1-2 3",
        "Iamat kiwi +1-2 3",
        "IAMATS kiwi +1-2 3",
        "IAMAT kiwi 1-2 3",
        "IAMAT kiwi +1 3",
        "IAMAT kiwi +1-2/ 3",
        "IAMAT kiwi +1-2+3 3",
        "IAMAT kiwi +90.1-2 3",
        "IAMAT kiwi -91-2 3",
        "IAMAT kiwi +1-180.0000000000000000001 3",
        "IAMAT kiwi +1.-2 3",
        "IAMAT kiwi +.1-2 3",
        "IAMAT kiwi +1,-2 3",
        "IAMAT kiwi +1-2 3.",
        "IAMAT kiwi +1-2 .3",
        "IAMAT kiwi +1-2 3.0123456789",
        "IAMAT kiwi +1-2 3e5",
        "IAMAT kiwi +1-2 nan",
        "IAMAT kiwi +1-2 inf",
        "IAMAT kiwi +1-2 --3",
        "IAMAT kiwi +1-2 0x10",
        "IAMAT kiwi +1-2 9223372036.854775808",
        "IAMAT kiwi +1-2 -9223372036.854775809",
        "IAMAT kiwi +1-2 99999999999999999999",
        "AT Hill +0.263873386 kiwi +1-2 3",
        "AT Hill +0.263873386 kiwi +1-2 3 Jaquez",
    ] {
        assert_eq!(hill.asks(conn, line), format!("? {line}\n"));
    }
    assert_eq!(hill.table(), [""; 0]);
}

#[test]
fn the_edges_of_the_earth_and_of_the_fields_are_valid() {
    let mut hill = Server::hill();
    let conn = hill.client();
    let long_id = "k".repeat(255);
    let long_location = format!("+34.{}-118", "0".repeat(120));
    let long_time = format!("{}1520023930", "0".repeat(54));
    for (client, location, time) in [
        ("kiwi", "+90-180", "1"),
        ("kiwi", "-90.000+180.000", "1"),
        ("kiwi", "-0+0", "-0"),
        (&*long_id, "+1-2", "1"),
        ("kiwi", &*long_location, "1"),
        ("kiwi", "+1-2", &*long_time),
    ] {
        let answer = hill.asks(conn, &format!("IAMAT {client} {location} {time}"));
        assert!(answer.ends_with(&format!(" {client} {location} {time}\n")), "{answer}");
        assert!(answer.starts_with("AT Hill "), "{answer}");
    }
    for line in [
        format!("IAMAT {long_id}k +1-2 1"),
        format!("IAMAT kiwi {long_location}0 1"),
        format!("IAMAT kiwi +1-2 0{long_time}"),
    ] {
        assert_eq!(hill.asks(conn, &line), format!("? {line}\n"));
    }
}

#[test]
fn an_older_report_is_answered_and_not_kept() {
    let mut hill = Server::hill();
    let conn = hill.client();
    hill.says(conn, "IAMAT kiwi +1-2 1520023935.182837383");
    hill.heard(conn);
    assert_eq!(
        hill.asks(conn, "IAMAT kiwi +3-4 1520023934.182837383"),
        "AT Hill +1.000000000 kiwi +3-4 1520023934.182837383\n"
    );
    let kept = "AT Hill +0.000000000 kiwi +1-2 1520023935.182837383";
    assert_eq!(hill.record("kiwi").as_deref(), Some(kept));
}

#[test]
fn of_two_reports_with_one_stamp_the_first_stands() {
    let mut hill = Server::new(config("Hill", &["Jaquez"]));
    let link = hill.links(&Stranger::named("Jaquez"));
    let conn = hill.client();
    hill.says(conn, "IAMAT kiwi +3-4 1520023935");
    hill.waits_ms(1);
    hill.says(conn, "IAMAT kiwi +3-4 1520023935");
    hill.says(conn, "IAMAT kiwi +9-9 1520023935.000");
    assert_eq!(
        hill.heard(conn).lines().nth(2),
        Some("AT Hill +0.183837383 kiwi +9-9 1520023935.000")
    );
    let first = "AT Hill +0.182837383 kiwi +3-4 1520023935";
    assert_eq!(hill.record("kiwi").as_deref(), Some(first));
    assert_eq!(hill.told(link), [first]);
}

#[test]
fn only_news_is_passed_on() {
    let mut hill = Server::new(config("Hill", &["Jaquez"]));
    let link = hill.links(&Stranger::named("Jaquez"));
    let conn = hill.client();
    hill.says(conn, "IAMAT kiwi +1-2 1520023934.182837383");
    assert_eq!(hill.told(link), ["AT Hill +1.000000000 kiwi +1-2 1520023934.182837383"]);
    hill.says(conn, "IAMAT kiwi +3-4 1520023933.182837383");
    assert!(hill.told(link).is_empty());
    hill.says(conn, "IAMAT kiwi +5-6 1520023935.182837383");
    assert_eq!(hill.told(link), ["AT Hill +0.000000000 kiwi +5-6 1520023935.182837383"]);
}

#[test]
fn a_report_from_the_far_future_is_answered_and_not_kept() {
    let mut hill = Server::hill();
    let conn = hill.client();
    assert_eq!(
        hill.asks(conn, "IAMAT kiwi +1-2 1520110335.182837384"),
        "AT Hill -86400.000000001 kiwi +1-2 1520110335.182837384\n"
    );
    assert_eq!(hill.record("kiwi"), None);
    assert_eq!(hill.counters().ahead, 1);
    assert!(hill.logged().contains(&Notice::Ahead { conn }));
    hill.says(conn, "IAMAT kiwi +1-2 1520110335.182837383");
    assert!(hill.record("kiwi").is_some());
}

#[test]
fn how_far_ahead_is_far_can_be_set_and_switched_off() {
    let mut hill = Server::new(limited(Limits { ahead_s: 1, ..Limits::default() }));
    let conn = hill.client();
    hill.says(conn, "IAMAT kiwi +1-2 1520023936.182837384");
    assert_eq!(hill.record("kiwi"), None);

    let mut hill = Server::new(limited(Limits { ahead_s: 0, ..Limits::default() }));
    let conn = hill.client();
    hill.says(conn, "IAMAT kiwi +1-2 9223372036.854775807");
    assert!(hill.record("kiwi").is_some());
}

#[test]
fn on_a_link_the_far_future_is_kept() {
    let mut hill = Server::new(config("Hill", &["Jaquez"]));
    let link = hill.links(&Stranger::named("Jaquez"));
    hill.says(link, "AT Jaquez -1 kiwi +1-2 9223372036");
    assert!(hill.record("kiwi").is_some());
}

#[test]
fn what_is_known_word_for_word_is_held_against_the_limits_all_the_same() {
    let mut hill = Server::new(Config {
        limits: Limits { client_id_bytes: 4, ahead_s: 1, ..Limits::default() },
        ..config("Hill", &["Jaquez"])
    });
    let link = hill.links(&Stranger::named("Jaquez"));
    hill.says(link, "AT Jaquez -1 kiwis +1-2 3");
    hill.says(link, "AT Jaquez -1 kiwi +1-2 1520023999");
    let conn = hill.client();

    assert_eq!(hill.asks(conn, "IAMAT kiwis +1-2 3"), "? IAMAT kiwis +1-2 3\n");
    assert!(hill.asks(conn, "IAMAT kiwi +1-2 1520023999").starts_with("AT Hill -"));
    assert_eq!(hill.counters().ahead, 1);
    assert_eq!((hill.counters().reports, hill.counters().records), (1, 2));
}

#[test]
fn a_repeated_report_is_answered_with_the_difference_of_today() {
    let mut hill = Server::hill();
    let conn = hill.client();
    hill.says(conn, "IAMAT kiwi +1-2 1520023935");
    hill.waits_ms(1000);
    hill.heard(conn);
    for line in [
        "IAMAT kiwi +1-2 1520023935",
        "IAMAT kiwi +1-2 1520023935\r",
        " IAMAT  kiwi +1-2 1520023935",
    ] {
        assert_eq!(hill.asks(conn, line), "AT Hill +1.182837383 kiwi +1-2 1520023935\n");
    }
    let first = "AT Hill +0.182837383 kiwi +1-2 1520023935";
    assert_eq!(hill.record("kiwi").as_deref(), Some(first));
}

#[test]
fn a_client_may_report_anywhere_and_for_anybody() {
    let mut hill = Server::hill();
    let (one, two) = (hill.client(), hill.client());
    hill.says(one, "IAMAT kiwi +1-2 1");
    hill.says(two, "IAMAT kiwi +3-4 2");
    hill.says(two, "IAMAT emu +3-4 2");
    assert_eq!(hill.herd.records(), 2);
    assert!(hill.record("kiwi").unwrap().ends_with(" kiwi +3-4 2"));
}

#[test]
fn every_report_and_every_record_is_counted() {
    let mut hill = Server::hill();
    let conn = hill.client();
    for line in ["IAMAT kiwi +1-2 2", "IAMAT kiwi +1-2 1", "IAMAT kiwi +1-2 3", "IAMAT"] {
        hill.says(conn, line);
    }
    let counters = hill.counters();
    assert_eq!((counters.reports, counters.records, counters.invalid), (3, 2, 1));
}

proptest! {
    /// The difference that is shown and the time that was written add up to the server's time.
    #[test]
    fn differences_are_exact(nanos in any::<i64>()) {
        let (sign, size) = (if nanos < 0 { "-" } else { "" }, nanos.unsigned_abs());
        let time = format!("{sign}{}.{:09}", size / 1_000_000_000, size % 1_000_000_000);
        let mut hill = Server::hill();
        let conn = hill.client();
        let answer = hill.asks(conn, &format!("IAMAT kiwi +1-2 {time}"));
        let shown = answer.split(' ').nth(2).unwrap();
        let (whole, fraction) = shown[1..].split_once('.').unwrap();
        prop_assert_eq!(fraction.len(), 9);
        let size: i128 = format!("{whole}{fraction}").parse().unwrap();
        let shown = if shown.starts_with('-') { -size } else { size };
        prop_assert_eq!(shown + i128::from(nanos), i128::from(hill.now.wall.nanos()));
    }
}
