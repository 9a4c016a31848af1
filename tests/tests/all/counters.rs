//! Each limit has a counter: a server that stops says in its log how often each was met.

use core::time::Duration;
use herd_tests::{
    Answer, Identity, Link, Opening, PATIENCE, Plan, Runtime, Server, Upstream, eventually,
    on_both, wall_nanos,
};

on_both!(
    what_clients_said_is_counted,
    what_did_not_fit_is_counted,
    what_is_too_old_is_counted_and_logged,
    what_lookups_came_to_is_counted,
    who_was_closed_is_counted,
    what_links_did_is_counted,
);

fn what_clients_said_is_counted(runtime: Runtime) {
    let mut hill = Plan::alone(runtime).limit("line_bytes", 100).start_one();
    let mut client = hill.client();
    for n in 0..7 {
        client.ask(&format!("IAMAT kiwi +1-1 {}", n % 5));
    }
    client.whats_at("kiwi");
    client.ask("nonsense");
    client.ask("");
    client.ask(&"x".repeat(1000));
    client.ask("IAMAT kiwi +1-1 9000000000");

    let counted = counted(&mut hill);

    assert_eq!(counted("reports"), 8);
    assert_eq!(counted("records"), 5);
    assert_eq!(counted("ahead"), 1);
    assert_eq!(counted("queries"), 1);
    assert_eq!(counted("invalid"), 3);
    assert_eq!(counted("long_lines"), 1);
    assert_eq!(counted("connections"), 1);
}

fn what_did_not_fit_is_counted(runtime: Runtime) {
    let mut hill = Plan::alone(runtime).limit("connections", 1).limit("clients", 2).start_one();
    let mut client = hill.client();
    let now = wall_nanos() / 1_000_000_000;
    for (id, ago) in [("a", 10), ("b", 20), ("c", 30)] {
        client.ask(&format!("IAMAT {id} +1-1 {}", now - ago));
    }
    for _ in 0..3 {
        hill.client().rest();
    }

    let counted = counted(&mut hill);

    assert_eq!(counted("records"), 2);
    assert_eq!(counted("no_room"), 1);
    assert_eq!(counted("refused"), 3);
}

fn what_is_too_old_is_counted_and_logged(runtime: Runtime) {
    let plan = Plan::alone(runtime).metrics().log("level", "\"events\"");
    let mut hill = plan.limit("record_age_s", 1000).start_one();
    let mut client = hill.client();
    client.ask("IAMAT kiwi +1-1 100");
    client.ask(&format!("IAMAT emu +1-1 {}", wall_nanos() / 1_000_000_000));

    assert_eq!(hill.metrics().count("herd_limit_met_total{limit=\"record_age_s\"}"), 1);
    let words = "report not kept: stamped further back than records are kept";
    eventually(PATIENCE, || hill.log().contains(words));
    let counted = counted(&mut hill);
    assert_eq!((counted("reports"), counted("too_old"), counted("records")), (2, 1, 1));
}

fn what_lookups_came_to_is_counted(runtime: Runtime) {
    let upstream = Upstream::start(|request| match request.nth {
        0 => Answer::body("{}"),
        1 => Answer::Status(500, Vec::new()),
        2 => Answer::body("{\"results\":[\"long, too long, much too long\"]}"),
        _ => Answer::silence(),
    });
    let plan = Plan::alone(runtime).upstream(&upstream).timeout_ms(500).limit("body_bytes", 20);
    let mut hill =
        plan.limit("lookups", 1).limit("lookup_queue", 0).limit("pipeline", 2).start_one();
    let mut client = hill.client();
    client.ask("IAMAT kiwi +1-1 100");
    for _ in 0..4 {
        client.whats_at("kiwi");
    }
    let mut other = hill.client();
    client.send("WHATSAT kiwi 1 1\nhello\n");
    upstream.wait_for_requests(5);
    other.whats_at("kiwi");
    client.places_reply();
    client.line();

    let counted = counted(&mut hill);

    assert_eq!(counted("lookups"), 1);
    assert_eq!(counted("lookups_failed"), 5);
    assert_eq!(counted("long_bodies"), 1);
    assert_eq!(counted("lookups_timed_out"), 2);
    assert_eq!(counted("lookups_refused"), 1);
    assert_eq!(counted("pauses"), 1);
}

fn who_was_closed_is_counted(runtime: Runtime) {
    let plan =
        Plan::alone(runtime).limit("idle_s", 1).limit("stalled_s", 1).log("level", "\"events\"");
    let mut hill = plan.start_one();
    hill.client().rest();
    let mut stalled = hill.client();
    let lines = ("nonsense ".repeat(50) + "\n").repeat(200);
    while stalled.try_send(&lines) {}

    let counted = counted(&mut hill);

    assert_eq!(counted("idle"), 1);
    assert_eq!(counted("stalled"), 1);
    assert!(counted("pauses") > 0);
}

fn what_links_did_is_counted(runtime: Runtime) {
    let mut hill = Plan::new(runtime).server("Hill", &["Aaa"]).neighbour("Aaa", &[]).start_one();
    let me = Identity::new("Aaa");
    let mut wire = hill_link(&hill, &me);
    wire.say("AT Far +0.500000000 kiwi +1-1 100");
    wire.say("AT Far +0.500000000 kiwi +1-1 100");
    wire.say("nonsense");
    wire.settle(1);
    drop(wire);
    let liar = Identity { secret: b"wrong, wrong, wrong".into(), ..me.clone() };
    Link::dial(hill.link_address(), &liar, "Hill").unwrap_err();
    let stranger = Opening::new(&Identity::new("Stranger"), "Hill");
    Link::dial_as(hill.link_address(), &stranger, &me.secret).unwrap_err();
    let mut wire = hill_link(&hill, &me);
    hill.client().ask("IAMAT emu +1-1 100");
    wire.at();

    let counted = counted(&mut hill);

    assert_eq!(counted("updates_received"), 2);
    assert_eq!(counted("updates_sent"), 1);
    assert_eq!(counted("records"), 2);
    assert_eq!(counted("dropped"), 1);
    assert_eq!(counted("links"), 2);
    assert_eq!(counted("resumed"), 1);
    assert_eq!(counted("links_refused"), 2);
}

fn hill_link(hill: &Server, me: &Identity) -> Link {
    Link::dial(hill.link_address(), me, "Hill").unwrap()
}

/// Stops the server and reads what it has counted.
#[track_caller]
fn counted(hill: &mut Server) -> impl Fn(&str) -> u64 {
    hill.signal(herd_tests::Signal::TERM);
    assert_eq!(hill.wait(PATIENCE), Some(0));
    eventually(Duration::from_secs(1), || hill.log().contains("reports: "));
    let log = hill.log().lines().last().unwrap().to_owned();
    move |what| {
        let (_, rest) =
            log.split_once(&format!(" {what}: ")).unwrap_or_else(|| panic!("no {what}: {log}"));
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap()
    }
}
