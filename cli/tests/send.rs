//! `herd send` against a server that plays its part.
#![expect(clippy::unwrap_used, reason = "a test that can not go on panics")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::thread;

/// Answers one connection with `answer` and gives back all that was sent to it.
fn served(answer: &'static [u8], send: impl FnOnce(&str) -> Output) -> (Vec<u8>, Output) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || {
        let (mut stream, _): (TcpStream, _) = listener.accept().unwrap();
        let mut sent = Vec::new();
        stream.read_to_end(&mut sent).unwrap();
        stream.write_all(answer).unwrap();
        sent
    });
    let output = send(&address);
    (server.join().unwrap(), output)
}

fn herd(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_herd"));
    command.args(args);
    command
}

#[test]
fn each_argument_is_a_line_and_answers_are_printed_as_they_are() {
    let (sent, output) = served(b"AT Hill\n{\xff\r\n}\n\n", |address| {
        herd(&["send", address, "IAMAT kiwi", "WHATSAT kiwi 10 5"]).output().unwrap()
    });

    assert_eq!(sent, b"IAMAT kiwi\nWHATSAT kiwi 10 5\n");
    assert_eq!(output.stdout, b"AT Hill\n{\xff\r\n}\n\n");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn standard_input_is_sent_as_it_is() {
    let (sent, output) = served(b"? one\n", |address| {
        let mut child =
            herd(&["send", address]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"one\r\n\xff unterminated").unwrap();
        child.wait_with_output().unwrap()
    });

    assert_eq!(sent, b"one\r\n\xff unterminated");
    assert_eq!(output.stdout, b"? one\n");
}

#[test]
fn an_answer_is_printed_while_there_is_more_to_send() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut child =
        herd(&["send", &address]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    let mut stdin = child.stdin.take().unwrap();

    stdin.write_all(b"one\n").unwrap();
    stream.read_exact(&mut [0; 4]).unwrap();
    stream.write_all(b"? one").unwrap();
    let mut answer = [0; 5];
    child.stdout.as_mut().unwrap().read_exact(&mut answer).unwrap();

    assert_eq!(&answer, b"? one");
    drop((stdin, stream));
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_server_that_does_not_answer_is_a_failure() {
    let (_, output) = served(b"", |address| herd(&["send", address, "x"]).output().unwrap());

    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.ends_with(" closed the connection without an answer\n"), "{text}");
}

#[test]
fn a_server_that_is_not_running_is_named_with_what_starts_it() {
    // A port that nobody is given, and few may take.
    let output = herd(&["send", "127.0.0.1:1", "x"]).output().unwrap();

    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("herd: 127.0.0.1:1 is not running: `"), "{text}");
    assert!(text.ends_with(" up` starts a herd on this machine\n"), "{text}");
}
