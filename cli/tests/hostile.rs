//! `herd check` against servers that send without end, a byte now and then, or nothing: it ends, in little memory.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![cfg(target_os = "linux")]

use core::time::Duration;
use std::fs;
use std::io::{Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;

#[test]
fn a_server_that_sends_a_line_without_end_is_given_up() {
    for args in [&[][..], &["--assignment"]] {
        let (code, text, peak_kib) = checked(args, |mut stream| {
            let piece = [b'x'; 1 << 16];
            while stream.write_all(&piece).is_ok() {}
        });

        assert_eq!(code, Some(1));
        assert!(text.contains("bytes without a line end: `xxx"), "{text}");
        assert!(text.contains("\nBail out! 127.0.0.1:"), "{text}");
        assert!(peak_kib < 64 << 10, "{peak_kib} KiB");
    }
}

#[test]
fn a_server_that_sends_lines_without_end_fails_every_case_that_it_has_to_fail() {
    let (code, text, peak_kib) = checked(&["--assignment"], |mut stream| {
        let lines = "? x\n".repeat(1 << 14);
        while stream.write_all(lines.as_bytes()).is_ok() {}
    });

    assert_eq!(code, Some(1));
    assert!(text.contains("\nnot ok "), "{text}");
    assert!(peak_kib < 64 << 10, "{peak_kib} KiB");
}

#[test]
fn a_server_that_sends_a_byte_now_and_then_is_given_up() {
    let (code, text, _) = checked(&[], |mut stream| {
        while stream.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(200));
        }
    });

    assert_eq!(code, Some(1));
    assert_eq!(text.matches("nothing more in time, after `xxx").count(), 3, "{text}");
    assert!(text.contains("\nBail out! 127.0.0.1:"), "{text}");
}

#[test]
fn a_server_that_says_nothing_is_given_up_after_three_cases() {
    for args in [&[][..], &["--assignment"]] {
        let (code, text, _) = checked(args, |mut stream| {
            let _ = stream.read_to_end(&mut Vec::new());
            thread::sleep(Duration::from_secs(600));
        });

        assert_eq!(code, Some(1));
        assert_eq!(text.matches("nothing in time").count(), 3, "{text}");
        assert!(text.contains("\nBail out! 127.0.0.1:"), "{text}");
    }
}

#[test]
fn a_server_that_dies_is_said_to_be_gone_without_advice_on_herds_of_ours() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        // The first connection is to see whether it is there.
        for _ in 0..2 {
            drop(listener.accept());
        }
    });

    let (code, text, _) = ended(&mut check(&["--assignment"], &address));

    assert_eq!(code, Some(1));
    assert!(text.contains("is not running: nothing listens there"), "{text}");
    assert!(text.contains("\nBail out! ") && !text.contains("herd up"), "{text}");
}

/// How a check of such a server ends, what it prints, and the most memory it had.
fn checked(args: &[&str], serve: fn(TcpStream)) -> (Option<i32>, String, u64) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || serve(stream));
        }
    });
    ended(&mut check(args, &address))
}

fn check(args: &[&str], address: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_herd"))
        .arg("check")
        .args(args)
        .arg(address)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for its end, longer than it has any reason to take, and watches its memory.
fn ended(child: &mut Child) -> (Option<i32>, String, u64) {
    let mut stdout = child.stdout.take().unwrap();
    let printed = thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).unwrap();
        text
    });
    let mut peak_kib = 0;
    for _ in 0..18_000 {
        if let Some(status) = child.try_wait().unwrap() {
            return (status.code(), printed.join().unwrap(), peak_kib);
        }
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse().ok());
        peak_kib = kib.unwrap_or(peak_kib);
        thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    panic!("it does not end: {}", printed.join().unwrap());
}
