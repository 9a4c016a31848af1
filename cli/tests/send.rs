//! `herd send` against a server that plays its part.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

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

#[test]
fn a_server_that_says_nothing_is_not_waited_for_for_ever() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();

    let output = herd(&["send", "--patience", "1", &address, "x"]).output().unwrap();

    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.ends_with(" has said nothing for 1 s\n"), "{text}");
    assert!(text.contains("--tls FILE"), "{text}");
}

#[test]
fn a_server_that_speaks_tls_is_recognised() {
    // An alert: what is no TLS is answered with it.
    let (_, output) = served(b"\x15\x03\x03\x00\x02\x02\x32", |address| {
        herd(&["send", address, "x"]).output().unwrap()
    });

    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"");
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains(" speaks TLS: name the authority "), "{text}");
}

#[test]
fn a_command_that_is_refused_is_a_failure_and_a_line_of_the_input_is_not() {
    let refused = b"AT Hill +0.1 kiwi +1-1 100\n? nonsense\n";
    let (_, output) = served(refused, |address| {
        herd(&["send", address, "IAMAT kiwi +1-1 100", "nonsense"]).output().unwrap()
    });
    assert_eq!((output.status.code(), &*output.stdout), (Some(1), &refused[..]));
    assert_eq!(output.stderr, b"");

    let (_, output) = served(b"? nonsense\n", |address| {
        herd(&["send", address]).stdin(Stdio::null()).output().unwrap()
    });
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_command_without_quotes_is_not_sent() {
    let output = herd(&["send", "127.0.0.1:1", "IAMAT", "kiwi", "+1-1", "100"]).output().unwrap();

    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains(" send 127.0.0.1:1 'IAMAT kiwi +1-1 100'`"), "{text}");
}

#[test]
#[cfg(target_os = "linux")]
fn what_does_not_fit_on_the_disk_is_a_failure() {
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let (_, output) = served(b"? x\n", |address| {
        herd(&["send", address]).stdin(Stdio::null()).stdout(full()).output().unwrap()
    });
    let others: [&[&str]; 5] = [
        &["--help"],
        &["up", "--help"],
        &["--version"],
        &["check", "--list"],
        &["sim", "--seed", "1"],
    ];
    let others = others.map(|args| herd(args).stdout(full()).output().unwrap());

    for output in others.iter().chain([&output]) {
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("herd: cannot write to standard output: "), "{text}");
    }
}

/// The default of the rosters that have an Alford does not run; another one does.
#[test]
fn a_name_is_that_of_the_herd_that_runs() {
    // The port of Alford in places-2014, which no other test uses.
    let listener = TcpListener::bind("127.0.0.1:12031").unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
        stream.write_all(b"AT Alford\n").unwrap();
    });

    let output = herd(&["send", "Alford", "WHATSAT kiwi 1 1"]).output().unwrap();

    assert_eq!(output.stdout, b"AT Alford\n", "{}", String::from_utf8_lossy(&output.stderr));
    server.join().unwrap();
}
