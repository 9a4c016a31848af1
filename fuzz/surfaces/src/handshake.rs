//! Strangers and meddlers at the opening of a link.

use arbitrary::{Arbitrary, Unstructured};
use herd_core::{Dialled, Herd, LinkKind, Listener, Now, Output, PeerId};

use crate::driver::{Driver, config};

/// Somebody without the secret says `data` at the address for links, and somebody in the middle of a
/// handshake changes a message as `data` says.
///
/// # Panics
///
/// Where a link comes up that should not, or one does not that should.
pub fn handshake(data: &[u8]) {
    stranger(data);
    if let Ok(change) = Change::arbitrary(&mut Unstructured::new(data)) {
        meddler(&change);
    }
}

/// What is done to one of the four messages of a handshake.
#[derive(Arbitrary, Debug)]
struct Change {
    message: u8,
    at: u8,
    removed: u8,
    inserted: Vec<u8>,
}

fn stranger(data: &[u8]) {
    let mut hill = Driver::new(config("Hill", &["Adam", "Jaquez"], LinkKind::Herd));
    let conn = hill.act(|herd, now, out| {
        herd.handle_accept(now, Listener::Links { from: [127, 0, 0, 1].into() }, out)
    });
    for piece in data.chunks(17) {
        hill.act(|herd, now, out| herd.handle_input(now, conn, piece, out));
    }
    assert!(!hill.is_linked, "a stranger is in");
    assert_eq!(hill.herd.records(), 0);
}

fn meddler(change: &Change) {
    let mut adam = Driver::new(config("Adam", &["Hill"], LinkKind::Herd));
    let mut hill = Driver::new(config("Hill", &["Adam"], LinkKind::Herd));
    adam.act(|herd: &mut Herd, now, out| herd.handle_timeout(now, out));
    let peer = PeerId::at(0).expect("there is a first neighbour");
    let dialled = |herd: &mut Herd, now: Now, out: &mut Output| {
        herd.handle_dial(now, peer, Dialled::Connected, out)
    };
    let theirs = adam.act(dialled).expect("it dials at once");
    let ours = hill.act(|herd, now, out| {
        herd.handle_accept(now, Listener::Links { from: [127, 0, 0, 1].into() }, out)
    });

    let mut changed_line = false;
    let mut changed = false;
    for number in 0..4_u8 {
        let (from, from_conn, to, to_conn) = if number % 2 == 0 {
            (&mut adam, theirs, &mut hill, ours)
        } else {
            (&mut hill, ours, &mut adam, theirs)
        };
        let honest = from.heard(from_conn);
        let mut message = honest.clone();
        if number == change.message % 4 && !honest.is_empty() {
            let at = usize::from(change.at) % (message.len() + 1);
            let end = (at + usize::from(change.removed)).min(message.len());
            message.splice(at..end, change.inserted.iter().copied());
            changed = message != honest;
            changed_line = !message.starts_with(first_line(&honest));
        }
        to.act(|herd, now, out| herd.handle_input(now, to_conn, &message, out));
    }
    match change.message % 4 {
        _ if !changed => assert!(adam.is_linked && hill.is_linked, "an honest handshake fails"),
        // Adam alone can tell that the last message is not what Hill said.
        3 => assert!(hill.is_linked && !(changed_line && adam.is_linked)),
        _ => assert!(!(changed_line && (hill.is_linked || adam.is_linked)), "a changed one works"),
    }
}

/// The line a message begins with, its LF included.
fn first_line(message: &[u8]) -> &[u8] {
    message.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default()
}
