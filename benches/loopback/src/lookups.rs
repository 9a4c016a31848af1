//! Questions that the server asks a provider about.

use core::time::Duration;

use herd_benches::{body, reports};
use herd_tests::{Client, Runtime, Server, Upstream, monotonic};

use crate::answer::HILL;
use crate::connection::Connection;
use crate::servers::quiet;

/// How many of the provider's twenty places are asked for.
const BOUND: usize = 5;

/// Clients that all ask at once where they are and what is there, each on a connection of its own.
#[derive(Debug)]
pub struct Lookups {
    askers: Vec<Asker>,
    _server: Server,
    _upstream: Upstream,
}

#[derive(Debug)]
struct Asker {
    connection: Connection,
    question: Vec<u8>,
    answer: Vec<u8>,
}

impl Lookups {
    /// So many clients, a provider on loopback that answers at once, and a server that knows the clients.
    pub fn start(runtime: Runtime, clients: u32) -> Self {
        let body = String::from_utf8(body()).expect("a body in UTF-8");
        let upstream = Upstream::serving(&body);
        let server = quiet(runtime).upstream(&upstream).server(HILL, &[]).start_one();
        let all = String::from_utf8(reports(clients, 0).concat()).expect("reports in UTF-8");
        let askers = all.lines().map(|report| Asker::meet(&server, report)).collect();
        Self { askers, _server: server, _upstream: upstream }
    }

    /// Asks on all connections, and hears all answers.
    pub fn turn(&mut self) -> Duration {
        let began = monotonic();
        for asker in &mut self.askers {
            asker.connection.say(&asker.question);
        }
        for asker in &mut self.askers {
            asker.connection.hear(|heard| heard.ends_with(b"\n\n"));
        }
        let took = began.elapsed();
        for asker in &self.askers {
            let heard = asker.connection.heard();
            assert!(heard == asker.answer, "wrong: {}", String::from_utf8_lossy(heard));
        }
        took
    }
}

impl Asker {
    /// Reports, and takes note of the answer that there will be each time.
    fn meet(server: &Server, report: &str) -> Self {
        let mut client = Client::connect(server.address());
        let known = client.ask(report);
        let name = report.split(' ').nth(1).expect("a report names a client");
        let question = format!("WHATSAT {name} 10 {BOUND}\n");
        client.send(&question);
        let (at, body) = client.places_reply();
        assert_eq!(at, known, "to {question:?}");
        assert_eq!(body.matches("\"vicinity\"").count(), BOUND, "in {body}");
        Self {
            connection: Connection::open(server.address()),
            question: question.into_bytes(),
            answer: format!("{at}\n{body}").into_bytes(),
        }
    }
}
