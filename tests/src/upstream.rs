//! A stub of the provider: an HTTP server that does to each request what the test says.

use crate::http::field;
use crate::{Answer, Gate, PATIENCE, Request, eventually};
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;
use std::io::{self, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// A provider under the test's control. Ends with all its threads when dropped.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

type Behaviour = dyn Fn(&Request) -> Answer + Send + Sync;

struct Shared {
    behaviour: Box<Behaviour>,
    requests: Mutex<Vec<Request>>,
    connections: Mutex<Vec<(TcpStream, JoinHandle<()>)>>,
    ended: Gate,
}

impl Upstream {
    /// Starts a provider that does to each request what `behaviour` returns for it.
    pub fn start(behaviour: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            behaviour: Box::new(behaviour),
            requests: Mutex::default(),
            connections: Mutex::default(),
            ended: Gate::new(),
        });
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self { address, shared, accepting: Some(accepting) }
    }

    /// Starts a provider that answers everything by `body`.
    pub fn serving(body: &str) -> Self {
        let body = body.to_owned();
        Self::start(move |_| Answer::body(body.clone()))
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What stands for it in a configuration.
    pub fn url(&self) -> String {
        format!("http://{}/nearby/json", self.address)
    }

    /// The requests so far, in the order in which they came.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// Waits until `count` requests have come.
    #[track_caller]
    pub fn wait_for_requests(&self, count: usize) {
        eventually(PATIENCE, || lock(&self.shared.requests).len() >= count);
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.shared.ended.open();
        // Accepting blocks: a last connection wakes it.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        for (stream, answering) in lock(&self.shared.connections).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
            let _ = answering.join();
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("requests", &self.requests).finish_non_exhaustive()
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.ended.wait(Duration::ZERO) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let Ok(ours) = stream.try_clone() else { continue };
        let answering = thread::spawn({
            let shared = Arc::clone(shared);
            move || {
                // A client that goes away is what some tests are about.
                let _ = serve(&stream, &shared);
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
        lock(&shared.connections).push((ours, answering));
    }
}

/// Answers one request after the other, as long as the connection and the answers allow.
fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(head) = read_head(&mut reader)? {
        let body = read_body(&head, &mut reader)?;
        let answer = {
            let mut requests = lock(&shared.requests);
            let request = Request { nth: requests.len(), head, body };
            requests.push(request.clone());
            drop(requests);
            (shared.behaviour)(&request)
        };
        if !give(answer, stream, shared)? {
            break;
        }
    }
    Ok(())
}

/// The next request up to the empty line, or nothing where the client has left.
fn read_head(reader: &mut impl io::BufRead) -> io::Result<Option<String>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(head))
}

/// What follows the head of a request.
fn read_body(head: &str, reader: &mut impl io::BufRead) -> io::Result<Vec<u8>> {
    let length = head.lines().filter_map(field).find_map(|field| {
        let length = field.strip_prefix("content-length: ")?;
        Some(length.parse().expect("a length is a number"))
    });
    let mut body = vec![0; length.unwrap_or_default()];
    reader.read_exact(&mut body)?;
    Ok(body)
}

/// Carries out an answer, and says whether the connection may be used again.
fn give(answer: Answer, mut stream: &TcpStream, shared: &Shared) -> io::Result<bool> {
    match answer {
        Answer::Body(body) => send(stream, "200 OK", "", &body)?,
        Answer::Status(code, body) => send(stream, &format!("{code} Whatever"), "", &body)?,
        Answer::Redirect(to) => send(stream, "302 Found", &format!("Location: {to}\r\n"), b"")?,
        Answer::Raw(bytes) => {
            stream.write_all(&bytes)?;
            return Ok(false);
        }
        Answer::Stuck(bytes) => {
            stream.write_all(&bytes)?;
            shared.ended.wait(Duration::MAX);
            return Ok(false);
        }
        Answer::Trickle(bytes, pause) => {
            stream.write_all(&bytes)?;
            while !shared.ended.wait(pause) {
                stream.write_all(b" ")?;
            }
            return Ok(false);
        }
        Answer::Endless => {
            stream.write_all(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"results\":[",
            )?;
            loop {
                stream.write_all(&[b' '; 4096])?;
            }
        }
        Answer::Held(gate, answer) => {
            while !gate.wait(Duration::from_millis(20)) {
                if shared.ended.wait(Duration::ZERO) {
                    return Ok(false);
                }
            }
            return give(*answer, stream, shared);
        }
        Answer::Late(wait, answer) => {
            if shared.ended.wait(wait) {
                return Ok(false);
            }
            return give(*answer, stream, shared);
        }
    }
    Ok(true)
}

fn send(mut stream: &TcpStream, status: &str, fields: &str, body: &[u8]) -> io::Result<()> {
    let mut response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json; charset=UTF-8\r\nContent-Length: {}\r\n{fields}\r\n",
        body.len()
    )
    .into_bytes();
    response.extend_from_slice(body);
    stream.write_all(&response)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
