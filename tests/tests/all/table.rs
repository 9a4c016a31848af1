//! The table has its size, and its records an age.

use core::time::Duration;
use herd_tests::{Identity, Link, Plan, Runtime, eventually, on_both, wall_nanos};

on_both!(
    the_smallest_record_makes_room_for_a_greater_one,
    a_record_smaller_than_all_of_a_full_table_is_answered_and_forgotten,
    a_full_table_still_takes_news_of_the_clients_it_knows,
    a_full_table_orders_equal_stamps_by_bytes,
    a_full_table_keeps_what_a_neighbour_says_by_the_same_order,
    a_report_that_is_old_already_is_answered_and_forgotten,
    a_record_is_forgotten_when_it_has_become_old,
);

fn the_smallest_record_makes_room_for_a_greater_one(runtime: Runtime) {
    let hill = Plan::alone(runtime).limit("clients", 3).start_one();
    let mut client = hill.client();
    for (id, stamp) in [("b", 20), ("a", 10), ("d", 40), ("c", 30)] {
        client.ask(&format!("IAMAT {id} +1-1 {stamp}"));
    }

    assert_eq!(client.whats_at("a"), None);
    client.ask("IAMAT e +1-1 50");
    assert_eq!(client.whats_at("b"), None);

    for id in ["c", "d", "e"] {
        assert!(client.whats_at(id).is_some(), "{id} is gone");
    }
}

fn a_record_smaller_than_all_of_a_full_table_is_answered_and_forgotten(runtime: Runtime) {
    let hill = Plan::alone(runtime).limit("clients", 3).start_one();
    let mut client = hill.client();
    for (id, stamp) in [("b", 20), ("c", 30), ("d", 40)] {
        client.ask(&format!("IAMAT {id} +1-1 {stamp}"));
    }

    let small = client.ask("IAMAT a +1-1 10");

    assert!(small.starts_with("AT Hill ") && small.ends_with(" a +1-1 10"), "{small}");
    assert_eq!(client.whats_at("a"), None);
    for id in ["b", "c", "d"] {
        assert!(client.whats_at(id).is_some(), "{id} is gone");
    }
}

fn a_full_table_still_takes_news_of_the_clients_it_knows(runtime: Runtime) {
    let hill = Plan::alone(runtime).limit("clients", 2).start_one();
    let mut client = hill.client();
    client.ask("IAMAT a +1-1 10");
    client.ask("IAMAT b +1-1 20");

    let news = client.ask("IAMAT a +2-2 30");

    assert_eq!(client.whats_at("a"), Some(news));
    assert!(client.whats_at("b").is_some());
    // Now b is the smallest.
    client.ask("IAMAT c +1-1 25");
    assert_eq!(client.whats_at("b"), None);
}

fn a_full_table_orders_equal_stamps_by_bytes(runtime: Runtime) {
    let lines = [
        "AT A +0.500000000 x +1-1 100",
        "AT B +0.500000000 w +1-1 100",
        "AT C +0.500000000 v +1-1 100",
    ];
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [2, 0, 1]] {
        let plan =
            Plan::new(runtime).limit("clients", 2).server("Hill", &["Aaa"]).neighbour("Aaa", &[]);
        let hill = plan.start_one();
        let mut aaa = Link::dial(hill.link_address(), &Identity::new("Aaa"), "Hill").unwrap();

        for at in order {
            aaa.say(lines[at]);
        }
        aaa.settle(1);

        let mut client = hill.client();
        assert_eq!(client.whats_at("x"), None, "in the order {order:?}");
        assert_eq!(client.whats_at("w").as_deref(), Some(lines[1]));
        assert_eq!(client.whats_at("v").as_deref(), Some(lines[2]));
    }
}

fn a_full_table_keeps_what_a_neighbour_says_by_the_same_order(runtime: Runtime) {
    let plan =
        Plan::new(runtime).limit("clients", 10).server("Hill", &["Jaquez"]).server("Jaquez", &[]);
    let herd = plan.start();
    let mut clients = [herd["Hill"].client(), herd["Jaquez"].client()];
    // Heard in two places in an order that suits neither.
    for n in 0..40 {
        let stamp = (n * 7) % 40;
        clients[n % 2].ask(&format!("IAMAT c{stamp} +1-1 {stamp}"));
    }

    for client in &mut clients {
        eventually(herd_tests::PATIENCE, || {
            let known: Vec<_> =
                (0..40).filter(|n| client.whats_at(&format!("c{n}")).is_some()).collect();
            known == (30..40).collect::<Vec<_>>()
        });
    }
}

fn a_report_that_is_old_already_is_answered_and_forgotten(runtime: Runtime) {
    let hill = Plan::alone(runtime).limit("record_age_s", 1000).start_one();
    let mut client = hill.client();

    let old = client.ask(&format!("IAMAT old +1-1 {}", seconds_ago(1100)));
    let new = client.ask(&format!("IAMAT new +1-1 {}", seconds_ago(900)));

    assert!(old.starts_with("AT Hill +110"), "{old}");
    assert_eq!(client.whats_at("old"), None);
    assert_eq!(client.whats_at("new"), Some(new));
}

fn a_record_is_forgotten_when_it_has_become_old(runtime: Runtime) {
    let plan = Plan::new(runtime).limit("record_age_s", 4).server("Hill", &["Jaquez"]);
    let herd = plan.server("Jaquez", &[]).start();
    let mut clients = [herd["Hill"].client(), herd["Jaquez"].client()];

    let told = clients[0].ask(&format!("IAMAT kiwi +1-1 {}", seconds_ago(0)));
    eventually(Duration::from_secs(3), || clients[1].whats_at("kiwi").as_ref() == Some(&told));

    for client in &mut clients {
        eventually(herd_tests::PATIENCE, || client.whats_at("kiwi").is_none());
        assert_eq!(client.ask("WHATSAT kiwi 1 1"), "? WHATSAT kiwi 1 1");
    }
}

fn seconds_ago(seconds: i128) -> i128 {
    wall_nanos() / 1_000_000_000 - seconds
}
