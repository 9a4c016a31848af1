//! Answers that nobody reads: what all clients together may have of them.

use core::net::SocketAddr;
use herd_tests::{
    Answer, Client, Metrics, PATIENCE, Plan, Runtime, Server, Upstream, eventually,
    eventually_some, get, on_both,
};
use socket2::{Domain, Socket, Type};

on_both!(answers_that_nobody_reads_have_a_bound, a_byte_now_and_then_is_no_reading,);

/// Bytes of the provider's answers.
const BODY: usize = 50_000;
const BUDGET: u64 = 4 << 20;
const UNREAD: &str = "herd_limit_met_total{limit=\"answers_bytes\"}";

fn answers_that_nobody_reads_have_a_bound(runtime: Runtime) {
    let (mut hill, _upstream) = hill(runtime);
    let mut reader = hill.client();
    reader.ask("IAMAT kiwi +1-1 100");
    reader.whats_at("kiwi");
    let before = hill.program().resident_bytes();

    // From four addresses, for one megabyte each.
    let mut idle = Vec::new();
    for n in 0..100_u8 {
        idle.push(asks_and_does_not_read(&hill, 2 + n % 4));
        if n % 10 == 0 {
            assert!(reader.whats_at("kiwi").is_some());
            let metrics = metrics(&hill);
            assert!(metrics.count("herd_answers_waiting_bytes") <= BUDGET);
        }
    }
    eventually(PATIENCE, || {
        assert!(reader.whats_at("kiwi").is_some());
        metrics(&hill).count(UNREAD) > 0
    });

    let grown = hill.program().resident_bytes().saturating_sub(before);
    assert!(grown < 16 * BUDGET, "grew by {grown} bytes");
    eventually(PATIENCE, || {
        hill.log().contains("closed: does not take its answers, and there is no room for more")
    });
    assert!(reader.whats_at("kiwi").is_some());
}

fn a_byte_now_and_then_is_no_reading(runtime: Runtime) {
    let (hill, _upstream) = hill(runtime);
    let mut reader = hill.client();
    reader.ask("IAMAT kiwi +1-1 100");
    let mut trickle: Vec<_> = (0..60).map(|n| asks_and_does_not_read(&hill, 2 + n % 4)).collect();

    eventually(PATIENCE, || {
        for client in &mut trickle {
            client.take_one();
        }
        assert!(reader.whats_at("kiwi").is_some());
        let metrics = metrics(&hill);
        assert!(metrics.count("herd_answers_waiting_bytes") <= BUDGET);
        metrics.count(UNREAD) > 0
    });
    assert!(reader.whats_at("kiwi").is_some());
}

/// The metrics, once the server has time for them: the provider's answers keep it busy.
fn metrics(hill: &Server) -> Metrics {
    eventually_some(PATIENCE, || {
        let reply = get(hill.metrics_address(), "/metrics");
        (reply.status == 200).then(|| Metrics::parse(&reply.body))
    })
}

fn hill(runtime: Runtime) -> (Server, Upstream) {
    let upstream = Upstream::start(|_| {
        Answer::body(format!("{{\"results\":[],\"more\":\"{}\"}}", "x".repeat(BODY)))
    });
    let plan = Plan::alone(runtime).metrics().upstream(&upstream).log("level", "\"events\"");
    let plan = plan.limit("body_bytes", 2 * BODY).limit("stalled_s", 3600);
    let hill = plan.limit("answers_bytes", BUDGET).start_one();
    (hill, upstream)
}

/// A client that asks for 20 answers and reads none, with little room for them in the kernel.
fn asks_and_does_not_read(hill: &Server, last: u8) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, last], 0)).into()).unwrap();
    socket.connect(&hill.address().into()).unwrap();
    let mut client = Client::new(socket.into());
    client.try_send("WHATSAT kiwi 1 1\n".repeat(20));
    client
}
