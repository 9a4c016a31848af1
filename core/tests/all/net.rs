//! Several servers in one place, and the wires between them: bytes move when a story says so, wires
//! break and slow down, servers die and start again.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use herd_core::{Config, ConnId, Dialled, Listener, Now};

use crate::support::{BEGIN, Did, FROM, Server, config, moved};

pub(crate) struct Net {
    servers: Vec<Node>,
    wires: Vec<Wire>,
    /// Pairs that cannot reach each other.
    cut: BTreeSet<(usize, usize)>,
    /// Pairs between which bytes move only by [`Net::moves`].
    slow: BTreeSet<(usize, usize)>,
    now: Now,
    starts: u64,
    /// Every byte that was moved: to whom, on which connection.
    pub(crate) moved: Vec<(usize, ConnId, Vec<u8>)>,
}

struct Node {
    server: Server,
    config: Config,
    client: ConnId,
}

/// One connection, by its number at either end.
#[derive(Clone, Copy, Debug)]
struct Wire {
    ends: [(usize, ConnId); 2],
}

impl Net {
    /// Servers that talk with each other as `pairs` say.
    pub(crate) fn new(names: &[&str], pairs: &[(&str, &str)]) -> Self {
        Self::with(names, pairs, |_| {})
    }

    /// The same with other settings.
    pub(crate) fn with(
        names: &[&str],
        pairs: &[(&str, &str)],
        change: impl Fn(&mut Config),
    ) -> Self {
        let mut net = Self {
            servers: Vec::new(),
            wires: Vec::new(),
            cut: BTreeSet::new(),
            slow: BTreeSet::new(),
            now: BEGIN,
            starts: 0,
            moved: Vec::new(),
        };
        for name in names {
            let both = pairs.iter().flat_map(|(a, b)| [(*a, *b), (*b, *a)]);
            let neighbours: Vec<_> =
                both.filter(|(a, _)| a == name).map(|(_, other)| other).collect();
            let mut config = config(name, &neighbours);
            change(&mut config);
            let node = net.start(config);
            net.servers.push(node);
        }
        net
    }

    fn start(&mut self, mut config: Config) -> Node {
        self.starts += 1;
        config.seed.0[24..].copy_from_slice(&self.starts.to_be_bytes());
        let mut server = Server::new(config.clone());
        server.now = self.now;
        let client = server.client();
        Node { server, config, client }
    }

    pub(crate) fn at(&self, name: &str) -> usize {
        let found = self.servers.iter().position(|node| *node.config.name == *name);
        found.expect("a server of that name")
    }

    pub(crate) fn server(&mut self, name: &str) -> &mut Server {
        let at = self.at(name);
        &mut self.servers[at].server
    }

    pub(crate) fn tables(&self) -> Vec<Vec<String>> {
        self.servers.iter().map(|node| node.server.table()).collect()
    }

    /// A client of a server says a line.
    pub(crate) fn says(&mut self, at: usize, line: &str) -> String {
        let node = &mut self.servers[at];
        node.server.now = self.now;
        node.server.asks(node.client, line)
    }

    /// A server dies, and another takes its place.
    pub(crate) fn restarts(&mut self, at: usize) {
        let wires = core::mem::take(&mut self.wires);
        for wire in wires {
            match wire.ends {
                [(a, _), (b, conn)] | [(b, conn), (a, _)] if a == at => {
                    self.servers[b].server.now = self.now;
                    self.servers[b].server.breaks(conn);
                }
                _ => self.wires.push(wire),
            }
        }
        let config = self.servers[at].config.clone();
        self.servers[at] = self.start(config);
    }

    /// The wire between two servers breaks, and no other can be had.
    pub(crate) fn cuts(&mut self, a: usize, b: usize) {
        self.cut.insert(pair(a, b));
        self.breaks(a, b);
    }

    /// The wire between two servers breaks.
    pub(crate) fn breaks(&mut self, a: usize, b: usize) {
        let (gone, rest) = self.wires.iter().partition(|wire| wire.is_between(a, b));
        self.wires = rest;
        for (at, conn) in gone.into_iter().flat_map(|wire: Wire| wire.ends) {
            self.servers[at].server.now = self.now;
            self.servers[at].server.breaks(conn);
        }
    }

    /// From here on, bytes between two servers move only by [`Net::moves`].
    pub(crate) fn slows(&mut self, a: usize, b: usize) {
        self.slow.insert(pair(a, b));
    }

    pub(crate) fn heals(&mut self, a: usize, b: usize) {
        self.cut.remove(&pair(a, b));
        self.slow.remove(&pair(a, b));
    }

    pub(crate) fn heals_all(&mut self) {
        self.cut.clear();
        self.slow.clear();
    }

    /// Moves at most so many bytes from one server to another; whether there were any.
    pub(crate) fn moves(&mut self, from: usize, to: usize, most: usize) -> bool {
        let wires = self.wires.clone();
        let mut some = false;
        for wire in wires.iter().filter(|wire| wire.is_between(from, to)) {
            let (source, target) = (wire.end(from), wire.end(to));
            self.servers[from].server.now = self.now;
            self.servers[to].server.now = self.now;
            let bytes = self.servers[from].server.heard_some(source, most);
            if bytes.is_empty() {
                continue;
            }
            some = true;
            self.servers[from].server.takes(source, bytes.len());
            if self.is_wired(to, target) {
                self.servers[to].server.types(target, &bytes);
                self.moved.push((to, target, bytes));
            }
            self.obeys();
        }
        some
    }

    /// Lets everything happen that can happen without time passing.
    pub(crate) fn settles(&mut self) {
        loop {
            let mut busy = false;
            for node in &mut self.servers {
                node.server.now = self.now;
                while node.server.herd.poll_timeout().is_some_and(|(due, _)| due <= self.now.mono) {
                    node.server.act(|herd, now, out| herd.handle_timeout(now, out));
                    busy = true;
                }
            }
            self.obeys();
            for Wire { ends: [(a, _), (b, _)] } in self.wires.clone() {
                if !self.slow.contains(&pair(a, b)) {
                    busy |= self.moves(a, b, usize::MAX);
                    busy |= self.moves(b, a, usize::MAX);
                }
            }
            if !busy {
                return;
            }
        }
    }

    /// Time passes.
    pub(crate) fn waits(&mut self, wait: Duration) {
        self.settles();
        let until = self.now.mono.after(wait);
        loop {
            let timers =
                self.servers.iter().filter_map(|node| Some(node.server.herd.poll_timeout()?.0));
            let Some(due) = timers.min().filter(|due| *due <= until) else { break };
            self.now = moved(self.now, due.since(self.now.mono));
            self.settles();
        }
        self.now = moved(self.now, until.since(self.now.mono));
    }

    pub(crate) fn waits_ms(&mut self, millis: u64) {
        self.waits(Duration::from_millis(millis));
    }

    /// The number of bytes that wait to be moved.
    pub(crate) fn waiting(&self, from: usize, to: usize) -> usize {
        let wires = self.wires.iter().filter(|wire| wire.is_between(from, to));
        wires.map(|wire| self.servers[from].server.waiting(wire.end(from))).sum()
    }

    /// Does what the servers asked for that is about wires.
    fn obeys(&mut self) {
        for at in 0..self.servers.len() {
            for did in self.servers[at].server.did() {
                match did {
                    Did::Dial(peer, _) => {
                        let name = &self.servers[at].config.neighbours[peer.index()].name;
                        let other = self.at(&name.clone());
                        self.connects(at, other, peer);
                    }
                    Did::Close(conn) => self.closes(at, conn),
                    Did::Send(..)
                    | Did::Pause(_)
                    | Did::Resume(_)
                    | Did::Shutdown(_)
                    | Did::Lookup(..)
                    | Did::Answer(..)
                    | Did::Cancel(_)
                    | Did::Linked(..)
                    | Did::Log(_) => {}
                }
            }
        }
    }

    fn connects(&mut self, from: usize, to: usize, peer: herd_core::PeerId) {
        self.servers[from].server.now = self.now;
        self.servers[to].server.now = self.now;
        let reachable = !self.cut.contains(&pair(from, to));
        let outcome = if reachable { Dialled::Connected } else { Dialled::Failed };
        let dialled = self.servers[from]
            .server
            .act(|herd, now, out| herd.handle_dial(now, peer, outcome, out));
        let Some(dialled) = dialled else { return };
        let accepted = self.servers[to].server.accept(Listener::Links { from: FROM });
        self.servers[from].server.stick(dialled);
        self.servers[to].server.stick(accepted);
        self.wires.push(Wire { ends: [(from, dialled), (to, accepted)] });
    }

    /// One end of a connection was closed: the other hears of it, and what was under way is lost.
    fn closes(&mut self, at: usize, conn: ConnId) {
        let found = self.wires.iter().position(|wire| wire.ends.contains(&(at, conn)));
        let Some(found) = found else { return };
        let wire = self.wires.remove(found);
        for (other, their_conn) in wire.ends.into_iter().filter(|end| *end != (at, conn)) {
            self.servers[other].server.now = self.now;
            self.servers[other].server.ends(their_conn);
        }
    }

    fn is_wired(&self, at: usize, conn: ConnId) -> bool {
        self.wires.iter().any(|wire| wire.ends.contains(&(at, conn)))
    }
}

impl Wire {
    fn is_between(&self, a: usize, b: usize) -> bool {
        let [(x, _), (y, _)] = self.ends;
        pair(a, b) == pair(x, y)
    }

    fn end(&self, at: usize) -> ConnId {
        let [first, second] = self.ends;
        if first.0 == at { first.1 } else { second.1 }
    }
}

fn pair(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

/// Who talks with whom in the rosters that are built in.
pub(crate) fn rosters() -> BTreeMap<&'static str, Vec<(&'static str, &'static str)>> {
    BTreeMap::from([
        (
            "places-2020",
            vec![
                ("Hill", "Jaquez"),
                ("Hill", "Smith"),
                ("Singleton", "Jaquez"),
                ("Singleton", "Smith"),
                ("Singleton", "Campbell"),
                ("Smith", "Campbell"),
            ],
        ),
        (
            "places-2016",
            vec![
                ("Alford", "Hamilton"),
                ("Hamilton", "Holiday"),
                ("Holiday", "Ball"),
                ("Ball", "Welsh"),
                ("Welsh", "Alford"),
            ],
        ),
        (
            "posts-2013",
            vec![
                ("Farmar", "Meeks"),
                ("Farmar", "Young"),
                ("Gasol", "Meeks"),
                ("Gasol", "Young"),
                ("Hill", "Meeks"),
            ],
        ),
    ])
}
