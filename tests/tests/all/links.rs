//! What flows on a link: records as AT lines, marks and acknowledgements, and nothing else counts.

use core::time::Duration;
use herd_tests::{
    Acceptor, Heard, Identity, Link, Opening, PATIENCE, Plan, Runtime, Server, eventually,
    monotonic, on_both,
};

on_both!(
    a_second_server_of_a_name_stays_out_until_the_first_is_gone,
    a_record_flows_on_to_everybody_but_whoever_brought_it,
    what_is_not_newer_is_dropped,
    a_settled_report_is_not_passed_on,
    what_else_comes_on_a_link_is_dropped_and_never_answered,
    links_know_the_fixed_maxima_only,
    a_record_from_the_future_is_taken_from_a_neighbour,
    a_line_that_is_too_long_does_not_end_a_link,
    a_mark_is_acknowledged_once_it_is_applied,
    a_server_marks_what_it_has_sent,
    an_idle_link_is_marked_all_the_same,
    a_neighbour_that_is_away_is_dialled_at_growing_intervals,
    a_link_that_comes_back_resumes_after_the_last_acknowledgement,
    what_was_not_acknowledged_is_sent_again,
    an_acknowledgement_of_what_was_never_marked_means_nothing,
    a_neighbour_that_restarted_is_told_the_whole_table,
    a_neighbour_that_restarted_has_acknowledged_nothing,
    a_server_that_restarted_starts_a_new_count,
    silence_closes_a_link,
    a_new_link_replaces_an_old_one,
    an_unproven_connection_replaces_nothing,
    equal_stamps_are_settled_by_the_greater_bytes,
);

fn a_second_server_of_a_name_stays_out_until_the_first_is_gone(runtime: Runtime) {
    let plan = Plan::new(runtime).server("Hill", &["Jaquez"]).server("Jaquez", &[]);
    let jaquez_at = plan.link_address("Jaquez");
    let mut herd = plan.start();
    herd["Hill"].client().ask("IAMAT kiwi +1-1 100");
    eventually(PATIENCE, || herd["Jaquez"].client().whats_at("kiwi").is_some());
    let second = Plan::new(runtime).server("Hill", &["Jaquez"]);
    let second = second.neighbour_at(jaquez_at, "Jaquez", &[]).start_one();
    let warned = |server: &Server| {
        let said = server.stderr();
        said.lines().filter(|line| line.contains("two servers call themselves Hill: ")).count()
    };

    // It comes back more and more seldom.
    let refused = |server: &Server| {
        server.log().matches("link refused: another server of the same name has a link").count()
    };
    eventually(PATIENCE, || refused(&herd["Jaquez"]) >= 2 && refused(&second) >= 1);
    assert_eq!((warned(&herd["Jaquez"]), warned(&second)), (1, 1));
    let said = herd["Jaquez"].stderr();
    let (_, both) = said.split_once("two servers call themselves Hill: 127.0.0.1:").unwrap();
    assert!(both.contains(" and 127.0.0.1:"), "{both}");
    assert!(second.stderr().contains("this one, and one at 127.0.0.1 that has a link with Jaquez"));
    assert_eq!(herd["Jaquez"].log().matches("link with Hill is up").count(), 1);
    second.client().ask("IAMAT emu +2-2 200");
    assert_eq!(herd["Jaquez"].client().whats_at("emu"), None);

    herd["Hill"].kill();
    eventually(PATIENCE, || herd["Jaquez"].client().whats_at("emu").is_some());
}

fn a_record_flows_on_to_everybody_but_whoever_brought_it(runtime: Runtime) {
    let (_hill, mut aaa, mut zzz) = between(runtime);

    aaa.say("AT Far -0.500000000 kiwi +1-1 100");
    assert_eq!(zzz.at(), "AT Far -0.500000000 kiwi +1-1 100");
    zzz.say("AT Further +0.500000000 emu +2-2 200");

    assert_eq!(aaa.at(), "AT Further +0.500000000 emu +2-2 200");
}

fn what_is_not_newer_is_dropped(runtime: Runtime) {
    let (hill, mut aaa, mut zzz) = between(runtime);
    aaa.say("AT Far +0.500000000 kiwi +1-1 100");
    assert_eq!(zzz.at(), "AT Far +0.500000000 kiwi +1-1 100");

    aaa.say("AT Far +0.500000000 kiwi +1-1 100");
    aaa.say("AT Far +0.500000000 kiwi +9-9 99.999999999");
    aaa.say("AT Far +0.500000000 kiwi +3-3 300");
    zzz.say("AT Far +0.500000000 kiwi +1-1 100");
    aaa.settle(1);
    zzz.settle(1);

    let known = hill.client().whats_at("kiwi");
    assert_eq!(known.as_deref(), Some("AT Far +0.500000000 kiwi +3-3 300"));
    let last = hill.client().ask("IAMAT last +1-1 100");
    assert_eq!(aaa.at(), last);
}

fn a_settled_report_is_not_passed_on(runtime: Runtime) {
    let (hill, mut aaa, _zzz) = between(runtime);
    let mut client = hill.client();

    let first = client.ask("IAMAT kiwi +1-1 100");
    client.ask("IAMAT kiwi +1-1 100");
    client.ask("IAMAT kiwi +2-2 100");
    client.ask("IAMAT kiwi +3-3 99");
    client.ask("IAMAT far +3-3 9000000000");
    let last = client.ask("IAMAT last +1-1 100");

    assert_eq!(aaa.at(), first);
    assert_eq!(aaa.at(), last);
}

fn what_else_comes_on_a_link_is_dropped_and_never_answered(runtime: Runtime) {
    let (hill, mut aaa, mut zzz) = between(runtime);
    for line in [
        &b""[..],
        b"hello",
        b"? hello",
        b"IAMAT kiwi +1-1 100",
        b"WHATSAT kiwi 10 5",
        b"LINK 1 Aaa Hill 0123456789abcdef 00",
        b"PROOF 00",
        b"MARK",
        b"MARK -1",
        b"MARK one",
        b"MARK 99999999999999999999999",
        b"ACK",
        b"ACK x",
        b"AT",
        b"AT Far",
        b"AT Far +0.500000000 kiwi +1-1",
        b"AT Far +0.500000000 kiwi +91-1 100",
        b"AT Far +0.500000000 kiwi 1,1 100",
        b"AT Far +0.500000000 kiwi +1-1 1e3",
        b"AT Far +0.500000000 kiwi +1-1 nan",
        b"at Far +0.500000000 kiwi +1-1 100",
        b"\x00\xff\xfe",
    ] {
        let mut line = line.to_vec();
        line.push(b'\n');
        aaa.wire().send(line);
    }
    aaa.say("MARK 77");
    // An acknowledgement of what was never marked must do no harm, either.
    aaa.say("ACK 18446744073709551615");

    loop {
        match aaa.hear() {
            Heard::Ack(77) => break,
            Heard::Mark(_) => {}
            other @ (Heard::At(_) | Heard::Ack(_) | Heard::Other(_)) => {
                panic!("it was answered by {other:?}")
            }
        }
    }
    assert_eq!(hill.client().whats_at("kiwi"), None);
    let told = hill.client().ask("IAMAT emu +1-1 100");
    assert_eq!(aaa.at(), told);
    assert_eq!(zzz.at(), told);
}

fn links_know_the_fixed_maxima_only(runtime: Runtime) {
    let plan = Plan::new(runtime).server("Hill", &["Aaa"]).neighbour("Aaa", &[]);
    let hill = plan.limit("client_id_bytes", 4).limit("line_bytes", 64).start_one();
    let mut aaa = Link::dial(hill.link_address(), &Identity::new("Aaa"), "Hill").unwrap();
    let id = |letter: &str, count: usize| letter.repeat(count);
    let location = |count: usize| format!("+34-118.{}", "0".repeat(count - 8));
    let time = |count: usize| format!("{:0count$}", 1_520_023_934);
    let line = |server: &str, client: &str, location: &str, time: &str| {
        format!("AT {server} +0.500000000 {client} {location} {time}")
    };

    let kept = line(&id("S", 64), &id("k", 255), &location(128), &time(64));
    aaa.say(&line("Far", &id("a", 256), "+1-1", "100"));
    aaa.say(&line("Far", "b", &location(129), "100"));
    aaa.say(&line("Far", "c", "+1-1", &time(65)));
    aaa.say(&line(&id("S", 65), "d", "+1-1", "100"));
    aaa.say(&kept);
    aaa.settle(1);

    // Clients may not name what is longer than four bytes, so another neighbour shows what is there.
    drop(aaa);
    let restarted = Identity::new("Aaa");
    let mut aaa = Link::dial(hill.link_address(), &restarted, "Hill").unwrap();
    assert_eq!(aaa.ats_and_mark(1).0, [kept]);
    for client in ["b", "c", "d"] {
        assert_eq!(hill.client().whats_at(client), None);
    }
}

fn a_record_from_the_future_is_taken_from_a_neighbour(runtime: Runtime) {
    let (hill, mut aaa, _zzz) = between(runtime);

    aaa.say("AT Far -0.500000000 kiwi +1-1 9223372036.854775807");
    aaa.settle(1);

    let known = hill.client().whats_at("kiwi");
    assert_eq!(known.as_deref(), Some("AT Far -0.500000000 kiwi +1-1 9223372036.854775807"));
}

fn a_line_that_is_too_long_does_not_end_a_link(runtime: Runtime) {
    let (_hill, mut aaa, mut zzz) = between(runtime);

    aaa.wire().send(vec![b'x'; 100_000]);
    aaa.say("");
    aaa.say("AT Far +0.500000000 kiwi +1-1 100");

    assert_eq!(zzz.at(), "AT Far +0.500000000 kiwi +1-1 100");
}

fn a_mark_is_acknowledged_once_it_is_applied(runtime: Runtime) {
    let (hill, mut aaa, _zzz) = between(runtime);
    for n in 0..200 {
        aaa.say(&format!("AT Far +0.500000000 kiwi{n} +1-1 100"));
    }

    aaa.settle(200);

    let mut client = hill.client();
    for n in 0..200 {
        assert!(client.whats_at(&format!("kiwi{n}")).is_some());
    }
}

fn a_server_marks_what_it_has_sent(runtime: Runtime) {
    let (hill, mut aaa, _zzz) = between(runtime);
    let mut client = hill.client();

    let told: Vec<_> = (0..5).map(|n| client.ask(&format!("IAMAT kiwi{n} +1-1 100"))).collect();
    let started = monotonic();
    let (lines, first) = aaa.ats_and_mark(5);
    assert_eq!(lines, told);
    assert!(started.elapsed() < Duration::from_secs(10));

    client.ask("IAMAT emu +1-1 100");
    let (_, second) = aaa.ats_and_mark(1);
    assert!(second > first, "{second} after {first}");
}

fn an_idle_link_is_marked_all_the_same(runtime: Runtime) {
    let (_hill, mut aaa, mut zzz) = between(runtime);
    let mut last = monotonic();
    for _ in 0..2 {
        for link in [&mut aaa, &mut zzz] {
            let Heard::Mark(number) = link.hear() else { panic!("nothing else is due") };
            link.say(&format!("ACK {number}"));
        }
        assert!(last.elapsed() < Duration::from_secs(8), "{:?}", last.elapsed());
        last = monotonic();
    }
}

fn a_neighbour_that_is_away_is_dialled_at_growing_intervals(runtime: Runtime) {
    let zzz = Acceptor::new();
    let plan = Plan::new(runtime).server("Hill", &["Zzz"]).neighbour_at(zzz.address(), "Zzz", &[]);
    let hill = plan.start_one();
    let started = monotonic();
    let mut attempts = 0;

    while started.elapsed() < Duration::from_secs(5) {
        // Taken, and hung up on.
        attempts += usize::from(zzz.next_within(Duration::from_millis(100)).is_some());
    }

    assert!((4..25).contains(&attempts), "{attempts} attempts in five seconds");
    let told = hill.client().ask("IAMAT kiwi +1-1 100");
    assert_eq!(zzz.link(&Identity::new("Zzz"), "Hill").at(), told);
}

fn a_link_that_comes_back_resumes_after_the_last_acknowledgement(runtime: Runtime) {
    let (hill, mut aaa, me) = dialled(runtime);
    let mut client = hill.client();
    for n in 0..50 {
        client.ask(&format!("IAMAT kiwi{n} +1-1 100"));
    }
    let (_, mark) = aaa.ats_and_mark(50);
    aaa.say(&format!("ACK {mark}"));
    aaa.settle(1);
    drop(aaa);

    let missed = [client.ask("IAMAT emu +1-1 100"), client.ask("IAMAT kiwi7 +2-2 200")];
    let mut aaa = Link::dial(hill.link_address(), &me, "Hill").unwrap();

    let (mut lines, _) = aaa.ats_and_mark(2);
    lines.sort();
    let mut expected = missed.to_vec();
    expected.sort();
    assert_eq!(lines, expected);
}

fn what_was_not_acknowledged_is_sent_again(runtime: Runtime) {
    let (hill, mut aaa, me) = dialled(runtime);
    let mut client = hill.client();
    let told: Vec<_> = (0..50).map(|n| client.ask(&format!("IAMAT kiwi{n:02} +1-1 100"))).collect();
    aaa.ats_and_mark(50);
    drop(aaa);

    let mut aaa = Link::dial(hill.link_address(), &me, "Hill").unwrap();

    let (mut lines, _) = aaa.ats_and_mark(50);
    lines.sort();
    let mut expected = told;
    expected.sort();
    assert_eq!(lines, expected);
}

fn an_acknowledgement_of_what_was_never_marked_means_nothing(runtime: Runtime) {
    for beyond in [1, u64::MAX / 2] {
        let (hill, mut aaa, me) = dialled(runtime);
        let told = hill.client().ask("IAMAT kiwi +1-1 100");
        let (_, mark) = aaa.ats_and_mark(1);
        aaa.say(&format!("ACK {}", mark + beyond));
        aaa.settle(1);
        drop(aaa);

        let next = hill.client().ask("IAMAT emu +1-1 100");
        let mut aaa = Link::dial(hill.link_address(), &me, "Hill").unwrap();

        assert_eq!(aaa.ats_and_mark(2).0, [told, next]);
    }
}

fn a_neighbour_that_restarted_has_acknowledged_nothing(runtime: Runtime) {
    let (hill, mut aaa, me) = dialled(runtime);
    let told = hill.client().ask("IAMAT kiwi +1-1 100");
    let (_, mark) = aaa.ats_and_mark(1);
    aaa.say(&format!("ACK {mark}"));
    aaa.settle(1);
    drop(aaa);

    // Lost again before it had the time to acknowledge anything.
    let me = me.restarted();
    drop(Link::dial(hill.link_address(), &me, "Hill").unwrap());
    let mut aaa = Link::dial(hill.link_address(), &me, "Hill").unwrap();

    assert_eq!(aaa.at(), told);
}

fn a_neighbour_that_restarted_is_told_the_whole_table(runtime: Runtime) {
    let (hill, mut aaa, me) = dialled(runtime);
    let mut client = hill.client();
    let mut told: Vec<_> =
        (0..50).map(|n| client.ask(&format!("IAMAT kiwi{n:02} +1-1 100"))).collect();
    let (_, mark) = aaa.ats_and_mark(50);
    aaa.say("AT Aaa +0.500000000 emu +1-1 100");
    aaa.say(&format!("ACK {mark}"));
    aaa.settle(1);
    drop(aaa);

    let mut aaa = Link::dial(hill.link_address(), &me.restarted(), "Hill").unwrap();

    // What it had told itself is part of the table, too.
    told.push("AT Aaa +0.500000000 emu +1-1 100".to_owned());
    let (mut lines, _) = aaa.ats_and_mark(51);
    lines.sort();
    told.sort();
    assert_eq!(lines, told);
}

fn a_server_that_restarted_starts_a_new_count(runtime: Runtime) {
    let (mut hill, mut aaa, me) = dialled(runtime);
    hill.client().ask("IAMAT kiwi +1-1 100");
    let (_, mark) = aaa.ats_and_mark(1);
    aaa.say(&format!("ACK {mark}"));
    let before = aaa.theirs.clone();

    hill.kill();
    assert_eq!(aaa.hear_or_end().filter(|heard| matches!(heard, Heard::Other(_))), None);
    hill.start();
    let mut aaa = Link::dial(hill.link_address(), &me, "Hill").unwrap();
    assert_ne!(aaa.theirs, before);

    let told = hill.client().ask("IAMAT emu +1-1 100");
    assert_eq!(aaa.at(), told);
}

fn silence_closes_a_link(runtime: Runtime) {
    let (_hill, mut silent, mut lively) = between(runtime);
    let started = monotonic();

    // The lively one answers marks until the silent one has been closed.
    let closed = herd_tests::eventually_some(Duration::from_secs(30), || {
        while lively.wire().stirs_within(Duration::from_millis(1)) {
            match lively.hear() {
                Heard::Mark(number) => lively.say(&format!("ACK {number}")),
                Heard::Ack(_) => {}
                other @ (Heard::At(_) | Heard::Other(_)) => {
                    panic!("nothing to tell, but {other:?}")
                }
            }
        }
        silent.wire().has_ended().then(|| started.elapsed())
    });

    assert!(closed > Duration::from_secs(10) && closed < Duration::from_secs(25), "{closed:?}");
    lively.settle(1);
}

fn a_new_link_replaces_an_old_one(runtime: Runtime) {
    let (hill, mut old, me) = dialled(runtime);

    let mut new = Link::dial(hill.link_address(), &me, "Hill").unwrap();

    while old.hear_or_end().is_some() {}
    let told = hill.client().ask("IAMAT kiwi +1-1 100");
    assert_eq!(new.at(), told);
}

fn an_unproven_connection_replaces_nothing(runtime: Runtime) {
    let (hill, mut link, me) = dialled(runtime);
    let liar = Identity { secret: b"wrong, wrong, wrong".into(), ..me.clone() };

    Link::dial(hill.link_address(), &liar, "Hill").unwrap_err();
    let mut wire = herd_tests::Client::connect(hill.link_address());
    wire.send(Opening::new(&me, "Hill").line());
    assert!(wire.line().starts_with("CHALLENGE "));

    link.settle(1);
    let told = hill.client().ask("IAMAT kiwi +1-1 100");
    assert_eq!(link.at(), told);
}

fn equal_stamps_are_settled_by_the_greater_bytes(runtime: Runtime) {
    let (hill, mut aaa, mut zzz) = between(runtime);
    // Unsigned bytes of the whole line: + is less than -, upper case than lower, an end than anything.
    let rising = [
        &b"AT Alford +0.500000000 kiwi +1-1 100"[..],
        b"AT Alford -0.500000000 kiwi +1-1 100",
        b"AT Ball +0.500000000 kiwi +1-1 100",
        b"AT Ball +0.500000000 kiwi +1-1 100.0",
        b"AT alford +0.500000000 kiwi +1-1 100",
    ];
    for pair in rising.windows(2) {
        aaa.wire().send([pair[1], b"\n"].concat());
        assert_eq!(zzz.at().as_bytes(), pair[1]);
        zzz.wire().send([pair[0], b"\n"].concat());
        zzz.settle(1);
        assert_eq!(hill.client().whats_at("kiwi").unwrap().as_bytes(), pair[1]);
    }
}

/// Hill between Aaa, which dials, and Zzz, which is dialled.
fn between(runtime: Runtime) -> (Server, Link, Link) {
    let zzz = Acceptor::new();
    let plan = Plan::new(runtime).server("Hill", &["Aaa", "Zzz"]);
    let hill = plan.neighbour("Aaa", &[]).neighbour_at(zzz.address(), "Zzz", &[]).start_one();
    let aaa = Link::dial(hill.link_address(), &Identity::new("Aaa"), "Hill").unwrap();
    let zzz = zzz.link(&Identity::new("Zzz"), "Hill");
    (hill, aaa, zzz)
}

/// Hill and its only neighbour, Aaa, which dials.
fn dialled(runtime: Runtime) -> (Server, Link, Identity) {
    let hill = Plan::new(runtime).server("Hill", &["Aaa"]).neighbour("Aaa", &[]).start_one();
    let me = Identity::new("Aaa");
    let link = Link::dial(hill.link_address(), &me, "Hill").unwrap();
    (hill, link, me)
}
