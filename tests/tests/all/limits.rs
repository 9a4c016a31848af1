//! Limits on connections and on what one of them may have waiting.

use core::time::Duration;
use herd_tests::{
    Answer, Client, Gate, Identity, Link, PATIENCE, Plan, Program, Runtime, Server, Upstream,
    eventually, holds_for, monotonic, on_both, pass, within,
};
use std::process::Command;

on_both!(
    one_connection_too_many_is_closed_at_once,
    a_connection_that_leaves_makes_room,
    links_do_not_need_the_room_of_clients,
    links_do_not_need_the_room_of_clients_on_a_shared_address,
    clients_that_say_nothing_on_a_shared_address_are_clients,
    few_descriptors_mean_fewer_clients_and_not_none,
    too_few_descriptors_are_refused_at_the_start,
    running_out_of_descriptors_is_survived,
    reading_pauses_while_too_many_answers_are_owed,
    reading_pauses_while_too_many_bytes_wait,
    one_whole_answer_always_fits,
    a_client_that_takes_nothing_is_closed,
    a_client_that_takes_a_little_is_not_closed,
    a_silent_client_is_closed,
    a_client_that_is_owed_an_answer_is_not_idle,
    a_link_is_never_idle,
    without_a_limit_on_idling_nobody_is_closed,
);

fn one_connection_too_many_is_closed_at_once(runtime: Runtime) {
    let hill = Plan::alone(runtime).limit("connections", 3).start_one();
    let mut clients: Vec<_> = (0..3).map(|_| hill.client()).collect();
    for client in &mut clients {
        assert_eq!(client.ask("hello"), "? hello");
    }

    for _ in 0..5 {
        assert_eq!(hill.client().rest(), b"");
    }

    for client in &mut clients {
        assert_eq!(client.ask("still here"), "? still here");
    }
}

fn a_connection_that_leaves_makes_room(runtime: Runtime) {
    let hill = Plan::alone(runtime).limit("connections", 1).start_one();
    for n in 0..20 {
        let mut client = hill.client();
        client.try_send("hello\n");
        if n % 2 == 0 {
            client.finish();
            let answer = client.rest();
            assert!(answer == b"? hello\n" || answer.is_empty());
        }
        drop(client);
        eventually(PATIENCE, || is_served(&hill));
    }
}

fn links_do_not_need_the_room_of_clients(runtime: Runtime) {
    links_are_taken(Plan::new(runtime));
}

fn links_do_not_need_the_room_of_clients_on_a_shared_address(runtime: Runtime) {
    links_are_taken(Plan::new(runtime).shared_addresses());
}

#[track_caller]
fn links_are_taken(plan: Plan) {
    let hill =
        plan.limit("connections", 2).server("Hill", &["Aaa"]).neighbour("Aaa", &[]).start_one();
    let mut clients = [hill.client(), hill.client()];
    for client in &mut clients {
        client.ask("hello");
    }
    let mut beyond = hill.client();
    beyond.try_send("hello\n");
    assert_eq!(beyond.rest(), b"");

    let mut aaa = Link::dial(hill.link_address(), &Identity::new("Aaa"), "Hill").unwrap();

    let told = clients[0].ask("IAMAT kiwi +1-1 100");
    assert_eq!(aaa.at(), told);
}

fn clients_that_say_nothing_on_a_shared_address_are_clients(runtime: Runtime) {
    let plan = Plan::new(runtime).shared_addresses();
    let hill = plan.server("Hill", &["Aaa"]).neighbour("Aaa", &[]).start_one();
    let mut silent: Vec<_> = (0..200).map(|_| hill.client()).collect();

    // Longer than a handshake may take.
    pass(Duration::from_millis(6500));

    for client in &mut silent {
        assert_eq!(client.ask("hello"), "? hello");
    }
}

fn few_descriptors_mean_fewer_clients_and_not_none(runtime: Runtime) {
    let mut hill = Plan::alone(runtime).prepare().into_only();
    let command = hill.command();
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "ulimit -n 30 && exec \"$0\" \"$@\""])
        .arg(command.get_program())
        .args(command.get_args());
    limited.current_dir(hill.dir());
    hill.start_as(limited);
    let mut first = hill.client();
    first.ask("hello");

    let many: Vec<_> = (0..200).map(|_| hill.client()).collect();
    let served = served_among(many);

    assert!((1..30).contains(&served), "there was no limit, or no room");
    assert_eq!(first.ask("still here"), "? still here");
    eventually(PATIENCE, || is_served(&hill));
}

fn too_few_descriptors_are_refused_at_the_start(runtime: Runtime) {
    for descriptors in [16, 20, 27] {
        let hill = Plan::alone(runtime).prepare().into_only();
        let command = hill.command();
        let mut limited = Command::new("sh");
        limited
            .args(["-c", &format!("ulimit -n {descriptors} && exec \"$0\" \"$@\"")])
            .arg(command.get_program())
            .args(command.get_args());

        let ended = Program::run(limited.current_dir(hill.dir()));

        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        let says =
            format!("only {descriptors} files may be open, and this server takes 28 at least");
        assert!(ended.stderr.contains(&says), "{}", ended.stderr);
    }
    // The fewest do for a lookup.
    let upstream = Upstream::serving("{}");
    let mut hill = Plan::alone(runtime).upstream(&upstream).prepare().into_only();
    let command = hill.command();
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "ulimit -n 28 && exec \"$0\" \"$@\""])
        .arg(command.get_program())
        .args(command.get_args());
    limited.current_dir(hill.dir());
    hill.start_as(limited);
    let mut client = hill.client();
    client.ask("IAMAT kiwi +34.0-118.4 1520023934.5");
    client.send("WHATSAT kiwi 10 5\n");
    assert_eq!(client.places_reply().1, "{}\n\n");
}

fn running_out_of_descriptors_is_survived(runtime: Runtime) {
    let mut hill = Plan::alone(runtime).start_one();
    let in_use = hill.program().descriptors();
    hill.program().limit_descriptors(in_use + 20);
    let mut first = hill.client();
    first.ask("hello");

    let many: Vec<_> = (0..200).map(|_| hill.client()).collect();
    // It waits for better times, not in a circle.
    let busy = hill.program().processor_time();
    pass(Duration::from_secs(1));
    let busy = hill.program().processor_time() - busy;
    assert!(busy < Duration::from_millis(500), "{busy:?} in a second");
    assert_eq!(first.ask("still here"), "? still here");
    assert!(served_among(many) < 30, "there was no limit");

    eventually(PATIENCE, || is_served(&hill));
}

fn reading_pauses_while_too_many_answers_are_owed(runtime: Runtime) {
    let gate = Gate::new();
    let upstream = Upstream::start({
        let gate = gate.clone();
        move |_| Answer::body("{}").held(&gate)
    });
    let hill = Plan::alone(runtime)
        .upstream(&upstream)
        .limit("pipeline", 4)
        .timeout_ms(3_600_000)
        .start_one();
    let mut client = hill.client();
    let at = client.ask("IAMAT kiwi +1-1 100");

    // All of them in one segment; and what comes behind them is not read, either.
    client.send("WHATSAT kiwi 1 1\n".repeat(50));
    client.send("IAMAT emu +1-1 100\n");
    upstream.wait_for_requests(4);
    holds_for(Duration::from_millis(200), || upstream.requests().len() == 4);
    assert_eq!(hill.client().ask("WHATSAT emu 1 1"), "? WHATSAT emu 1 1");
    gate.open();

    for _ in 0..50 {
        assert_eq!(client.places_reply(), (at.clone(), "{}\n\n".to_owned()));
    }
    assert!(client.line().ends_with(" emu +1-1 100"));
    assert_eq!(client.ask("end"), "? end");
}

fn reading_pauses_while_too_many_bytes_wait(runtime: Runtime) {
    let plan = Plan::alone(runtime).limit("output_bytes", 4096).log("level", "\"off\"");
    let mut hill = plan.start_one();
    let mut client = hill.client();
    client.ask("hello");
    let before = hill.program().resident_bytes();

    let line = "nonsense ".repeat(50) + "\n";
    let asked = send_until_blocked(&mut client, &line.repeat(20));

    let grown = hill.program().resident_bytes().saturating_sub(before);
    assert!(grown < 4 << 20, "grew by {grown} bytes");
    assert!(asked < 64 << 20, "{asked} bytes were taken");
    // Others are not held up, and all of it is answered in the end.
    assert!(is_served(&hill));
    let whole = asked / line.len();
    let expected = format!("? {line}");
    for _ in 0..whole {
        assert_eq!(client.exactly(expected.len()), expected.as_bytes());
    }
}

fn one_whole_answer_always_fits(runtime: Runtime) {
    let body = format!("{{\"results\":[\"{}\"]}}", "x".repeat(1_000_000));
    let upstream = Upstream::serving(&body);
    let hill = Plan::alone(runtime).upstream(&upstream).limit("output_bytes", 100).start_one();
    let mut client = hill.client();
    let at = client.ask("IAMAT kiwi +1-1 100");

    client.send("WHATSAT kiwi 1 1\nWHATSAT kiwi 1 1\nend\n");

    for _ in 0..2 {
        assert_eq!(client.places_reply(), (at.clone(), format!("{body}\n\n")));
    }
    assert_eq!(client.line(), "? end");
}

fn a_client_that_takes_nothing_is_closed(runtime: Runtime) {
    let hill = Plan::alone(runtime).limit("stalled_s", 1).log("level", "\"off\"").start_one();
    let mut client = hill.client();

    send_until_blocked(&mut client, &("nonsense ".repeat(50) + "\n").repeat(20));

    // Reading would be taking: the socket itself knows that the other side has hung up.
    eventually(PATIENCE, || client.stream().take_error().unwrap().is_some());
}

fn a_client_that_takes_a_little_is_not_closed(runtime: Runtime) {
    let hill = Plan::alone(runtime).limit("stalled_s", 2).log("level", "\"off\"").start_one();
    let mut client = hill.client();
    let line = "nonsense ".repeat(50) + "\n";
    let asked = send_until_blocked(&mut client, &line.repeat(20));

    let started = monotonic();
    let mut taken = 0;
    // Half of it, in twice the time that is allowed for nothing at all.
    for _ in 0..16 {
        client.exactly(asked / 32);
        taken += asked / 32;
        pass(Duration::from_millis(250));
    }
    assert!(started.elapsed() >= Duration::from_secs(4));

    let whole = (asked / line.len()) * (line.len() + 2);
    client.exactly(whole - taken);
    client.send("\n");
    assert!(client.line().len() <= line.len() + 2);
}

fn a_silent_client_is_closed(runtime: Runtime) {
    let hill = Plan::alone(runtime).limit("idle_s", 1).start_one();
    let mut never = hill.client();
    let mut once = hill.client();
    let mut begun = hill.client();
    let started = monotonic();
    once.ask("hello");
    begun.send("hell");

    assert_eq!(never.rest(), b"");
    assert_eq!(once.rest(), b"");
    assert!(started.elapsed() >= Duration::from_millis(900));
    begun.rest();
}

fn a_client_that_is_owed_an_answer_is_not_idle(runtime: Runtime) {
    let gate = Gate::new();
    let upstream = Upstream::start({
        let gate = gate.clone();
        move |_| Answer::body("{}").held(&gate)
    });
    let hill = Plan::alone(runtime).upstream(&upstream).limit("idle_s", 1).start_one();
    let mut client = hill.client();
    client.ask("IAMAT kiwi +1-1 100");

    client.send("WHATSAT kiwi 1 1\n");
    assert!(!client.stirs_within(Duration::from_millis(3500)));
    gate.open();

    assert_eq!(client.places_reply().1, "{}\n\n");
    assert_eq!(client.rest(), b"");
}

fn a_link_is_never_idle(runtime: Runtime) {
    let plan = Plan::new(runtime).limit("idle_s", 1).server("Hill", &["Aaa"]).neighbour("Aaa", &[]);
    let hill = plan.start_one();
    let mut aaa = Link::dial(hill.link_address(), &Identity::new("Aaa"), "Hill").unwrap();

    assert!(within(Duration::from_millis(3500), || aaa.wire().has_ended().then_some(())).is_none());

    aaa.settle(1);
}

fn without_a_limit_on_idling_nobody_is_closed(runtime: Runtime) {
    let hill = Plan::alone(runtime).limit("idle_s", 0).start_one();
    let mut client = hill.client();

    assert!(!client.stirs_within(Duration::from_millis(500)));

    assert_eq!(client.ask("hello"), "? hello");
}

/// How many of these clients, which leave after that, get an answer before long.
fn served_among(mut clients: Vec<Client>) -> usize {
    let served = clients.iter_mut().filter_map(|client| {
        client.try_send("hello\n");
        let stirs = client.stirs_within(Duration::from_millis(20));
        (stirs && client.line_or_end().is_some()).then_some(())
    });
    served.count()
}

/// Whether a new client gets an answer.
fn is_served(hill: &Server) -> bool {
    let mut client = hill.client();
    client.try_send("hello\n") && client.line_or_end().as_deref() == Some("? hello")
}

/// Sends `bytes` over and over until the server takes no more for a while; how many it took.
#[track_caller]
fn send_until_blocked(client: &mut Client, bytes: &str) -> usize {
    let mut sent = 0;
    let mut blocked_since = None;
    while sent < 256 << 20 {
        let at = sent % bytes.len();
        let now = monotonic();
        match client.send_some(&bytes.as_bytes()[at..]) {
            Some(count) => {
                sent += count;
                blocked_since = None;
            }
            None if now - *blocked_since.get_or_insert(now) > Duration::from_millis(400) => {
                return sent;
            }
            None => pass(Duration::from_millis(1)),
        }
    }
    panic!("the server never stopped reading");
}
