//! Bytes of a neighbour that has proven itself.

use herd_core::{Dialled, LinkKind, Listener, PeerId};

use crate::driver::{Driver, config};
use crate::naive::Naive;

/// A neighbour links, and then says `data`.
///
/// The server must keep what a naive one would keep, and send none of it back.
///
/// # Panics
///
/// Where it does not.
pub fn neighbour(data: &[u8]) {
    let mut hill = config("Hill", &["Jaquez"], LinkKind::Herd);
    hill.limits.clients = CLIENTS;
    let mut hill = Driver::new(hill);
    let mut jaquez = Driver::new(config("Jaquez", &["Hill"], LinkKind::Herd));
    let peer = PeerId::at(0).expect("there is a first neighbour");

    hill.act(|herd, now, out| herd.handle_timeout(now, out));
    let dialled = |herd: &mut herd_core::Herd, now, out: &mut _| {
        herd.handle_dial(now, peer, Dialled::Connected, out)
    };
    let link = hill.act(dialled).expect("it dials at once");
    let accepted = jaquez.act(|herd, now, out| {
        herd.handle_accept(now, Listener::Links { from: [127, 0, 0, 1].into() }, out)
    });
    for _ in 0..3 {
        let hello = hill.heard(link);
        jaquez.act(|herd, now, out| herd.handle_input(now, accepted, &hello, out));
        let answer = jaquez.heard(accepted);
        hill.act(|herd, now, out| herd.handle_input(now, link, &answer, out));
    }
    assert!(!hill.closed.contains(&link) && !jaquez.closed.contains(&accepted));
    _ = hill.heard(link);

    let mut naive = Naive {
        name: "Hill",
        now: hill.now.wall.nanos(),
        line_bytes: 8192,
        clients: CLIENTS as usize,
        table: Default::default(),
    };
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        let (head, tail) = line.split_at(line.len() / 2);
        for piece in [head, tail] {
            hill.act(|herd, now, out| herd.handle_input(now, link, piece, out));
        }
        if hill.closed.contains(&link) {
            break;
        }
        if let Some(whole) = line.strip_suffix(b"\n")
            && whole.len() <= naive.line_bytes
        {
            naive.merge(whole);
        }
    }
    let mut kept: Vec<_> = hill.herd.lines().collect();
    kept.sort_unstable();
    assert_eq!(kept, naive.lines());
    let sent = hill.heard(link);
    let is_at = |line: &[u8]| line.starts_with(b"AT ");
    assert!(!sent.split(|byte| *byte == b'\n').any(is_at), "a record went back");
}

const CLIENTS: u32 = 3;
