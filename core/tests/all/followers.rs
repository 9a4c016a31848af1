//! Followers: programs that are told every record and tell none.

use core::time::Duration;

use herd_core::{
    ConnId, Follower, FollowerConfig, FollowerError, FollowerEvent, Goodbye, Limits, Listener,
    Notice, Position, Refusal, Secret, Seed,
};

use crate::support::{Did, FROM, SECRET, Server, Stranger, config};

/// A follower and its driver, connected to one server at a time.
struct Gate {
    follower: Follower,
    conn: Option<ConnId>,
    /// The newest line of each client.
    records: std::collections::BTreeMap<String, String>,
    told: Vec<String>,
}

impl Gate {
    fn new(name: &str, secret: &str) -> Self {
        Self::after(name, secret, Position::START)
    }

    fn after(name: &str, secret: &str, after: Position) -> Self {
        let follower = Follower::new(FollowerConfig {
            name: name.into(),
            server: None,
            secret: Secret::new(secret.as_bytes()),
            after,
            seed: Seed([7; 32]),
        });
        Self {
            follower: follower.unwrap(),
            conn: None,
            records: std::collections::BTreeMap::new(),
            told: Vec::new(),
        }
    }

    fn connects(&mut self, server: &mut Server) -> ConnId {
        let conn = server.accept(Listener::Links { from: FROM });
        self.follower.handle_connected(server.now.mono, None);
        self.conn = Some(conn);
        self.talks(server).unwrap();
        conn
    }

    /// Passes on what both have to say until neither has any more.
    fn talks(&mut self, server: &mut Server) -> Result<(), FollowerError> {
        let Some(conn) = self.conn else { return Ok(()) };
        loop {
            let output = self.follower.take_output();
            if !output.is_empty() && !server.is_closed(conn) {
                server.types(conn, &output);
            }
            let bytes = server.heard_bytes(conn);
            if bytes.is_empty() && output.is_empty() {
                return Ok(());
            }
            let (records, told) = (&mut self.records, &mut self.told);
            // However it is cut.
            for piece in bytes.chunks(7) {
                self.follower.handle_input(server.now.mono, piece, |event| match event {
                    FollowerEvent::Up { resumed } => told.push(format!("up {resumed}")),
                    FollowerEvent::Record { line, update } => {
                        let client = String::from_utf8(update.report.client.to_vec()).unwrap();
                        let line = String::from_utf8(line.to_vec()).unwrap();
                        told.push(format!("record {client}"));
                        records.insert(client, line);
                    }
                    FollowerEvent::CaughtUp => told.push("caught up".to_string()),
                    FollowerEvent::Marked(at) => told.push(format!("marked {}", at.change)),
                    _ => {}
                })?;
            }
        }
    }

    fn told(&mut self) -> Vec<String> {
        core::mem::take(&mut self.told)
    }

    fn leaves(&mut self, server: &mut Server) {
        self.follower.handle_disconnected(server.now.mono);
        if let Some(conn) = self.conn.take()
            && !server.is_closed(conn)
        {
            server.breaks(conn);
        }
    }
}

fn hill() -> Server {
    Server::new(config("Hill", &["Adams", "Jaquez"]))
}

fn report(server: &mut Server, clients: core::ops::Range<u32>) {
    let client = server.client();
    for n in clients {
        server.says(client, &format!("IAMAT c{n} +1-2 {}", 100 + n));
    }
    server.ends(client);
}

#[test]
fn a_follower_is_told_what_there_is_and_what_comes() {
    let mut hill = hill();
    report(&mut hill, 0..3);
    let mut gate = Gate::new("gate", SECRET);
    gate.connects(&mut hill);
    let told = gate.told();
    assert_eq!(told, ["up false", "record c0", "record c1", "record c2", "caught up", "marked 3"]);

    report(&mut hill, 3..4);
    let adams = hill.links(&Stranger::named("Adams"));
    hill.says(adams, "AT Adams +1 kiwi +1-2 3");
    gate.talks(&mut hill).unwrap();
    assert_eq!(gate.told(), ["record c3", "record kiwi"]);
    let mut records: Vec<_> = gate.records.values().cloned().collect();
    records.sort();
    assert_eq!(records, hill.table());

    let status = hill.herd.status();
    let [follower] = &status.followers[..] else { panic!("{status:?}") };
    assert_eq!((&*follower.name, follower.unsent, follower.unacknowledged), ("gate", 0, 2));
    hill.waits_s(1);
    gate.talks(&mut hill).unwrap();
    assert_eq!(hill.herd.status().followers[0].unacknowledged, 0);
    assert_eq!(hill.counters().updates_followed, 5);
}

#[test]
fn an_empty_server_has_told_everything_at_once() {
    let mut hill = hill();
    let mut gate = Gate::new("gate", SECRET);
    gate.connects(&mut hill);
    assert_eq!(gate.told(), ["up false", "caught up", "marked 0"]);
}

#[test]
fn a_follower_goes_on_where_it_was() {
    let mut hill = hill();
    report(&mut hill, 0..100);
    let mut gate = Gate::new("gate", SECRET);
    gate.connects(&mut hill);
    gate.leaves(&mut hill);
    gate.told();
    report(&mut hill, 100..102);
    gate.connects(&mut hill);
    assert_eq!(gate.told(), ["up true", "record c100", "record c101", "caught up", "marked 102"]);

    // It keeps what it knows, and is started again.
    let at = gate.follower.position();
    gate.leaves(&mut hill);
    report(&mut hill, 102..103);
    let mut again = Gate::after("gate", SECRET, at);
    again.connects(&mut hill);
    assert_eq!(again.told()[..2], ["up true", "record c102"]);
}

#[test]
fn at_another_server_a_follower_begins_anew_and_misses_nothing() {
    let mut hill = hill();
    let mut smith = Server::new(config("Smith", &[]));
    report(&mut hill, 0..5);
    report(&mut smith, 3..8);
    let mut gate = Gate::new("gate", SECRET);
    gate.connects(&mut hill);
    gate.leaves(&mut hill);
    gate.told();
    gate.connects(&mut smith);
    assert_eq!(gate.told()[0], "up false");
    assert_eq!(gate.records.len(), 8);

    // One that was started again is another.
    let mut restarted = Server::new(herd_core::Config {
        seed: Seed([9; 32]),
        ..config("Hill", &["Adams", "Jaquez"])
    });
    report(&mut restarted, 20..21);
    gate.leaves(&mut smith);
    gate.told();
    gate.connects(&mut restarted);
    assert_eq!(gate.told()[..2], ["up false", "record c20"]);
}

#[test]
fn who_does_not_hold_the_secret_is_told_nothing() {
    let mut hill = hill();
    report(&mut hill, 0..3);
    let mut liar = Gate::new("gate", "a guess at the secret");
    let conn = liar.connects(&mut hill);
    assert!(hill.is_closed(conn));
    assert!(hill.logged().contains(&Notice::LinkRefused { conn, why: Refusal::Proof }));
    assert_eq!(liar.told(), [""; 0]);
}

#[test]
fn a_server_without_a_secret_lets_nobody_follow() {
    let alone = herd_core::Config { secret: Secret::new([]), ..config("Hill", &[]) };
    let none = herd_core::Config {
        limits: Limits { followers: 0, ..Limits::default() },
        ..config("Hill", &["Adams"])
    };
    for config in [alone, none] {
        let mut hill = Server::new(config);
        let mut gate = Gate::new("gate", SECRET);
        let conn = gate.connects(&mut hill);
        let refused = Notice::LinkRefused { conn, why: Refusal::NoFollowers };
        assert!(hill.logged().contains(&refused));
    }
}

#[test]
fn a_server_that_does_not_hold_the_secret_is_not_followed() {
    let mut impostor = Server::new(herd_core::Config {
        secret: Secret::new(*b"a guess at the secret"),
        ..config("Hill", &["Adams"])
    });
    let conn = impostor.accept(Listener::Links { from: FROM });
    let mut gate = Gate::new("gate", SECRET);
    gate.follower.handle_connected(impostor.now.mono, None);
    gate.conn = Some(conn);
    gate.talks(&mut impostor).unwrap();
    assert!(impostor.is_closed(conn) && !gate.follower.is_up());

    // It makes up a proof.
    gate.follower.handle_connected(impostor.now.mono, None);
    let hello = String::from_utf8(gate.follower.take_output()).unwrap();
    assert!(hello.starts_with("FOLLOW 1 gate * "));
    let challenge = format!("{}\n", Stranger::named("Hill").challenge());
    let now = impostor.now.mono;
    gate.follower.handle_input(now, challenge.as_bytes(), |_| panic!("nothing yet")).unwrap();
    let proof = gate.follower.take_output();
    for answer in [
        proof,
        format!("PROOF {} 0\n", "0".repeat(64)).into_bytes(),
        b"AT Hill +1 kiwi +1-2 3\n".to_vec(),
    ] {
        let mut other = Gate::new("gate", SECRET);
        other.follower.handle_connected(now, None);
        other.follower.handle_input(now, challenge.as_bytes(), |_| {}).unwrap();
        let refused = other.follower.handle_input(now, &answer, |_| panic!("it is believed"));
        assert_eq!(refused, Err(FollowerError::Proof));
    }
}

#[test]
fn a_follower_says_nothing_but_what_it_has() {
    for line in ["AT gate +1 kiwi +1-2 3", "MARK 1", "", "ACK", "ACK -1", "IAMAT kiwi +1-2 3"] {
        let mut hill = hill();
        let mut gate = Gate::new("gate", SECRET);
        let conn = gate.connects(&mut hill);
        assert!(!hill.is_closed(conn));
        hill.says(conn, line);
        assert!(hill.is_closed(conn), "after {line:?}");
        assert!(hill.logged().contains(&Notice::FollowerDown { conn, why: Goodbye::NotAnAck }));
        assert_eq!(hill.table(), [""; 0]);
        assert_eq!(hill.herd.status().followers, []);
    }
}

#[test]
fn a_follower_meant_for_another_server_or_of_another_version_is_refused() {
    let hex = |digits: usize| "5a".repeat(digits / 2);
    for (head, why) in [
        ("FOLLOW 2 gate Hill", Refusal::Version),
        ("FOLLOW 1 gate Smith", Refusal::NotMe),
        ("FOLLOW 1 g\u{e4}te Hill", Refusal::NotAHandshake),
        ("FOLLOW 01 gate Hill", Refusal::NotAHandshake),
    ] {
        let mut hill = hill();
        let conn = hill.accept(Listener::Links { from: FROM });
        let line = format!("{head} {} {} {} 0", hex(16), hex(64), hex(16));
        assert_eq!(hill.asks(conn, &line), "");
        assert!(hill.logged().contains(&Notice::LinkRefused { conn, why }), "{line}");
    }
}

#[test]
fn there_is_a_bound_on_followers_and_one_that_comes_back_takes_its_own_place() {
    let limits = Limits { followers: 2, ..Limits::default() };
    let mut hill = Server::new(herd_core::Config { limits, ..config("Hill", &["Adams"]) });
    let mut gates: Vec<_> = ["one", "two"].map(|name| Gate::new(name, SECRET)).into();
    let conns: Vec<_> = gates.iter_mut().map(|gate| gate.connects(&mut hill)).collect();
    let mut third = Gate::new("three", SECRET);
    let conn = third.connects(&mut hill);
    assert!(hill.logged().contains(&Notice::LinkRefused { conn, why: Refusal::TooManyFollowers }));
    assert_eq!(hill.counters().followers_refused, 1);

    // Its connection was lost without a word.
    gates[0].follower.handle_disconnected(hill.now.mono);
    let again = gates[0].connects(&mut hill);
    assert!(hill.is_closed(conns[0]) && !hill.is_closed(conns[1]) && !hill.is_closed(again));
    assert_eq!(hill.herd.status().followers.len(), 2);
    gates[1].leaves(&mut hill);
    third.connects(&mut hill);
    assert!(third.follower.is_up());
}

#[test]
fn a_follower_that_reads_nothing_costs_no_memory_and_is_closed() {
    let mut hill = hill();
    let mut gate = Gate::new("gate", SECRET);
    let conn = gate.connects(&mut hill);
    hill.stick(conn);
    report(&mut hill, 0..20_000);
    assert!(hill.waiting(conn) < 300 * 1024, "{}", hill.waiting(conn));
    let client = hill.client();
    hill.says(client, "IAMAT kiwi +1-2 3");
    assert!(!hill.heard(client).is_empty(), "nobody waits for it");
    hill.waits_s(16);
    let gone = Notice::FollowerDown { conn, why: Goodbye::Silent };
    assert!(hill.logged().contains(&gone));
}

#[test]
fn what_clients_are_answered_goes_before_what_followers_are_told() {
    let mut hill = hill();
    let mut gate = Gate::new("gate", SECRET);
    let follower = gate.connects(&mut hill);
    let client = hill.client();
    hill.did();
    hill.says(client, "IAMAT kiwi +1-2 3");
    let sent: Vec<_> = hill
        .did()
        .iter()
        .filter_map(|did| if let Did::Send(conn, ..) = did { Some(*conn) } else { None })
        .collect();
    assert_eq!(sent, [client, follower]);
}

#[test]
fn a_silent_follower_is_closed_and_a_silent_server_is_given_up() {
    let mut hill = hill();
    let mut gate = Gate::new("gate", SECRET);
    let conn = gate.connects(&mut hill);
    for _ in 0..20 {
        hill.waits_s(4);
        gate.talks(&mut hill).unwrap();
        assert_eq!(gate.follower.handle_timeout(hill.now.mono), Ok(()));
    }
    assert!(!hill.is_closed(conn));
    hill.waits_s(15);
    assert!(hill.is_closed(conn));
    assert_eq!(gate.follower.handle_timeout(hill.now.mono), Err(FollowerError::Silent));

    let began = hill.now.mono;
    gate.follower.handle_disconnected(began);
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let at = gate.follower.connect_at().unwrap();
        gate.follower.handle_connected(at, None);
        let late = at.after(Duration::from_secs(5));
        assert_eq!(gate.follower.poll_timeout(), Some(late));
        assert_eq!(gate.follower.handle_timeout(late), Err(FollowerError::TimedOut));
        gate.follower.handle_disconnected(late);
        pauses.push(gate.follower.connect_at().unwrap().since(late));
    }
    assert!(pauses[0] <= Duration::from_millis(100) && pauses[7] >= Duration::from_secs(1));
}

#[test]
fn a_server_that_stops_tells_its_followers_everything_first() {
    let mut hill = hill();
    let mut gate = Gate::new("gate", SECRET);
    let conn = gate.connects(&mut hill);
    hill.stick(conn);
    report(&mut hill, 0..10);
    hill.stops();
    assert!(!hill.is_closed(conn));
    hill.unstick(conn);
    assert!(hill.is_closed(conn) && hill.herd.has_stopped());
    gate.talks(&mut hill).unwrap();
    assert_eq!(gate.records.len(), 10);
}

#[test]
fn a_follower_may_come_to_a_shared_address() {
    let limits = Limits { connections: 1, line_bytes: 20, ..Limits::default() };
    let mut hill = Server::new(herd_core::Config {
        limits,
        shared_address: true,
        ..config("Hill", &["Adams"])
    });
    let mut gate = Gate::new("gate", SECRET);
    let conn = hill.client();
    gate.follower.handle_connected(hill.now.mono, None);
    gate.conn = Some(conn);
    gate.talks(&mut hill).unwrap();
    assert!(gate.follower.is_up());
    let client = hill.client();
    assert_eq!(hill.asks(client, "hello"), "? hello\n", "a follower takes no client's place");
}
