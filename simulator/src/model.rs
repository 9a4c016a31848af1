//! One server as the protocol describes it, written for nothing but to be obviously right.
//!
//! Plain ordered maps, whole lines, no reuse of memory, and not one line of the core: it is told what the
//! core was told, works out what must follow, and compares that with what the core did. Where the core may
//! choose, in when it closes whom for instance, it looks at whether the choice is allowed.

mod answers;
mod conn;
mod lines;
mod links;
mod lookups;
mod peer;
mod rules;
mod table;

use core::fmt::Write as _;
use std::collections::{BTreeMap, BTreeSet};

use crate::invariants::{Invariant, Violation};
use conn::{Conn, Line, Reply};
use lines::Asked;
pub(crate) use lines::{Provider, stamp, words};
use lookups::Lookups;
pub(crate) use lookups::Outcome;
pub(crate) use peer::Peer;
use rules::SECOND;
pub(crate) use rules::{Clock, End, Key, Kind, Rules, Verdict};
use table::Table;
pub(crate) use table::{Chain, HEARD_HERE, Record};

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) rules: Rules,
    pub(crate) table: Table,
    pub(crate) peers: Vec<Peer>,
    conns: BTreeMap<Key, Conn>,
    lookups: Lookups,
    last_chain: Chain,
    /// Connections that count against the limit.
    clients: usize,
    /// What the current step was about.
    dirty: BTreeSet<Key>,
    /// The connection that the driver says is broken.
    broken: Option<Key>,
}

const HANDSHAKE: u64 = 5 * SECOND;

impl Model {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            table: Table::new(rules.clients),
            peers: (0..rules.neighbours).map(|_| Peer::default()).collect(),
            conns: BTreeMap::new(),
            lookups: Lookups::default(),
            last_chain: HEARD_HERE,
            clients: 0,
            dirty: BTreeSet::new(),
            broken: None,
            rules,
        }
    }

    // What the core is told.

    /// A connection was accepted. `shared` says that clients and neighbours come to the same address.
    pub(crate) fn accepts(&mut self, key: Key, kind: Kind, shared: bool, clock: Clock) {
        let full = self.clients >= self.rules.connections;
        let kind = match kind {
            Kind::Client if shared && full => Kind::Full,
            Kind::Neighbour { .. } => Kind::Neighbour { counted: shared && !full },
            Kind::Client | Kind::Full | Kind::Stranger => kind,
        };
        let mut conn = Conn::new(kind, clock.mono);
        conn.unwelcome = kind == Kind::Client && full;
        self.clients += usize::from(conn.is_counted());
        self.conns.insert(key, conn);
        self.dirty.insert(key);
    }

    /// A neighbour that was dialled is there.
    pub(crate) fn dialled(&mut self, key: Key, clock: Clock) {
        self.conns.insert(key, Conn::new(Kind::Neighbour { counted: false }, clock.mono));
    }

    pub(crate) fn reads(&mut self, key: Key, bytes: &[u8], clock: Clock) {
        let Some(conn) = self.conns.get_mut(&key) else { return };
        conn.heard = clock.mono;
        if conn.ended {
            return;
        }
        conn.held.extend_from_slice(bytes);
        self.dirty.insert(key);
        match conn.kind {
            Kind::Client => self.advance(key, clock),
            Kind::Neighbour { .. } => self.read_link(key),
            Kind::Full | Kind::Stranger => {}
        }
    }

    pub(crate) fn ends(&mut self, key: Key, clock: Clock) {
        let Some(conn) = self.conns.get_mut(&key) else { return };
        conn.ended = true;
        if conn.kind == (Kind::Neighbour { counted: true }) {
            // Its first line will never tell that it is one.
            conn.kind = Kind::Client;
        }
        self.dirty.insert(key);
        if conn.kind == Kind::Client {
            self.advance(key, clock);
        }
    }

    pub(crate) fn breaks(&mut self, key: Key) {
        self.broken = self.conns.contains_key(&key).then_some(key);
    }

    pub(crate) fn takes(&mut self, key: Key, bytes: usize, clock: Clock) {
        let Some(conn) = self.conns.get_mut(&key) else { return };
        conn.unsent -= bytes;
        if bytes > 0 {
            conn.taken = clock.mono;
        }
        if conn.kind == Kind::Client {
            self.dirty.insert(key);
            self.advance(key, clock);
        }
    }

    // What the core does.

    /// Bytes to a client, or to somebody who is not even that.
    pub(crate) fn sends(
        &mut self,
        key: Key,
        bytes: &[u8],
        is_answer: bool,
        clock: Clock,
    ) -> Verdict {
        let Some(conn) = self.conns.get_mut(&key) else { return Ok(()) };
        conn.sent(bytes.len(), clock);
        let mut rest = bytes;
        while !rest.is_empty() {
            let due = conn.due.pop_front().unwrap_or_default();
            let expected = &due.bytes[..];
            if expected.is_empty() || !rest.starts_with(expected) {
                return Err(wrong_reply(key, rest, expected));
            }
            let alone = rest.len() == expected.len() && bytes.len() == expected.len();
            if due.is_answer && !(is_answer && alone) {
                let what = format!("connection {key}: an answer and its body are not one write");
                return Err(Violation::new(Invariant::Replies, what));
            }
            rest = &rest[expected.len()..];
        }
        Ok(())
    }

    /// A server that was started again was taken for a second one of its name.
    pub(crate) fn takes_for_another(&mut self, key: Key) {
        if let Some(conn) = self.conns.get_mut(&key) {
            conn.refused = true;
        }
    }

    /// A connection was refused as a link.
    pub(crate) fn refuses(
        &mut self,
        key: Key,
        is_late: bool,
        is_crowd: bool,
        clock: Clock,
    ) -> Verdict {
        let most = self.rules.handshakes + self.rules.neighbours;
        let Some(conn) = self.conns.get_mut(&key) else { return Ok(()) };
        conn.refused = true;
        let unfair = match conn.kind {
            Kind::Client => Some("a client"),
            Kind::Neighbour { .. } if !is_late && !is_crowd => Some("a neighbour"),
            _ if is_late && clock.mono < conn.opened + HANDSHAKE => Some("one that was not late"),
            Kind::Neighbour { .. } | Kind::Full | Kind::Stranger => None,
        };
        let unproven =
            self.conns.values().filter(|conn| conn.link.is_none() && conn.kind != Kind::Client);
        if is_crowd && unproven.count() <= most {
            let what = format!("connection {key} was refused for a crowd that is none");
            return Err(Violation::new(Invariant::Links, what));
        }
        unfair.map_or(Ok(()), |who| {
            let what = format!("connection {key}, {who}, was refused as a link");
            Err(Violation::new(Invariant::Links, what))
        })
    }

    /// A connection is over.
    pub(crate) fn closes(&mut self, key: Key, why: End, clock: Clock) -> Verdict {
        let Some(conn) = self.conns.remove(&key) else { return Ok(()) };
        self.clients -= usize::from(conn.is_counted());
        let broken = self.broken.take_if(|broken| *broken == key).is_some();
        let rules = &self.rules;
        let quiet = conn.heard.max(conn.taken);
        let is_client = conn.kind == Kind::Client;
        let allowed = match why {
            End::Ended if is_client => conn.ended && conn.is_done(),
            End::Ended => conn.ended,
            End::Refused => conn.refused,
            End::TurnedAway => conn.ended && conn.link.is_none(),
            End::Lost => broken,
            End::TooMany => conn.unwelcome || conn.kind == Kind::Full,
            End::Idle => {
                let owed = !conn.replies.is_empty() || conn.unsent > 0;
                conn.is_counted() && rules.idle > 0 && !owed && quiet + rules.idle <= clock.mono
            }
            End::Stalled => {
                is_client && conn.unsent > 0 && conn.taken + rules.stalled <= clock.mono
            }
            End::Unread => {
                let others: usize = self.conns.values().map(Conn::answers).sum();
                is_client && others + conn.answers() > rules.answers_bytes / 16 * 15
            }
            End::Silent => conn.link.is_some() && conn.heard + peer::SILENCE <= clock.mono,
            // Two that are proven can wait for the end of a link that is in their way: the newer one goes on.
            End::Replaced => conn.link.is_some() || conn.handshake >= 2,
            End::Stopping => false,
        };
        if !allowed {
            let mut what = format!("connection {key} was closed as {why:?}, which it is not: ");
            let _ = write!(
                what,
                "ended {}, {} answers owed, {} bytes waiting, {} held, heard {} ns ago, taken {} ns ago",
                conn.ended,
                conn.replies.len(),
                conn.unsent,
                conn.held.len(),
                clock.mono - conn.heard,
                clock.mono - conn.taken,
            );
            return Err(Violation::new(Invariant::Closing, what));
        }
        self.lookups.forgets(key)
    }

    /// Old records were forgotten.
    pub(crate) fn forgets(&mut self, records: usize, clock: Clock) -> Verdict {
        let expected = self.table.forget_before(clock.wall.saturating_sub(self.rules.record_age));
        if expected != records {
            let what =
                format!("{records} records were forgotten for their age, {expected} are too old");
            return Err(Violation::new(Invariant::Table, what));
        }
        Ok(())
    }

    /// A step is over: everything that was due in it has been done.
    pub(crate) fn is_settled(&mut self, clock: Clock, was_timeout: bool) -> Verdict {
        if let Some(key) = self.broken.take() {
            let what = format!("connection {key} broke, and is kept");
            return Err(Violation::new(Invariant::Closing, what));
        }
        let may_begin = |key, ticket| {
            self.conns.get(&key).is_some_and(|conn| conn.may_begin(ticket, &self.rules))
        };
        self.lookups.is_settled(&self.rules, may_begin, clock, was_timeout)?;
        let answers: usize = self.conns.values().map(Conn::answers).sum();
        if answers > self.rules.answers_bytes {
            let what = format!("clients have {answers} bytes of answers to take");
            return Err(Violation::new(Invariant::Memory, what));
        }
        for key in core::mem::take(&mut self.dirty) {
            let Some(conn) = self.conns.get(&key) else { continue };
            if let Some(due) = conn.due.front() {
                return Err(wrong_reply(key, b"", &due.bytes));
            }
            let done = conn.kind == Kind::Client && conn.ended && conn.is_done();
            let lost = conn.ended && conn.kind != Kind::Client;
            if done || lost || conn.unwelcome {
                let what = format!("connection {key} is done with, and is kept");
                return Err(Violation::new(Invariant::Closing, what));
            }
        }
        if was_timeout {
            self.are_all_in_time(clock)?;
        }
        Ok(())
    }

    /// Whether a client is owed so much that nothing more is read from it.
    pub(crate) fn is_full(&self, key: Key) -> Option<bool> {
        let conn = self.conns.get(&key).filter(|conn| conn.kind == Kind::Client && !conn.ended)?;
        Some(conn.is_full(&self.rules))
    }

    /// Whether what is sent on a connection are replies.
    pub(crate) fn is_client(&self, key: Key) -> bool {
        self.conns.get(&key).is_some_and(|conn| conn.kind == Kind::Client)
    }

    /// Whether there is a link with a neighbour.
    pub(crate) fn is_linked(&self, peer: usize) -> bool {
        self.conns.values().any(|conn| conn.link.as_ref().is_some_and(|link| link.peer() == peer))
    }

    /// The connections on which an answer is owed or waits to be taken.
    pub(crate) fn owing(&self) -> impl Iterator<Item = Key> {
        let owing = |conn: &Conn| !conn.replies.is_empty() || conn.unsent > 0;
        let clients = self.conns.iter().filter(|(_, conn)| conn.kind == Kind::Client);
        clients.filter(move |(_, conn)| owing(conn)).map(|(key, _)| *key)
    }

    /// What a server of these rules may have in its memory, in bytes, for what it holds now: a generous
    /// guess at each thing, times its number.
    pub(crate) fn fair_share(&self, ring: u32) -> usize {
        let conns = self.conns.values();
        let held: usize = conns
            .map(|conn| {
                let replies = conn.replies.iter().map(|reply| match reply {
                    Reply::Ready(due) => 128 + 2 * due.bytes.len(),
                    Reply::Waiting { at_line, .. } => 1024 + 4 * at_line.len(),
                });
                1024 + 4 * conn.held.len() + replies.sum::<usize>()
            })
            .sum();
        let chunks = self.table.changes.min(self.rules.clients as u64).div_ceil(1024);
        let chunks = usize::try_from(chunks).unwrap_or(usize::MAX);
        let long: usize = self.table.records().map(|(_, record)| 2 * record.line.len() + 64).sum();
        32 * 1024 + 4 * ring.next_power_of_two() as usize + chunks * 148 * 1024 + 2 * long + held
    }

    fn are_all_in_time(&self, clock: Clock) -> Verdict {
        for (key, conn) in &self.conns {
            let late = match conn.kind {
                Kind::Client if conn.unsent > 0 => conn.taken + self.rules.stalled <= clock.mono,
                Kind::Client if self.rules.idle > 0 && conn.replies.is_empty() => {
                    // Its timer may be set for when it would have stalled, or for when it was owed an answer.
                    let slack = self.rules.idle + self.rules.stalled;
                    conn.heard.max(conn.taken) + self.rules.idle + slack <= clock.mono
                }
                Kind::Neighbour { .. } if conn.link.is_some() => {
                    conn.heard + peer::SILENCE + SECOND <= clock.mono
                }
                Kind::Neighbour { counted: false } | Kind::Full | Kind::Stranger => {
                    conn.opened + HANDSHAKE <= clock.mono
                }
                Kind::Client | Kind::Neighbour { counted: true } => false,
            };
            if late {
                let what = format!("connection {key} has been silent for too long, and is kept");
                return Err(Violation::new(Invariant::Closing, what));
            }
        }
        Ok(())
    }

    // What follows from the one for the other.

    /// Sends what is due and obeys what may be obeyed, until there is nothing to do.
    fn advance(&mut self, key: Key, clock: Clock) {
        loop {
            let rules = &self.rules;
            let Some(conn) = self.conns.get_mut(&key) else { return };
            conn.deliver(rules);
            if conn.is_full(rules) {
                return;
            }
            let reply = match conn.next_line(rules.line_bytes) {
                Some(Line::Whole(line)) => self.obey(key, &line, clock),
                Some(Line::Long(begin)) => Reply::invalid(&begin),
                None => return,
            };
            let Some(conn) = self.conns.get_mut(&key) else { return };
            conn.replies.push_back(reply);
        }
    }

    fn obey(&mut self, key: Key, line: &[u8], clock: Clock) -> Reply {
        let rules = &self.rules;
        let is_old = |stamp: i64| {
            rules.record_age > 0 && stamp < clock.wall.saturating_sub(rules.record_age)
        };
        let without_cr = line.strip_suffix(b"\r").unwrap_or(line);
        match lines::command(line, rules.provider, rules.client_id_bytes) {
            Asked::Report { client, location, time, stamp } => {
                let difference = lines::difference(clock.wall, stamp);
                let fields: [&[u8]; 6] = [
                    b"AT",
                    rules.name.as_bytes(),
                    difference.as_bytes(),
                    &client,
                    &location,
                    &time,
                ];
                let at_line = fields.join(&b' ');
                let is_ahead = rules.ahead > 0 && stamp > clock.wall.saturating_add(rules.ahead);
                if !is_ahead && !is_old(stamp) {
                    self.table.report(&client, Record { stamp, line: at_line.clone() });
                }
                Reply::line(&at_line)
            }
            Asked::Query { client, radius, bound } => {
                let known = self.table.record(&client).filter(|record| !is_old(record.stamp));
                let Some(record) = known else { return Reply::invalid(without_cr) };
                let at_line = [&record.line, &b"\n"[..]].concat();
                let location = words(&record.line)[4];
                let request = lines::request(rules.provider, location, &radius, bound);
                let Some(conn) = self.conns.get_mut(&key) else { return Reply::invalid(line) };
                let ticket = conn.next_ticket;
                conn.next_ticket += 1;
                self.lookups.ask(key, ticket, request, &self.rules);
                Reply::Waiting { ticket, at_line, bound }
            }
            Asked::Nothing => Reply::invalid(without_cr),
        }
    }
}

fn wrong_reply(key: Key, sent: &[u8], expected: &[u8]) -> Violation {
    let token = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let start = text.find(lookups::TOKEN)?;
        text[start..].split('"').nth(3).map(ToOwned::to_owned)
    };
    let mine = token(expected);
    let invariant = match token(sent) {
        Some(other) if Some(&other) != mine.as_ref() => Invariant::Stray,
        _ => Invariant::Replies,
    };
    let what =
        format!("connection {key} was sent {:?}, due was {:?}", shown(sent), shown(expected));
    Violation::new(invariant, what)
}

/// Bytes as a person can read them, not too many.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let most = 160;
    if bytes.len() <= most {
        return bytes.escape_ascii().to_string();
    }
    format!("{}… ({} bytes)", bytes[..most].escape_ascii(), bytes.len())
}
