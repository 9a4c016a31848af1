//! Links come and go; a neighbour that comes back is sent what it lacks, and one that is slow costs
//! nothing.

use herd_core::{Config, Goodbye, Limits, Notice, Wake};

use crate::net::Net;
use crate::support::{Server, Stranger, config};

fn hill() -> Server {
    Server::new(config("Hill", &["Adams", "Jaquez"]))
}

fn report(server: &mut Server, client: &str, seconds: u32) {
    let conn = server.client();
    server.says(conn, &format!("IAMAT {client} +1-2 {seconds}"));
    server.ends(conn);
}

#[test]
fn progress_is_marked_and_marks_are_answered() {
    let mut hill = hill();
    let link = hill.links(&Stranger::named("Adams"));
    report(&mut hill, "kiwi", 1);
    report(&mut hill, "emu", 1);
    hill.heard(link);
    hill.waits_s(1);
    assert_eq!(hill.heard(link), "MARK 2\n");
    hill.says(link, "MARK 17");
    assert_eq!(hill.heard(link), "ACK 17\n");
}

#[test]
fn an_idle_link_is_marked_at_least_every_five_seconds() {
    let mut hill = hill();
    let link = hill.links(&Stranger::named("Adams"));
    for _ in 0..20 {
        hill.waits_s(5);
        assert!(hill.heard(link).contains("MARK 0\n"));
        hill.says(link, "MARK 0");
    }
}

#[test]
fn a_link_that_is_silent_for_15_seconds_is_closed() {
    let mut hill = hill();
    let link = hill.links(&Stranger::named("Adams"));
    hill.waits_s(10);
    hill.says(link, "MARK 0");
    hill.waits_ms(14_900);
    assert!(!hill.is_closed(link));
    hill.waits_ms(1_100);
    assert!(hill.is_closed(link));
    assert!(hill.logged().iter().any(|notice| {
        matches!(notice, Notice::LinkDown { conn, why: Goodbye::Silent, .. } if *conn == link)
    }));
}

#[test]
fn a_new_neighbour_is_sent_the_whole_table() {
    let mut hill = hill();
    for client in 0..100 {
        report(&mut hill, &format!("c{client}"), 1);
    }
    let link = hill.links(&Stranger::named("Adams"));
    let mut told = hill.told(link);
    told.sort();
    assert_eq!(told, hill.table());
}

#[test]
fn a_link_that_comes_back_goes_on_behind_the_last_acknowledgement() {
    for name in ["Adams", "Jaquez"] {
        let mut hill = hill();
        let other = Stranger::named(name);
        let link = hill.links(&other);
        report(&mut hill, "kiwi", 1);
        report(&mut hill, "emu", 1);
        hill.waits_s(1);
        hill.says(link, "ACK 2");
        report(&mut hill, "owl", 1);
        assert_eq!(hill.told(link).len(), 3);
        hill.breaks(link);
        report(&mut hill, "kiwi", 2);
        let link = hill.links(&other);
        let clients: Vec<_> = hill.told(link);
        let clients: Vec<_> = clients.iter().map(|line| line.split(' ').nth(3).unwrap()).collect();
        assert_eq!(clients, ["owl", "kiwi"]);
        assert_eq!(hill.counters().resumed, 1);
    }
}

#[test]
fn a_neighbour_that_was_started_anew_is_sent_the_whole_table() {
    let mut hill = hill();
    let link = hill.links(&Stranger::named("Adams"));
    report(&mut hill, "kiwi", 1);
    hill.says(link, "AT Adams +1 emu +1-2 1");
    hill.waits_s(1);
    hill.says(link, "ACK 2");
    hill.breaks(link);
    let link = hill.links(&Stranger { incarnation: 8, ..Stranger::named("Adams") });
    let told = hill.told(link);
    assert_eq!(told.len(), 2, "its own records too: {told:?}");
    assert_eq!(hill.counters().resumed, 0);
}

#[test]
fn a_record_is_not_sent_back_on_a_link_that_was_resumed() {
    let mut hill = hill();
    let link = hill.links(&Stranger::named("Adams"));
    hill.says(link, "AT Adams +1 emu +1-2 1");
    hill.breaks(link);
    let link = hill.links(&Stranger::named("Adams"));
    assert!(hill.told(link).is_empty());
}

#[test]
fn an_acknowledgement_of_what_was_never_marked_counts_for_nothing() {
    let mut hill = hill();
    let link = hill.links(&Stranger::named("Adams"));
    report(&mut hill, "kiwi", 1);
    for line in ["ACK 1", "ACK 18446744073709551615", "ACK 99999999999999999999999"] {
        hill.says(link, line);
    }
    hill.breaks(link);
    let link = hill.links(&Stranger::named("Adams"));
    assert_eq!(hill.told(link).len(), 1);
}

#[test]
fn an_acknowledgement_counts_for_one_start_of_a_neighbour_only() {
    let mut hill = hill();
    let link = hill.links(&Stranger::named("Adams"));
    report(&mut hill, "kiwi", 1);
    report(&mut hill, "emu", 1);
    hill.waits_s(1);
    hill.says(link, "ACK 2");
    hill.breaks(link);
    let anew = Stranger { incarnation: 8, ..Stranger::named("Adams") };
    let link = hill.links_stuck(&anew);
    hill.breaks(link);
    let link = hill.links(&anew);
    assert_eq!(hill.told(link).len(), 2);
}

#[test]
fn an_acknowledgement_counts_for_marks_of_its_own_link_only() {
    let mut hill = hill();
    let link = hill.links(&Stranger::named("Adams"));
    report(&mut hill, "kiwi", 1);
    hill.waits_s(1);
    assert!(hill.heard(link).ends_with("MARK 1\n"));
    hill.breaks(link);
    let anew = Stranger { incarnation: 8, ..Stranger::named("Adams") };
    let link = hill.links_stuck(&anew);
    hill.says(link, "ACK 1");
    hill.breaks(link);
    let link = hill.links(&anew);
    assert_eq!(hill.told(link).len(), 1);
}

#[test]
fn what_waits_for_a_stopped_neighbour_does_not_grow() {
    let mut hill = hill();
    let link = hill.links(&Stranger::named("Adams"));
    hill.stick(link);
    let client = hill.client();
    let mut most = 0;
    for round in 1..=10 {
        let lines: Vec<_> =
            (0..1000).map(|client| format!("IAMAT c{client} +1-2 {round}\n")).collect();
        hill.types(client, lines.concat().as_bytes());
        hill.waits_s(1);
        most = most.max(hill.waiting(link));
    }
    assert!(most <= 256 * 1024 + 600, "{most} bytes wait");
    assert!(most > 200 * 1024, "{most} bytes wait");
}

#[test]
fn marks_do_not_pile_up_for_a_neighbour_that_talks_and_does_not_read() {
    let mut hill = hill();
    let link = hill.links_stuck(&Stranger::named("Adams"));
    let client = hill.client();
    let lines: Vec<_> = (0..8000).map(|client| format!("IAMAT c{client} +1-2 1\n")).collect();
    for some in lines.chunks(500) {
        hill.types(client, some.concat().as_bytes());
    }
    let full = hill.waiting(link);
    for _ in 0..100 {
        hill.says(link, "MARK 0");
        hill.waits_s(5);
    }
    assert!(!hill.is_closed(link));
    assert_eq!(hill.waiting(link), full);
}

#[test]
fn what_changes_behind_a_walk_is_sent_after_it() {
    let mut hill = Server::new(Config { ring: 4, ..config("Hill", &["Adams"]) });
    let client = hill.client();
    let long = "k".repeat(240);
    for at in 0..2000 {
        hill.says(client, &format!("IAMAT {long}{at} +1-2 1"));
    }
    let link = hill.links_stuck(&Stranger::named("Adams"));
    let mut told = hill.told(link);
    for at in (0..2000).step_by(100) {
        hill.says(client, &format!("IAMAT {long}{at} +1-2 2"));
    }
    hill.says(client, "IAMAT kiwi +1-2 2");
    while hill.waiting(link) > 0 {
        hill.takes(link, usize::MAX);
        told.extend(hill.told(link));
    }
    let table = hill.table();
    assert!(table.iter().all(|line| told.contains(line)));
    let lines = told.len();
    told.sort();
    told.dedup();
    assert_eq!(told.len(), lines, "nothing is sent twice");
}

#[test]
fn a_slow_neighbour_is_sent_the_newest_of_everybody() {
    let mut hill = hill();
    let link = hill.links(&Stranger::named("Adams"));
    hill.stick(link);
    let client = hill.client();
    for round in 1..=20 {
        let lines: Vec<_> =
            (0..1000).map(|client| format!("IAMAT c{client} +1-2 {round}\n")).collect();
        hill.types(client, lines.concat().as_bytes());
    }
    let stuck_with = hill.told(link).len();
    hill.takes(link, usize::MAX);
    let mut told = hill.told(link);
    assert_eq!(told.len(), 1000, "after {stuck_with} lines");
    told.sort();
    assert_eq!(told, hill.table());
}

#[test]
fn progress_is_not_marked_before_everything_up_to_there_is_sent() {
    let mut hill = Server::new(Config { ring: 4, ..config("Hill", &["Adams"]) });
    let client = hill.client();
    let long = "k".repeat(240);
    for at in 0..2000 {
        hill.says(client, &format!("IAMAT {long}{at} +1-2 1"));
    }
    let link = hill.links_stuck(&Stranger::named("Adams"));
    let mut sent = hill.heard(link);
    assert!(sent.lines().count() < 2000);
    for _ in 0..5 {
        hill.says(link, "MARK 0");
        hill.waits_s(1);
        hill.takes(link, 1000);
    }
    sent.push_str(&hill.heard(link));
    let marks: Vec<_> = sent.lines().filter(|line| line.starts_with("MARK ")).collect();
    assert!(!marks.is_empty() && marks.iter().all(|line| *line == "MARK 0"), "{marks:?}");
    assert_eq!(sent.lines().filter(|line| *line == "ACK 0").count(), 5);
    while hill.waiting(link) > 0 {
        hill.takes(link, usize::MAX);
        sent.push_str(&hill.heard(link));
    }
    hill.unstick(link);
    hill.waits_s(1);
    assert!(hill.heard(link).contains("MARK 2000\n"));
    assert_eq!(sent.lines().filter(|line| line.starts_with("AT ")).count(), 2000);
}

#[test]
fn a_neighbour_that_the_ring_has_overtaken_is_sent_what_it_lacks_from_the_table() {
    let mut hill = Server::new(Config { ring: 4, ..config("Hill", &["Adams"]) });
    let link = hill.links(&Stranger::named("Adams"));
    for client in 0..50 {
        report(&mut hill, &format!("old{client}"), 1);
    }
    hill.waits_s(1);
    hill.says(link, "ACK 50");
    hill.breaks(link);
    for round in 1..=3 {
        for client in 0..20 {
            report(&mut hill, &format!("new{client}"), round);
        }
    }
    report(&mut hill, "old7", 2);
    let link = hill.links(&Stranger::named("Adams"));
    let told = hill.told(link);
    assert_eq!(told.len(), 21, "{told:?}");
    assert!(told.iter().all(|line| line.contains(" new") || line.contains(" old7 ")));
}

#[test]
fn a_neighbour_that_is_very_far_behind_is_caught_up_with_in_several_turns() {
    let mut hill = Server::new(Config { ring: 1 << 18, ..config("Hill", &["Adams"]) });
    hill.waits_ms(0);
    let client = hill.client();
    hill.says(client, "IAMAT emu +1-2 1");
    for round in 0..200 {
        let lines = (0..500).map(|line| format!("IAMAT kiwi +1-2 {}\n", 2 + round * 500 + line));
        hill.types(client, lines.collect::<String>().as_bytes());
        hill.heard(client);
    }
    hill.says(client, "IAMAT owl +1-2 1");
    let link = hill.links_stuck(&Stranger::named("Adams"));
    assert_eq!(hill.told(link).len(), 1);
    assert_eq!(hill.herd.poll_timeout(), Some((hill.now.mono, Wake::Flood)));
    hill.waits_ms(0);
    assert_eq!(hill.told(link).len(), 2);
    assert_ne!(hill.herd.poll_timeout().map(|(_, wake)| wake), Some(Wake::Flood));
}

#[test]
fn an_acknowledgement_waits_for_room() {
    let mut hill = hill();
    let link = hill.links(&Stranger::named("Adams"));
    hill.stick(link);
    let client = hill.client();
    let lines: Vec<_> = (0..20_000).map(|client| format!("IAMAT c{client} +1-2 1\n")).collect();
    for some in lines.chunks(500) {
        hill.types(client, some.concat().as_bytes());
        hill.heard(client);
    }
    let full = hill.waiting(link);
    for number in 0..1000 {
        hill.says(link, &format!("MARK {number}"));
    }
    assert_eq!(hill.waiting(link), full, "a neighbour that does not read gets no answers");
    let mut heard = hill.heard(link);
    while hill.waiting(link) > 0 {
        hill.takes(link, usize::MAX);
        heard.push_str(&hill.heard(link));
    }
    let acks: Vec<_> = heard.lines().filter(|line| line.starts_with("ACK ")).collect();
    assert_eq!(acks, ["ACK 999"]);
}

#[test]
fn two_servers_link_and_tell_each_other() {
    let mut net = Net::new(&["Hill", "Jaquez"], &[("Hill", "Jaquez")]);
    net.says(0, "IAMAT kiwi +1-2 1520023935");
    net.says(1, "IAMAT emu +1-2 1520023935");
    net.waits_ms(10);
    let tables = net.tables();
    assert_eq!(tables[0].len(), 2);
    assert_eq!(tables[0], tables[1]);
    net.waits_ms(100_000);
    assert_eq!(net.server("Hill").counters().links, 1, "an idle link stays");
}

#[test]
fn after_a_cut_only_what_is_new_is_sent() {
    let mut net = Net::new(&["Hill", "Jaquez"], &[("Hill", "Jaquez")]);
    for client in 0..100 {
        net.says(0, &format!("IAMAT c{client} +1-2 1520023935"));
    }
    net.waits_ms(5_000);
    net.cuts(0, 1);
    net.says(0, "IAMAT kiwi +1-2 1520023935");
    net.says(1, "IAMAT emu +1-2 1520023935");
    net.waits_ms(20_000);
    assert_ne!(net.tables()[0], net.tables()[1]);
    net.heals(0, 1);
    net.waits_ms(3_000);
    assert_eq!(net.tables()[0], net.tables()[1]);
    for (name, sent) in [("Hill", 101), ("Jaquez", 1)] {
        let counters = net.server(name).counters();
        assert_eq!((counters.updates_sent, counters.resumed), (sent, 1), "{name}");
    }
}

#[test]
fn a_server_that_starts_again_learns_everything_again() {
    for dead in [0, 1] {
        let mut net = Net::new(&["Hill", "Jaquez"], &[("Hill", "Jaquez")]);
        for client in 0..100 {
            net.says(client % 2, &format!("IAMAT c{client} +1-2 1520023935"));
        }
        net.waits_ms(5_000);
        let before = net.tables()[1 - dead].clone();
        assert_eq!(before.len(), 100);
        net.restarts(dead);
        net.waits_ms(5_000);
        assert_eq!(net.tables()[dead], before);
    }
}

#[test]
fn a_silent_wire_is_given_up_and_opened_again() {
    let mut net = Net::new(&["Hill", "Jaquez"], &[("Hill", "Jaquez")]);
    net.waits_ms(1_000);
    net.slows(0, 1);
    net.says(0, "IAMAT kiwi +1-2 1520023935");
    net.waits_ms(30_000);
    assert!(net.tables()[1].is_empty());
    assert!(net.waiting(0, 1) < 1000);
    net.heals(0, 1);
    net.waits_ms(8_000);
    assert_eq!(net.tables()[1].len(), 1);
}

#[test]
fn clocks_of_servers_need_not_agree() {
    let mut net = Net::new(&["Hill", "Jaquez"], &[("Hill", "Jaquez")]);
    net.waits_ms(1_000);
    let hill = net.server("Hill");
    hill.now.wall = hill.now.wall.plus_seconds(1_000_000);
    let conn = hill.client();
    hill.says(conn, "IAMAT kiwi +1-2 1521023935");
    net.settles();
    assert_eq!(net.tables()[0], net.tables()[1]);
}

#[test]
fn links_neither_idle_nor_stall_as_clients_do() {
    let limits = Limits { idle_s: 1, stalled_s: 1, ..Limits::default() };
    let mut hill = Server::new(Config { limits, ..config("Hill", &["Adams"]) });
    let link = hill.links(&Stranger::named("Adams"));
    hill.stick(link);
    report(&mut hill, "kiwi", 1);
    hill.takes(link, 0);
    hill.waits_s(14);
    assert!(!hill.is_closed(link));
}
