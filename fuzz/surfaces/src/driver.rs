//! A server and somebody who carries out what it asks for, without a network.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use herd_core::{
    Action, Config, ConnId, Dialect, Herd, Instant, Limits, LinkKind, LookupId, Neighbour, Now,
    Output, Request, Response, Secret, Secured, Seed, Timestamp,
};

/// When everything begins.
const BEGIN: Now = Now {
    wall: Timestamp::from_nanos(1_520_023_935_182_837_383),
    mono: Instant::from_nanos(1_000_000_000),
};

pub(crate) struct Driver {
    pub(crate) herd: Herd,
    pub(crate) now: Now,
    /// Lookups under way, with what was asked.
    pub(crate) asked: Vec<(LookupId, String)>,
    /// Lookups that were given up.
    pub(crate) given_up: Vec<LookupId>,
    pub(crate) paused: BTreeSet<ConnId>,
    pub(crate) closed: BTreeSet<ConnId>,
    /// Whether a link has come up.
    pub(crate) is_linked: bool,
    sent: BTreeMap<ConnId, Vec<u8>>,
    out: Output,
}

/// The settings of a server with these neighbours.
pub(crate) fn config(name: &str, neighbours: &[&str], kind: LinkKind) -> Config {
    let neighbour = |name: &&str| Neighbour { name: (*name).into(), kind };
    Config {
        name: name.into(),
        neighbours: neighbours.iter().map(neighbour).collect(),
        secret: Secret::new(*b"a secret of the fuzzers"),
        dialect: Dialect::Places,
        lookup_timeout: Duration::from_secs(10),
        shared_address: false,
        secured: Secured::default(),
        limits: Limits::default(),
        ring: 16,
        seed: Seed([name.as_bytes()[0]; 32]),
    }
}

impl Driver {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            herd: Herd::new(config).expect("the configuration is sound"),
            now: BEGIN,
            asked: Vec::new(),
            given_up: Vec::new(),
            paused: BTreeSet::new(),
            closed: BTreeSet::new(),
            is_linked: false,
            sent: BTreeMap::new(),
            out: Output::new(),
        }
    }

    /// Calls the server and does what it asks for; whatever it sends is taken at once.
    pub(crate) fn act<T>(&mut self, act: impl FnOnce(&mut Herd, Now, &mut Output) -> T) -> T {
        let value = act(&mut self.herd, self.now, &mut self.out);
        loop {
            let taken = self.perform();
            if taken.is_empty() {
                return value;
            }
            for (conn, bytes) in taken {
                self.herd.handle_drained(self.now, conn, bytes, &mut self.out);
            }
        }
    }

    /// The provider answers.
    pub(crate) fn reply(&mut self, id: LookupId, body: &str) {
        let response = Response { status: 200, body: body.as_bytes() };
        self.act(|herd, now, out| herd.handle_lookup(now, id, Ok(response), out));
    }

    /// What was sent on a connection since this was last asked.
    pub(crate) fn heard(&mut self, conn: ConnId) -> Vec<u8> {
        self.sent.remove(&conn).unwrap_or_default()
    }

    /// Time passes, and every timer goes off when it is due.
    pub(crate) fn wait(&mut self, wait: Duration) {
        let until = self.now.mono.after(wait);
        while let Some((due, _)) = self.herd.poll_timeout().filter(|(due, _)| *due <= until) {
            self.move_to(due);
            self.act(Herd::handle_timeout);
        }
        self.move_to(until);
    }

    fn move_to(&mut self, mono: Instant) {
        let step = i64::try_from(mono.since(self.now.mono).as_nanos()).expect("a wait is short");
        self.now = Now { wall: Timestamp::from_nanos(self.now.wall.nanos() + step), mono };
    }

    fn perform(&mut self) -> Vec<(ConnId, usize)> {
        let mut taken = Vec::new();
        for action in self.out.actions() {
            match action {
                Action::Send { conn, bytes, .. } => {
                    assert!(!self.closed.contains(&conn), "sent on a closed connection");
                    self.sent.entry(conn).or_default().extend_from_slice(bytes);
                    taken.push((conn, bytes.len()));
                }
                Action::Pause { conn } => assert!(self.paused.insert(conn), "paused twice"),
                Action::Resume { conn } => assert!(self.paused.remove(&conn), "resumed unpaused"),
                Action::Close { conn } => assert!(self.closed.insert(conn), "closed twice"),
                Action::Lookup { id, request: Request::Get { query } } => {
                    self.asked.push((id, query.to_owned()));
                }
                Action::Lookup { .. } => unreachable!("this dialect asks by GET"),
                Action::Cancel { id } => {
                    self.asked.retain(|(asked, _)| *asked != id);
                    self.given_up.push(id);
                }
                Action::Linked { .. } => self.is_linked = true,
                Action::Shutdown { .. }
                | Action::Dial { .. }
                | Action::Answer { .. }
                | Action::Log(_) => {}
            }
        }
        self.out.clear();
        taken
    }
}
