//! Client IDs that somebody counts up in a pattern, so that many have one hash.

use core::net::Ipv4Addr;

use herd_core::{LinkKind, Listener};

use crate::driver::{Driver, config};

/// As many clients as fill a third of the table's index.
const CLIENTS: u16 = 330;
/// What a search reads at most, whatever the hashes are; with a third of the index filled it comes nowhere near.
const LONGEST_PROBE: usize = 128;

/// `data` is what the IDs have in common, but for its first byte, which says where in it they differ.
///
/// All must be found, and each within a few entries of the table's index.
///
/// # Panics
///
/// Where they are not.
pub fn ids(data: &[u8]) {
    let Some((at, pattern)) = data.split_first() else { return };
    let pattern = &pattern[..pattern.len().min(251)];
    let at = usize::from(*at) % (pattern.len() + 1);
    let ids: Vec<_> = (0..CLIENTS).map(|number| id(pattern, at, number)).collect();
    let mut driver = Driver::new(config("Hill", &[], LinkKind::Herd));
    let clients = Listener::Clients { from: Ipv4Addr::LOCALHOST.into(), plain: false };
    let conn = driver.act(|herd, now, out| herd.handle_accept(now, clients, out));
    for id in &ids {
        let line = [b"IAMAT ", id.as_slice(), b" +1-2 1520023935\n"].concat();
        driver.act(|herd, now, out| herd.handle_input(now, conn, &line, out));
    }
    assert_eq!(driver.herd.records(), ids.len());
    for id in &ids {
        let record = driver.herd.record(id).expect("a client that has reported has a record");
        assert!(record.windows(id.len()).any(|part| part == id), "it is another client's");
    }
    let longest = driver.herd.status().longest_probe;
    assert!(longest < LONGEST_PROBE, "a search reads {longest} entries");
}

/// The pattern without white space, and a number of four digits in it.
fn id(pattern: &[u8], at: usize, number: u16) -> Vec<u8> {
    let solid = |byte: &u8| if matches!(byte, b' ' | 9..=13) { b'_' } else { *byte };
    let (before, behind) = pattern.split_at(at);
    let digits = format!("{number:04}");
    before.iter().map(solid).chain(digits.bytes()).chain(behind.iter().map(solid)).collect()
}
