//! The program among more connections than it has room for.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use herd_tests::Program;
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

/// Longer than anything here takes: who waits so long waits for ever.
const FOREVER: Duration = Duration::from_secs(60);

/// The program may open this many files, of which half are for connections.
const DESCRIPTORS: usize = 256;

const WEBSOCKET: &str = "GET /graphql HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    sec-websocket-protocol: graphql-transport-ws\r\n\r\n";

#[test]
fn thousands_who_ask_nothing_keep_nobody_from_asking() {
    let dir = TempDir::new().unwrap();
    let (program, address) = start(&dir);
    let kept = connect(address, "127.0.0.2");
    assert!(ask(&kept).ends_with("ok"));

    // One that was answered is kept, half a head and half a body never become whole.
    let half_a_body = "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
        content-length: 99\r\n\r\n{";
    let whole = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut crowd = Vec::new();
    for _ in 0..DESCRIPTORS / 2 {
        for said in ["", "GET / HTTP/1.1\r\nhost", whole, half_a_body, WEBSOCKET] {
            let mut connection = connect(address, "127.0.0.1");
            connection.write_all(said.as_bytes()).unwrap();
            crowd.push(connection);
        }
    }

    for from in ["127.0.0.1", "127.0.0.2"] {
        assert!(ask(&connect(address, from)).ends_with("ok"), "{from}");
    }
    assert!(ask(&kept).ends_with("ok"), "who has less keeps it");
    // Of the last, which are there still, those that have asked nothing are closed when their time is over.
    let [.., silent, half_a_head, _, _, _] = &mut crowd[..] else { panic!("there are five") };
    assert!(is_closed(silent) && is_closed(half_a_head));
    let errors = program.stderr();
    assert_eq!(errors.matches("256 open files are allowed").count(), 1, "{errors}");
    assert_eq!(errors.matches("all 128 connections are taken").count(), 1, "{errors}");
}

/// Whether nothing comes but the end.
fn is_closed(connection: &mut TcpStream) -> bool {
    match connection.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

fn start(dir: &TempDir) -> (Program, SocketAddr) {
    let database = format!("sqlite:{}", dir.path().join("posts.sqlite").display());
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n {DESCRIPTORS}; exec \"$@\""), "sh"]);
    command.args([env!("CARGO_BIN_EXE_herd-posts"), "--listen", "127.0.0.1:0"]);
    command.args(["--database", &database]);
    let mut program = Program::start(&mut command, dir.path(), "posts");
    let start = "herd-posts: listens on http://";
    let address = program.wait_for_line(start)[start.len()..].parse().unwrap();
    (program, address)
}

fn connect(address: SocketAddr, from: &str) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&format!("{from}:0").parse::<SocketAddr>().unwrap().into()).unwrap();
    socket.connect(&address.into()).unwrap();
    let connection = TcpStream::from(socket);
    connection.set_read_timeout(Some(FOREVER)).unwrap();
    connection
}

/// Asks whether it is well, and gives the answer with its head.
fn ask(mut connection: &TcpStream) -> String {
    write!(connection, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut reader = BufReader::new(connection);
    let mut answer = String::new();
    while !answer.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut answer).unwrap(), 0, "closed after {answer:?}");
    }
    let length = answer.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    answer + str::from_utf8(&body).unwrap()
}
