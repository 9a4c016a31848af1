//! Clients that report all the time, and what must be known of that in the end.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;
use herd_tests::{Client, Heard, Herd, Identity, Link, Server, eventually};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// The neighbour that [`table`] is, of every server it is asked of.
pub(crate) const PROBE: &str = "A-probe";

/// The newest time stamp of each client that a server has answered for.
type Told = BTreeMap<String, usize>;

/// A client at each of a few servers that reports as fast as it is answered.
pub(crate) struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<Told>>,
}

#[derive(Default)]
struct Shared {
    answers: AtomicUsize,
    is_over: AtomicBool,
}

impl Load {
    pub(crate) fn on(servers: &[&Server]) -> Self {
        let shared = Arc::new(Shared::default());
        let clients = servers.iter().map(|server| {
            let (address, name) = (server.address(), server.name().to_owned());
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.reports(Client::connect(address), &name))
        });
        let clients = clients.collect();
        Self { shared, clients }
    }

    /// How many reports have been answered so far.
    pub(crate) fn answers(&self) -> usize {
        self.shared.answers.load(Ordering::SeqCst)
    }

    /// Ends, and returns what was answered.
    pub(crate) fn finish(self) -> Told {
        self.shared.is_over.store(true, Ordering::SeqCst);
        let mut all = Told::new();
        for (client, stamp) in self.clients.into_iter().flat_map(|client| client.join().unwrap()) {
            let newest = all.entry(client).or_default();
            *newest = stamp.max(*newest);
        }
        all
    }
}

impl Shared {
    /// Reports in turn for a few clients, one of which others report for too.
    fn reports(&self, mut client: Client, name: &str) -> Told {
        let mut told = Told::new();
        for stamp in 0.. {
            if self.is_over.load(Ordering::SeqCst) {
                break;
            }
            let own = format!("{name}{}", stamp % 7);
            let id = if stamp % 2 == 0 { "everybody's" } else { &own };
            let at = client.ask(&format!("IAMAT {id} +1-1 {stamp}"));
            assert_eq!(client_and_stamp(&at), (id, stamp), "of {at}");
            told.insert(id.to_owned(), stamp);
            self.answers.fetch_add(1, Ordering::SeqCst);
        }
        told
    }
}

/// What a server has answered for and the table does not have, nor anything newer.
pub(crate) fn lost(told: &Told, table: &BTreeSet<String>) -> Vec<String> {
    let known: BTreeMap<_, _> = table.iter().map(|line| client_and_stamp(line)).collect();
    let is_lost = |(client, stamp): &(&String, &usize)| {
        known.get(client.as_str()).is_none_or(|known| known < *stamp)
    };
    told.iter().filter(is_lost).map(|(client, stamp)| format!("{client} {stamp}")).collect()
}

/// The client of an `AT` line, and its time stamp, a whole number.
fn client_and_stamp(line: &str) -> (&str, usize) {
    let fields: Vec<_> = line.split(' ').collect();
    (fields[3], fields[5].parse().unwrap())
}

/// Waits until all servers have the same table, and returns it.
pub(crate) fn agreed(herd: &Herd) -> BTreeSet<String> {
    let mut tables = Vec::new();
    eventually(Duration::from_secs(60), || {
        tables = herd.servers().iter().map(table).collect();
        tables.windows(2).all(|pair| pair[0] == pair[1])
    });
    tables.swap_remove(0)
}

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
