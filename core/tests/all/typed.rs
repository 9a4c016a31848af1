//! Reports, questions and changes as values, for programs that do not speak in lines.

use std::collections::BTreeMap;

use herd_core::{
    Config, ConnId, Herd, Limits, LookupError, Malformed, Outcome, Output, Report, Timestamp,
    Watch, Watched,
};

use crate::support::{BEGIN, Did, Server, Stranger, config, limited};

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

const ASKER: core::net::IpAddr = core::net::IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 7));

/// Asks what is within 10 km of a client; the number of the question.
fn asks(server: &mut Server, client: &str) -> Option<ConnId> {
    server.act(|herd, now, out| {
        let query = herd.query(client.as_bytes(), b"10", 1).unwrap();
        herd.handle_query(now, ASKER, &query, out)
    })
}

fn answers(server: &mut Server) -> Vec<(ConnId, String, String, Option<LookupError>)> {
    let answer = |did| {
        if let Did::Answer(id, record, body, error) = did {
            Some((id, record, body, error))
        } else {
            None
        }
    };
    server.did().into_iter().filter_map(answer).collect()
}

#[test]
fn a_question_is_answered_with_the_record_and_the_body() {
    let mut hill = Server::hill();
    reports(&mut hill, "kiwi", "1520023934.5");
    let id = asks(&mut hill, "kiwi").unwrap();
    let (lookup, request) = hill.requests().remove(0);
    assert_eq!(request, "location=34.068930,-118.445127&radius=10000");
    hill.answers(lookup, "{\"results\": [1, 2]}\n\n");
    let record = "AT Hill +0.682837383 kiwi +34.068930-118.445127 1520023934.5".to_string();
    assert_eq!(answers(&mut hill), [(id, record, "{\"results\": [1]}".to_string(), None)]);
    assert_eq!(hill.herd.status().connections, 0);
}

#[test]
fn nothing_is_asked_about_a_client_that_is_not_known() {
    let mut hill = Server::hill();
    assert_eq!(asks(&mut hill, "kiwi"), None);
    assert!(hill.requests().is_empty());
}

#[test]
fn a_question_that_the_provider_does_not_answer_says_why() {
    let mut hill = Server::hill();
    reports(&mut hill, "kiwi", "1520023934.5");
    let id = asks(&mut hill, "kiwi").unwrap();
    hill.waits_s(10);
    let all = answers(&mut hill);
    assert_eq!((all[0].0, all[0].3), (id, Some(LookupError::TimedOut)));
    assert!(all[0].2.contains("did not answer in time"), "{all:?}");
}

#[test]
fn questions_have_a_turn_among_those_of_clients() {
    let limits = Limits { lookups: 1, lookup_queue: 1, ..Limits::default() };
    let mut hill = Server::new(limited(limits));
    reports(&mut hill, "kiwi", "1520023934.5");
    let ids: Vec<_> = (0..3).map(|_| asks(&mut hill, "kiwi").unwrap()).collect();
    let refused = answers(&mut hill);
    assert_eq!(refused.len(), 1, "one is asked and one waits");
    assert_eq!((refused[0].0, refused[0].3), (ids[2], Some(LookupError::Busy)));
}

#[test]
fn a_question_can_be_taken_back() {
    let mut hill = Server::hill();
    reports(&mut hill, "kiwi", "1520023934.5");
    let id = asks(&mut hill, "kiwi").unwrap();
    let lookup = hill.request();
    hill.act(|herd, now, out| herd.handle_close(now, id, out));
    assert!(hill.did().contains(&Did::Cancel(lookup)));
    hill.answers(lookup, "{}");
    assert!(answers(&mut hill).is_empty());
    assert_eq!(hill.herd.status().connections, 0);
}

#[test]
fn a_server_that_stops_answers_what_it_was_asked() {
    let mut hill = Server::hill();
    reports(&mut hill, "kiwi", "1520023934.5");
    let id = asks(&mut hill, "kiwi").unwrap();
    hill.stops();
    assert_eq!(asks(&mut hill, "kiwi"), None);
    assert!(!hill.herd.has_stopped());
    hill.waits_s(5);
    assert_eq!(answers(&mut hill)[0].0, id);
    assert!(hill.herd.has_stopped());
}

#[test]
fn bytes_and_ends_that_are_handed_in_for_a_question_are_ignored() {
    let mut hill = Server::hill();
    reports(&mut hill, "kiwi", "1520023934.5");
    let id = asks(&mut hill, "kiwi").unwrap();
    let lookup = hill.request();
    hill.types(id, b"IAMAT emu +1-2 3\n");
    hill.ends(id);
    assert_eq!(hill.herd.record(b"emu"), None);
    hill.answers(lookup, "{}");
    assert_eq!(answers(&mut hill).len(), 1);
}

#[test]
fn a_question_is_within_what_the_provider_takes() {
    let hill = Server::hill();
    let query = |radius: &str, bound| hill.herd.query(b"kiwi", radius.as_bytes(), bound).err();
    assert_eq!(query("50", 20), None);
    assert_eq!(query("50.1", 20), Some(Malformed::OutOfRange));
    assert_eq!(query("50", 21), Some(Malformed::OutOfRange));
    assert_eq!(query("-1", 1), Some(Malformed::BadNumber));
}

#[test]
fn a_server_that_stops_leaves_the_lookups_of_clients_unanswered() {
    let mut hill = Server::hill();
    let conn = hill.client();
    reports(&mut hill, "kiwi", "1520023934.5");
    hill.says(conn, "WHATSAT kiwi 10 5");
    hill.stops();
    hill.waits_s(5);
    assert_eq!(hill.heard(conn), "");
    assert_eq!(hill.counters().lookups_timed_out, 0);
}
