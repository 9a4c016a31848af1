//! `herd up` with servers that play their part: shell scripts, by the name of a server.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use core::time::Duration;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use std::fs;
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use tempfile::TempDir;

/// Plays `herd-async-std`: what it does depends on the name it is given.
const SERVER: &str = r#"#!/bin/sh
echo $$ > "$1.pid"
case $1 in
    Fails) echo 'address in use' >&2; exit 1 ;;
    Stubborn) trap '' TERM ;;
    Slow) trap 'sleep 0.1; touch Slow.ended; exit 0' TERM ;;
esac
echo "warning: of $1 with $*" >&2
echo "herd-async-std: $1 listens on 127.0.0.1:1"
case $1 in
    Ends) exit 3 ;;
    Slow) while :; do sleep 0.1; done ;;
    *) exec sleep 600 ;;
esac
"#;

/// A directory with `herd` and the scripts beside it, the same for all tests.
///
/// It is complete before the first process starts: one that is being started holds open for a moment
/// what this one is writing, and a file that is open for writing cannot be run.
fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("up");
        if dir.exists() {
            fs::remove_dir_all(&dir).unwrap();
        }
        fs::create_dir_all(dir.join("alone")).unwrap();
        for place in [dir.join("herd"), dir.join("alone/herd")] {
            fs::hard_link(env!("CARGO_BIN_EXE_herd"), place).unwrap();
        }
        let script = dir.join("herd-async-std");
        fs::write(&script, SERVER).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        dir
    })
}

/// A herd that was started, and the directory it was started in.
struct Up {
    dir: TempDir,
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Up {
    /// Starts a herd of these servers, whose upstream is nobody's.
    fn start(servers: &[&str]) -> Self {
        Self::start_with(servers, "http://10.0.0.1/search")
    }

    fn start_with(servers: &[&str], upstream: &str) -> Self {
        let servers: Vec<_> = servers.iter().copied().zip(1..).collect();
        Self::start_at(&servers, upstream, "async-std")
    }

    /// Starts servers that are given a port each.
    fn start_at(servers: &[(&str, u16)], upstream: &str, runtime: &str) -> Self {
        let program = programs().join("herd");
        let dir = tempfile::tempdir().unwrap();
        let mut config = format!("[upstream]\nurl = '{upstream}'\n");
        let first = servers[0].0;
        for (name, port) in servers {
            config += &format!("[[server]]\nname = '{name}'\naddress = '127.0.0.1:{port}'\n");
            if *name != first {
                config += &format!("talks_with = ['{first}']\n");
            }
        }
        fs::write(dir.path().join("herd.toml"), config).unwrap();
        let mut child = Command::new(program)
            .args(["up", "--runtime", runtime, "--config", "herd.toml"])
            .current_dir(dir.path())
            .env("XDG_STATE_HOME", dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { dir, child, stdout }
    }

    /// Reads on until the herd runs.
    fn ready(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.stdout.next().expect("the herd starts").unwrap();
            lines.push(line);
            if lines.last().unwrap() == "Ctrl-C stops the herd." {
                return lines;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The exit code, and what it said on standard error.
    fn end(mut self) -> (Option<i32>, String, TempDir) {
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (self.child.wait().unwrap().code(), stderr, self.dir)
    }
}

/// Waits until a server's process is gone.
fn wait_for_end(dir: &TempDir, server: &str) {
    let pid = fs::read_to_string(dir.path().join(format!("{server}.pid"))).unwrap();
    let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    // When there is no such process, it is gone already.
    if let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) {
        poll(&mut [PollFd::new(&process, PollFlags::IN)], None).unwrap();
    }
}

#[test]
fn a_herd_runs_until_it_is_told_to_stop() {
    let mut up = Up::start(&["North", "South"]);
    let lines = up.ready();
    up.signal(Signal::TERM);
    let (code, stderr, dir) = up.end();

    assert_eq!(lines[0], "herd: the upstream is http://10.0.0.1/search");
    assert_eq!(lines[2], "North   127.0.0.1:1  South       logs/North.log");
    let north =
        programs().join("herd").display().to_string() + " send --config herd.toml North 'IAMAT ";
    assert!(lines.iter().any(|line| line.trim().starts_with(&north)), "{lines:#?}");
    assert_eq!(code, Some(0));
    assert!(
        stderr.contains("North: warning: of North with North --config herd.toml\n"),
        "{stderr}"
    );
    wait_for_end(&dir, "North");
    wait_for_end(&dir, "South");
}

#[test]
fn a_server_that_cannot_start_takes_the_herd_down() {
    let up = Up::start(&["North", "Fails"]);
    let (code, stderr, dir) = up.end();

    assert_eq!(code, Some(1));
    assert!(stderr.contains("Fails: address in use\n"), "{stderr}");
    assert!(
        stderr.ends_with("herd: Fails could not start (exit status: 1): the herd is taken down\n"),
        "{stderr}"
    );
    // It may have been told to end before it wrote its number.
    if fs::read_to_string(dir.path().join("North.pid")).is_ok_and(|pid| pid.ends_with('\n')) {
        wait_for_end(&dir, "North");
    }
}

#[test]
fn a_server_that_ends_is_missed_and_not_restarted() {
    let mut up = Up::start(&["North", "Ends"]);
    up.ready();
    let mut stderr = BufReader::new(up.child.stderr.take().unwrap()).lines();
    let said = stderr.find(|line| line.as_ref().unwrap().starts_with("herd: ")).unwrap().unwrap();
    assert_eq!(said, "herd: Ends has ended: exit status: 3");

    up.signal(Signal::INT);

    assert_eq!(up.child.wait().unwrap().code(), Some(0));
}

#[test]
fn when_no_server_is_left_there_is_nothing_to_wait_for() {
    let mut up = Up::start(&["Ends"]);
    up.ready();
    let (code, stderr, _) = up.end();

    assert_eq!(code, Some(1));
    assert!(stderr.ends_with("herd: every server has ended\n"), "{stderr}");
}

#[test]
fn a_second_signal_does_not_wait() {
    let mut up = Up::start(&["Stubborn"]);
    up.ready();
    // One that comes at once with the first does not count.
    while up.child.try_wait().unwrap().is_none() {
        up.signal(Signal::INT);
        thread::sleep(Duration::from_millis(100));
    }
    let (code, stderr, dir) = up.end();

    assert_eq!(code, Some(0));
    assert!(stderr.ends_with("herd: Stubborn is not waited for, and is killed\n"), "{stderr}");
    wait_for_end(&dir, "Stubborn");
}

#[test]
fn a_server_that_does_not_end_is_said_not_to() {
    let mut up = Up::start(&["Stubborn"]);
    up.ready();
    up.signal(Signal::TERM);
    let (code, stderr, _) = up.end();

    assert_eq!(code, Some(0));
    assert!(stderr.ends_with("herd: Stubborn does not end, and is killed\n"), "{stderr}");
}

/// As GNU `timeout` sends them: to its child, and to its group.
#[test]
fn two_signals_at_once_are_one() {
    let mut up = Up::start(&["Slow", "South"]);
    up.ready();
    up.signal(Signal::TERM);
    up.signal(Signal::INT);
    let (code, stderr, dir) = up.end();

    assert_eq!(code, Some(0));
    assert!(!stderr.contains("killed"), "{stderr}");
    assert!(dir.path().join("Slow.ended").exists());
}

#[test]
fn no_server_outlives_a_herd_that_was_killed() {
    let mut up = Up::start(&["North", "South"]);
    up.ready();
    up.child.kill().unwrap();
    let (_, _, dir) = up.end();

    wait_for_end(&dir, "North");
    wait_for_end(&dir, "South");
}

#[test]
fn an_upstream_that_runs_already_is_used() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let upstream = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 404 Not Found\r\n\r\n").unwrap();
        drop(stream.read_to_end(&mut Vec::new()));
    });
    let url = format!("http://{address}/maps/api/place/nearbysearch/json");
    let mut up = Up::start_with(&["North"], &url);
    let lines = up.ready();
    up.signal(Signal::TERM);

    let said = format!("herd: something answers on {address} already: it is used as the upstream");
    assert_eq!(lines[0], said);
    upstream.join().unwrap();
    assert_eq!(up.end().0, Some(0));
}

#[test]
fn a_runtime_that_is_not_built_is_said_to_be_missing() {
    let output = Command::new(programs().join("alone/herd"))
        .args(["up", "--runtime", "async-std"])
        .output()
        .unwrap();

    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "herd: there is no herd-async-std beside this program: \
         `cargo build --release -p herd-async-std` builds it\n"
    );
}

#[test]
fn an_upstream_that_is_not_built_is_said_to_be_missing() {
    let dir = tempfile::tempdir().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = free.local_addr().unwrap();
    drop(free);
    let config = format!(
        "provider = 'posts'\n[upstream]\nurl = 'http://{upstream}/search.json'\n\
         [[server]]\nname = 'North'\naddress = '127.0.0.1:1'\n"
    );
    fs::write(dir.path().join("herd.toml"), config).unwrap();

    let output = Command::new(programs().join("alone/herd"))
        .args(["up", "--config", "herd.toml"])
        .current_dir(dir.path())
        .env("XDG_STATE_HOME", dir.path())
        .output()
        .unwrap();

    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "herd: there is no herd-posts beside this program: \
         `cargo build --release -p herd-posts` builds it\n"
    );
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn servers_that_are_built_in_answer_and_end() {
    // Both are held until both are known, or they might be the same.
    let free = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let ports = free.each_ref().map(|listener| listener.local_addr().unwrap().port());
    drop(free);
    let mut up = Up::start_at(
        &[("North", ports[0]), ("South", ports[1])],
        "http://10.0.0.1/search",
        "tokio",
    );
    up.ready();

    for name in ["North", "South"] {
        let output = Command::new(programs().join("herd"))
            .args(["send", "--config", "herd.toml", name, "IAMAT kiwi +34.0-118.4 1520023934.9"])
            .current_dir(up.dir.path())
            .output()
            .unwrap();
        let answer = String::from_utf8(output.stdout).unwrap();
        assert!(answer.starts_with(&format!("AT {name} +")), "{answer}");
    }
    up.signal(Signal::INT);
    let (code, stderr, dir) = up.end();

    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    for log in ["logs/North.log", "logs/South.log"] {
        assert!(fs::read_to_string(dir.path().join(log)).unwrap().contains(" IAMAT kiwi "));
    }
}
