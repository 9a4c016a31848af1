//! Programs that follow a herd: told every record by any server, heard by none.

use herd_tests::{
    Follow, Heard, Identity, Link, PATIENCE, Plan, Runtime, Server, eventually, on_both,
};

on_both!(
    a_follower_is_told_what_there_is_and_what_comes,
    a_follower_goes_on_where_it_was,
    a_follower_goes_to_another_server_and_misses_nothing,
    a_follower_without_the_secret_is_told_nothing,
    a_follower_says_nothing_but_what_it_has,
    a_follower_that_stands_still_costs_nobody_anything,
    followers_are_counted_and_there_is_a_bound_on_them,
    a_follower_may_come_where_clients_do,
);

fn a_follower_is_told_what_there_is_and_what_comes(runtime: Runtime) {
    let hill = hill(runtime);
    let kiwi = hill.client().ask("IAMAT kiwi +1-1 100");
    let mut gate = Follow::new("gate").dial(hill.link_address()).unwrap();
    assert_eq!(gate.last, 1);
    assert_eq!(gate.hear_upto(1), [kiwi]);

    let emu = hill.client().ask("IAMAT emu +2-2 200");
    assert_eq!(gate.hear(), Some(Heard::At(emu)));
    let mut aaa = Link::dial(hill.link_address(), &Identity::new("Aaa"), "Hill").unwrap();
    aaa.say("AT Aaa +0.500000000 owl +1-1 100");
    assert_eq!(gate.hear_upto(3), ["AT Aaa +0.500000000 owl +1-1 100"]);
    eventually(PATIENCE, || hill.log().contains(" gate follows\n"));
}

fn a_follower_goes_on_where_it_was(runtime: Runtime) {
    let mut hill = hill(runtime);
    hill.client().ask("IAMAT kiwi +1-1 100");
    let mut gate = Follow::new("gate");
    let mut before = gate.dial(hill.link_address()).unwrap();
    assert_eq!(before.hear_upto(1).len(), 1);
    gate.after = (before.theirs.clone(), 1);
    drop(before);

    let emu = hill.client().ask("IAMAT emu +2-2 200");
    let mut again = gate.dial(hill.link_address()).unwrap();
    assert_eq!(again.hear_upto(again.last), [emu]);

    hill.kill();
    hill.start();
    let owl = hill.client().ask("IAMAT owl +2-2 200");
    let mut anew = gate.dial(hill.link_address()).unwrap();
    assert_eq!(anew.hear_upto(anew.last), [owl]);
}

fn a_follower_goes_to_another_server_and_misses_nothing(runtime: Runtime) {
    let plan = Plan::new(runtime).server("Hill", &["Jaquez"]).server("Jaquez", &[]);
    let mut herd = plan.start();
    let gate = Follow::new("gate");
    let mut at_hill = gate.dial(herd["Hill"].link_address()).unwrap();
    let mut known = vec![herd["Hill"].client().ask("IAMAT kiwi +1-1 100")];
    assert_eq!(at_hill.hear_upto(1), known[..]);
    eventually(PATIENCE, || herd["Jaquez"].client().whats_at("kiwi").is_some());
    known.push(herd["Jaquez"].client().ask("IAMAT emu +2-2 200"));
    herd["Hill"].kill();
    while at_hill.hear().is_some() {}

    let gate = Follow { after: (at_hill.theirs, 1), ..gate };
    let mut at_jaquez = gate.dial(herd["Jaquez"].link_address()).unwrap();
    let mut told = at_jaquez.hear_upto(at_jaquez.last);
    told.sort();
    known.sort();
    assert_eq!(told, known);
}

fn a_follower_without_the_secret_is_told_nothing(runtime: Runtime) {
    let hill = hill(runtime);
    hill.client().ask("IAMAT kiwi +1-1 100");
    let liar = Follow { secret: "a guess at the secret".to_owned(), ..Follow::new("gate") };
    assert!(liar.dial(hill.link_address()).is_none());
    let lost = Follow { server: "Jaquez".to_owned(), ..Follow::new("gate") };
    assert!(lost.dial(hill.link_address()).is_none());
    let named = Follow { server: "Hill".to_owned(), ..Follow::new("gate") };
    assert!(named.dial(hill.link_address()).is_some());
}

fn a_follower_says_nothing_but_what_it_has(runtime: Runtime) {
    let hill = hill(runtime);
    for line in ["AT gate +1 kiwi +1-1 100", "IAMAT kiwi +1-1 100", "MARK 1"] {
        let mut gate = Follow::new("gate").dial(hill.link_address()).unwrap();
        gate.say(line);
        while gate.hear().is_some() {}
    }
    assert_eq!(hill.client().whats_at("kiwi"), None);
}

fn a_follower_that_stands_still_costs_nobody_anything(runtime: Runtime) {
    let mut hill = hill(runtime);
    let gate = Follow::new("gate").dial(hill.link_address()).unwrap();
    let mut client = hill.client();
    let before = hill.program().resident_bytes();
    // One client moves a hundred thousand times: a table of one record, and megabytes of news.
    for round in 0..100 {
        let lines: String =
            (0..1000).map(|line| format!("IAMAT kiwi +1-1 {}\n", round * 1000 + line)).collect();
        client.send(lines);
        for _ in 0..1000 {
            client.line();
        }
    }
    assert!(hill.program().resident_bytes() < before + (8 << 20));
    drop(gate);
}

fn followers_are_counted_and_there_is_a_bound_on_them(runtime: Runtime) {
    let plan = Plan::new(runtime).server("Hill", &["Aaa"]).neighbour("Aaa", &[]).metrics();
    let hill = plan.limit("followers", 2).start_one();
    let mut one = Follow::new("one").dial(hill.link_address()).unwrap();
    let _two = Follow::new("two").dial(hill.link_address()).unwrap();
    assert!(Follow::new("three").dial(hill.link_address()).is_none());

    hill.client().ask("IAMAT kiwi +1-1 100");
    one.hear_upto(1);
    let lag = |name: &str| format!("herd_follower_unacknowledged_records{{follower=\"{name}\"}}");
    eventually(PATIENCE, || {
        let metrics = hill.metrics();
        metrics.count("herd_connections{kind=\"follower\"}") == 2
            && metrics.count("herd_limit_met_total{limit=\"followers\"}") == 1
            && metrics.count(&lag("one")) == 0
            && metrics.count(&lag("two")) == 1
    });
}

fn a_follower_may_come_where_clients_do(runtime: Runtime) {
    let plan = Plan::new(runtime).server("Hill", &["Aaa"]).neighbour("Aaa", &[]);
    let hill = plan.shared_addresses().start_one();
    let kiwi = hill.client().ask("IAMAT kiwi +1-1 100");
    let mut gate = Follow::new("gate").dial(hill.address()).unwrap();
    assert_eq!(gate.hear_upto(1), [kiwi]);
}

/// Hill, with a neighbour Aaa that dials.
fn hill(runtime: Runtime) -> Server {
    Plan::new(runtime).server("Hill", &["Aaa"]).neighbour("Aaa", &[]).start_one()
}
