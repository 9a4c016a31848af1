//! Anything that can go wrong does, in an order drawn from a seed; once it is over, all tables are equal.

use core::time::Duration;
use herd_tests::{
    Heard, Herd, Identity, Link, Plan, RUNTIMES, Relay, Runtime, Server, Signal, eventually,
    on_both, wall_nanos,
};
use std::collections::{BTreeMap, BTreeSet};

on_both!(whatever_happened_all_tables_are_equal_in_the_end);

/// The default roster: names in the order they are started, and who dials whom.
const SERVERS: [&str; 5] = ["Hill", "Jaquez", "Smith", "Campbell", "Singleton"];
const LINKS: [(&str, &str); 6] = [
    ("Hill", "Jaquez"),
    ("Hill", "Smith"),
    ("Jaquez", "Singleton"),
    ("Singleton", "Smith"),
    ("Campbell", "Singleton"),
    ("Campbell", "Smith"),
];
const STEPS: usize = 400;

fn whatever_happened_all_tables_are_equal_in_the_end(runtime: Runtime) {
    let mut dice = Dice::new();
    let (mut herd, relays) = shaky(runtime);
    let mut stopped = BTreeSet::new();
    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();

    for step in 0..STEPS {
        let name = dice.pick(&SERVERS);
        match dice.roll(40) {
            0 | 1 => dice.pick(&relays).cut(),
            2 | 3 => dice.pick(&relays).mend(),
            4 => dice.pick(&relays).freeze(),
            5 => dice.pick(&relays).thaw(),
            6 => {
                stopped.remove(name);
                herd[name].kill();
                herd[name].start();
            }
            7 if stopped.insert(name) => herd[name].signal(Signal::STOP),
            8 | 9 if stopped.remove(name) => herd[name].signal(Signal::CONT),
            _ if stopped.contains(name) => {}
            _ => {
                // Stamps come out of order and often twice.
                let (client, stamp) = (format!("c{}", dice.roll(30)), dice.roll(step + 1));
                let place = dice.roll(90);
                let at =
                    herd[name].client().ask(&format!("IAMAT {client} +{place}-{place} {stamp}"));
                told.entry(client).or_default().insert(at);
            }
        }
    }
    for name in stopped {
        herd[name].signal(Signal::CONT);
    }
    for relay in &relays {
        relay.thaw();
        relay.mend();
    }

    let mut tables = Vec::new();
    eventually(Duration::from_secs(60), || {
        tables = herd.servers().iter().map(table).collect();
        tables.windows(2).all(|pair| pair[0] == pair[1])
    });
    // Nothing is there that no client was told, and there is one line for each.
    let table = &tables[0];
    let clients: BTreeSet<_> =
        table.iter().map(|line| line.split(' ').nth(3).unwrap().to_owned()).collect();
    assert_eq!(clients.len(), table.len());
    for line in table {
        let client = line.split(' ').nth(3).unwrap();
        assert!(told[client].contains(line), "nobody was told {line}");
    }
    assert!(table.len() > 15, "{table:?}");
}

/// The default roster with a relay in every link, and with a neighbour of all that the test plays.
fn shaky(runtime: Runtime) -> (Herd, Vec<Relay>) {
    let mut plan = Plan::new(runtime).log("level", "\"events\"").neighbour(PROBE, &SERVERS);
    for (n, name) in SERVERS.into_iter().enumerate() {
        let other = RUNTIMES.iter().copied().find(|other| *other != runtime).unwrap_or(runtime);
        let on = if n % 2 == 0 { runtime } else { other };
        let dialled = LINKS.iter().filter(|(dialler, _)| *dialler == name);
        let dialled: Vec<_> = dialled.map(|(_, acceptor)| *acceptor).collect();
        plan = plan.server_on(on, name, &dialled);
    }
    let mut relays = Vec::new();
    for (dialler, acceptor) in LINKS {
        let relay = Relay::to(plan.link_address(acceptor));
        plan = plan.detour(dialler, acceptor, relay.address());
        relays.push(relay);
    }
    (plan.start(), relays)
}

const PROBE: &str = "A-probe";

/// All that a server knows: what it tells a neighbour that has just started.
fn table(server: &Server) -> BTreeSet<String> {
    let mut probe =
        Link::dial(server.link_address(), &Identity::new(PROBE), server.name()).unwrap();
    let mut lines = BTreeSet::new();
    loop {
        match probe.hear() {
            Heard::At(line) => drop(lines.insert(line)),
            Heard::Mark(_) => return lines,
            Heard::Ack(_) => {}
            Heard::Other(line) => panic!("a link carries nothing else: {line:?}"),
        }
    }
}

/// Numbers drawn from a seed, which a failing test shows.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let seed = u64::try_from(wall_nanos()).unwrap();
        eprintln!("seed {seed}");
        Self(seed)
    }

    /// A number below `sides`. (SplitMix64)
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % u64::try_from(sides).unwrap()).unwrap()
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }
}
