//! What one server may say to another, and what it must have said before.

use std::collections::BTreeSet;

use super::peer::{LINK_WINDOW, Link, Peer};
use super::{Chain, Clock, HEARD_HERE, Key, Kind, Model, Record, Verdict, shown, stamp, words};
use crate::invariants::{Invariant, Violation};

const SPARE: usize = 2048;

impl Model {
    /// Both sides have proven themselves. `start` is who the neighbour really is.
    pub(crate) fn links(&mut self, key: Key, peer: usize, start: u32, resumed: bool) -> Verdict {
        let Some(conn) = self.conns.get_mut(&key) else { return Ok(()) };
        if !matches!(conn.kind, Kind::Neighbour { .. }) || conn.handshake < 2 {
            let what = format!("connection {key} became a link without a neighbour's proof");
            return Err(Violation::new(Invariant::Links, what));
        }
        let known = &mut self.peers[peer];
        if resumed != (known.start == Some(start)) {
            let was = known.start.map_or_else(|| "none".to_owned(), |start| start.to_string());
            let how = if resumed { "goes on where it ended" } else { "begins anew" };
            let what = format!("the link {how}; the neighbour's start was {was} and is {start}");
            return Err(Violation::new(Invariant::Resume, what));
        }
        if !resumed {
            self.last_chain += 1;
            *known = Peer { start: Some(start), acked: 0, chain: self.last_chain };
        }
        conn.link = Some(Link {
            peer,
            chain: known.chain,
            from: known.acked,
            sent: BTreeSet::new(),
            marked: 0,
            marks_heard: BTreeSet::new(),
        });
        self.read_link(key);
        Ok(())
    }

    /// The neighbour that a succession of links is with.
    pub(crate) fn peer_of(&self, chain: Chain) -> Option<usize> {
        if chain == HEARD_HERE {
            return None;
        }
        self.peers.iter().position(|peer| peer.chain == chain)
    }

    /// Reads what a neighbour says, as far as it may be read already.
    pub(super) fn read_link(&mut self, key: Key) {
        loop {
            let Some(conn) = self.conns.get_mut(&key) else { return };
            if conn.link.is_none() && conn.handshake == 2 {
                return;
            }
            let Some(end) = conn.held.iter().position(|byte| *byte == b'\n') else { return };
            let line: Vec<u8> = conn.held.drain(..=end).collect();
            let line = &line[..end];
            let Some(link) = &mut conn.link else {
                conn.handshake += 1;
                if conn.kind == (Kind::Neighbour { counted: true }) {
                    conn.kind = Kind::Neighbour { counted: false };
                    self.clients -= 1;
                }
                continue;
            };
            let peer = &mut self.peers[link.peer];
            match *words(line).as_slice() {
                [b"AT", _, _, client, _, time] => {
                    let Some(stamp) = stamp(time) else { continue };
                    self.table.merge(client, Record { stamp, line: line.to_vec() }, link.chain);
                }
                [b"MARK", number] => {
                    link.marks_heard.extend(number_of(number));
                }
                [b"ACK", number] => {
                    if let Some(acked) = number_of(number).filter(|acked| *acked <= link.marked) {
                        peer.acked = peer.acked.max(acked);
                    }
                }
                _ => {}
            }
        }
    }

    /// The core says something to a neighbour, or to somebody who would like to be one.
    pub(crate) fn tells(&mut self, key: Key, bytes: &[u8], clock: Clock) -> Verdict {
        let Some(conn) = self.conns.get_mut(&key) else { return Ok(()) };
        conn.sent(bytes.len(), clock);
        if conn.unsent > LINK_WINDOW + SPARE {
            let what = format!("{} bytes wait for a neighbour on connection {key}", conn.unsent);
            return Err(Violation::new(Invariant::Memory, what));
        }
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            self.tells_line(key, line)?;
        }
        Ok(())
    }

    fn tells_line(&mut self, key: Key, line: &[u8]) -> Verdict {
        let Some(conn) = self.conns.get_mut(&key) else { return Ok(()) };
        let wrong = |invariant, why: &str| {
            let what = format!("connection {key}: {:?} {why}", shown(line));
            Err(Violation::new(invariant, what))
        };
        let words = words(line);
        if let [b"LINK" | b"CHALLENGE" | b"PROOF", ..] = *words.as_slice() {
            return Ok(());
        }
        let Some(link) = &mut conn.link else {
            return wrong(Invariant::Links, "is said before the handshake is over");
        };
        match *words.as_slice() {
            [b"AT", ..] => {
                let Some((change, chain)) = self.table.taken(line) else {
                    return wrong(Invariant::Table, "was never a record here");
                };
                if chain == link.chain {
                    return wrong(Invariant::Once, "goes back where it came from");
                }
                if change <= link.from {
                    return wrong(Invariant::Once, "was acknowledged before");
                }
                if !link.sent.insert(change) {
                    return wrong(Invariant::Once, "is sent a second time");
                }
            }
            [b"MARK", number] => {
                let Some(mark) = number_of(number).filter(|mark| *mark <= self.table.changes)
                else {
                    return wrong(Invariant::Progress, "marks a change that there is not");
                };
                if mark < link.marked {
                    return wrong(Invariant::Progress, "goes back");
                }
                let first = link.from.max(link.marked) + 1;
                for (change, chain, record) in self.table.changed(first, mark) {
                    if chain != link.chain && !link.sent.contains(&change) {
                        let line = shown(&record.line);
                        let why = format!("is said, and {line:?}, change {change}, was not sent");
                        return wrong(Invariant::Progress, &why);
                    }
                }
                link.marked = mark;
            }
            [b"ACK", number] => {
                let acked = number_of(number);
                if !acked.is_some_and(|acked| link.marks_heard.contains(&acked)) {
                    return wrong(Invariant::Progress, "acknowledges what was not marked");
                }
            }
            _ => return wrong(Invariant::Links, "is nothing that servers say"),
        }
        Ok(())
    }
}

fn number_of(digits: &[u8]) -> Option<u64> {
    core::str::from_utf8(digits).ok()?.parse().ok()
}
