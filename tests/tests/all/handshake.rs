//! The first lines of a link: nobody without the secret gets past them.

use core::net::{Ipv4Addr, SocketAddr};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;
use herd_tests::{
    Acceptor, At, Challenge, Client, Heard, Identity, Link, Opening, PATIENCE, Plan, Refused,
    Relay, Runtime, Server, eventually, on_both, proof,
};
use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

on_both!(
    a_neighbour_with_the_secret_becomes_a_link,
    the_server_whose_name_is_first_dials,
    a_wrong_secret_is_refused,
    a_name_that_is_no_neighbour_is_refused,
    a_link_meant_for_somebody_else_is_refused,
    an_unknown_version_is_refused,
    the_side_that_should_be_dialled_may_not_dial,
    a_proof_in_the_other_role_is_refused,
    a_malformed_first_line_is_refused,
    a_replayed_handshake_is_refused,
    challenges_never_repeat,
    nothing_is_believed_before_the_proof,
    nothing_is_told_before_the_proof,
    an_acceptor_without_the_secret_is_refused,
    an_acceptor_that_reflects_is_refused,
    a_handshake_takes_five_seconds_at_most,
    a_first_line_without_end_is_refused,
    strangers_that_connect_all_the_time_keep_no_neighbour_out,
    strangers_of_many_addresses_do_not_keep_out_who_was_there_before,
    a_refused_link_leaves_a_line_in_the_log,
    both_sides_say_that_a_link_was_refused,
    a_client_cannot_speak_for_a_server,
    a_link_opens_with_its_first_line_or_never,
    clients_and_links_may_share_an_address,
);

fn a_neighbour_with_the_secret_becomes_a_link(runtime: Runtime) {
    let hill = hill(runtime);
    let mut aaa = Link::dial(hill.link_address(), &Identity::new("Aaa"), "Hill").unwrap();

    aaa.say("AT Aaa +0.500000000 kiwi +1-1 100");
    aaa.settle(1);
    assert_eq!(hill.client().whats_at("kiwi").unwrap(), "AT Aaa +0.500000000 kiwi +1-1 100");

    let told = hill.client().ask("IAMAT emu +2-2 200");
    assert_eq!(aaa.at(), told);
}

fn the_server_whose_name_is_first_dials(runtime: Runtime) {
    let zzz = Acceptor::new();
    let plan = Plan::new(runtime).server("Hill", &["Zzz"]).neighbour_at(zzz.address(), "Zzz", &[]);
    let hill = plan.start_one();
    let mut link = zzz.link(&Identity::new("Zzz"), "Hill");

    link.say("AT Zzz +0.500000000 kiwi +1-1 100");
    link.settle(1);

    assert_eq!(hill.client().whats_at("kiwi").unwrap(), "AT Zzz +0.500000000 kiwi +1-1 100");
    let told = hill.client().ask("IAMAT emu +2-2 200");
    assert_eq!(link.at(), told);
}

fn a_wrong_secret_is_refused(runtime: Runtime) {
    let hill = hill(runtime);
    for secret in ["", "for tests only, and long enougH", "for tests only, and long enough\n"] {
        let liar = Identity { secret: secret.into(), ..Identity::new("Aaa") };
        assert_eq!(dial(&hill, &liar), Err(Refused::AtProof), "with {secret:?}");
    }
}

fn a_name_that_is_no_neighbour_is_refused(runtime: Runtime) {
    // Baa is in the file but does not talk with Hill, Hill is Hill itself, and case matters.
    let plan = Plan::new(runtime)
        .server("Hill", &["Aaa"])
        .neighbour("Aaa", &["Baa"])
        .neighbour("Baa", &[]);
    let hill = plan.start_one();
    for name in ["Mallory", "Baa", "Hill", "aaa", "Aa", "Aaaa"] {
        assert!(dial(&hill, &Identity::new(name)).is_err(), "as {name}");
    }
    assert_eq!(dial(&hill, &Identity::new("Aaa")), Ok(()));
}

fn a_link_meant_for_somebody_else_is_refused(runtime: Runtime) {
    let hill = hill(runtime);
    for acceptor in ["Jaquez", "hill", "Aaa"] {
        let refused = Link::dial(hill.link_address(), &Identity::new("Aaa"), acceptor);
        assert!(refused.is_err(), "to {acceptor}");
    }
}

fn an_unknown_version_is_refused(runtime: Runtime) {
    let hill = hill(runtime);
    let me = Identity::new("Aaa");
    for version in ["0", "2", "11", "1.0", "one", "01", "+1", ""] {
        let opening = Opening { version: version.to_owned(), ..Opening::new(&me, "Hill") };
        let refused = Link::dial_as(hill.link_address(), &opening, &me.secret);
        assert!(refused.is_err(), "version {version}");
    }
}

fn the_side_that_should_be_dialled_may_not_dial(runtime: Runtime) {
    let zzz = Acceptor::new();
    let plan = Plan::new(runtime).server("Hill", &["Zzz"]).neighbour_at(zzz.address(), "Zzz", &[]);
    let hill = plan.start_one();

    assert!(dial(&hill, &Identity::new("Zzz")).is_err());
}

fn a_proof_in_the_other_role_is_refused(runtime: Runtime) {
    let hill = hill(runtime);
    let me = Identity::new("Aaa");
    let opening = Opening::new(&me, "Hill");
    let (mut wire, challenge) = challenged(&hill, &opening);

    wire.send(proof(&me.secret, "acceptor", &opening, &challenge));

    assert_eq!(wire.line_or_end(), None);
}

fn a_malformed_first_line_is_refused(runtime: Runtime) {
    let hill = hill(runtime);
    let good = Opening::new(&Identity::new("Aaa"), "Hill");
    let line = good.line();
    let (incarnation, nonce) = (good.incarnation, good.nonce);
    for bad in [
        "\n".to_owned(),
        "hello\n".to_owned(),
        "LINK\n".to_owned(),
        "IAMAT kiwi +1-1 100\n".to_owned(),
        line.to_lowercase(),
        line.replace(&nonce, &nonce[1..]),
        line.replace(&nonce, &format!("{nonce}0")),
        line.replace(&nonce, &"A".repeat(64)),
        line.replace(&nonce, &"x".repeat(64)),
        line.replace(&incarnation, &incarnation[1..]),
        line.replace(&incarnation, &"F".repeat(16)),
        line.replace('\n', " more\n"),
        line.replace(&format!(" {nonce}"), ""),
    ] {
        let mut wire = Client::connect(hill.link_address());
        wire.send(&bad);
        let answer = wire.line_or_end();
        assert!(answer.is_none_or(|line| !line.starts_with("CHALLENGE")), "to {bad:?}");
    }
}

fn a_replayed_handshake_is_refused(runtime: Runtime) {
    let plan = Plan::new(runtime).server("Hill", &["Aaa"]).server("Aaa", &[]);
    let relay = Relay::to(plan.link_address("Hill"));
    let plan = plan.detour("Aaa", "Hill", relay.address());
    let mut herd = plan.start();
    herd["Aaa"].client().ask("IAMAT kiwi +1-1 100");
    eventually(PATIENCE, || herd["Hill"].client().whats_at("kiwi").is_some());
    let recorded = String::from_utf8(relay.said_by_dialler()).unwrap();
    let mut lines = recorded.split_inclusive('\n');
    let (opening, proof) = (lines.next().unwrap(), lines.next().unwrap());
    assert!(opening.starts_with("LINK 1 Aaa Hill ") && proof.starts_with("PROOF "));
    relay.cut();
    herd["Aaa"].kill();

    let mut wire = Client::connect(herd["Hill"].link_address());
    wire.send(opening);
    assert!(wire.line().starts_with("CHALLENGE "));
    wire.send(proof);
    wire.try_send("AT Aaa +0.500000000 emu +1-1 100\n");

    assert_eq!(wire.line_or_end(), None);
    assert_eq!(herd["Hill"].client().whats_at("emu"), None);
}

fn challenges_never_repeat(runtime: Runtime) {
    let mut hill = hill(runtime);
    let opening = Opening::new(&Identity::new("Aaa"), "Hill");

    let (_first_wire, first) = challenged(&hill, &opening);
    let (_second_wire, second) = challenged(&hill, &opening);
    hill.kill();
    hill.start();
    let (_third_wire, third) = challenged(&hill, &opening);

    assert_eq!(first.incarnation, second.incarnation);
    assert_ne!(second.incarnation, third.incarnation);
    assert!(
        first.nonce != second.nonce && second.nonce != third.nonce && third.nonce != first.nonce
    );
}

fn nothing_is_believed_before_the_proof(runtime: Runtime) {
    let hill = hill(runtime);
    let opening = Opening::new(&Identity::new("Aaa"), "Hill");

    let (mut wire, _) = challenged(&hill, &opening);
    wire.send("AT Aaa +0.500000000 kiwi +1-1 100\n");
    assert_eq!(wire.line_or_end(), None);
    let mut wire = Client::connect(hill.link_address());
    wire.send(format!("{}AT Aaa +0.500000000 kiwi +1-1 100\n", opening.line()));
    wire.finish();
    wire.rest();

    assert_eq!(hill.client().whats_at("kiwi"), None);
}

fn nothing_is_told_before_the_proof(runtime: Runtime) {
    let zzz = Acceptor::new();
    let plan = Plan::new(runtime).server("Hill", &["Aaa", "Zzz"]);
    let hill = plan.neighbour("Aaa", &[]).neighbour_at(zzz.address(), "Zzz", &[]).start_one();
    hill.client().ask("IAMAT kiwi +1-1 100");

    let (mut accepting, _) = challenged(&hill, &Opening::new(&Identity::new("Aaa"), "Hill"));
    let mut dialling = zzz.next();
    assert!(dialling.line().starts_with("LINK 1 Hill Zzz "));
    hill.client().ask("IAMAT emu +2-2 200");

    assert!(!accepting.stirs_within(Duration::from_millis(200)));
    assert!(!dialling.stirs_within(Duration::from_millis(1)));
}

fn an_acceptor_without_the_secret_is_refused(runtime: Runtime) {
    let zzz = Acceptor::new();
    let plan = Plan::new(runtime).server("Hill", &["Zzz"]).neighbour_at(zzz.address(), "Zzz", &[]);
    let hill = plan.start_one();
    hill.client().ask("IAMAT kiwi +1-1 100");
    let me = Identity::new("Zzz");

    let (mut wire, opening, challenge) = proven(&zzz, &me);
    wire.send(proof(b"something else altogether", "acceptor", &opening, &challenge));
    wire.try_send("AT Zzz +0.500000000 emu +1-1 100\n");
    assert_eq!(wire.line_or_end(), None);

    assert_eq!(hill.client().whats_at("emu"), None);
    // It tries again, and what was refused has left no trace.
    assert!(zzz.link(&me, "Hill").at().ends_with(" kiwi +1-1 100"));
}

fn an_acceptor_that_reflects_is_refused(runtime: Runtime) {
    let zzz = Acceptor::new();
    let plan = Plan::new(runtime).server("Hill", &["Zzz"]).neighbour_at(zzz.address(), "Zzz", &[]);
    let hill = plan.start_one();
    hill.client().ask("IAMAT kiwi +1-1 100");

    let mut wire = zzz.next();
    let opening = wire.line();
    let fields: Vec<_> = opening.split(' ').collect();
    wire.send(format!("CHALLENGE {} {}\n", fields[4], fields[5]));
    let proof = wire.line();
    wire.send(format!("{proof}\n"));

    assert_eq!(wire.line_or_end(), None);
}

fn a_handshake_takes_five_seconds_at_most(runtime: Runtime) {
    let zzz = Acceptor::new();
    let plan = Plan::new(runtime).server("Hill", &["Aaa", "Zzz"]);
    let hill = plan.neighbour("Aaa", &[]).neighbour_at(zzz.address(), "Zzz", &[]).start_one();
    let mut silent = Client::connect(hill.link_address());
    let (mut unproven, _) = challenged(&hill, &Opening::new(&Identity::new("Aaa"), "Hill"));
    let mut dialled = zzz.next();
    dialled.line();

    // Each read waits for up to twenty seconds, by which the slow ones would fail.
    let started = herd_tests::monotonic();
    assert_eq!(silent.line_or_end(), None);
    assert_eq!(unproven.line_or_end(), None);
    assert_eq!(dialled.line_or_end(), None);
    assert!(started.elapsed() < Duration::from_secs(12), "{:?}", started.elapsed());
}

fn a_first_line_without_end_is_refused(runtime: Runtime) {
    let mut hill = hill(runtime);
    let before = hill.program().resident_bytes();
    let mut wire = Client::connect(hill.link_address());

    let megabyte = vec![b'x'; 1 << 20];
    let taken = (0..64).take_while(|_| wire.try_send(&megabyte)).count();

    assert!(taken < 64, "all of it was taken");
    wire.rest();
    assert!(hill.program().resident_bytes() < before + (8 << 20));
    assert_eq!(dial(&hill, &Identity::new("Aaa")), Ok(()));
}

fn strangers_that_connect_all_the_time_keep_no_neighbour_out(runtime: Runtime) {
    let hill = crowded(runtime);
    let me = Identity::new("Aaa");
    let attack = Attack::on(hill.link_address(), |_| Ipv4Addr::new(127, 0, 0, 2));

    for _ in 0..10 {
        dial_slowly(&hill, &me, &attack).unwrap();
    }
    let mut link = dial_slowly(&hill, &me, &attack).unwrap();
    let told = hill.client().ask("IAMAT kiwi +1-1 100");
    assert_eq!(link.at(), told);
}

fn strangers_of_many_addresses_do_not_keep_out_who_was_there_before(runtime: Runtime) {
    let hill = crowded(runtime);
    let me = Identity::new("Aaa");
    dial(&hill, &me).unwrap();
    let attack = Attack::on(hill.link_address(), |n| Ipv4Addr::from_bits(0x7f01_0001 + n));

    for _ in 0..10 {
        dial_slowly(&hill, &me, &attack).unwrap();
    }
}

/// Hill, with a neighbour Aaa that dials, and room for few handshakes.
fn crowded(runtime: Runtime) -> Server {
    let plan = Plan::new(runtime).server("Hill", &["Aaa"]).neighbour("Aaa", &[]);
    plan.limit("handshakes", 8).start_one()
}

/// Dials, and lets three times as many strangers come as there are places before it proves anything.
fn dial_slowly(hill: &Server, me: &Identity, attack: &Attack) -> Result<Link, Refused> {
    let waits = || {
        let before = attack.connections();
        eventually(PATIENCE, || attack.connections() > before + 3 * 9);
    };
    Link::dial_slowly(hill.link_address(), &Opening::new(me, "Hill"), &me.secret, waits)
}

/// Strangers that connect all the time, as fast as they can, and say nothing. It ends when dropped.
struct Attack {
    connections: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Attack {
    /// Connects to `target`, for the `n`th time from what `source` says.
    fn on(target: SocketAddr, source: fn(u32) -> Ipv4Addr) -> Self {
        let (connections, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let thread = thread::spawn({
            let (connections, over) = (Arc::clone(&connections), Arc::clone(&over));
            move || {
                let mut open = VecDeque::new();
                for n in 0.. {
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                    open.push_back(Client::connect_from(source(n).into(), target));
                    connections.fetch_add(1, Ordering::Relaxed);
                    if open.len() > 50 {
                        open.pop_front();
                    }
                }
            }
        });
        Self { connections, over, thread: Some(thread) }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Attack {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn a_refused_link_leaves_a_line_in_the_log(runtime: Runtime) {
    let hill = hill(runtime);
    let lines = || hill.log().lines().count();
    let before = lines();

    dial(&hill, &Identity { secret: b"wrong, wrong, wrong".into(), ..Identity::new("Aaa") })
        .unwrap_err();

    eventually(PATIENCE, || {
        let log = hill.log();
        lines() > before
            && log.lines().skip(before).any(|line| line.to_lowercase().contains("refused"))
    });
}

fn both_sides_say_that_a_link_was_refused(runtime: Runtime) {
    let plan = Plan::new(runtime).server("Hill", &["Zzz"]).server("Zzz", &[]);
    let mut herd = plan.prepare();
    // Hill dials, and the two do not hold the same secret.
    let own = herd["Zzz"].dir().join("own.secret");
    std::fs::write(&own, "another secret, long enough").unwrap();
    let config = herd["Zzz"].config();
    let text = std::fs::read_to_string(&config).unwrap().replace("herd.secret", "own.secret");
    std::fs::write(&config, text).unwrap();
    herd.start_all();

    eventually(PATIENCE, || {
        herd["Hill"].log().contains(" closed: the other side refused the handshake\n")
            && herd["Zzz"].log().contains(" closed: this server refused the handshake\n")
    });
    assert!(!herd["Hill"].log().contains("ended by the other side"));
}

fn a_client_cannot_speak_for_a_server(runtime: Runtime) {
    let hill = hill(runtime);
    let mut client = hill.client();
    for line in [
        "AT Hill +0.500000000 kiwi +1-1 100",
        "AT Aaa +0.500000000 kiwi +1-1 100",
        "MARK 1",
        "ACK 1",
    ] {
        assert_eq!(client.ask(line), format!("? {line}"));
    }
    assert_eq!(client.whats_at("kiwi"), None);
}

fn a_link_opens_with_its_first_line_or_never(runtime: Runtime) {
    let hill = Plan::new(runtime)
        .server("Hill", &["Aaa"])
        .neighbour("Aaa", &[])
        .shared_addresses()
        .start_one();
    let mut client = hill.client();
    let line = Opening::new(&Identity::new("Aaa"), "Hill").line();

    At::parse(&client.ask("IAMAT kiwi +1-1 100"));

    assert_eq!(client.ask(line.trim_end()), format!("? {}", line.trim_end()));
    assert_eq!(
        client.ask("AT Aaa +0.500000000 emu +1-1 100"),
        "? AT Aaa +0.500000000 emu +1-1 100"
    );
}

fn clients_and_links_may_share_an_address(runtime: Runtime) {
    let plan = Plan::new(runtime).shared_addresses();
    let herd =
        plan.server("Hill", &["Jaquez", "Aaa"]).server("Jaquez", &[]).neighbour("Aaa", &[]).start();
    let hill = &herd["Hill"];
    assert_eq!(hill.link_address(), hill.address());
    let mut aaa = Link::dial(hill.address(), &Identity::new("Aaa"), "Hill").unwrap();

    let told = hill.client().ask("IAMAT kiwi +1-1 100");

    assert_eq!(aaa.hear(), Heard::At(told.clone()));
    eventually(PATIENCE, || herd["Jaquez"].client().whats_at("kiwi").as_ref() == Some(&told));
}

/// Hill, with a neighbour Aaa that dials.
fn hill(runtime: Runtime) -> Server {
    Plan::new(runtime).server("Hill", &["Aaa"]).neighbour("Aaa", &[]).start_one()
}

fn dial(hill: &Server, me: &Identity) -> Result<(), Refused> {
    Link::dial(hill.link_address(), me, "Hill").map(drop)
}

/// Goes as far as the challenge.
fn challenged(hill: &Server, opening: &Opening) -> (Client, Challenge) {
    let mut wire = Client::connect(hill.link_address());
    wire.send(opening.line());
    let line = wire.line();
    (wire, Challenge::parse(&line).unwrap())
}

/// Accepts a connection and goes as far as the dialler's proof.
fn proven(zzz: &Acceptor, me: &Identity) -> (Client, Opening, Challenge) {
    let mut wire = zzz.next();
    let opening = Opening::parse(&wire.line()).unwrap();
    let challenge = Challenge::new(me);
    wire.send(challenge.line());
    assert!(wire.line().starts_with("PROOF "));
    (wire, opening, challenge)
}
