//! The program among more connections than it has room for.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use core::net::SocketAddr;
use core::time::Duration;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

/// Longer than anything here takes: who waits so long waits for ever.
const FOREVER: Duration = Duration::from_secs(60);

/// The program may open this many files, of which half are for connections.
const DESCRIPTORS: usize = 256;

const PATH: &str = "/maps/api/place/nearbysearch/json";

#[test]
fn thousands_who_ask_nothing_keep_nobody_from_asking() {
    let folder = TempDir::new().unwrap();
    let errors = folder.path().join("errors");
    let (_program, address) = start(&folder, File::create(&errors).unwrap());
    let kept = connect(address, "127.0.0.2");
    assert!(ask(&kept).starts_with("HTTP/1.1 200 OK\r\n"));

    // One that was answered is kept, half a head and half a body never become whole.
    let whole = format!("GET {PATH} HTTP/1.1\r\nhost: x\r\n\r\n");
    let half_a_body = format!("POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n");
    let said = ["", "GET / HTTP/1.1\r\nhost", &whole, &half_a_body];
    let mut crowd = Vec::new();
    for _ in 0..DESCRIPTORS / 2 {
        for said in said {
            let mut connection = connect(address, "127.0.0.1");
            connection.write_all(said.as_bytes()).unwrap();
            crowd.push(connection);
        }
    }

    for from in ["127.0.0.1", "127.0.0.2"] {
        assert!(ask(&connect(address, from)).starts_with("HTTP/1.1 200 OK\r\n"), "{from}");
    }
    assert!(ask(&kept).starts_with("HTTP/1.1 200 OK\r\n"), "who has less keeps it");
    // Of the last, which are there still, those that have asked nothing are closed when their time is over.
    let [.., silent, half_a_head, _, _] = &mut crowd[..] else { panic!("there are four at least") };
    assert!(is_closed(silent) && is_closed(half_a_head));
    let errors = fs::read_to_string(errors).unwrap();
    assert_eq!(errors.matches("256 open files are allowed").count(), 1, "{errors}");
    assert_eq!(errors.matches("all 128 connections are taken").count(), 1, "{errors}");
    assert_eq!(errors.lines().count(), 2, "{errors}");
}

/// Whether nothing comes but the end.
fn is_closed(connection: &mut TcpStream) -> bool {
    // An end that is no orderly one is an end as well, one that does not come in time is none.
    match connection.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

fn start(folder: &TempDir, errors: File) -> (Killed, SocketAddr) {
    let places = folder.path().join("places.csv");
    fs::write(&places, "name,lat,lng\nHut,1,2\n").unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n {DESCRIPTORS}; exec \"$@\""), "sh"]);
    command.args([env!("CARGO_BIN_EXE_herd-places"), "--listen", "127.0.0.1:0", "--data"]);
    command.arg(places).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
    let mut program = Killed(command.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(program.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("herd-places: listens on http://").unwrap();
    (program, address.parse().unwrap())
}

fn connect(address: SocketAddr, from: &str) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&format!("{from}:0").parse::<SocketAddr>().unwrap().into()).unwrap();
    socket.connect(&address.into()).unwrap();
    let connection = TcpStream::from(socket);
    connection.set_read_timeout(Some(FOREVER)).unwrap();
    connection
}

/// Asks for places, and gives the head of the answer.
fn ask(mut connection: &TcpStream) -> String {
    write!(connection, "GET {PATH} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut reader = BufReader::new(connection);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0, "closed after {head:?}");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    reader.read_exact(&mut vec![0; length.parse().unwrap()]).unwrap();
    head
}
