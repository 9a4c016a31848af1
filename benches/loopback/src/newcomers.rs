//! Clients that come, report once and go.

use core::net::Ipv4Addr;
use core::time::Duration;

use herd_benches::reports;
use herd_tests::{Runtime, Server, monotonic};

use crate::answer::{HILL, answers, count};
use crate::connection::Connection;
use crate::servers::quiet;

/// Connections that last for one line.
#[derive(Debug)]
pub struct Newcomers {
    server: Server,
    report: Vec<u8>,
    came: u8,
}

impl Newcomers {
    /// A server, and nobody there yet.
    pub fn start(runtime: Runtime) -> Self {
        let server = quiet(runtime).server(HILL, &[]).start_one();
        Self { server, report: reports(1, 0).concat(), came: 0 }
    }

    /// Connects, reports, hears the answer and hangs up.
    pub fn turn(&mut self) -> Duration {
        self.came = self.came.wrapping_add(1);
        // The port of a connection that has ended stays taken for a minute. So each time it is another of 128
        // addresses, all loopback's: else there would soon be none left, and looking for one would be measured.
        let source = Ipv4Addr::new(127, 0, 1, self.came | 128);
        let began = monotonic();
        let mut connection = Connection::open_from(source, self.server.address());
        connection.say(&self.report);
        connection.hear(|heard| count(heard) >= 1);
        let heard = connection.close();
        let took = began.elapsed();
        assert!(answers(&heard, &self.report), "wrong: {}", String::from_utf8_lossy(&heard));
        took
    }
}
