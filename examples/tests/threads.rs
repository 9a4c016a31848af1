//! Two servers of `threads` that are neighbours, asked over their sockets.
#![expect(clippy::unwrap_used, reason = "a test that can not go on panics")]

use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{self, Child, Command, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

#[test]
fn what_one_server_hears_its_neighbour_answers() {
    let herd = Herd::start();

    let report = "IAMAT kiwi +34.068930-118.445127 1520023934.918963997\n";
    let heard = ask(&herd.north.address, report);
    assert!(heard.starts_with("AT North +"), "{heard}");
    assert!(heard.ends_with(" kiwi +34.068930-118.445127 1520023934.918963997\n"), "{heard}");

    let answer = herd.south.knows("kiwi");
    let (at_line, body) = answer.split_once('\n').unwrap();
    assert_eq!(at_line, heard.trim_end());
    assert!(body.contains(r#""error_message":"the provider can not be reached""#), "{body}");

    for server in [herd.north, herd.south] {
        assert_eq!(server.stop(), Some(0));
    }
}

#[test]
fn a_client_that_reads_nothing_keeps_nobody_else_waiting() {
    let herd = Herd::start();
    let greedy = TcpStream::connect(&herd.north.address).unwrap();
    greedy.set_write_timeout(Some(Duration::from_millis(500))).unwrap();

    // Until neither side takes any more.
    let line = [b'x'; 8000];
    while (&greedy).write_all(&line).and_then(|()| (&greedy).write_all(b"\n")).is_ok() {}

    assert_eq!(ask(&herd.north.address, "hello\n"), "? hello\n");

    // What it has asked is answered all the same.
    greedy.shutdown(Shutdown::Write).unwrap();
    let mut answers = Vec::new();
    (&greedy).read_to_end(&mut answers).unwrap();
    let lines: Vec<_> = answers.split_inclusive(|byte| *byte == b'\n').collect();
    assert!(lines.len() > 100);
    assert!(lines.iter().all(|answer| answer.starts_with(b"? x")));
}

#[test]
fn a_neighbour_that_comes_late_is_told_everything() {
    let mut herd = Herd::start();
    assert_eq!(herd.south.stop(), Some(0));

    // Some 2 MB: more than a link takes at once.
    for batch in 0..20 {
        let reports: String =
            (0..1000).map(|n| format!("IAMAT kiwi-{batch}-{n}-{:060} +1-1 100\n", 0)).collect();
        assert_eq!(ask(&herd.north.address, &reports).lines().count(), 1000);
    }
    herd.south = Server::start("South", herd.dir.path(), &herd.south_address);

    for batch in 0..20 {
        for n in [0, 500, 999] {
            herd.south.knows(&format!("kiwi-{batch}-{n}-{:060}", 0));
        }
    }
}

#[test]
fn a_herd_with_tls_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(dir.path().join("North.pem"), certified.cert.pem()).unwrap();
    fs::write(dir.path().join("North.key"), certified.signing_key.serialize_pem()).unwrap();
    let [north, ..] = free_addresses();
    let config = format!(
        "tls = {{ certificate = \"North.pem\", key = \"North.key\", links = false }}\n\
         [[server]]\nname = \"North\"\naddress = \"{north}\"\n"
    );
    fs::write(dir.path().join("herd.toml"), config).unwrap();

    let threads = command("North", dir.path()).output().unwrap();

    assert_eq!(threads.status.code(), Some(2));
    let said = String::from_utf8(threads.stderr).unwrap();
    let expected = "threads: this server does not speak TLS: take [tls] out of the configuration";
    assert!(said.lines().any(|line| line == expected), "{said}");
}

/// Two neighbours and their directory, which outlives them.
struct Herd {
    north: Server,
    south: Server,
    south_address: String,
    dir: tempfile::TempDir,
}

struct Server {
    process: Child,
    address: String,
}

impl Herd {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let addresses = free_addresses();
        let [north, south, nobody] = &addresses;
        let config = format!(
            "secret_file = \"secret\"\n\
             upstream.url = \"http://{nobody}/\"\n\
             [[server]]\nname = \"North\"\naddress = \"{north}\"\ntalks_with = [\"South\"]\n\
             [[server]]\nname = \"South\"\naddress = \"{south}\"\n"
        );
        fs::write(dir.path().join("secret"), "sixteen bytes at least\n").unwrap();
        fs::write(dir.path().join("herd.toml"), config).unwrap();
        Self {
            north: Server::start("North", dir.path(), north),
            south: Server::start("South", dir.path(), south),
            south_address: south.clone(),
            dir,
        }
    }
}

impl Server {
    fn start(name: &str, dir: &Path, address: &str) -> Self {
        let mut process =
            command(name, dir).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert_eq!(ready, format!("threads: {name} listens on {address}\n"));
        Self { process, address: address.to_owned() }
    }

    /// The answer to a query, once the server has heard of `client`.
    fn knows(&self, client: &str) -> String {
        for _ in 0..100 {
            let answer = ask(&self.address, &format!("WHATSAT {client} 10 5\n"));
            if !answer.starts_with('?') {
                return answer;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("the neighbour did not hear of {client}")
    }

    /// Asks the server to end; its exit code.
    fn stop(mut self) -> Option<i32> {
        let pid = Pid::from_raw(i32::try_from(self.process.id()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        self.process.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.process.kill().and_then(|()| self.process.wait()));
    }
}

/// What starts a server of the `herd.toml` in `dir`.
fn command(name: &str, dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_threads"));
    command.args([name, "--config", "herd.toml"]).current_dir(dir);
    command
}

/// Addresses that are free now and handed out to nobody else by this process. They lie between those of
/// the built-in rosters and those that kernels give to outgoing connections.
fn free_addresses() -> [String; 3] {
    static DRAWN: AtomicU32 = AtomicU32::new(0);
    [(); 3].map(|()| {
        loop {
            let drawn = process::id() * 6 + DRAWN.fetch_add(1, Ordering::Relaxed);
            let address = format!("127.0.0.1:{}", 12_300 + drawn % 600);
            if TcpListener::bind(&address).is_ok() {
                return address;
            }
        }
    })
}

/// All that is answered to `lines`.
fn ask(address: &str, lines: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(lines.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
