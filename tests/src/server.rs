//! One server under test, a process of its own.

use crate::{Client, Metrics, PATIENCE, Program, Runtime, Signal, binaries};
use core::net::SocketAddr;
use core::time::Duration;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use tempfile::TempDir;

/// What the servers of a herd share: the folder with their files, which goes with the last of them.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) dir: TempDir,
    pub(crate) key: Option<String>,
    pub(crate) workers: Option<usize>,
}

impl Setting {
    /// The configuration file that the server `name` reads.
    pub(crate) fn config(&self, name: &str) -> PathBuf {
        self.dir.path().join(format!("{name}.toml"))
    }
}

/// A server. Killed when dropped; a test that fails shows the end of its log.
#[derive(Debug)]
pub struct Server {
    name: String,
    runtime: Runtime,
    address: SocketAddr,
    link_address: SocketAddr,
    metrics_address: Option<SocketAddr>,
    setting: Arc<Setting>,
    program: Option<Program>,
}

impl Server {
    pub(crate) fn new(
        setting: &Arc<Setting>,
        name: &str,
        runtime: Runtime,
        address: SocketAddr,
        link_address: SocketAddr,
        metrics_address: Option<SocketAddr>,
    ) -> Self {
        let setting = Arc::clone(setting);
        let name = name.to_owned();
        Self { name, runtime, address, link_address, metrics_address, setting, program: None }
    }

    /// Its server ID.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its clients connect.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its neighbours connect.
    pub const fn link_address(&self) -> SocketAddr {
        self.link_address
    }

    /// Where its metrics are, by its configuration file.
    #[track_caller]
    pub const fn metrics_address(&self) -> SocketAddr {
        self.metrics_address.expect("the plan has metrics")
    }

    /// Its metrics as they are now.
    #[track_caller]
    pub fn metrics(&self) -> Metrics {
        Metrics::scrape(self.metrics_address())
    }

    /// The folder with its files.
    pub fn dir(&self) -> &Path {
        self.setting.dir.path()
    }

    /// Its configuration file.
    pub fn config(&self) -> PathBuf {
        self.setting.config(&self.name)
    }

    /// The command that starts it, for a test that adds to it.
    pub fn command(&self) -> Command {
        let mut command = Command::new(binaries::server(self.runtime));
        command.arg(&self.name).arg("--config").arg(self.config());
        command.arg("--log-dir").arg(self.log_dir()).current_dir(self.dir()).stdin(Stdio::null());
        command
            .env_remove("HERD_TEST_KEY")
            .envs(self.setting.key.as_ref().map(|key| ("HERD_TEST_KEY", key)));
        if let Some(workers) = self.setting.workers {
            command.arg("--workers").arg(workers.to_string());
        }
        // An environment that names a proxy must make no difference.
        command.env("http_proxy", "http://127.0.0.1:9").env("HTTP_PROXY", "http://127.0.0.1:9");
        command
            .env("all_proxy", "http://127.0.0.1:9")
            .env_remove("no_proxy")
            .env_remove("NO_PROXY");
        command
    }

    /// Starts it and waits until it accepts connections.
    #[track_caller]
    pub fn start(&mut self) {
        let command = self.command();
        self.start_as(command);
    }

    /// Starts it by a command made from [`Server::command`], and waits until it accepts connections.
    #[track_caller]
    pub fn start_as(&mut self, mut command: Command) {
        assert!(self.program.is_none(), "{} runs already", self.name);
        let mut program = Program::start(&mut command, self.dir(), &self.name);
        let ready = program.wait_for_line(&format!("{}:", self.runtime.program()));
        let expected =
            format!("{}: {} listens on {}", self.runtime.program(), self.name, self.address);
        assert_eq!(ready, expected);
        self.program = Some(program);
    }

    /// The running program.
    #[track_caller]
    pub const fn program(&mut self) -> &mut Program {
        self.program.as_mut().expect("the server has been started")
    }

    /// Kills it without a word, as `kill -9` does.
    pub fn kill(&mut self) {
        self.program = None;
    }

    /// Sends it a signal.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        self.program.as_ref().expect("the server has been started").signal(signal);
    }

    /// Waits for its end and returns the exit code.
    #[track_caller]
    pub fn wait(&mut self, deadline: Duration) -> Option<i32> {
        self.program().wait(deadline)
    }

    /// Asks it to end, and checks that it does as asked.
    #[track_caller]
    pub fn stop(&mut self) {
        self.signal(Signal::TERM);
        assert_eq!(self.wait(PATIENCE), Some(0), "of a server that was asked to end");
        self.program = None;
    }

    /// A new client of it.
    #[track_caller]
    pub fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// Where its log is.
    pub fn log_file(&self) -> PathBuf {
        self.log_dir().join(format!("{}.log", self.name))
    }

    /// The folder of its log.
    pub fn log_dir(&self) -> PathBuf {
        self.dir().join("logs")
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.log_bytes()).into_owned()
    }

    /// Its log so far, as it stands on disk.
    pub fn log_bytes(&self) -> Vec<u8> {
        // A test may put something in its place that cannot be read to an end.
        let file = self.log_file();
        if file.is_file() { fs::read(file).unwrap_or_default() } else { Vec::new() }
    }

    /// What it has printed on standard error.
    pub fn stderr(&self) -> String {
        self.program.as_ref().map(Program::stderr).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- {}, standard error:\n{}", self.name, self.stderr());
            eprintln!("--- {}, end of the log:\n{}", self.name, last_lines(&self.log(), 20));
        }
    }
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<_> = text.lines().collect();
    let shown = lines[lines.len().saturating_sub(count)..].iter();
    shown.map(|line| line.chars().take(200).collect::<String>() + "\n").collect()
}
