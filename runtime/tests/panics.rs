//! A server that panics ends, and says where.

use core::net::Ipv4Addr;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::thread;

use herd_runtime::{Door, Host, Server, server};

/// A socket that panics when it is told to.
struct Broken {
    stream: TcpStream,
    panics: Arc<AtomicBool>,
}

impl AsFd for Broken {
    fn as_fd(&self) -> BorrowedFd<'_> {
        assert!(!self.panics.load(Ordering::Relaxed), "this socket is broken");
        self.stream.as_fd()
    }
}

/// Names the directory of a server that this test program is to be.
const DIRECTORY: &str = "HERD_TEST_PANICS_IN";

/// Not a test: what the test below starts.
#[test]
fn a_server_of_which_one_thread_panics() {
    let Some(directory) = env::var_os(DIRECTORY) else { return };
    let config = [directory, "/herd.toml".into()].into_iter().collect::<OsString>();
    let args = ["herd-test".into(), "Hill".into(), "--config".into(), config];
    let code = server::run("herd-test", args, |server, ready| {
        let Server { settings, log, inquiry, .. } = server;
        let host = Arc::new(Host::new(settings.host(), log, inquiry, |_| {}));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, from) = listener.accept().unwrap();
        let panics = Arc::new(AtomicBool::new(false));
        let broken = Broken { stream, panics: Arc::clone(&panics) };
        let port = host.accepted(broken, from, Door::Clients).unwrap();
        ready();
        panics.store(true, Ordering::Relaxed);
        // As a runtime does: what panics on another thread does not end this one.
        let other = Arc::clone(&host);
        assert!(thread::spawn(move || other.lost(&port)).join().is_err());
        // The server goes on.
        let _ = host.counters();
        loop {
            thread::park();
        }
    });
    assert_eq!(code, ExitCode::SUCCESS);
}

#[test]
fn a_panic_under_the_lock_ends_the_process_and_says_where() {
    let dir = tempfile::tempdir().unwrap();
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let text = format!("[log]\nlevel = 'events'\n[[server]]\nname = 'Hill'\naddress = '{free}'\n");
    fs::write(dir.path().join("herd.toml"), text).unwrap();
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "a_server_of_which_one_thread_panics"])
        .env(DIRECTORY, dir.path())
        .env("XDG_STATE_HOME", dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let patience = Duration::from_secs(20);
    let begun = herd_clock::now().mono;
    while child.try_wait().unwrap().is_none() {
        if herd_clock::now().mono.since(begun) > patience {
            child.kill().unwrap();
            panic!("the server goes on after a panic");
        }
        thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().unwrap();

    let place = "runtime/tests/panics.rs:";
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains(&format!("error: herd-test ends: panicked at {place}")), "{stderr}");
    assert_eq!(output.status.code(), Some(101), "{stderr}");
    let log = fs::read_to_string(dir.path().join("logs/Hill.log")).unwrap();
    assert!(log.contains(&format!("! herd-test ends: panicked at {place}")), "{log}");
}
