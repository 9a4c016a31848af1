//! Bytes of a client.

use core::net::Ipv4Addr;

use herd_core::{LinkKind, Listener};

use crate::driver::{Driver, config};
use crate::naive::{Naive, Reply};

/// What the provider always says; it must be cut at 0, 1 and 2 results.
const BODY: &str = r#"{"results":[1,2,3],"status":"OK"}"#;

/// A client says `data` and ends its half of the connection.
///
/// It must get what a naive server would answer, however the bytes are cut into segments.
///
/// # Panics
///
/// Where it does not.
pub fn client(data: &[u8]) {
    let expected = expected(data);
    for cut in [Cut::Whole, Cut::Bytes, Cut::Lines, Cut::Odd] {
        let heard = heard(data, cut);
        assert_eq!(
            heard.escape_ascii().to_string(),
            expected.escape_ascii().to_string(),
            "cut: {cut:?}"
        );
    }
}

/// How a stream is cut into segments.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Whole,
    Bytes,
    /// Just behind each LF.
    Lines,
    /// Into pieces whose lengths the bytes themselves decide.
    Odd,
}

fn expected(data: &[u8]) -> Vec<u8> {
    let driver = driver();
    let mut naive = Naive {
        name: "Hill",
        now: driver.now.wall.nanos(),
        line_bytes: LINE_BYTES as usize,
        clients: CLIENTS as usize,
        table: Default::default(),
    };
    let mut bytes = Vec::new();
    for reply in naive.replies(data) {
        match reply {
            Reply::Line(line) => bytes.extend(line),
            Reply::WithBody(line, bound) => {
                bytes.extend(line);
                let results = ["", "1", "1,2", "1,2,3"][bound.min(3)];
                bytes.extend(BODY.replace("1,2,3", results).bytes());
                bytes.extend(b"\n\n");
            }
        }
    }
    bytes
}

fn heard(data: &[u8], cut: Cut) -> Vec<u8> {
    let mut driver = driver();
    let clients = Listener::Clients { from: Ipv4Addr::LOCALHOST.into(), plain: false };
    let conn = driver.act(|herd, now, out| herd.handle_accept(now, clients, out));
    let mut rest = data;
    while !rest.is_empty() {
        let length = match cut {
            Cut::Whole => rest.len(),
            Cut::Bytes => 1,
            Cut::Lines => {
                rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1)
            }
            Cut::Odd => 1 + usize::from(rest[0]) * 3 % 41,
        };
        let (piece, behind) = rest.split_at(length.min(rest.len()));
        rest = behind;
        driver.act(|herd, now, out| herd.handle_input(now, conn, piece, out));
        while driver.paused.contains(&conn) {
            answer(&mut driver);
        }
    }
    driver.act(|herd, now, out| herd.handle_eof(now, conn, out));
    while !driver.asked.is_empty() {
        answer(&mut driver);
    }
    assert!(driver.closed.contains(&conn), "it is not over");
    driver.heard(conn)
}

/// Answers all lookups under way, the last one first.
fn answer(driver: &mut Driver) {
    assert!(!driver.asked.is_empty(), "paused, and nothing is owed");
    while let Some((id, _)) = driver.asked.pop() {
        driver.reply(id, BODY);
    }
}

const LINE_BYTES: u32 = 200;
const CLIENTS: u32 = 3;

fn driver() -> Driver {
    let mut config = config("Hill", &[], LinkKind::Herd);
    config.limits.line_bytes = LINE_BYTES;
    config.limits.clients = CLIENTS;
    config.limits.pipeline = 4;
    config.limits.lookups = 2;
    Driver::new(config)
}
