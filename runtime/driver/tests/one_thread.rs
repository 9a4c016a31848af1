//! A host on one thread, which reads by itself and may have sockets that block.

#![cfg(test)]

use core::cell::RefCell;
use core::net::Ipv4Addr;
use core::time::Duration;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;

use herd_config::logging::{Level, LogSettings};
use herd_config::roster::{Upstream, UpstreamDialect};
use herd_core::{Config, Seed};
use herd_driver::{Door, Host, HostSettings, Inquiry, Job, UpstreamSettings};
use herd_log::LogFile;
use herd_tls::Tls;

/// A socket that belongs to one thread.
#[derive(Clone)]
struct Local(Rc<TcpStream>);

impl AsFd for Local {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn host<P: Fn(Job<Local>)>(perform: P) -> Host<Local, P> {
    let Upstream { url, timeout, dialect, .. } = Upstream::usual(UpstreamDialect::PlacesLegacy);
    let settings = HostSettings {
        core: Config::new("Hill", Seed([0; 32])),
        dial: Vec::new(),
        tls: Tls::default(),
        upstream: UpstreamSettings { url, key: None, timeout, dialect },
        reads_links_ahead: false,
    };
    let log = LogSettings { level: Level::Off, ..LogSettings::default() };
    Host::new(settings, LogFile::start(&log, "Hill").unwrap(), Inquiry::default(), perform)
}

/// A client, and its connection as the server has it.
fn connect() -> (TcpStream, Local, core::net::SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let (stream, from) = listener.accept().unwrap();
    (client, Local(Rc::new(stream)), from)
}

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn bytes_that_have_been_read_already_are_handed_in() {
    let jobs = Rc::new(RefCell::new(Vec::new()));
    let host = host(|job| jobs.borrow_mut().push(job));
    let (client, stream, from) = connect();
    let port = host.accepted(stream, from, Door::Clients).unwrap();

    assert!(host.received(&port, b"IAMAT kiwi +1-1 "));
    assert!(host.received(&port, b"100\nhello\n"));
    let mut lines = BufReader::new(client).lines();
    assert!(lines.next().unwrap().unwrap().ends_with(" kiwi +1-1 100"));
    assert_eq!(lines.next().unwrap().unwrap(), "? hello");

    assert!(!host.received(&port, b""));
    assert!(lines.next().is_none(), "the server has ended it too");
    assert!(jobs.borrow().is_empty());
}

#[test]
fn a_socket_that_blocks_holds_up_nobody() {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        let waits = Rc::new(RefCell::new(false));
        let host = host(|job| *waits.borrow_mut() |= matches!(job, Job::Write { .. }));
        let (_client, stream, from) = connect();
        let port = host.accepted(stream, from, Door::Clients).unwrap();
        // Until the kernel takes no more.
        let line = [&[b'x'; 8000][..], b"\n"].concat();
        while !*waits.borrow() {
            host.received(&port, &line);
        }
        done.send(()).unwrap();
    });
    is_done.recv_timeout(PATIENCE).expect("nothing waits for a client that does not read");
}
