//! Reports, questions and changes as values, for programs that do not speak in lines.

use std::collections::BTreeMap;

use herd_core::{
    Config, Herd, Limits, Malformed, Outcome, Output, Report, Timestamp, Watch, Watched,
};

use crate::support::{BEGIN, Server, Stranger, config, limited};

fn report<'a>(client: &'a str, time: &'a str) -> Report<'a> {
    Report::new(client.as_bytes(), b"+34.068930-118.445127", time.as_bytes()).unwrap()
}

/// Hands in a report of `client` at `time`.
fn reports(server: &mut Server, client: &str, time: &str) -> Outcome {
    server.act(|herd, now, out| herd.handle_report(now, &report(client, time), out))
}

/// Reads everything there is to read: the times of clients, and how often the reader was overtaken.
fn read(herd: &Herd, watch: &mut Watch, known: &mut BTreeMap<String, String>) -> usize {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut overtaken = 0;
    while herd.is_behind(watch) {
        for change in herd.read_changes(watch) {
            match change {
                Watched::Record(record) => {
                    known.insert(text(record.client()), text(record.time()));
                }
                Watched::Overtaken => {
                    overtaken += 1;
                    known.clear();
                }
            }
        }
    }
    overtaken
}

#[test]
fn a_report_that_is_handed_in_is_told_like_one_that_was_written() {
    let mut written = Server::hill();
    let conn = written.client();
    written.says(conn, "IAMAT kiwi +34.068930-118.445127 1520023934.918963997");
    let mut handed = Server::hill();
    assert_eq!(reports(&mut handed, "kiwi", "1520023934.918963997"), Outcome::Kept);
    assert_eq!(handed.herd.record(b"kiwi"), written.herd.record(b"kiwi"));
    assert_eq!(handed.herd.counters().reports, 1);
    assert_eq!(handed.herd.counters().records, 1);
}

#[test]
fn a_report_that_is_handed_in_is_flooded() {
    let mut hill = Server::new(config("Hill", &["Jaquez"]));
    let jaquez = hill.links(&Stranger::named("Jaquez"));
    reports(&mut hill, "kiwi", "1520023934.5");
    let line = "AT Hill +0.682837383 kiwi +34.068930-118.445127 1520023934.5";
    assert_eq!(hill.told(jaquez), [line]);
}

#[test]
fn what_became_of_a_report_is_told_apart() {
    let limits = Limits { clients: 1, record_age_s: 3600, ahead_s: 60, ..Limits::default() };
    let mut hill = Server::new(limited(limits));
    assert_eq!(reports(&mut hill, "kiwi", "1520023934"), Outcome::Kept);
    assert_eq!(reports(&mut hill, "kiwi", "1520023934"), Outcome::Stale);
    assert_eq!(reports(&mut hill, "kiwi", "1520020000"), Outcome::TooOld);
    assert_eq!(reports(&mut hill, "kiwi", "1520024000"), Outcome::Ahead);
    assert_eq!(reports(&mut hill, "emu", "1520023933"), Outcome::TableFull);
    let counters = hill.herd.counters();
    assert_eq!((counters.reports, counters.records), (5, 1));
}

#[test]
fn a_report_is_well_formed_or_is_none() {
    let report = |client: &str, location: &str, time: &str| {
        Report::new(client.as_bytes(), location.as_bytes(), time.as_bytes()).err()
    };
    assert_eq!(report("kiwi", "+1-2", "3"), None);
    assert_eq!(report("", "+1-2", "3"), Some(Malformed::MissingField));
    for client in ["ki wi", "kiwi\n", "\rkiwi"] {
        assert_eq!(report(client, "+1-2", "3"), Some(Malformed::ExtraField), "{client:?}");
    }
    assert_eq!(report(&"x".repeat(256), "+1-2", "3"), Some(Malformed::LongClient));
    assert_eq!(report("kiwi", "+1-2\n", "3"), Some(Malformed::BadLocation));
    assert_eq!(report("kiwi", "+1-2", "3\n"), Some(Malformed::BadTime));
}

#[test]
fn a_client_is_located_by_its_fields() {
    let mut hill = Server::new(limited(Limits { record_age_s: 3600, ..Limits::default() }));
    reports(&mut hill, "kiwi", "1520023934.5");
    let record = hill.herd.locate(BEGIN, b"kiwi").unwrap();
    assert_eq!(record.client(), b"kiwi");
    assert_eq!(record.server(), b"Hill");
    assert_eq!(record.skew(), b"+0.682837383");
    assert_eq!(record.location(), b"+34.068930-118.445127");
    assert_eq!(record.time(), b"1520023934.5");
    assert_eq!(record.stamp(), Timestamp::from_nanos(1_520_023_934_500_000_000));
    assert!(hill.herd.locate(BEGIN, b"emu").is_none());
    hill.waits_s(3600);
    assert!(hill.herd.locate(hill.now, b"kiwi").is_none(), "older than records are kept");
}

#[test]
fn a_watch_is_told_the_table_and_then_what_changes() {
    let mut hill = Server::hill();
    let (mut watch, mut known) = (Watch::new(), BTreeMap::new());
    assert!(!hill.herd.is_behind(&watch));
    reports(&mut hill, "kiwi", "1");
    reports(&mut hill, "emu", "1");
    assert_eq!(read(&hill.herd, &mut watch, &mut known), 0);
    assert_eq!(known.len(), 2);
    known.clear();
    reports(&mut hill, "emu", "2");
    reports(&mut hill, "emu", "3");
    assert_eq!(read(&hill.herd, &mut watch, &mut known), 0);
    assert_eq!(known, BTreeMap::from([("emu".to_string(), "3".to_string())]));
}

#[test]
fn a_watch_that_was_overtaken_is_told_so_and_given_the_whole_table() {
    let mut herd = Herd::new(Config { ring: 4, ..config("Hill", &[]) }).unwrap();
    let mut out = Output::new();
    let (mut watch, mut known) = (Watch::new(), BTreeMap::new());
    let mut hand_in = |herd: &mut Herd, client: usize, time: usize| {
        herd.handle_report(BEGIN, &report(&format!("c{client}"), &time.to_string()), &mut out);
        out.clear();
    };
    (0..3).for_each(|client| hand_in(&mut herd, client, 1));
    assert_eq!(read(&herd, &mut watch, &mut known), 0);
    (0..20).for_each(|client| hand_in(&mut herd, client, 2));
    assert_eq!(read(&herd, &mut watch, &mut known), 1);
    assert_eq!(known.len(), 20);
    // Overtaken in the middle of the table: it begins anew, and ends with all of it.
    (0..20).for_each(|client| hand_in(&mut herd, client, 3));
    assert!(matches!(herd.read_changes(&mut watch).nth(5), Some(Watched::Record(_))));
    (0..20).for_each(|client| hand_in(&mut herd, client, 4));
    read(&herd, &mut watch, &mut known);
    assert_eq!(known.len(), 20);
    assert!(known.values().all(|time| time == "4"), "{known:?}");
}
