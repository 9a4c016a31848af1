//! `threads`: one herd server on blocking sockets and threads, the smallest complete adapter of the core.
//!
//! ```sh
//! cargo run --release -p herd-examples --bin threads -- Hill
//! ```
//!
//! It is configured as the other servers are and links with them. The core sits behind one lock, and
//! whatever takes waiting has a thread to wait in:
//!
//! ```text
//!   accept, 1/listener ──┐
//!   read, 1/connection ──┤     ┌──────────────┐     ┌──▶ sockets, as far as they take it at once
//!   dial, 1/attempt ─────┼──▶  │ Mutex<State> │ ────┼──▶ threads that dial and ask
//!   ask ×16 ─────────────┤     └──────────────┘     └──▶ the log
//!   main: time, slow ────┘       turn by turn
//! ```
//!
//! `docs/adapters.md` walks through this file, and says what a server for production has besides.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::io::{self, Read as _};
use std::net::{Shutdown, TcpListener, TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

use herd_core::{
    Action, ConnId, Dialled, Herd, Listener, LookupError, LookupId, Now, Output, PeerId, Secured,
};
use herd_runtime::{
    Failure, HttpRequest, HttpResponse, LogFile, Server, Settings, clock, server, upstream,
};
use rustix::io::Errno;
use rustix::net::SendFlags;
use ureq::http;

/// What all threads share.
struct Adapter {
    settings: Settings,
    log: LogFile,
    http: ureq::Agent,
    state: Mutex<State>,
    /// A thread that waits for the time, or to read on, has something to do.
    changed: Condvar,
    /// A lookup is to be begun.
    asked: Condvar,
}

struct State {
    herd: Herd,
    out: Output,
    conns: BTreeMap<ConnId, Conn>,
    /// Connections that have not taken all that was sent, and some that have since, or are gone.
    slow: BTreeSet<ConnId>,
    /// How often a connection was let read on, or closed.
    released: u64,
    /// Lookups that no thread has begun yet. The core bounds their number.
    lookups: BTreeMap<LookupId, HttpRequest>,
}

struct Conn {
    /// Shared with the thread that reads; the last of them closes the descriptor.
    stream: Arc<TcpStream>,
    paused: bool,
    /// What the kernel has not taken yet. The core bounds it.
    unsent: Vec<u8>,
}

fn main() -> ExitCode {
    server::run("threads", env::args_os(), |server, ready| {
        if server.settings.core.secured != Secured::default() {
            return Err(Failure::wrong(
                "this server does not speak TLS: take [tls] out of the configuration",
            ));
        }
        let unable = |error: io::Error| Failure::unable(format!("can not start: {error}"));
        serve(server, ready).map_err(unable)
    })
}

/// Serves until the server has stopped.
fn serve(server: Server, ready: Box<dyn FnOnce()>) -> io::Result<()> {
    let Server { mut settings, log, signals, clients, links, .. } = server;
    // The core has no more lookups under way than there are threads for them, and times only those.
    let askers = ASKERS.min(settings.core.limits.lookups);
    settings.core.limits.lookups = askers;
    let plain = settings.host().plain_addresses();
    let http = ureq::Agent::config_builder()
        .proxy(None)
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_global(Some(settings.upstream.timeout))
        .user_agent(upstream::USER_AGENT)
        .build();
    let adapter = Arc::new(Adapter {
        state: Mutex::new(State {
            herd: Herd::new(settings.core.clone()).expect("the settings are checked"),
            out: Output::new(),
            conns: BTreeMap::new(),
            slow: BTreeSet::new(),
            released: 0,
            lookups: BTreeMap::new(),
        }),
        http: http.into(),
        log: log.clone(),
        settings,
        changed: Condvar::new(),
        asked: Condvar::new(),
    });

    let stopper = Arc::clone(&adapter);
    let stop = move || stopper.turn(|state, now| state.herd.handle_stop(now, &mut state.out));
    heed(signals.stop, stop)?;
    heed(signals.reopen, move || log.reopen())?;
    for _ in 0..askers {
        adapter.spawn(Adapter::ask)?;
    }
    let door = move |from: SocketAddr| plain.contains(&from.ip().to_canonical());
    let listener = move |from: SocketAddr| Listener::Clients { from: from.ip(), plain: door(from) };
    for clients in clients {
        adapter.accept(clients, listener.clone())?;
    }
    for links in links {
        adapter.accept(links, |from| Listener::Links { from: from.ip() })?;
    }
    ready();
    adapter.keep_time();
    Ok(())
}

/// Does what a signal asks for, whenever it comes.
fn heed(mut signals: UnixStream, act: impl Fn() + Send + 'static) -> io::Result<()> {
    signals.set_nonblocking(false)?;
    let wait = move || {
        while signals.read_exact(&mut [0]).is_ok() {
            act();
        }
    };
    thread::Builder::new().spawn(wait).map(drop)
}

impl Adapter {
    /// One call of the core, and everything that follows from it. The clocks are read under the lock, so
    /// that time never runs backwards for the core.
    fn turn<T>(self: &Arc<Self>, call: impl FnOnce(&mut State, Now) -> T) -> T {
        let mut state = self.lock();
        let (now, before) = (clock::now(), state.awaited());
        let result = call(&mut state, now);
        // Reports of what was taken lead to more actions. What is left after so many rounds waits for
        // the next turn: a neighbour that takes a table as fast as it is read may not hold up the others.
        for _ in 0..ROUNDS {
            self.act(&mut state, now);
        }
        if state.awaited() != before {
            self.changed.notify_all();
        }
        result
    }

    /// Carries out the actions there are, in their order. What the core says meanwhile comes after them.
    fn act(self: &Arc<Self>, state: &mut State, now: Now) {
        let out = core::mem::take(&mut state.out);
        for action in out.actions() {
            match action {
                Action::Send { conn, bytes, .. } => state.send(now, conn, bytes),
                Action::Pause { conn } => state.pause(conn, true),
                Action::Resume { conn } => state.pause(conn, false),
                Action::Shutdown { conn } => state.shutdown(conn, Shutdown::Write),
                Action::Close { conn } => state.close(conn),
                Action::Dial { peer, within } => {
                    if self.spawn(move |adapter| adapter.dial(peer, within)).is_err() {
                        state.herd.handle_dial(now, peer, Dialled::Failed, &mut state.out);
                    }
                }
                Action::Lookup { id, request } => {
                    state.lookups.insert(id, self.settings.upstream.request(request));
                    self.asked.notify_one();
                }
                // One that has been begun goes on; the core ignores what comes of it.
                Action::Cancel { id } => drop(state.lookups.remove(&id)),
                // A connection's bytes are handed in as they come, whoever sends them.
                Action::Linked { .. } => {}
                // No question is handed in here: clients speak in lines.
                Action::Answer { .. } => {}
                Action::Log(notice) => {
                    self.log.event(now.wall, log::Level::Info, format_args!("{notice:?}"));
                }
            }
        }
    }

    /// Accepts connections for as long as the process lives; the core refuses those it does not want.
    fn accept(
        self: &Arc<Self>,
        listener: TcpListener,
        door: impl Fn(SocketAddr) -> Listener + Send + 'static,
    ) -> io::Result<()> {
        listener.set_nonblocking(false)?;
        self.spawn(move |adapter| {
            loop {
                let Ok((stream, from)) = listener.accept() else {
                    thread::sleep(ACCEPT_PAUSE);
                    continue;
                };
                let stream = Arc::new(stream);
                let id = adapter.turn(|state, now| {
                    let id = state.herd.handle_accept(now, door(from), &mut state.out);
                    state.open(id, &stream)
                });
                if adapter.spawn(move |adapter| adapter.read(id, &stream)).is_err() {
                    adapter.turn(|state, now| state.lose(now, id));
                }
            }
        })
    }

    /// Connects to a neighbour, and reads from it while that lasts.
    fn dial(self: &Arc<Self>, peer: PeerId, within: Duration) {
        let addresses = self.settings.dial[peer.index()].to_socket_addrs();
        let mut streams = addresses
            .into_iter()
            .flatten()
            .map(|address| TcpStream::connect_timeout(&address, within));
        let stream = streams.find_map(Result::ok).map(Arc::new);
        let id = self.turn(|state, now| {
            let outcome = stream.as_ref().map_or(Dialled::Failed, |_| Dialled::Connected);
            let id = state.herd.handle_dial(now, peer, outcome, &mut state.out)?;
            Some(state.open(id, stream.as_ref()?))
        });
        if let (Some(id), Some(stream)) = (id, stream) {
            self.read(id, &stream);
        }
    }

    /// Hands everything that is read to the core, until the connection ends.
    fn read(self: &Arc<Self>, id: ConnId, mut stream: &TcpStream) {
        let mut buffer = vec![0; CHUNK];
        let mut ended = false;
        while !ended && self.may_read(id) {
            let outcome = stream.read(&mut buffer);
            ended = !outcome.as_ref().is_ok_and(|length| *length > 0);
            self.turn(|state, now| match outcome {
                Ok(0) => state.herd.handle_eof(now, id, &mut state.out),
                Ok(length) => state.herd.handle_input(now, id, &buffer[..length], &mut state.out),
                Err(_) => state.lose(now, id),
            });
        }
    }

    /// Waits while reading is paused; whether there is something to read from then.
    fn may_read(&self, id: ConnId) -> bool {
        let is_paused = |state: &mut State| state.conns.get(&id).is_some_and(|conn| conn.paused);
        let state = self.changed.wait_while(self.lock(), is_paused).expect(UNBROKEN);
        state.conns.contains_key(&id)
    }

    /// Asks the provider, one lookup after the other.
    fn ask(self: &Arc<Self>) {
        loop {
            let nothing = |state: &mut State| state.lookups.is_empty();
            let mut state = self.asked.wait_while(self.lock(), nothing).expect(UNBROKEN);
            let (id, request) = state.lookups.pop_first().expect("there is a lookup");
            drop(state);
            let answer = self.look_up(&request);
            let answer = answer.as_ref().map(HttpResponse::borrowed).map_err(|error| *error);
            self.turn(|state, now| state.herd.handle_lookup(now, id, answer, &mut state.out));
        }
    }

    /// What the provider answers, its body as far as it is wanted and shows the core that it is too
    /// long.
    fn look_up(&self, request: &HttpRequest) -> Result<HttpResponse, LookupError> {
        let mut asked = http::Request::builder().method(request.method).uri(request.url.as_str());
        for (name, value) in &request.headers {
            asked = asked.header(*name, value);
        }
        // An error may name the URL, and with it the key: it goes no further than this.
        let unreachable = |_| LookupError::Unreachable;
        let response = match request.method {
            "POST" => self.http.run(asked.body(&request.body).map_err(unreachable)?),
            _ => self.http.run(asked.body(()).map_err(unreachable)?),
        };
        let response = response.map_err(|_| LookupError::Unreachable)?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        if request.wants_body(status) {
            let limit = u64::from(self.settings.core.limits.body_bytes) + 1;
            let reader = response.into_body().into_reader();
            reader.take(limit).read_to_end(&mut body).map_err(|_| LookupError::Unreachable)?;
        }
        Ok(HttpResponse { status, body: body.into() }.without_key(&self.settings.upstream))
    }

    /// Tells the core the time whenever it wants to know it, and offers slow connections what they have
    /// not taken, until the server has stopped.
    fn keep_time(self: &Arc<Self>) {
        let mut state = self.lock();
        while !state.herd.has_stopped() {
            let due = state.herd.poll_timeout().map(|(due, _)| due.since(clock::now().mono));
            let most = if state.is_behind() { RETRY } else { LONGEST_SLEEP };
            let wait = due.map_or(most, |due| due.min(most));
            drop(self.changed.wait_timeout(state, wait).expect(UNBROKEN));
            self.turn(|state, now| {
                state.herd.handle_timeout(now, &mut state.out);
                for id in core::mem::take(&mut state.slow) {
                    state.send(now, id, &[]);
                }
            });
            state = self.lock();
        }
    }

    fn spawn(self: &Arc<Self>, work: impl FnOnce(&Arc<Self>) + Send + 'static) -> io::Result<()> {
        let adapter = Arc::clone(self);
        thread::Builder::new().spawn(move || work(&adapter)).map(drop)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect(UNBROKEN)
    }
}

impl State {
    /// What threads wait for a change of.
    fn awaited(&self) -> impl PartialEq + use<> {
        (self.herd.poll_timeout(), self.is_behind(), self.released, self.herd.has_stopped())
    }

    /// Whether there are bytes or actions left over.
    fn is_behind(&self) -> bool {
        !self.slow.is_empty() || !self.out.is_empty()
    }

    /// Enters a connection, which is known before anything is sent on it.
    fn open(&mut self, id: ConnId, stream: &Arc<TcpStream>) -> ConnId {
        // Answers are small and wanted now. A connection that is gone already will say so when read.
        let _ = stream.set_nodelay(true);
        let stream = Arc::clone(stream);
        self.conns.insert(id, Conn { stream, paused: false, unsent: Vec::new() });
        id
    }

    /// Offers the kernel `bytes` and what a connection has not taken before them, without waiting, and
    /// tells the core how much it took.
    fn send(&mut self, now: Now, id: ConnId, bytes: &[u8]) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        conn.unsent.extend_from_slice(bytes);
        let taken = match rustix::net::send(&conn.stream, &conn.unsent, SendFlags::DONTWAIT) {
            Ok(taken) => taken,
            Err(Errno::AGAIN | Errno::INTR) => 0,
            Err(_) => return self.lose(now, id),
        };
        conn.unsent.drain(..taken);
        if !conn.unsent.is_empty() {
            self.slow.insert(id);
        }
        self.herd.handle_drained(now, id, taken, &mut self.out);
    }

    fn pause(&mut self, id: ConnId, paused: bool) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.paused = paused;
            self.released += u64::from(!paused);
        }
    }

    /// Ends a half or both; an error says that the other side was faster.
    fn shutdown(&self, id: ConnId, how: Shutdown) {
        if let Some(conn) = self.conns.get(&id) {
            let _ = conn.stream.shutdown(how);
        }
    }

    /// Both halves are ended before the stream is dropped: that wakes the thread that reads.
    fn close(&mut self, id: ConnId) {
        self.shutdown(id, Shutdown::Both);
        self.conns.remove(&id);
        self.released += 1;
    }

    /// Tells the core that a connection broke.
    fn lose(&mut self, now: Now, id: ConnId) {
        self.close(id);
        self.herd.handle_close(now, id, &mut self.out);
    }
}

/// Threads that ask the provider.
const ASKERS: u32 = 16;
/// Bytes read at once.
const CHUNK: usize = 16 * 1024;
/// Rounds of actions in a turn.
const ROUNDS: u32 = 4;
/// How often a slow connection is offered what it has not taken.
const RETRY: Duration = Duration::from_millis(10);
/// How long the main thread sleeps at most.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);
/// How long a server that has run out of descriptors leaves connections to the kernel.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// A thread that panics takes the server down, rather than leave it half alive.
const UNBROKEN: &str = "no thread panics while it holds the lock";
