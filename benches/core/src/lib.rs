//! Servers, lines and bodies that the steps of the core are measured with.
//!
//! `benches/steps.rs` takes the time of each step with tables of several sizes, `benches/instructions.rs` counts
//! the instructions of each, which do not depend on the machine; `instructions/run` compares those with
//! `instructions/baselines`.

use core::net::Ipv4Addr;
use herd_core::{
    Action, Config, ConnId, Dialect, Dialled, Grammar, Herd, Instant, Limits, LinkKind, Listener,
    Neighbour, Now, Output, PeerId, Response, Secret, Seed, Timestamp,
};

/// How many lines come in one call: as many as a connection of the comparison has in flight.
pub const LINES: usize = 64;

/// A report as clients write them.
pub const IAMAT: &[u8] = b"IAMAT kiwi.cs.ucla.edu +34.068930-118.445127 1520023934.918963997";
/// A query as clients write them.
pub const WHATSAT: &[u8] = b"WHATSAT kiwi.cs.ucla.edu 10 5";
/// A record as neighbours write them.
pub const AT: &[u8] =
    b"AT Hill +0.263873386 kiwi.cs.ucla.edu +34.068930-118.445127 1520023934.918963997";

/// What the commands of a server of places may be.
pub const GRAMMAR: Grammar = Grammar { dialect: Dialect::Places, client_id_bytes: 255 };

/// The second in which all reports are written that are not newer.
const FIRST_SECOND: u32 = 1_520_023_934;

/// Hill with one client's connection, and the memory of its driver.
#[derive(Debug)]
pub struct Hill {
    herd: Herd,
    client: ConnId,
    now: Now,
    out: Output,
}

impl Hill {
    /// A server that knows so many clients.
    pub fn knowing(clients: u32) -> Self {
        let mut hill = Self::new();
        for call in reports(clients, 0) {
            hill.hear(&call);
        }
        hill
    }

    /// A server that knows as many clients as it may.
    pub fn full(clients: u32) -> Self {
        let limits = Limits { clients, ..Limits::default() };
        let mut hill = Self::allowing(limits);
        for call in reports(clients, 0) {
            hill.hear(&call);
        }
        hill
    }

    fn new() -> Self {
        Self::allowing(Limits::default())
    }

    fn allowing(limits: Limits) -> Self {
        let mut herd = server("Hill", "Jaquez", limits);
        let now = now();
        let mut out = Output::new();
        let client = herd.handle_accept(
            now,
            Listener::Clients { from: Ipv4Addr::LOCALHOST.into(), plain: false },
            &mut out,
        );
        out.clear();
        Self { herd, client, now, out }
    }

    /// Hands the server what its client sent, and takes all it answers. How many bytes that were.
    pub fn hear(&mut self, input: &[u8]) -> usize {
        self.herd.handle_input(self.now, self.client, input, &mut self.out);
        self.take(self.client)
    }

    /// Asks for what is near a client and answers the lookup.
    pub fn look_up(&mut self, query: &[u8], body: &[u8]) -> usize {
        self.herd.handle_input(self.now, self.client, query, &mut self.out);
        let lookup = self.out.actions().find_map(|action| {
            if let Action::Lookup { id, .. } = action { Some(id) } else { None }
        });
        self.out.clear();
        let id = lookup.expect("a valid query is looked up");
        let response = Response { status: 200, body };
        self.herd.handle_lookup(self.now, id, Ok(response), &mut self.out);
        self.take(self.client)
    }

    /// Takes all that was sent to a connection, as a driver does whose socket takes everything.
    fn take(&mut self, conn: ConnId) -> usize {
        let sent = self.out.actions().map(|action| {
            if let Action::Send { conn: to, bytes, .. } = action
                && to == conn
            {
                bytes.len()
            } else {
                0
            }
        });
        let sent = sent.sum();
        self.out.clear();
        self.herd.handle_drained(self.now, conn, sent, &mut self.out);
        self.out.clear();
        sent
    }
}

/// Two neighbours with a link between them, over which Hill tells Jaquez.
#[derive(Debug)]
pub struct Pair {
    hill: Hill,
    jaquez: Herd,
    dialled: ConnId,
    accepted: ConnId,
    heard: Output,
}

impl Default for Pair {
    fn default() -> Self {
        Self::new()
    }
}

impl Pair {
    /// Two servers that have not met.
    pub fn new() -> Self {
        let mut hill = Hill::new();
        let mut jaquez = server("Jaquez", "Hill", Limits::default());
        let mut heard = Output::new();
        hill.herd.handle_timeout(hill.now, &mut hill.out);
        hill.out.clear();
        let peer = PeerId::at(0).expect("there is a neighbour");
        let dialled = hill.herd.handle_dial(hill.now, peer, Dialled::Connected, &mut hill.out);
        let dialled = dialled.expect("a neighbour is not refused");
        let accepted = jaquez.handle_accept(
            hill.now,
            Listener::Links { from: [127, 0, 0, 1].into() },
            &mut heard,
        );
        Self { hill, jaquez, dialled, accepted, heard }
    }

    /// Carries out the handshake, and gives back the servers.
    pub fn meet(mut self) -> Self {
        while self.hill.herd.counters().links == 0 || self.jaquez.counters().links == 0 {
            self.carry();
        }
        self.carry();
        self
    }

    /// Hill hears reports and tells Jaquez, which applies them.
    pub fn tell(&mut self, input: &[u8]) {
        self.hill.herd.handle_input(self.hill.now, self.hill.client, input, &mut self.hill.out);
        self.carry();
    }

    /// Takes what both have sent to the other one, once.
    fn carry(&mut self) {
        let Self { hill, jaquez, dialled, accepted, heard } = self;
        let now = hill.now;
        let (to_client, to_jaquez) = (sent(&hill.out, hill.client), sent(&hill.out, *dialled));
        hill.out.clear();
        hill.herd.handle_drained(now, hill.client, to_client.len(), &mut hill.out);
        hill.herd.handle_drained(now, *dialled, to_jaquez.len(), &mut hill.out);
        jaquez.handle_input(now, *accepted, &to_jaquez, heard);
        let to_hill = sent(heard, *accepted);
        heard.clear();
        jaquez.handle_drained(now, *accepted, to_hill.len(), heard);
        hill.herd.handle_input(now, *dialled, &to_hill, &mut hill.out);
    }
}

/// Reports of so many clients in an order that has nothing to do with their names, [`LINES`] in each piece,
/// so many seconds after the first ones.
pub fn reports(clients: u32, second: u32) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    let mut piece = Vec::new();
    for turn in 0..clients {
        // A prime that divides no power of ten takes every client once.
        let client = u64::from(turn) * 7_368_787 % u64::from(clients);
        let line = format!(
            "IAMAT walker-{client:07} +34.068930-118.445127 {}.918963997\n",
            FIRST_SECOND + second
        );
        piece.extend_from_slice(line.as_bytes());
        if (turn as usize + 1).is_multiple_of(LINES) || turn + 1 == clients {
            pieces.push(core::mem::take(&mut piece));
        }
    }
    pieces
}

/// [`LINES`] reports of clients that no other call names, newer than all of [`reports`] in the first second. `call`
/// tells the calls apart.
pub fn newcomers(call: u32) -> Vec<u8> {
    let line = |line| {
        format!("IAMAT newcomer-{call:07}-{line:02} +34.068930-118.445127 {}.5\n", FIRST_SECOND + 1)
    };
    (0..LINES).map(line).collect::<String>().into_bytes()
}

/// A provider's answer with twenty results, of some 10 KiB.
pub fn body() -> Vec<u8> {
    let item = |number: u32| {
        let words = "a place with a name, an address and a rating ".repeat(9);
        format!(
            "      {{\n         \"name\" : \"{number}\",\n         \"vicinity\" : \"{words}\"\n      }}"
        )
    };
    let items = (0..20).map(item).collect::<Vec<_>>().join(",\n");
    format!("{{\n   \"html_attributions\" : [],\n   \"results\" : [\n{items}\n   ],\n   \"status\" : \"OK\"\n}}\n")
        .into_bytes()
}

fn server(name: &str, neighbour: &str, limits: Limits) -> Herd {
    Herd::new(Config {
        neighbours: vec![Neighbour { name: neighbour.into(), kind: LinkKind::Herd }],
        secret: Secret::new(*b"for benches only, and long enough"),
        limits,
        ..Config::new(name, Seed([1; 32]))
    })
    .expect("the configuration is sound")
}

fn now() -> Now {
    Now {
        wall: Timestamp::from_nanos(i64::from(FIRST_SECOND) * 1_000_000_000),
        mono: Instant::from_nanos(1_000_000_000),
    }
}

/// What was sent on a connection.
fn sent(out: &Output, to: ConnId) -> Vec<u8> {
    let bytes = out.actions().filter_map(|action| {
        if let Action::Send { conn, bytes, .. } = action {
            (conn == to).then_some(bytes)
        } else {
            None
        }
    });
    bytes.collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_is_reported_once() {
        let all = reports(1000, 0).concat();
        let lines: std::collections::BTreeSet<_> = all.split(|byte| *byte == b'\n').collect();

        assert_eq!(lines.len(), 1000 + 1);
        assert_eq!(reports(1000, 0).len(), 16);
    }

    #[test]
    fn every_step_does_what_it_is_measured_for() {
        let mut hill = Hill::knowing(1000);
        let answer = hill.hear(&reports(1000, 0)[0]);
        assert!(answer > LINES * 70 && answer < LINES * 90);
        assert_eq!(hill.herd.counters().reports, 1064);
        let answer = hill.look_up(b"WHATSAT walker-0000001 10 5\n", &body());
        assert!(answer > 1000 && answer < body().len());

        let mut hill = Hill::full(1000);
        hill.hear(&newcomers(0));
        assert_eq!(hill.herd.counters().evicted, LINES as u64);

        let mut pair = Pair::new().meet();
        pair.tell(&reports(1000, 0)[0]);
        pair.tell(b"");
        assert_eq!(pair.jaquez.counters().updates_received, LINES as u64);
    }
}
