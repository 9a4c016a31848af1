//! Servers that crash, stop or are cut off: once it is over, all know the same.

use core::time::Duration;
use herd_tests::{
    Client, Herd, Identity, Link, PATIENCE, Plan, Relay, Runtime, Server, Signal, eventually,
    on_both,
};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;

on_both!(
    a_server_that_restarts_gets_the_whole_table_from_its_neighbours,
    a_server_killed_under_load_catches_up,
    a_partition_heals,
    reports_of_one_moment_on_both_sides_of_a_partition_become_one,
    a_connection_that_goes_dead_without_a_word_is_replaced,
    a_neighbour_that_stands_still_costs_no_memory,
    a_neighbour_that_stands_still_holds_up_nobody,
    what_a_leaving_server_heard_stays_with_the_herd,
);

fn a_server_that_restarts_gets_the_whole_table_from_its_neighbours(runtime: Runtime) {
    let mut herd = Plan::new(runtime).server("Hill", &["Jaquez"]).server("Jaquez", &[]).start();
    for restarted in ["Hill", "Jaquez"] {
        let told: Vec<_> =
            (0..300).map(|n| report(&herd[restarted], &format!("{restarted}{n}"))).collect();
        let other = if restarted == "Hill" { "Jaquez" } else { "Hill" };
        wait_for(&mut herd[other].client(), &format!("{restarted}299"), &told[299]);

        herd[restarted].kill();
        herd[restarted].start();

        let mut client = herd[restarted].client();
        wait_for(&mut client, &format!("{restarted}299"), &told[299]);
        for (n, told) in told.iter().enumerate() {
            wait_for(&mut client, &format!("{restarted}{n}"), told);
        }
    }
}

fn a_server_killed_under_load_catches_up(runtime: Runtime) {
    let plan = Plan::new(runtime).server("Hill", &["Jaquez"]).server("Jaquez", &["Smith"]);
    let mut herd = plan.server("Smith", &[]).start();
    let address = herd["Hill"].address();
    let reporting = thread::spawn(move || {
        let mut client = Client::connect(address);
        (0..3000)
            .map(|n| {
                let id = format!("kiwi{}", n % 100);
                (id.clone(), client.ask(&format!("IAMAT {id} +1-1 {n}")))
            })
            .collect::<Vec<_>>()
    });

    for _ in 0..5 {
        herd["Jaquez"].kill();
        herd["Jaquez"].start();
    }

    let told = reporting.join().unwrap();
    for server in ["Jaquez", "Smith"] {
        let mut client = herd[server].client();
        for (id, told) in &told[2900..] {
            wait_for(&mut client, id, told);
        }
    }
}

fn a_partition_heals(runtime: Runtime) {
    let (herd, relay) = divided(runtime);
    let first = report(&herd["Hill"], "first");
    wait_for(&mut herd["Smith"].client(), "first", &first);

    relay.cut();
    let here: Vec<_> = (0..100).map(|n| report(&herd["Hill"], &format!("here{n}"))).collect();
    let there: Vec<_> = (0..100).map(|n| report(&herd["Smith"], &format!("there{n}"))).collect();
    assert_eq!(herd["Smith"].client().whats_at("here99"), None);
    relay.mend();

    for n in 0..100 {
        wait_for(&mut herd["Smith"].client(), &format!("here{n}"), &here[n]);
        wait_for(&mut herd["Hill"].client(), &format!("there{n}"), &there[n]);
    }
}

fn reports_of_one_moment_on_both_sides_of_a_partition_become_one(runtime: Runtime) {
    let (herd, relay) = divided(runtime);
    relay.cut();
    let mut settled = Vec::new();
    for n in 0..20 {
        herd["Hill"].client().ask(&format!("IAMAT kiwi{n} +9-9 100"));
        settled.push(herd["Smith"].client().ask(&format!("IAMAT kiwi{n} +1-1 100")));
        herd["Jaquez"].client().ask(&format!("IAMAT kiwi{n} +5-5 100"));
    }
    relay.mend();

    // The greatest by its bytes, which differ first in the name of the server.
    for (n, told) in settled.iter().enumerate() {
        for server in herd.servers() {
            wait_for(&mut server.client(), &format!("kiwi{n}"), told);
        }
    }
}

fn a_connection_that_goes_dead_without_a_word_is_replaced(runtime: Runtime) {
    let (herd, relay) = divided(runtime);
    let first = report(&herd["Hill"], "first");
    wait_for(&mut herd["Smith"].client(), "first", &first);

    relay.freeze();
    let second = report(&herd["Hill"], "second");
    // Nothing passes any more, also on connections made from now on, until both sides have noticed.
    eventually(Duration::from_secs(40), || relay.connections() >= 2);
    relay.thaw();

    wait_for(&mut herd["Smith"].client(), "second", &second);
}

fn a_neighbour_that_stands_still_costs_no_memory(runtime: Runtime) {
    const CLIENTS: usize = 100_000;
    let plan = Plan::new(runtime).log("level", "\"events\"");
    let plan = plan.server("Hill", &["Jaquez", "Smith"]).server("Jaquez", &[]).server("Smith", &[]);
    let relay = Relay::to(plan.link_address("Smith"));
    let plan = plan.detour("Hill", "Smith", relay.address());
    let mut herd = plan.start();
    let first = report(&herd["Hill"], "first");
    wait_for(&mut herd["Smith"].client(), "first", &first);
    let drive = |herd: &Herd, rounds: core::ops::Range<usize>| {
        let address = herd["Hill"].address();
        rounds.for_each(|round| move_everybody(address, CLIENTS, round));
    };

    herd["Smith"].signal(Signal::STOP);
    drive(&herd, 0..1);
    let mut jaquez = herd["Jaquez"].client();
    eventually(PATIENCE, || jaquez.whats_at("c99999").is_some());
    let before =
        [herd["Hill"].program().resident_bytes(), herd["Jaquez"].program().resident_bytes()];
    drive(&herd, 1..50);
    let after =
        [herd["Hill"].program().resident_bytes(), herd["Jaquez"].program().resident_bytes()];
    let lines_before = relay.lines_from_dialler();
    herd["Smith"].signal(Signal::CONT);

    let mut smith = herd["Smith"].client();
    for n in [0, 1, 50_000, 99_999] {
        let id = format!("c{n}");
        eventually(Duration::from_secs(60), || {
            let known = smith.whats_at(&id);
            known.is_some_and(|at| at.ends_with(" +1-1 49"))
                && jaquez.whats_at(&id) == smith.whats_at(&id)
        });
    }
    let crossed = relay.lines_from_dialler() - lines_before;
    for (before, after) in before.into_iter().zip(after) {
        assert!(after < before + (8 << 20), "grew from {before} to {after} bytes");
    }
    // A table, what the kernel held for the one that stood still, and what came while it caught up.
    assert!((CLIENTS..4 * CLIENTS).contains(&crossed), "{crossed} lines crossed");
}

fn a_neighbour_that_stands_still_holds_up_nobody(runtime: Runtime) {
    let plan = Plan::new(runtime).log("level", "\"events\"");
    let plan = plan.server("Hill", &["Jaquez", "Aaa"]).server("Jaquez", &[]).neighbour("Aaa", &[]);
    let herd = plan.start();
    // It never reads a byte of what it is told.
    let _still = Link::dial(herd["Hill"].link_address(), &Identity::new("Aaa"), "Hill").unwrap();

    for round in 0..3 {
        move_everybody(herd["Hill"].address(), 100_000, round);
    }

    let told = report(&herd["Hill"], "kiwi");
    wait_for(&mut herd["Jaquez"].client(), "kiwi", &told);
}

fn what_a_leaving_server_heard_stays_with_the_herd(runtime: Runtime) {
    let mut herd = Plan::new(runtime).server("Hill", &["Jaquez"]).server("Jaquez", &[]).start();
    let first = report(&herd["Hill"], "first");
    wait_for(&mut herd["Jaquez"].client(), "first", &first);

    let told: Vec<_> = (0..500).map(|n| report(&herd["Hill"], &format!("kiwi{n}"))).collect();
    herd["Hill"].stop();

    let mut jaquez = herd["Jaquez"].client();
    for (n, told) in told.iter().enumerate() {
        assert_eq!(jaquez.whats_at(&format!("kiwi{n}")).as_ref(), Some(told));
    }
}

/// Hill, and Smith with Jaquez, with a network between the two that can be cut.
fn divided(runtime: Runtime) -> (Herd, Relay) {
    let plan = Plan::new(runtime)
        .server("Hill", &["Smith"])
        .server("Jaquez", &["Smith"])
        .server("Smith", &[]);
    let relay = Relay::to(plan.link_address("Smith"));
    let herd = plan.detour("Hill", "Smith", relay.address()).start();
    (herd, relay)
}

/// Reports every one of `count` clients at a new place, as fast as the server takes it.
fn move_everybody(address: core::net::SocketAddr, count: usize, stamp: usize) {
    let stream = TcpStream::connect(address).unwrap();
    let writing = thread::spawn({
        let mut stream = stream.try_clone().unwrap();
        move || {
            let mut lines = Vec::with_capacity(1 << 16);
            for n in 0..count {
                writeln!(lines, "IAMAT c{n} +1-1 {stamp}").unwrap();
                if lines.len() > 60_000 || n + 1 == count {
                    stream.write_all(&lines).unwrap();
                    lines.clear();
                }
            }
        }
    });
    let (mut reader, mut buffer, mut answered) = (&stream, vec![0; 1 << 16], 0);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    while answered < count {
        let read = reader.read(&mut buffer).unwrap();
        assert!(read > 0, "closed after {answered} answers");
        answered += buffer[..read].iter().filter(|byte| **byte == b'\n').count();
    }
    writing.join().unwrap();
}

#[track_caller]
fn report(server: &Server, id: &str) -> String {
    server.client().ask(&format!("IAMAT {id} +1-1 100"))
}

#[track_caller]
fn wait_for(client: &mut Client, id: &str, told: &str) {
    eventually(PATIENCE, || client.whats_at(id).as_deref() == Some(told));
}
