//! The same calls with the same times have the same results.

use herd_core::{Config, Limits, Listener};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::{Did, FROM, Server, Stranger, config};

#[derive(Clone, Debug)]
enum Call {
    Accept(u8),
    Link,
    Input(Index, usize),
    Eof(Index),
    Break(Index),
    Takes(Index, usize),
    Answer(Index),
    Wait(u64),
    Stop,
}

const TEXTS: [&str; 8] = [
    "IAMAT kiwi +1-2 1520023935\nWHATSAT kiwi 1 1\n",
    "IAMAT emu +1-2 1520023936\nIAMAT kiwi +1-2 1520023937\nhel",
    "lo\n",
    "AT Ball +1 kiwi +1-2 1520023938\nMARK 4\nACK 1\n",
    "AT Ball +1 emu +1-2 1520023939 x y\n\n",
    "WHATSAT kiwi 1 1\nWHATSAT emu 1 1\nWHATSAT kiwi 1 1\n",
    "LINK 1 Adams Hill 0000000000000007 ",
    "x y z\r\n",
];

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        2 => (0..3_u8).prop_map(Call::Accept),
        1 => Just(Call::Link),
        8 => (any::<Index>(), 0..TEXTS.len()).prop_map(|(conn, text)| Call::Input(conn, text)),
        1 => any::<Index>().prop_map(Call::Eof),
        1 => any::<Index>().prop_map(Call::Break),
        2 => (any::<Index>(), 0..200_usize).prop_map(|(conn, most)| Call::Takes(conn, most)),
        3 => any::<Index>().prop_map(Call::Answer),
        3 => (1..20_000_u64).prop_map(Call::Wait),
        1 => Just(Call::Stop),
    ]
}

/// Everything a server does in the course of `calls`.
fn story(calls: &[Call]) -> (Vec<Did>, Vec<String>) {
    let limits = Limits {
        pipeline: 3,
        output_bytes: 100,
        lookups: 2,
        lookup_queue: 2,
        connections: 5,
        clients: 3,
        record_age_s: 60,
        ..Limits::default()
    };
    let mut hill = Server::new(Config {
        limits,
        shared_address: true,
        ring: 2,
        ..config("Hill", &["Adams", "Jaquez"])
    });
    let (mut conns, mut lookups, mut all, mut stopped) =
        (Vec::new(), Vec::new(), Vec::new(), false);
    for call in calls {
        match call {
            Call::Accept(door) => {
                let listener = match door {
                    0 => Listener::Links { from: FROM },
                    1 => Listener::Clients { from: FROM, plain: true },
                    _ => Listener::Clients { from: FROM, plain: false },
                };
                let conn = hill.accept(listener);
                hill.stick(conn);
                conns.push(conn);
            }
            Call::Link if !stopped => conns.push(hill.links(&Stranger::named("Adams"))),
            Call::Link => {}
            Call::Stop => {
                // Rarely, or there would be nothing else to see.
                if all.len() > 150 {
                    stopped = true;
                    hill.stops();
                }
            }
            Call::Wait(millis) => hill.waits_ms(*millis),
            Call::Answer(which) => {
                if !lookups.is_empty() {
                    let id = lookups.remove(which.index(lookups.len()));
                    hill.answers(id, "{\"results\":[1,2,3]}");
                }
            }
            Call::Input(which, text) => {
                if !conns.is_empty() {
                    hill.types(conns[which.index(conns.len())], TEXTS[*text].as_bytes());
                }
            }
            Call::Eof(which) => {
                if !conns.is_empty() {
                    hill.ends(conns[which.index(conns.len())]);
                }
            }
            Call::Break(which) => {
                if !conns.is_empty() {
                    hill.breaks(conns[which.index(conns.len())]);
                }
            }
            Call::Takes(which, most) => {
                if !conns.is_empty() {
                    hill.takes(conns[which.index(conns.len())], *most);
                }
            }
        }
        let did = hill.did();
        lookups.extend(did.iter().filter_map(Did::lookup).map(|(id, _)| id));
        all.extend(did);
    }
    (all, hill.table())
}

proptest! {
    /// Any calls in any order: nothing panics, nothing is sent on a connection that is closed, and a
    /// second server that is told the same does the same.
    #[test]
    fn the_same_calls_have_the_same_results(calls in prop::collection::vec(call(), 0..150)) {
        prop_assert_eq!(story(&calls), story(&calls));
    }
}
