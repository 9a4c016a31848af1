//! Lines and their answers: one at a time, many at once, and beside connections that are only there.

use core::time::Duration;

use herd_benches::reports;
use herd_tests::{Client, Runtime, Server, monotonic};

use crate::answer::{HILL, answers, count};
use crate::connection::Connection;
use crate::servers::quiet;

/// Reports that a server has heard before, and its answers.
#[derive(Debug)]
pub struct Exchange {
    talks: Vec<Talk>,
    _idle: Vec<Client>,
    _server: Server,
}

/// What is said again and again on a connection.
#[derive(Debug)]
struct Talk {
    connection: Connection,
    reports: Vec<u8>,
    lines: usize,
}

/// Descriptors that this process and a server have use for besides those of idle connections.
const SPARE_DESCRIPTORS: u64 = 500;
/// How many idle ones connect before the server has had the time to take them.
const AT_THE_DOOR: usize = 100;

impl Exchange {
    /// In each turn each of so many clients reports, [`LINES`](herd_benches::LINES) of them on a connection.
    pub fn start(runtime: Runtime, clients: u32) -> Self {
        let server = quiet(runtime).server(HILL, &[]).start_one();
        Self { talks: Self::talks(&server, clients), _idle: Vec::new(), _server: server }
    }

    /// In each turn one client reports, while so many connections say nothing.
    ///
    /// # Panics
    ///
    /// The system does not allow so many descriptors.
    pub fn start_amid(runtime: Runtime, idle: u32) -> Self {
        let needed = u64::from(idle) + SPARE_DESCRIPTORS;
        let allowed = rlimit::increase_nofile_limit(needed).expect("there is such a limit");
        assert!(allowed >= needed, "{allowed} descriptors are allowed: ulimit -n {needed}");
        let plan = quiet(runtime).limit("connections", needed);
        let server = plan.server(HILL, &[]).start_one();
        let mut clients = Vec::new();
        for _ in 0..idle {
            clients.push(server.client());
            if clients.len() % AT_THE_DOOR == 0 {
                // It accepts in turn: who is answered came behind all of them.
                server.client().ask("IAMAT door +1-1 100");
            }
        }
        assert!(!clients.iter().any(Client::has_ended_already), "the server keeps all of them");
        Self { talks: Self::talks(&server, 1), _idle: clients, _server: server }
    }

    fn talks(server: &Server, clients: u32) -> Vec<Talk> {
        reports(clients, 0).into_iter().map(|reports| Talk::new(server, reports)).collect()
    }

    /// Says all lines on all connections, and hears all answers.
    pub fn turn(&mut self) -> Duration {
        let began = monotonic();
        self.talks.iter_mut().for_each(Talk::say);
        self.talks.iter_mut().for_each(Talk::hear);
        let took = began.elapsed();
        self.talks.iter().for_each(Talk::check);
        took
    }
}

impl Talk {
    fn new(server: &Server, reports: Vec<u8>) -> Self {
        Self { connection: Connection::open(server.address()), lines: count(&reports), reports }
    }

    fn say(&mut self) {
        self.connection.say(&self.reports);
    }

    fn hear(&mut self) {
        self.connection.hear(|heard| count(heard) >= self.lines);
    }

    fn check(&self) {
        let heard = self.connection.heard();
        assert!(answers(heard, &self.reports), "wrong: {}", String::from_utf8_lossy(heard));
    }
}
