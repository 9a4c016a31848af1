//! A gateway in front of real servers, and requests to it.

use core::net::SocketAddr;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use herd_tests::{Herd, PATIENCE, Plan, Program, RUNTIMES};
use serde_json::Value;
use tempfile::TempDir;

use crate::golden::Golden;

/// A running gateway. Killed when dropped.
pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    /// It lives as long as this.
    _program: Option<Program>,
    _dir: Option<TempDir>,
}

/// An answer over HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Two servers on tokio that talk with each other, Hill and Jaquez.
pub(crate) fn plan() -> Plan {
    Plan::new(RUNTIMES[0]).server("Hill", &["Jaquez"]).server("Jaquez", &[])
}

pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_herd-gateway"));
    command.stdin(Stdio::null());
    command
}

impl Gateway {
    /// In front of a herd.
    #[track_caller]
    pub(crate) fn before(herd: &Herd) -> Self {
        Self::with_config(&herd.servers()[0].config())
    }

    /// By a configuration file.
    #[track_caller]
    pub(crate) fn with_config(config: &Path) -> Self {
        let dir = TempDir::new().unwrap();
        let mut command = command();
        command.arg("--config").arg(config).args(["--listen", "127.0.0.1:0"]);
        let mut program = Program::start(&mut command, dir.path(), "gateway");
        let line = program.wait_for_line("herd-gateway: listens on http://");
        let address = line.rsplit_once('/').unwrap().1.parse().unwrap();
        Self { address, _program: Some(program), _dir: Some(dir) }
    }

    /// One that somebody else has started.
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self { address, _program: None, _dir: None }
    }

    #[track_caller]
    pub(crate) fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, &[], b"")
    }

    #[track_caller]
    pub(crate) fn json(&self, target: &str) -> Value {
        let answer = self.get(target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.body);
        answer.json()
    }

    #[track_caller]
    pub(crate) fn post(&self, target: &str, body: &str) -> Answer {
        self.ask("POST", target, &[("Content-Type", "application/json")], body.as_bytes())
    }

    /// Sends a request as an application does.
    #[track_caller]
    pub(crate) fn replay(&self, name: &str) -> Answer {
        let golden = Golden::read(name);
        let headers = golden.headers.iter().filter(|(name, _)| name != "Host");
        let headers: Vec<_> =
            headers.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.ask(&golden.method, &golden.target, &headers, golden.body.as_bytes())
    }

    #[track_caller]
    pub(crate) fn ask(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut head = format!("{method} {target} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            head += &format!("Host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if method != "GET" {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        stream.write_all((head + "\r\n").as_bytes()).unwrap();
        // A server that refuses what is too long need not read all of it.
        _ = stream.write_all(body);
        let mut answer = Vec::new();
        _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }
}
