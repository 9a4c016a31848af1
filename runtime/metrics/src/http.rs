//! HTTP, as far as pages need it that are asked for now and then: one GET or HEAD a connection.
//!
//! Whoever asks has a thread of its own for a few seconds. When many do nothing with theirs, the oldest
//! connection makes room for the newest, so they cannot keep a page from who asks for it.

use core::time::Duration;
use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use herd_core::Instant;

use herd_clock as clock;

/// What is answered with.
pub(super) struct Page {
    /// The status of HTTP.
    pub(super) status: u16,
    /// The media type.
    pub(super) kind: &'static str,
    pub(super) body: String,
}

/// The time a connection has for everything.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections at once; one more closes the oldest.
const CONNECTIONS: usize = 16;
/// Threads at once: those of connections that were closed early may still wait for a page.
const THREADS: usize = 4 * CONNECTIONS;
/// Bytes of a request's head, and fields in it.
const HEAD: usize = 8192;
const FIELDS: usize = 64;
/// How long a process that has run out of descriptors or threads leaves connections to the kernel.
const PAUSE: Duration = Duration::from_millis(50);

/// Answers whoever connects, with the page for the path it names, from threads of its own.
pub(super) fn serve(
    listener: TcpListener,
    page: impl Fn(&Wanted<'_>) -> Page + Send + Sync + 'static,
) -> io::Result<()> {
    let page = Arc::new(page);
    let guests = Arc::new(Guests::default());
    let accept = move || {
        loop {
            let Ok((stream, _)) = listener.accept() else {
                thread::sleep(PAUSE);
                continue;
            };
            let stream = guests.welcome(stream);
            let (page, host, guest) = (Arc::clone(&page), Arc::clone(&guests), Arc::clone(&stream));
            let answer = move || {
                // Who leaves early or sends nothing has no page to miss.
                let _ = answer(&guest, &*page);
                host.goodbye(&guest);
            };
            if thread::Builder::new().name("metrics".to_owned()).spawn(answer).is_err() {
                guests.goodbye(&stream);
                thread::sleep(PAUSE);
            }
        }
    };
    thread::Builder::new().name("metrics".to_owned()).spawn(accept).map(drop)
}

/// The connections there are.
#[derive(Debug, Default)]
struct Guests {
    present: Mutex<Present>,
    /// A thread has ended.
    room: Condvar,
}

#[derive(Debug, Default)]
struct Present {
    /// Oldest first.
    streams: VecDeque<Arc<TcpStream>>,
    threads: usize,
}

impl Guests {
    /// Lets a connection in, for a thread that says goodbye; waits while there are too many threads, all but
    /// a few of which are about to end.
    fn welcome(&self, stream: TcpStream) -> Arc<TcpStream> {
        let is_crowded = |present: &mut Present| present.threads == THREADS;
        let waited = self.room.wait_while(self.lock(), is_crowded);
        let mut present = waited.unwrap_or_else(PoisonError::into_inner);
        present.threads += 1;
        if present.streams.len() == CONNECTIONS
            && let Some(oldest) = present.streams.pop_front()
        {
            // An error says that it is gone already.
            let _ = oldest.shutdown(Shutdown::Both);
        }
        let stream = Arc::new(stream);
        present.streams.push_back(Arc::clone(&stream));
        stream
    }

    fn goodbye(&self, stream: &Arc<TcpStream>) {
        let mut present = self.lock();
        present.threads -= 1;
        present.streams.retain(|other| !Arc::ptr_eq(other, stream));
        self.room.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Present> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answer(stream: &TcpStream, page: &dyn Fn(&Wanted<'_>) -> Page) -> io::Result<()> {
    let deadline = clock::now().mono.after(PATIENCE);
    let mut head = [0; HEAD];
    let mut length = 0;
    let request = loop {
        if let Some(request) = parse(&head[..length]) {
            break request;
        }
        if length == HEAD {
            break Request::TooLarge;
        }
        let read = read(stream, &mut head[length..], deadline)?;
        if read == 0 {
            return Ok(());
        }
        length += read;
    };
    let (page, with_body) = match request {
        Request::Page { wanted, with_body } => (page(&wanted), with_body),
        Request::OtherMethod => (Page::plain(405, "there is only GET and HEAD\n"), true),
        Request::TooLarge => (Page::plain(431, "the head of the request is too large\n"), true),
        Request::Malformed => (Page::plain(400, "that is not HTTP\n"), true),
    };
    write(stream, page.response(with_body).as_bytes(), deadline)?;
    stream.shutdown(Shutdown::Write)?;
    // To close a connection with something unread in it may take the answer back.
    while read(stream, &mut head, deadline)? > 0 {}
    Ok(())
}

/// A page that is asked for.
pub(super) struct Wanted<'a> {
    /// Its path, without the query.
    pub(super) path: &'a str,
    /// The values of the fields that say which media types are taken.
    pub(super) accept: Vec<&'a str>,
}

impl Wanted<'_> {
    /// How much a media type is wanted: the quality of the most specific range of `Accept` that it is in, or 0. A range
    /// with a version of its own is for that one.
    pub(super) fn quality(&self, kind: &str, version: &str) -> f32 {
        let group = kind.split('/').next().unwrap_or_default();
        let ranges = self.accept.iter().flat_map(|value| value.split(','));
        let fitting = ranges.filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let range = parts.next()?;
            let specific = match range.split_once('/')? {
                _ if range.eq_ignore_ascii_case(kind) => 2,
                (of, "*") if of.eq_ignore_ascii_case(group) => 1,
                ("*", "*") => 0,
                _ => return None,
            };
            let mut quality: f32 = 1.0;
            for (name, value) in parts.filter_map(|part| part.split_once('=')) {
                let value = value.trim().trim_matches('"');
                match name.trim().to_ascii_lowercase().as_str() {
                    "q" => quality = value.parse().unwrap_or(0.0),
                    "version" if value != version => return None,
                    _ => {}
                }
            }
            Some((specific, quality))
        });
        fitting
            .max_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)))
            .map_or(0.0, |it| it.1)
    }
}

enum Request<'a> {
    Malformed,
    TooLarge,
    OtherMethod,
    /// Which page, and whether more than its head is wanted.
    Page {
        wanted: Wanted<'a>,
        with_body: bool,
    },
}

/// The request that `head` holds, once it is complete.
fn parse(head: &[u8]) -> Option<Request<'_>> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(head) {
        Ok(httparse::Status::Partial) => return None,
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return Some(Request::TooLarge),
        Err(_) => return Some(Request::Malformed),
    }
    let with_body = match request.method? {
        "GET" => true,
        "HEAD" => false,
        _ => return Some(Request::OtherMethod),
    };
    let path = path(request.path?);
    let accept = request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case("accept"));
    let accept = accept.filter_map(|field| core::str::from_utf8(field.value).ok()).collect();
    Some(Request::Page { wanted: Wanted { path, accept }, with_body })
}

/// The path of a request's target without the query. A proxy is sent the whole address.
fn path(target: &str) -> &str {
    let target = target.split('?').next().unwrap_or_default();
    let (scheme, rest) = target.split_once("://").unwrap_or_default();
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return target;
    }
    rest.find('/').map_or("/", |at| &rest[at..])
}

impl Page {
    fn response(&self, with_body: bool) -> String {
        let (status, kind, length) = (self.status, self.kind, self.body.len());
        let phrase = match status {
            200 => "OK",
            400 => "Bad Request",
            404 => "Not Found",
            405 => "Method Not Allowed",
            431 => "Request Header Fields Too Large",
            _ => "Service Unavailable",
        };
        let allow = if status == 405 { "Allow: GET, HEAD\r\n" } else { "" };
        let body = if with_body { &*self.body } else { "" };
        format!(
            "HTTP/1.1 {status} {phrase}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{allow}\
             Cache-Control: no-store\r\nConnection: close\r\n\r\n{body}"
        )
    }
}

fn read(mut stream: &TcpStream, buffer: &mut [u8], deadline: Instant) -> io::Result<usize> {
    stream.set_read_timeout(Some(left(deadline)?))?;
    stream.read(buffer)
}

fn write(mut stream: &TcpStream, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.set_write_timeout(Some(left(deadline)?))?;
        match stream.write(bytes)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            taken => bytes = &bytes[taken..],
        }
    }
    Ok(())
}

/// The time there is until `deadline`.
fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.since(clock::now().mono);
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}
