//! Lookups: they block nobody, there are only so many of them, and each answer has one owner.

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;
use herd_tests::{
    Answer, Client, Gate, PATIENCE, Plan, Runtime, Server, Upstream, eventually, eventually_some,
    holds_for, on_both,
};

on_both!(
    a_slow_lookup_delays_no_other_client,
    a_slow_lookup_does_not_stop_the_commands_behind_it,
    only_so_many_lookups_are_out_at_once,
    there_are_usual_limits_on_answers_owed_and_lookups,
    past_the_queue_a_lookup_fails_at_once,
    who_asks_alone_waits_for_one_of_another_address_however_much_that_asked,
    who_asks_alone_waits_for_one_of_each_other_connection,
    the_answer_for_a_client_that_left_reaches_nobody,
    a_client_that_left_gives_its_turn_back,
    each_of_many_lookups_at_once_gets_its_own_answer,
);

fn a_slow_lookup_delays_no_other_client(runtime: Runtime) {
    let (gate, upstream) = slow_for("location=1,");
    let hill = Plan::alone(runtime).upstream(&upstream).start_one();
    let (mut slow, mut quick) = (hill.client(), hill.client());
    slow.ask("IAMAT slow +1-1 100");
    quick.ask("IAMAT quick +2-2 100");

    slow.send("WHATSAT slow 1 1\n");
    upstream.wait_for_requests(1);

    assert_eq!(quick.ask("nonsense"), "? nonsense");
    assert!(quick.ask("IAMAT quick +2-2 101").starts_with("AT Hill "));
    assert!(quick.whats_at("quick").is_some());
    gate.open();
    assert!(slow.places_reply().1.contains("location=1,"));
}

fn a_slow_lookup_does_not_stop_the_commands_behind_it(runtime: Runtime) {
    let (gate, upstream) = slow_for("location=1,");
    let hill = Plan::alone(runtime).upstream(&upstream).start_one();
    let mut client = hill.client();
    client.ask("IAMAT kiwi +1-1 100");

    client.send("WHATSAT kiwi 1 1\nIAMAT kiwi +2-2 200\n");
    upstream.wait_for_requests(1);

    // It has taken effect for others, though its own answer still waits.
    let mut other = hill.client();
    eventually_some(PATIENCE, || other.whats_at("kiwi").filter(|at| at.ends_with(" +2-2 200")));
    assert!(!client.stirs_within(Duration::from_millis(50)));
    gate.open();
    assert!(client.places_reply().0.ends_with(" +1-1 100"));
    assert!(client.line().ends_with(" +2-2 200"));
}

fn only_so_many_lookups_are_out_at_once(runtime: Runtime) {
    let (gate, upstream) = slow_for("");
    let hill = Plan::alone(runtime).upstream(&upstream).limit("lookups", 3).start_one();
    let mut clients: Vec<_> = (0..10).map(|_| hill.client()).collect();
    clients[0].ask("IAMAT kiwi +1-1 100");

    for client in &mut clients {
        client.send("WHATSAT kiwi 1 1\n");
    }
    upstream.wait_for_requests(3);
    holds_for(Duration::from_millis(200), || upstream.requests().len() == 3);
    gate.open();

    for client in &mut clients {
        assert!(client.places_reply().1.contains("location=1,"));
    }
    assert_eq!(upstream.requests().len(), 10);
}

fn there_are_usual_limits_on_answers_owed_and_lookups(runtime: Runtime) {
    let (gate, upstream) = slow_for("");
    let hill = Plan::alone(runtime).upstream(&upstream).timeout_ms(3_600_000).start_one();
    let mut clients = [hill.client(), hill.client(), hill.client()];
    clients[0].ask("IAMAT kiwi +1-1 100");
    let still = |count| {
        upstream.wait_for_requests(count);
        holds_for(Duration::from_millis(200), || upstream.requests().len() == count);
    };

    clients[0].send("WHATSAT kiwi 1 1\n".repeat(200));
    still(128);
    clients[1].send("WHATSAT kiwi 1 1\n".repeat(200));
    still(256);
    clients[2].send("WHATSAT kiwi 1 1\n".repeat(200));
    still(256);
    gate.open();

    for client in &mut clients {
        for _ in 0..200 {
            assert!(client.places_reply().1.contains("location=1,"));
        }
    }
}

fn past_the_queue_a_lookup_fails_at_once(runtime: Runtime) {
    let (gate, upstream) = slow_for("");
    let plan =
        Plan::alone(runtime).upstream(&upstream).limit("lookups", 2).limit("lookup_queue", 1);
    let hill = plan.timeout_ms(3_600_000).start_one();
    let mut clients: Vec<_> = (0..4).map(|_| hill.client()).collect();
    let at = clients[0].ask("IAMAT kiwi +1-1 100");

    for client in &mut clients {
        client.send("WHATSAT kiwi 1 1\n");
    }

    // Whoever came last, while the other three still wait.
    let short = Duration::from_millis(1);
    let unlucky = eventually_some(PATIENCE, || {
        clients.iter_mut().position(|client| client.stirs_within(short))
    });
    let (again, body) = clients.remove(unlucky).places_reply();
    assert_eq!(again, at);
    assert!(body.contains("UNKNOWN_ERROR"), "{body}");
    upstream.wait_for_requests(2);
    assert_eq!(upstream.requests().len(), 2);
    gate.open();
    for client in &mut clients {
        assert!(client.places_reply().1.contains("location=1,"));
    }
}

fn who_asks_alone_waits_for_one_of_another_address_however_much_that_asked(runtime: Runtime) {
    // Two questions of theirs are answered, and the bystander's: nothing else.
    let siege = Siege::begin(runtime, 2);
    let mut bystander = Client::connect_from(address(3), siege.hill.address());

    bystander.send("WHATSAT kiwi 7 20\n");
    siege.is_full_with_one_more();
    siege.some_are_answered.open();

    assert!(bystander.places_reply().1.contains("radius=7000\""));
}

fn who_asks_alone_waits_for_one_of_each_other_connection(runtime: Runtime) {
    let siege = Siege::begin(runtime, CROWD + 1);
    let mut bystander = Client::connect_from(address(2), siege.hill.address());

    bystander.send("WHATSAT kiwi 7 20\n");
    siege.is_full_with_one_more();
    siege.some_are_answered.open();

    assert!(bystander.places_reply().1.contains("radius=7000\""));
}

/// Connections that ask all they may.
const CROWD: usize = 35;

/// A server of which 35 connections from 127.0.0.2 have asked all that they may.
struct Siege {
    hill: Server,
    _upstream: Upstream,
    _crowd: Vec<Client>,
    /// Has as many of the crowd's questions answered as was said.
    some_are_answered: Gate,
}

impl Siege {
    /// The provider never answers the crowd but for its first `answered` questions, once they may be.
    fn begin(runtime: Runtime, answered: usize) -> Self {
        let some_are_answered = Gate::new();
        let upstream = Upstream::start({
            let (some, never) = (some_are_answered.clone(), Gate::new());
            move |request| {
                let answer = Answer::body(format!("{{\"asked\":\"{}\"}}", request.target()));
                match request.nth {
                    _ if request.target().contains("radius=7000") => answer,
                    nth if nth < answered => answer.held(&some),
                    _ => answer.held(&never),
                }
            }
        });
        let plan = Plan::alone(runtime).metrics().upstream(&upstream).timeout_ms(3_600_000);
        let hill = plan.limit("address_loopback", true).start_one();
        hill.client().ask("IAMAT kiwi +1-1 100");
        let crowd = (0..CROWD).map(|_| {
            let mut one = Client::connect_from(address(2), hill.address());
            one.send("WHATSAT kiwi 50 20\n".repeat(128));
            one
        });
        let siege = Self { _crowd: crowd.collect(), hill, _upstream: upstream, some_are_answered };
        eventually(PATIENCE, || siege.hill.metrics().count("herd_lookups_waiting") == 4096);
        siege
    }

    /// Waits until the bystander's question has come, in place of one of the crowd's.
    fn is_full_with_one_more(&self) {
        let refused = "herd_lookups_total{outcome=\"refused\"}";
        eventually(PATIENCE, || self.hill.metrics().count("herd_whatsat_total") == 35 * 128 + 1);
        assert_eq!(self.hill.metrics().count(refused), 35 * 128 + 1 - 256 - 4096);
        assert_eq!(self.hill.metrics().count("herd_lookups_waiting"), 4096);
    }
}

fn address(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))
}

fn the_answer_for_a_client_that_left_reaches_nobody(runtime: Runtime) {
    let (gate, upstream) = slow_for("");
    let hill = Plan::alone(runtime).upstream(&upstream).start_one();
    let mut staying = hill.client();
    staying.ask("IAMAT kiwi +1-1 100");
    for n in 0..10 {
        let mut leaving = hill.client();
        leaving.send(format!("WHATSAT kiwi {n} 1\n"));
        upstream.wait_for_requests(n + 1);
        if n % 2 == 0 {
            leaving.abort();
        }
    }

    // The connections that come now may well get the numbers of those that left.
    let mut others: Vec<_> = (0..10).map(|_| hill.client()).collect();
    for (n, other) in others.iter_mut().enumerate() {
        other.send(format!("WHATSAT kiwi {} 1\n", n + 30));
    }
    upstream.wait_for_requests(20);
    gate.open();

    for (n, other) in others.iter_mut().enumerate() {
        let radius = format!("radius={}\"", (n + 30) * 1000);
        assert!(other.places_reply().1.contains(&radius));
        assert_eq!(other.ask("end"), "? end");
    }
    assert_eq!(staying.ask("end"), "? end");
}

fn a_client_that_left_gives_its_turn_back(runtime: Runtime) {
    let upstream = Upstream::start(|request| match request.nth {
        0 => Answer::silence(),
        _ => Answer::body("{}"),
    });
    let plan = Plan::alone(runtime).upstream(&upstream).limit("lookups", 1).timeout_ms(3_600_000);
    let hill = plan.start_one();
    let mut leaving = hill.client();
    leaving.ask("IAMAT kiwi +1-1 100");
    leaving.send("WHATSAT kiwi 1 1\n");
    upstream.wait_for_requests(1);

    leaving.abort();

    assert!(hill.client().whats_at("kiwi").is_some());
}

fn each_of_many_lookups_at_once_gets_its_own_answer(runtime: Runtime) {
    let upstream = Upstream::start(|request| {
        // Answers come back in an order of their own.
        let answer = Answer::body(format!("{{\"asked\":\"{}\"}}", request.target()));
        answer.late(Duration::from_millis(u64::try_from(request.nth * 7 % 20).unwrap()))
    });
    let hill = Plan::alone(runtime).upstream(&upstream).limit("lookups", 16).start_one();
    let mut clients: Vec<_> = (0..8).map(|_| hill.client()).collect();
    clients[0].ask("IAMAT kiwi +1-1 100");

    for (n, client) in clients.iter_mut().enumerate() {
        for bound in 0..20 {
            client.send(format!("WHATSAT kiwi {}.{bound:02} 1\n", n + 1));
        }
    }

    for (n, client) in clients.iter_mut().enumerate() {
        for bound in 0..20 {
            let (_, body) = client.places_reply();
            let metres = (n + 1) * 1000 + bound * 10;
            assert!(body.contains(&format!("radius={metres}\"")), "{body}");
        }
    }
}

/// A provider that names the question in its answer, and answers a question that contains `what` only
/// once the gate is open.
fn slow_for(what: &'static str) -> (Gate, Upstream) {
    let gate = Gate::new();
    let upstream = Upstream::start({
        let gate = gate.clone();
        move |request| {
            let answer = Answer::body(format!("{{\"asked\":\"{}\"}}", request.target()));
            if request.target().contains(what) { answer.held(&gate) } else { answer }
        }
    });
    (gate, upstream)
}
