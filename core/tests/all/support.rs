//! A server under test, and everything around it acted out: its clocks, its driver, its clients, its
//! provider, and neighbours that know the handshake from its description.

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use herd_core::{
    Action, Config, ConnId, Counters, DEFAULT_RING, Dialect, Dialled, Form, Herd, Instant, Limits,
    LinkKind, Listener, LookupError, LookupId, Neighbour, Notice, Now, Output, PeerId, Request,
    Response, Secret, Secured, Timestamp,
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// When a story begins: 0.263873386 seconds after the report that the protocol's description gives as
/// its example.
pub(crate) const BEGIN: Now = Now {
    wall: Timestamp::from_nanos(1_520_023_935_182_837_383),
    mono: Instant::from_nanos(1_000_000_000_000),
};
/// Where clients come from, unless it matters.
pub(crate) const FROM: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// The secret of everybody who is not an impostor.
pub(crate) const SECRET: &str = "correct horse battery staple";

/// The settings of a server that talks with `neighbours`.
pub(crate) fn config(name: &str, neighbours: &[&str]) -> Config {
    let mut seed = [0; 32];
    for (at, byte) in name.bytes().enumerate() {
        seed[at % 32] ^= byte;
    }
    let herd = |name: &&str| Neighbour { name: (*name).into(), kind: LinkKind::Herd };
    Config {
        name: name.into(),
        neighbours: neighbours.iter().map(herd).collect(),
        secret: Secret::new(SECRET.as_bytes()),
        dialect: Dialect::Places,
        lookup_timeout: Duration::from_secs(10),
        shared_address: false,
        secured: Secured::default(),
        limits: Limits::default(),
        ring: DEFAULT_RING,
        seed: herd_core::Seed(seed),
    }
}

/// The settings of a server without neighbours that allows `limits`.
pub(crate) fn limited(limits: Limits) -> Config {
    Config { limits, ..config("Hill", &[]) }
}

/// Something that the server asked its driver to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Did {
    Send(ConnId, Vec<u8>, Form),
    Pause(ConnId),
    Resume(ConnId),
    Shutdown(ConnId),
    Close(ConnId),
    Dial(PeerId, Duration),
    Lookup(LookupId, String),
    /// A question's number, the `AT` line, the body.
    Answer(ConnId, String, String, Option<LookupError>),
    Cancel(LookupId),
    Linked(ConnId, PeerId),
    Log(Notice),
}

impl From<Action<'_>> for Did {
    fn from(action: Action<'_>) -> Self {
        match action {
            Action::Send { conn, bytes, form } => Self::Send(conn, bytes.to_vec(), form),
            Action::Pause { conn } => Self::Pause(conn),
            Action::Resume { conn } => Self::Resume(conn),
            Action::Shutdown { conn } => Self::Shutdown(conn),
            Action::Close { conn } => Self::Close(conn),
            Action::Dial { peer, within } => Self::Dial(peer, within),
            Action::Lookup { id, request: Request::Get { query } } => {
                Self::Lookup(id, query.to_string())
            }
            Action::Lookup { id, request: Request::Post { body, fields } } => {
                Self::Lookup(id, format!("{fields} {body}"))
            }
            Action::Answer { id, record, body, error } => {
                Self::Answer(id, text(record), text(body), error)
            }
            Action::Cancel { id } => Self::Cancel(id),
            Action::Linked { conn, peer } => Self::Linked(conn, peer),
            Action::Log(notice) => Self::Log(notice),
        }
    }
}

impl Did {
    /// The lookup that was asked for, if one was.
    pub(crate) fn lookup(&self) -> Option<(LookupId, &str)> {
        if let Self::Lookup(id, request) = self { Some((*id, request)) } else { None }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// One server and its driver.
pub(crate) struct Server {
    pub(crate) herd: Herd,
    pub(crate) now: Now,
    name: String,
    neighbours: Vec<String>,
    out: Output,
    did: Vec<Did>,
    /// What was sent on each connection and not looked at yet.
    sent: BTreeMap<ConnId, Vec<u8>>,
    /// How many bytes the kernel has not taken.
    waiting: BTreeMap<ConnId, usize>,
    /// Connections whose other side reads only when a story says so.
    stuck: BTreeSet<ConnId>,
    closed: BTreeSet<ConnId>,
}

impl Server {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            name: config.name.to_string(),
            neighbours: config.neighbours.iter().map(|other| other.name.to_string()).collect(),
            herd: Herd::new(config).unwrap(),
            now: BEGIN,
            out: Output::new(),
            did: Vec::new(),
            sent: BTreeMap::new(),
            waiting: BTreeMap::new(),
            stuck: BTreeSet::new(),
            closed: BTreeSet::new(),
        }
    }

    /// Hill, alone, with the settings that everybody gets.
    pub(crate) fn hill() -> Self {
        Self::new(config("Hill", &[]))
    }

    /// Calls the server, does what it asks for, and tells it that the kernel took what it sent, but for
    /// connections that are stuck.
    pub(crate) fn act<T>(&mut self, act: impl FnOnce(&mut Herd, Now, &mut Output) -> T) -> T {
        let value = act(&mut self.herd, self.now, &mut self.out);
        self.perform();
        while let Some(conn) = self.next_taken() {
            let taken = self.waiting.remove(&conn).unwrap_or(0);
            self.herd.handle_drained(self.now, conn, taken, &mut self.out);
            self.perform();
        }
        value
    }

    fn perform(&mut self) {
        for action in self.out.actions() {
            let did = Did::from(action);
            match &did {
                Did::Send(conn, bytes, _) => {
                    assert!(!bytes.is_empty(), "nothing was sent");
                    assert!(!self.closed.contains(conn), "sent on a connection that is closed");
                    self.sent.entry(*conn).or_default().extend_from_slice(bytes);
                    *self.waiting.entry(*conn).or_default() += bytes.len();
                }
                Did::Close(conn) => {
                    assert!(self.closed.insert(*conn), "closed twice");
                }
                Did::Pause(_)
                | Did::Resume(_)
                | Did::Shutdown(_)
                | Did::Dial(..)
                | Did::Lookup(..)
                | Did::Answer(..)
                | Did::Cancel(_)
                | Did::Linked(..)
                | Did::Log(_) => {}
            }
            self.did.push(did);
        }
        self.out.clear();
        self.waiting.retain(|conn, _| !self.closed.contains(conn));
    }

    fn next_taken(&self) -> Option<ConnId> {
        self.waiting.keys().find(|conn| !self.stuck.contains(conn)).copied()
    }

    /// A client connects.
    pub(crate) fn client(&mut self) -> ConnId {
        self.client_from(FROM)
    }

    /// A client connects from this address.
    pub(crate) fn client_from(&mut self, from: IpAddr) -> ConnId {
        self.accept(Listener::Clients { from, plain: false })
    }

    pub(crate) fn accept(&mut self, listener: Listener) -> ConnId {
        self.act(|herd, now, out| herd.handle_accept(now, listener, out))
    }

    /// A line arrives.
    pub(crate) fn says(&mut self, conn: ConnId, line: &str) {
        self.types(conn, format!("{line}\n").as_bytes());
    }

    /// Bytes arrive.
    pub(crate) fn types(&mut self, conn: ConnId, bytes: &[u8]) {
        self.act(|herd, now, out| herd.handle_input(now, conn, bytes, out));
    }

    /// The other side ends its half of the connection.
    pub(crate) fn ends(&mut self, conn: ConnId) {
        self.act(|herd, now, out| herd.handle_eof(now, conn, out));
    }

    /// The connection breaks.
    pub(crate) fn breaks(&mut self, conn: ConnId) {
        self.closed.insert(conn);
        self.waiting.remove(&conn);
        self.act(|herd, now, out| herd.handle_close(now, conn, out));
    }

    /// From here on, the other side reads only what [`Server::takes`] says.
    pub(crate) fn stick(&mut self, conn: ConnId) {
        self.stuck.insert(conn);
    }

    /// The other side reads again.
    pub(crate) fn unstick(&mut self, conn: ConnId) {
        self.stuck.remove(&conn);
        self.takes(conn, usize::MAX);
    }

    /// The other side of a stuck connection reads at most so many bytes.
    pub(crate) fn takes(&mut self, conn: ConnId, most: usize) {
        let waiting = self.waiting.entry(conn).or_default();
        let taken = most.min(*waiting);
        *waiting -= taken;
        self.act(|herd, now, out| herd.handle_drained(now, conn, taken, out));
    }

    /// The bytes that wait to be taken.
    pub(crate) fn waiting(&self, conn: ConnId) -> usize {
        self.waiting.get(&conn).copied().unwrap_or(0)
    }

    /// What was sent on a connection since the last look.
    pub(crate) fn heard_bytes(&mut self, conn: ConnId) -> Vec<u8> {
        self.sent.remove(&conn).unwrap_or_default()
    }

    /// The same, at most so many bytes of it.
    pub(crate) fn heard_some(&mut self, conn: ConnId, most: usize) -> Vec<u8> {
        let Some(sent) = self.sent.get_mut(&conn) else { return Vec::new() };
        sent.drain(..most.min(sent.len())).collect()
    }

    /// The same, as text.
    pub(crate) fn heard(&mut self, conn: ConnId) -> String {
        String::from_utf8(self.heard_bytes(conn)).unwrap()
    }

    /// Says a line and hears the answer.
    pub(crate) fn asks(&mut self, conn: ConnId, line: &str) -> String {
        self.says(conn, line);
        self.heard(conn)
    }

    /// The `AT` lines that were sent on a link since the last look.
    pub(crate) fn told(&mut self, link: ConnId) -> Vec<String> {
        let lines = self.heard(link);
        lines.lines().filter(|line| line.starts_with("AT ")).map(ToString::to_string).collect()
    }

    /// Everything that was asked of the driver since the last look.
    pub(crate) fn did(&mut self) -> Vec<Did> {
        core::mem::take(&mut self.did)
    }

    /// The same, without what goes to the log.
    pub(crate) fn did_aloud(&mut self) -> Vec<Did> {
        self.did().into_iter().filter(|did| !matches!(did, Did::Log(_))).collect()
    }

    /// What went to the log since the last look.
    pub(crate) fn logged(&mut self) -> Vec<Notice> {
        let notice = |did| if let Did::Log(notice) = did { Some(notice) } else { None };
        self.did().into_iter().filter_map(notice).collect()
    }

    /// The requests to the provider since the last look.
    pub(crate) fn requests(&mut self) -> Vec<(LookupId, String)> {
        let request = |did: &Did| did.lookup().map(|(id, text)| (id, text.to_string()));
        self.did().iter().filter_map(request).collect()
    }

    /// The only request since the last look.
    pub(crate) fn request(&mut self) -> LookupId {
        let requests = self.requests();
        let [(id, _)] = &requests[..] else { panic!("not one request: {requests:?}") };
        *id
    }

    /// The provider answers.
    pub(crate) fn answers(&mut self, id: LookupId, body: &str) {
        self.lookup_ends(id, Ok(body.as_bytes()));
    }

    /// The provider answers with a status of its own.
    pub(crate) fn answers_by(&mut self, status: u16, id: LookupId, body: &str) {
        let response = Response { status, body: body.as_bytes() };
        self.act(|herd, now, out| herd.handle_lookup(now, id, Ok(response), out));
    }

    pub(crate) fn lookup_ends(&mut self, id: LookupId, answer: Result<&[u8], LookupError>) {
        let answer = answer.map(|body| Response { status: 200, body });
        self.act(|herd, now, out| herd.handle_lookup(now, id, answer, out));
    }

    /// Time passes, and every timer goes off when it is due.
    pub(crate) fn waits(&mut self, wait: Duration) {
        let until = self.now.mono.after(wait);
        while let Some((due, _)) = self.herd.poll_timeout().filter(|(due, _)| *due <= until) {
            self.now = moved(self.now, due.since(self.now.mono));
            self.act(|herd, now, out| herd.handle_timeout(now, out));
        }
        self.now = moved(self.now, until.since(self.now.mono));
    }

    pub(crate) fn waits_s(&mut self, seconds: u64) {
        self.waits(Duration::from_secs(seconds));
    }

    pub(crate) fn waits_ms(&mut self, millis: u64) {
        self.waits(Duration::from_millis(millis));
    }

    pub(crate) fn stops(&mut self) {
        self.act(|herd, now, out| herd.handle_stop(now, out));
    }

    pub(crate) fn is_closed(&self, conn: ConnId) -> bool {
        self.closed.contains(&conn)
    }

    pub(crate) fn counters(&self) -> Counters {
        self.herd.counters()
    }

    /// The `AT` line of a client.
    pub(crate) fn record(&self, client: &str) -> Option<String> {
        self.herd.record(client.as_bytes()).map(|line| String::from_utf8(line.to_vec()).unwrap())
    }

    /// The whole table, sorted, with odd bytes escaped.
    pub(crate) fn table(&self) -> Vec<String> {
        let text = |line: &[u8]| line.escape_ascii().to_string();
        let mut lines: Vec<_> = self.herd.lines().map(text).collect();
        assert_eq!(lines.len(), self.herd.records());
        lines.sort();
        lines
    }

    fn peer(&self, name: &str) -> PeerId {
        let position = self.neighbours.iter().position(|other| other == name).unwrap();
        PeerId::at(position).unwrap()
    }

    /// Waits for the server to dial `name`, and connects it: the connection and the line it opens with.
    pub(crate) fn dials(&mut self, name: &str) -> (ConnId, String) {
        self.waits_until_dialling(name);
        self.connects(name)
    }

    /// The attempt to connect to `name` succeeds: the connection and the line it opens with.
    pub(crate) fn connects(&mut self, name: &str) -> (ConnId, String) {
        let peer = self.peer(name);
        let conn = self.act(|herd, now, out| herd.handle_dial(now, peer, Dialled::Connected, out));
        let conn = conn.expect("the server waits for the connection it asked for");
        (conn, self.heard(conn))
    }

    /// How long it is until the server dials `name`.
    pub(crate) fn waits_until_dialling(&mut self, name: &str) -> Duration {
        self.waits_until_dialling_within(name, Duration::from_secs(3))
    }

    /// The same, where it may take so long.
    pub(crate) fn waits_until_dialling_within(&mut self, name: &str, most: Duration) -> Duration {
        let began = self.now.mono;
        let peer = self.peer(name);
        while !self.did.iter().any(|did| matches!(did, Did::Dial(dialled, _) if *dialled == peer)) {
            let (due, _) = self.herd.poll_timeout().expect("a server that dials has a timer");
            assert!(due.since(began) < most, "it is not dialled");
            self.waits(due.since(self.now.mono));
        }
        self.did.retain(|did| !matches!(did, Did::Dial(dialled, _) if *dialled == peer));
        self.now.mono.since(began)
    }

    /// The attempt to connect to `name` fails.
    pub(crate) fn fails_to_dial(&mut self, name: &str) {
        let peer = self.peer(name);
        let conn = self.act(|herd, now, out| herd.handle_dial(now, peer, Dialled::Failed, out));
        assert_eq!(conn, None);
    }

    /// Links with a neighbour, whichever side has to dial.
    pub(crate) fn links(&mut self, other: &Stranger) -> ConnId {
        let link = self.links_stuck(other);
        self.unstick(link);
        link
    }

    /// Links with a neighbour that reads nothing of what follows the handshake.
    pub(crate) fn links_stuck(&mut self, other: &Stranger) -> ConnId {
        if *self.name < *other.name {
            let (conn, hello) = self.dials(&other.name);
            self.stick(conn);
            self.says(conn, &other.challenge());
            let proof = self.heard(conn);
            let talk = Talk::accepted(&hello, &other.challenge());
            assert_eq!(proof, talk.proof("dialler", SECRET) + "\n");
            self.says(conn, &talk.proof("acceptor", &other.secret));
            return conn;
        }
        let conn = self.accept(Listener::Links { from: FROM });
        self.stick(conn);
        let hello = other.hello(&self.name);
        let challenge = self.asks(conn, &hello);
        let talk = Talk::accepted(&hello, &challenge);
        self.says(conn, &talk.proof("dialler", &other.secret));
        let answer = self.heard_some(conn, "PROOF ".len() + 64 + 1);
        assert_eq!(String::from_utf8(answer).unwrap(), talk.proof("acceptor", SECRET) + "\n");
        conn
    }
}

/// `now`, so much later.
pub(crate) fn moved(now: Now, by: Duration) -> Now {
    let nanos = i64::try_from(by.as_nanos()).unwrap();
    Now { wall: Timestamp::from_nanos(now.wall.nanos() + nanos), mono: now.mono.after(by) }
}

/// Somebody at the other end of a link, or who would like to be.
pub(crate) struct Stranger {
    pub(crate) name: String,
    pub(crate) secret: String,
    pub(crate) version: u32,
    pub(crate) incarnation: u64,
    pub(crate) nonce: u8,
}

impl Stranger {
    /// A neighbour that knows the secret.
    pub(crate) fn named(name: &str) -> Self {
        Self {
            name: name.to_string(),
            secret: SECRET.to_string(),
            version: 1,
            incarnation: 7,
            nonce: 0x5a,
        }
    }

    /// The first line of a link, as who dials says it.
    pub(crate) fn hello(&self, acceptor: &str) -> String {
        let Self { name, version, incarnation, .. } = self;
        format!("LINK {version} {name} {acceptor} {incarnation:016x} {}", self.nonce())
    }

    /// The answer of who was dialled.
    pub(crate) fn challenge(&self) -> String {
        format!("CHALLENGE {:016x} {}", self.incarnation, self.nonce())
    }

    fn nonce(&self) -> String {
        format!("{:02x}", self.nonce).repeat(32)
    }
}

/// What two sides said before they prove anything.
pub(crate) struct Talk {
    dialler: String,
    acceptor: String,
    said: String,
}

impl Talk {
    pub(crate) fn accepted(hello: &str, challenge: &str) -> Self {
        let hello: Vec<_> = hello.split_ascii_whitespace().collect();
        let challenge: Vec<_> = challenge.split_ascii_whitespace().collect();
        let ["LINK", "1", dialler, acceptor, incarnation, nonce] = hello[..] else {
            panic!("not a first line: {hello:?}")
        };
        let ["CHALLENGE", their_incarnation, their_nonce] = challenge[..] else {
            panic!("not a challenge: {challenge:?}")
        };
        let said = [incarnation, nonce, their_incarnation, their_nonce].join("\n") + "\n";
        Self { dialler: dialler.to_string(), acceptor: acceptor.to_string(), said }
    }

    /// The same on a secured connection, of which every byte of the binding is `byte`.
    #[must_use]
    pub(crate) fn bound(mut self, byte: u8) -> Self {
        self.said += &format!("tls-exporter {}\n", format!("{byte:02x}").repeat(32));
        self
    }

    /// The proof line of who has `role`.
    pub(crate) fn proof(&self, role: &str, secret: &str) -> String {
        let Self { dialler, acceptor, said } = self;
        let text = format!("herd link 1\n{role}\n{dialler}\n{acceptor}\n{said}");
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(text.as_bytes());
        let hex = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        ["PROOF ".to_string(), hex].concat()
    }
}
