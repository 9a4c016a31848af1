//! `threads`: one herd server on blocking sockets and threads, the smallest complete adapter of the core.
//!
//! ```sh
//! cargo run --release -p herd-examples --bin threads -- Hill
//! ```
//!
//! It is configured as the other servers are and links with them. The core sits behind one lock;
//! whatever takes waiting has a thread to wait in:
//!
//! ```text
//!   accept ×2 ─────┐                        ┌──▶ sockets, as far as they take it at once
//!   read, 1/conn ──┤     ┌──────────────┐   ├──▶ write, 1/slow conn
//!   dial, 1/peer ──┼──▶  │ Mutex<State> │ ──┤
//!   ask ×16 ───────┤     └──────────────┘   ├──▶ dial, ask
//!   main: time ────┘      one turn each     └──▶ standard error
//! ```
//!
//! `docs/adapters.md` walks through this file, and says what a server for production has besides.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::{BTreeMap, HashMap};
use std::env;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream, ToSocketAddrs as _};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

use herd_core::{
    Action, ConnId, Dialled, Herd, Listener, LookupError, LookupId, Now, Output, PeerId,
};
use herd_runtime::listen::listen;
use herd_runtime::{Args, Failure, HttpRequest, HttpResponse, Settings};
use herd_runtime::{clock, load, signals, upstream};
use rustix::net::SendFlags;
use ureq::http;

/// What all threads share.
struct Server {
    settings: Settings,
    state: Mutex<State>,
    /// The time to call the core has changed, or there is nothing left to wait for.
    hurry: Condvar,
    /// A connection may be read again, or is gone.
    resumed: Condvar,
    /// A lookup is to be begun.
    asked: Condvar,
    /// To the thread that connects to each neighbour.
    diallers: Vec<Sender<Duration>>,
    http: ureq::Agent,
}

struct State {
    herd: Herd,
    out: Output,
    conns: HashMap<ConnId, Conn>,
    /// Lookups that no thread has begun yet. The core bounds their number.
    lookups: BTreeMap<LookupId, HttpRequest>,
}

struct Conn {
    /// Shared with the threads that read and write; the last of them closes the descriptor.
    stream: Arc<TcpStream>,
    paused: bool,
    /// What the kernel did not take at once. The core bounds it.
    backlog: Vec<u8>,
    /// Whether a thread is writing the backlog, so that nothing may overtake it.
    writing: bool,
}

/// Threads that ask the provider.
const ASKERS: u32 = 16;
/// Bytes read at once, and bytes written before the core is told of progress.
const CHUNK: usize = 16 * 1024;
/// How long a server that has run out of descriptors leaves connections to the kernel.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

fn main() -> ExitCode {
    let args = match Args::from_command_line("threads", env::args_os()) {
        Ok(args) => args,
        Err(code) => return code,
    };
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(format_args!("threads: {failure}"));
            failure.exit_code()
        }
    }
}

fn run(args: &Args) -> Result<(), Failure> {
    let mut settings = load(args)?;
    for warning in &settings.warnings {
        say(format_args!("warning: {warning}"));
    }
    if args.check_config {
        return Ok(());
    }
    // The core has no more lookups under way than there are threads for them, and times only those.
    let lookups = &mut settings.core.limits.lookups;
    *lookups = ASKERS.min(*lookups);

    let clients = listen(&settings.listen)?;
    let links = settings.link_listen.as_deref().map(listen).transpose()?;
    let advertised = settings.advertised.clone();
    let (server, orders) = Server::new(settings);

    let unable = |error: io::Error| Failure::unable(format!("can not start: {error}"));
    server.start(clients, links, orders).map_err(unable)?;
    let ready = format!("threads: {} listens on {advertised}\n", args.name);
    // Nobody may be there to read it.
    let _ = io::stdout().lock().write_all(ready.as_bytes());
    server.keep_time();
    Ok(())
}

impl Server {
    fn new(settings: Settings) -> (Arc<Self>, Vec<Receiver<Duration>>) {
        let (diallers, orders) = settings.dial.iter().map(|_| channel()).unzip();
        let http = ureq::Agent::config_builder()
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_global(Some(settings.upstream.timeout))
            .user_agent(upstream::USER_AGENT)
            .build()
            .into();
        let state = Mutex::new(State {
            herd: Herd::new(settings.core.clone()),
            out: Output::new(),
            conns: HashMap::new(),
            lookups: BTreeMap::new(),
        });
        let [hurry, resumed, asked] = [(); 3].map(|()| Condvar::new());
        (Arc::new(Self { settings, state, hurry, resumed, asked, diallers, http }), orders)
    }

    /// Starts every thread whose number does not depend on the clients.
    fn start(
        self: &Arc<Self>,
        clients: TcpListener,
        links: Option<TcpListener>,
        orders: Vec<Receiver<Duration>>,
    ) -> io::Result<()> {
        let doors = [(Some(clients), false), (links, true)];
        let doors = doors.map(|(listener, is_for_links)| Some((Arc::new(listener?), is_for_links)));
        let (server, closing) = (Arc::clone(self), doors.clone());
        let stop = move || {
            for (listener, _) in closing.iter().flatten() {
                // The kernel turns newcomers away from here on, where it can; else the core does.
                let _ = rustix::net::shutdown(listener, rustix::net::Shutdown::Both);
            }
            server.turn(|state, now| state.herd.handle_stop(now, &mut state.out));
        };
        signals::handle(stop, || ())?;
        for _ in 0..self.settings.core.limits.lookups {
            self.spawn(Self::ask)?;
        }
        for (position, orders) in orders.into_iter().enumerate() {
            let peer = PeerId::at(position).expect("the configuration has been checked");
            self.spawn(move |server| server.dial(peer, &orders))?;
        }
        for (listener, is_for_links) in doors.into_iter().flatten() {
            listener.set_nonblocking(false)?;
            self.spawn(move |server| server.accept(&listener, is_for_links))?;
        }
        Ok(())
    }

    fn spawn(self: &Arc<Self>, work: impl FnOnce(&Arc<Self>) + Send + 'static) -> io::Result<()> {
        let server = Arc::clone(self);
        thread::Builder::new().spawn(move || work(&server)).map(drop)
    }

    /// One call of the core, and everything that follows from it.
    ///
    /// The clocks are read under the lock, so that time never runs backwards for the core.
    fn turn<T>(self: &Arc<Self>, call: impl FnOnce(&mut State, Now) -> T) -> T {
        let mut state = self.lock();
        let (now, due) = (clock::now(), state.herd.poll_timeout());
        let result = call(&mut state, now);
        let mut at_once = true;
        while !state.out.is_empty() {
            self.act(&mut state, now, at_once);
            // A neighbour that takes a table as fast as it is read may not keep the others waiting.
            at_once = false;
        }
        if state.herd.poll_timeout() != due || state.herd.has_stopped() {
            self.hurry.notify_one();
        }
        result
    }

    /// Carries out the actions there are, in their order, and then tells the core what became of them.
    fn act(self: &Arc<Self>, state: &mut State, now: Now, at_once: bool) {
        let mut out = core::mem::take(&mut state.out);
        let mut sent = Vec::new();
        for action in out.actions() {
            match action {
                Action::Send { conn, bytes, .. } => {
                    sent.push((conn, self.send(state, conn, bytes, at_once)));
                }
                Action::Pause { conn } => state.pause(conn, true),
                Action::Resume { conn } => {
                    state.pause(conn, false);
                    self.resumed.notify_all();
                }
                Action::Shutdown { conn } => state.shutdown(conn, Shutdown::Write),
                Action::Close { conn } => {
                    state.close(conn);
                    self.resumed.notify_all();
                }
                Action::Dial { peer, within } => {
                    // It listens for as long as this server lives.
                    let _ = self.diallers[peer.index()].send(within);
                }
                Action::Lookup { id, request } => {
                    state.lookups.insert(id, self.settings.upstream.request(request));
                    self.asked.notify_one();
                }
                // One that has been begun goes on; the core ignores what comes of it.
                Action::Cancel { id } => drop(state.lookups.remove(&id)),
                Action::Log(notice) => say(format_args!("{notice:?}")),
            }
        }
        out.clear();
        state.out = out;
        for (conn, taken) in sent {
            match taken {
                Ok(taken) => state.herd.handle_drained(now, conn, taken, &mut state.out),
                Err(_) => self.lose(state, now, conn),
            }
        }
    }

    /// Offers bytes to the kernel, keeps what it does not take, and says how many it took.
    fn send(
        self: &Arc<Self>,
        state: &mut State,
        id: ConnId,
        bytes: &[u8],
        at_once: bool,
    ) -> io::Result<usize> {
        let Some(conn) = state.conns.get_mut(&id) else { return Ok(0) };
        let mut taken = 0;
        if at_once && !conn.writing {
            taken = match rustix::net::send(&conn.stream, bytes, SendFlags::DONTWAIT) {
                Ok(taken) => taken,
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => 0,
                Err(error) => return Err(error.into()),
            };
        }
        conn.backlog.extend_from_slice(&bytes[taken..]);
        if !conn.backlog.is_empty() && !conn.writing {
            self.spawn(move |server| server.write(id))?;
            conn.writing = true;
        }
        Ok(taken)
    }

    /// Writes what one connection did not take at once, until nothing is left of it.
    fn write(self: &Arc<Self>, id: ConnId) {
        while let Some((stream, backlog)) = self.backlog(id) {
            // The kernel returns when it has taken the whole; in pieces the core sees the progress.
            for chunk in backlog.chunks(CHUNK) {
                let outcome = (&*stream).write_all(chunk);
                self.turn(|state, now| match outcome {
                    Ok(()) => state.herd.handle_drained(now, id, chunk.len(), &mut state.out),
                    Err(_) => self.lose(state, now, id),
                });
            }
        }
    }

    /// What waits to be written; nothing ends the thread that asks. The lock is free again on return.
    fn backlog(&self, id: ConnId) -> Option<(Arc<TcpStream>, Vec<u8>)> {
        let mut state = self.lock();
        let conn = state.conns.get_mut(&id)?;
        conn.writing = !conn.backlog.is_empty();
        conn.writing.then(|| (Arc::clone(&conn.stream), core::mem::take(&mut conn.backlog)))
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
                Err(_) => self.lose(state, now, id),
            });
        }
    }

    /// Waits while reading is paused; whether there is something to read from then.
    fn may_read(&self, id: ConnId) -> bool {
        let is_paused = |state: &mut State| state.conns.get(&id).is_some_and(|conn| conn.paused);
        let state = self.resumed.wait_while(self.lock(), is_paused).expect(UNBROKEN);
        state.conns.contains_key(&id)
    }

    /// Accepts connections for as long as the process lives; the core refuses those it does not want.
    fn accept(self: &Arc<Self>, listener: &TcpListener, is_for_links: bool) {
        let plain = self.settings.plain_addresses();
        let door = |from: SocketAddr| match is_for_links {
            true => Listener::Links,
            false => Listener::Clients { plain: plain.contains(&from.ip().to_canonical()) },
        };
        loop {
            let Ok((stream, from)) = listener.accept() else {
                thread::sleep(ACCEPT_PAUSE);
                continue;
            };
            let stream = prompt(stream);
            let id = self.turn(|state, now| {
                let id = state.herd.handle_accept(now, door(from), &mut state.out);
                state.open(id, &stream);
                id
            });
            if self.spawn(move |server| server.read(id, &stream)).is_err() {
                self.turn(|state, now| self.lose(state, now, id));
            }
        }
    }

    /// Connects to one neighbour whenever the core says so, and reads from it while that lasts.
    fn dial(self: &Arc<Self>, peer: PeerId, orders: &Receiver<Duration>) {
        for within in orders {
            let stream = connect(&self.settings.dial[peer.index()], within).ok().map(prompt);
            let id = self.turn(|state, now| {
                let outcome = stream.as_ref().map_or(Dialled::Failed, |_| Dialled::Connected);
                let id = state.herd.handle_dial(now, peer, outcome, &mut state.out)?;
                state.open(id, stream.as_ref()?);
                Some(id)
            });
            if let (Some(id), Some(stream)) = (id, stream) {
                self.read(id, &stream);
            }
        }
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
        let mut asked = http::Request::builder().method(request.method).uri(&request.url);
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
        Ok(HttpResponse { status, body }.without_key(&self.settings.upstream))
    }

    /// Tells the core the time whenever it wants to know it, until the server has stopped.
    fn keep_time(self: &Arc<Self>) {
        let mut state = self.lock();
        while !state.herd.has_stopped() {
            let now = clock::now().mono;
            state = match state.herd.poll_timeout() {
                Some((due, _)) if due <= now => {
                    drop(state);
                    self.turn(|state, now| state.herd.handle_timeout(now, &mut state.out));
                    self.lock()
                }
                Some((due, _)) => self.hurry.wait_timeout(state, due.since(now)).expect(UNBROKEN).0,
                None => self.hurry.wait(state).expect(UNBROKEN),
            };
        }
    }

    /// Tells the core that a connection broke.
    fn lose(&self, state: &mut State, now: Now, id: ConnId) {
        state.herd.handle_close(now, id, &mut state.out);
        state.close(id);
        self.resumed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect(UNBROKEN)
    }
}

impl State {
    fn open(&mut self, id: ConnId, stream: &Arc<TcpStream>) {
        let stream = Arc::clone(stream);
        let conn = Conn { stream, paused: false, backlog: Vec::new(), writing: false };
        self.conns.insert(id, conn);
    }

    fn pause(&mut self, id: ConnId, paused: bool) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.paused = paused;
        }
    }

    /// Ends a half or both; an error says that the other side was faster.
    fn shutdown(&self, id: ConnId, how: Shutdown) {
        if let Some(conn) = self.conns.get(&id) {
            let _ = conn.stream.shutdown(how);
        }
    }

    /// Both halves are ended before the stream is dropped: that wakes the threads that wait in them.
    fn close(&mut self, id: ConnId) {
        self.shutdown(id, Shutdown::Both);
        self.conns.remove(&id);
    }
}

fn connect(address: &str, within: Duration) -> io::Result<TcpStream> {
    let mut outcome = Err(io::ErrorKind::NotFound.into());
    for address in address.to_socket_addrs()? {
        outcome = TcpStream::connect_timeout(&address, within);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// Answers are small and wanted now.
fn prompt(stream: TcpStream) -> Arc<TcpStream> {
    // A connection that is gone already will say so when it is read.
    let _ = stream.set_nodelay(true);
    Arc::new(stream)
}

/// Prints a line for whoever watches the server. Whoever closed standard error does not want to know.
fn say(line: core::fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// A thread that panics takes the server down, rather than leave it half alive.
const UNBROKEN: &str = "no thread panics while it holds the lock";
