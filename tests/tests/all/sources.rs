//! No address takes more than its share of connections, nor of reading.

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;
use herd_tests::{
    Client, Identity, Link, PATIENCE, Plan, Runtime, Server, eventually, monotonic, on_both,
};
use std::thread;

on_both!(
    one_connection_too_many_from_an_address_is_closed,
    loopback_has_no_share_unless_it_is_given_one,
    an_address_that_sends_too_much_is_slowed_and_alone,
);

fn one_connection_too_many_from_an_address_is_closed(runtime: Runtime) {
    let plan = Plan::new(runtime).metrics().shared_addresses();
    let plan = plan.limit("address_connections", 2).limit("address_loopback", true);
    let hill = plan.server("Hill", &["Aaa"]).neighbour("Aaa", &[]).start_one();
    let mut clients = [from(2, &hill), from(2, &hill), from(3, &hill)];
    for client in &mut clients {
        assert_eq!(client.ask("hello"), "? hello");
    }

    let mut beyond = from(2, &hill);
    beyond.try_send("hello\n");
    assert_eq!(beyond.rest(), b"");

    let _links =
        [(); 3].map(|()| Link::dial(hill.address(), &Identity::new("Aaa"), "Hill").unwrap());
    for client in &mut clients {
        assert_eq!(client.ask("still here"), "? still here");
    }
    let met = "herd_limit_met_total{limit=\"address_connections\"}";
    assert_eq!(hill.metrics().count(met), 1);
    eventually(PATIENCE, || {
        hill.log().contains("closed: too many connections or bytes from its address")
    });
    drop(clients);
    eventually(PATIENCE, || {
        let mut client = from(2, &hill);
        client.try_send("hello\n");
        client.line_or_end().is_some()
    });
}

fn loopback_has_no_share_unless_it_is_given_one(runtime: Runtime) {
    let hill = Plan::alone(runtime).limit("address_connections", 1).start_one();
    let mut clients = [(); 3].map(|()| hill.client());
    for client in &mut clients {
        assert_eq!(client.ask("hello"), "? hello");
    }
}

fn an_address_that_sends_too_much_is_slowed_and_alone(runtime: Runtime) {
    let plan = Plan::alone(runtime).metrics().log("level", "\"events\"");
    let plan = plan.limit("address_bytes_s", 100_000).limit("address_loopback", true);
    let hill = plan.start_one();
    let mut greedy = from(2, &hill);
    let mut sender = Client::new(greedy.stream().try_clone().unwrap());
    let began = monotonic();
    let sending = thread::spawn(move || sender.send("nonsense!\n".repeat(60_000)));
    let reading = thread::spawn(move || (0..60_000).for_each(|_| drop(greedy.line())));

    let met = "herd_limit_met_total{limit=\"address_bytes_s\"}";
    let mut modest = from(3, &hill);
    eventually(PATIENCE, || {
        assert_eq!(modest.ask("hello"), "? hello");
        hill.metrics().count(met) > 0
    });

    sending.join().unwrap();
    reading.join().unwrap();
    // 600 kB are 6 s, of which the burst is 4; the last piece read is not waited for.
    assert!(began.elapsed() > Duration::from_secs(1), "{:?}", began.elapsed());
}

fn from(last: u8, hill: &Server) -> Client {
    let source = IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
    Client::connect_from(source, hill.address())
}
