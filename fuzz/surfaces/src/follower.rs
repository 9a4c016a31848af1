//! A follower that says `data`, and one that is told it.

use herd_core::{Follower, FollowerConfig, FollowerError, LinkKind, Listener, Position, Seed};

use crate::driver::{Driver, config};

/// A follower that has proven itself says `data` to a server; a server that has proven itself says it to a
/// follower; and somebody who has not.
///
/// # Panics
///
/// Where a follower writes into a table, where it makes a difference how its input is cut, or where it believes
/// somebody who does not hold the secret.
pub fn follower(data: &[u8]) {
    let (mut hill, conn, _) = followed();
    for piece in data.chunks(17) {
        hill.act(|herd, now, out| herd.handle_input(now, conn, piece, out));
    }
    assert_eq!(hill.herd.records(), 0, "a follower writes");

    let whole = told(&mut followed().2, data, data.len().max(1));
    let cut = told(&mut followed().2, data, 1);
    assert_eq!(whole, cut, "it matters how the input is cut");

    let mut alone = new();
    alone.handle_connected(herd_core::Instant::default(), None);
    let (events, _) = told(&mut alone, data, 17);
    assert!(events.is_empty() && !alone.is_up(), "who holds no secret is believed");
}

fn new() -> Follower {
    let config = FollowerConfig {
        name: "gate".into(),
        server: None,
        secret: config("Hill", &["Adam"], LinkKind::Herd).secret,
        after: Position::START,
        seed: Seed([3; 32]),
    };
    Follower::new(config).expect("the settings are sound")
}

/// Hill, and a follower that has been told everything there is.
fn followed() -> (Driver, herd_core::ConnId, Follower) {
    let mut hill = Driver::new(config("Hill", &["Adam"], LinkKind::Herd));
    let from = [127, 0, 0, 1].into();
    let conn = hill.act(|herd, now, out| herd.handle_accept(now, Listener::Links { from }, out));
    let mut follower = new();
    follower.handle_connected(hill.now.mono, None);
    for _ in 0..3 {
        let said = follower.take_output();
        hill.act(|herd, now, out| herd.handle_input(now, conn, &said, out));
        let heard = hill.heard(conn);
        follower.handle_input(hill.now.mono, &heard, |_| {}).expect("the server is honest");
    }
    assert!(follower.is_up(), "an honest handshake fails");
    (hill, conn, follower)
}

/// What a follower makes of `data` in pieces of this size.
fn told(
    follower: &mut Follower,
    data: &[u8],
    size: usize,
) -> (Vec<String>, Result<(), FollowerError>) {
    let mut events = Vec::new();
    for piece in data.chunks(size) {
        let now = herd_core::Instant::default();
        let outcome = follower.handle_input(now, piece, |event| events.push(format!("{event:?}")));
        if outcome.is_err() {
            return (events, outcome);
        }
    }
    (events, Ok(()))
}
