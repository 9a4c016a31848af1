//! News over two hops.

use core::time::Duration;

use herd_tests::{Answer, Client, Herd, PATIENCE, Runtime, Upstream, eventually, monotonic};

use crate::answer::{HILL, answers, count};
use crate::connection::Connection;
use crate::servers::quiet;

/// The end of the line that Hill is not at.
const SMITH: &str = "Smith";
/// When the first report was made, in seconds since 1970.
const FIRST_SECOND: u32 = 1_520_023_934;

/// Three servers in a line, Hill, Jaquez and Smith, with nothing else to do.
///
/// What Smith knows is asked with `WHATSAT`, and nobody shall wait for a provider: the one lookup that Smith may have
/// under way never ends, and none may wait for its turn, so that every question is answered at once by the `AT` line
/// and the body that says that the provider failed.
#[derive(Debug)]
pub struct Flood {
    hill: Connection,
    smith: Connection,
    second: u32,
    _holds_the_lookup: Client,
    _herd: Herd,
    _upstream: Upstream,
}

impl Flood {
    /// Starts the three, and waits until a report at Hill has come to Smith.
    pub fn start(runtime: Runtime) -> Self {
        let upstream = Upstream::start(|request| {
            let never = request.target().contains("location=1,");
            if never { Answer::silence() } else { Answer::body("{}") }
        });
        let plan = quiet(runtime).upstream(&upstream).timeout_ms(3_600_000);
        let plan = plan.limit("lookups", 1).limit("lookup_queue", 0);
        let plan = plan.server(HILL, &["Jaquez"]).server("Jaquez", &[SMITH]);
        let herd = plan.server(SMITH, &[]).start();

        herd[HILL].client().ask(&report(FIRST_SECOND));
        let mut holder = herd[SMITH].client();
        eventually(PATIENCE, || holder.whats_at("kiwi").is_some());
        holder.ask("IAMAT holder +1-1 100");
        let asked = upstream.requests().len();
        holder.send("WHATSAT holder 1 0\n");
        upstream.wait_for_requests(asked + 1);

        Self {
            hill: Connection::open(herd[HILL].address()),
            smith: Connection::open(herd[SMITH].address()),
            second: FIRST_SECOND,
            _holds_the_lookup: holder,
            _herd: herd,
            _upstream: upstream,
        }
    }

    /// Reports news at Hill, and asks Smith until it answers with them.
    pub fn turn(&mut self) -> Duration {
        self.second += 1;
        let report = format!("{}\n", report(self.second)).into_bytes();
        let began = monotonic();
        self.hill.say(&report);
        self.hill.hear(|heard| count(heard) >= 1);
        loop {
            self.smith.say(b"WHATSAT kiwi 1 0\n");
            self.smith.hear(|heard| heard.ends_with(b"\n\n"));
            // Smith's answer begins with Hill's, to the byte.
            if self.smith.heard().starts_with(self.hill.heard()) {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "Smith never knew of it");
        }
        let took = began.elapsed();
        let told = self.hill.heard();
        assert!(answers(told, &report), "wrong: {}", String::from_utf8_lossy(told));
        took
    }
}

fn report(second: u32) -> String {
    format!("IAMAT kiwi +34.068930-118.445127 {second}")
}
