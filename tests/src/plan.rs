//! The herd a test wants: which servers, who talks with whom, upstream, limits.

use crate::server::Setting;
use crate::{Herd, Runtime, Server, Upstream, free_address};
use core::fmt::{Display, Write as _};
use core::net::{IpAddr, SocketAddr};
use std::collections::BTreeMap;
use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use tempfile::TempDir;

/// The secret of every herd under test.
pub const SECRET: &str = "for tests only, and long enough";

/// What a herd is to be like, before any of it runs.
#[derive(Clone, Debug)]
pub struct Plan {
    runtime: Runtime,
    provider: &'static str,
    dialect: Option<&'static str>,
    url: String,
    key: Option<String>,
    timeout_ms: u64,
    limits: Vec<String>,
    log: Vec<String>,
    extra: String,
    shared: bool,
    metrics: bool,
    workers: Option<usize>,
    entries: Vec<Entry>,
    /// Where a dialler finds an acceptor, when not at its own link address: `(dialler, acceptor)`.
    detours: BTreeMap<(String, String), SocketAddr>,
}

#[derive(Clone, Debug)]
struct Entry {
    name: String,
    talks_with: Vec<String>,
    address: SocketAddr,
    link_address: SocketAddr,
    metrics_address: SocketAddr,
    links: Links,
    /// Nothing where the test plays this server itself.
    runtime: Option<Runtime>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Links {
    Herd,
    Plain,
}

impl Plan {
    /// No server yet, an upstream that refuses every connection, and the defaults.
    pub fn new(runtime: Runtime) -> Self {
        Self {
            runtime,
            provider: "places",
            dialect: None,
            url: format!("http://{}/nearby/json", free_address()),
            key: None,
            timeout_ms: 10_000,
            limits: Vec::new(),
            log: Vec::new(),
            extra: String::new(),
            shared: false,
            metrics: false,
            workers: env::var("HERD_TEST_WORKERS")
                .ok()
                .map(|count| count.parse().expect("a number")),
            entries: Vec::new(),
            detours: BTreeMap::new(),
        }
    }

    /// One server, Hill, and nobody to talk with.
    pub fn alone(runtime: Runtime) -> Self {
        Self::new(runtime).server("Hill", &[])
    }

    /// Adds a server.
    #[must_use]
    pub fn server(self, name: &str, talks_with: &[&str]) -> Self {
        let runtime = self.runtime;
        self.server_on(runtime, name, talks_with)
    }

    /// Adds a server on a runtime of its own.
    #[must_use]
    pub fn server_on(self, runtime: Runtime, name: &str, talks_with: &[&str]) -> Self {
        self.entry(name, talks_with, free_address(), Links::Herd, Some(runtime))
    }

    /// Adds a neighbour that the test plays and that dials: its name comes before the servers'.
    #[must_use]
    pub fn neighbour(self, name: &str, talks_with: &[&str]) -> Self {
        self.entry(name, talks_with, free_address(), Links::Herd, None)
    }

    /// Adds a neighbour that the test plays and that is dialled at `address`.
    #[must_use]
    pub fn neighbour_at(self, address: SocketAddr, name: &str, talks_with: &[&str]) -> Self {
        self.entry(name, talks_with, address, Links::Herd, None)
    }

    /// Adds a neighbour of another implementation, played by the test, whose
    /// only address this is.
    #[must_use]
    pub fn plain_neighbour(self, address: SocketAddr, name: &str, talks_with: &[&str]) -> Self {
        self.entry(name, talks_with, address, Links::Plain, None)
    }

    fn entry(
        mut self,
        name: &str,
        talks_with: &[&str],
        link_address: SocketAddr,
        links: Links,
        runtime: Option<Runtime>,
    ) -> Self {
        self.entries.push(Entry {
            name: name.to_owned(),
            talks_with: talks_with.iter().map(|name| (*name).to_owned()).collect(),
            address: free_address(),
            link_address,
            metrics_address: free_address(),
            links,
            runtime,
        });
        self
    }

    /// Asks this upstream.
    #[must_use]
    pub fn upstream(self, upstream: &Upstream) -> Self {
        self.url(upstream.url())
    }

    /// Asks the upstream at this address.
    #[must_use]
    pub fn url(mut self, url: String) -> Self {
        self.url = url;
        self
    }

    /// Speaks the dialect of posts.
    #[must_use]
    pub const fn posts(mut self) -> Self {
        self.provider = "posts";
        self
    }

    /// Speaks the dialect of Google's Places API (New).
    #[must_use]
    pub const fn places_new(mut self) -> Self {
        self.dialect = Some("places-new");
        self
    }

    /// Sends this key upstream. The servers find it in their environment.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// Gives a lookup this much time.
    #[must_use]
    pub const fn timeout_ms(mut self, timeout_ms: u64) -> Self {
        self.timeout_ms = timeout_ms;
        self
    }

    /// Sets a key of `[limits]`.
    #[must_use]
    pub fn limit(mut self, key: &str, value: impl Display) -> Self {
        self.limits.push(format!("{key} = {value}"));
        self
    }

    /// Sets a key of `[log]`.
    #[must_use]
    pub fn log(mut self, key: &str, value: impl Display) -> Self {
        self.log.push(format!("{key} = {value}"));
        self
    }

    /// Has every server run with so many `--workers`: otherwise what HERD_TEST_WORKERS says, or one.
    #[must_use]
    pub const fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// Adds text to the end of the configuration file.
    #[must_use]
    pub fn extra(mut self, text: &str) -> Self {
        self.extra.push_str(text);
        self
    }

    /// Has every server serve its metrics.
    #[must_use]
    pub const fn metrics(mut self) -> Self {
        self.metrics = true;
        self
    }

    /// Takes links on the address of the clients.
    #[must_use]
    pub const fn shared_addresses(mut self) -> Self {
        self.shared = true;
        self
    }

    /// Lets `dialler` find `acceptor` at `address`, where a [`Relay`](crate::Relay) may stand.
    #[must_use]
    pub fn detour(mut self, dialler: &str, acceptor: &str, address: SocketAddr) -> Self {
        self.detours.insert((dialler.to_owned(), acceptor.to_owned()), address);
        self
    }

    /// Moves a server to another address than loopback. Its ports stay.
    #[must_use]
    #[track_caller]
    pub fn moved(mut self, name: &str, to: IpAddr) -> Self {
        let entry = self.entries.iter_mut().find(|entry| entry.name == name);
        let entry = entry.expect("the plan has that server");
        entry.address.set_ip(to);
        entry.link_address.set_ip(to);
        self
    }

    /// Where the clients of a server connect.
    #[track_caller]
    pub fn address(&self, name: &str) -> SocketAddr {
        self.named(name).address
    }

    /// Where the neighbours of a server connect.
    #[track_caller]
    pub fn link_address(&self, name: &str) -> SocketAddr {
        if self.shared { self.named(name).address } else { self.named(name).link_address }
    }

    #[track_caller]
    fn named(&self, name: &str) -> &Entry {
        self.entries.iter().find(|entry| entry.name == name).expect("the plan has that server")
    }

    /// The configuration file, as the server of that name reads it.
    pub fn configuration(&self, reader: &str) -> String {
        let mut text = format!("provider = \"{}\"\nsecret_file = \"herd.secret\"\n", self.provider);
        let mut add = |line: &str| writeln!(text, "{line}").expect("a string takes text");
        add(&format!("\n[upstream]\nurl = \"{}\"\ntimeout_ms = {}", self.url, self.timeout_ms));
        if self.key.is_some() {
            add("key_env = \"HERD_TEST_KEY\"");
        }
        if let Some(dialect) = self.dialect {
            add(&format!("dialect = \"{dialect}\""));
        }
        add("\n[limits]");
        self.limits.iter().for_each(|line| add(line));
        add("\n[log]");
        self.log.iter().for_each(|line| add(line));
        for entry in &self.entries {
            let detour = self.detours.get(&(reader.to_owned(), entry.name.clone()));
            let Entry { name, talks_with, .. } = entry;
            let link_address = detour.copied().unwrap_or(entry.link_address);
            let is_plain = entry.links == Links::Plain;
            let address = if is_plain { entry.link_address } else { entry.address };
            add(&format!("\n[[server]]\nname = \"{name}\"\naddress = \"{address}\""));
            add(&format!("talks_with = {talks_with:?}"));
            if !self.shared && !is_plain {
                add(&format!("link_address = \"{link_address}\""));
            }
            if self.metrics {
                add(&format!("metrics = \"{}\"", entry.metrics_address));
            }
            if is_plain {
                add("links = \"plain\"");
            }
        }
        add(&self.extra);
        text
    }

    /// Writes the files and starts nothing.
    pub fn prepare(self) -> Herd {
        let dir = TempDir::new().expect("a temporary directory can be made");
        let secret = dir.path().join("herd.secret");
        fs::write(&secret, SECRET).expect("the directory takes a file");
        fs::set_permissions(secret, Permissions::from_mode(0o600)).expect("a file of ours");
        let setting = Arc::new(Setting { dir, key: self.key.clone(), workers: self.workers });
        let mut servers = Vec::new();
        for entry in &self.entries {
            let Some(runtime) = entry.runtime else { continue };
            let file = setting.config(&entry.name);
            fs::write(file, self.configuration(&entry.name)).expect("the directory takes a file");
            let link_address = self.link_address(&entry.name);
            let metrics = self.metrics.then_some(entry.metrics_address);
            let (name, address) = (&entry.name, entry.address);
            servers.push(Server::new(&setting, name, runtime, address, link_address, metrics));
        }
        Herd::new(servers)
    }

    /// Starts all servers, in the order in which they were added.
    #[track_caller]
    pub fn start(self) -> Herd {
        let mut herd = self.prepare();
        herd.start_all();
        herd
    }

    /// Starts the only server there is.
    #[track_caller]
    pub fn start_one(self) -> Server {
        self.start().into_only()
    }
}
