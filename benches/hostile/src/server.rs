//! A server to be measured, a process of its own.

use core::net::{Ipv4Addr, SocketAddr};
use std::env;
use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{self, Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tempfile::TempDir;

use crate::error::Error;

/// The one server that runs. Killed when dropped, and by [`stop_on_signals`].
#[derive(Debug)]
pub(crate) struct Server {
    pid: u32,
    address: SocketAddr,
}

/// The process, and the folder with its files.
static RUNNING: Mutex<Option<(Child, TempDir)>> = Mutex::new(None);

/// From now on a signal that ends this process ends the server first.
pub(crate) fn stop_on_signals() -> io::Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            stop();
            process::exit(128 + signal);
        }
    });
    Ok(())
}

fn stop() {
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some((mut child, _dir)) = running {
        // One that has ended already is no error.
        _ = child.kill();
        _ = child.wait();
    }
}

impl Server {
    /// Starts a server, with room for so many connections where it has a limit.
    pub(crate) fn start(name: &str, connections: u32) -> Result<Self, Error> {
        // Both are held until both are known, so that they differ.
        let free = [free_port()?, free_port()?];
        let [address, link_address] = [free[0].local_addr()?, free[1].local_addr()?];
        drop(free);
        let dir = TempDir::new()?;
        let mut command = if name.starts_with("herd-") {
            let config = dir.path().join("herd.toml");
            fs::write(&config, configuration(address, link_address, connections))
                .map_err(|source| Error::File { path: config.clone(), source })?;
            let mut command = Command::new(beside_this_program(name)?);
            command.args(["Hill", "--config"]).arg(config);
            command
        } else {
            let mut command = Command::new("benches/peers/start");
            command.args([name, "Hill"]).arg(address.port().to_string());
            command
        };
        let not_started = |why: String| Error::NotStarted { server: name.to_owned(), why };
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| not_started(error.to_string()))?;
        let stdout = child.stdout.take().expect("it is piped");
        let server = Self { pid: child.id(), address };
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = Some((child, dir));
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        if line.contains("listens on") {
            Ok(server)
        } else {
            Err(not_started(format!("it said {line:?}")))
        }
    }

    /// Where its clients connect.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Bytes of memory it has in use.
    pub(crate) fn resident_bytes(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let kib = status.lines().find_map(|line| {
            line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse::<u64>().ok()
        });
        kib.map(|kib| kib * 1024).ok_or_else(|| io::Error::other("it has ended"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        stop();
    }
}

fn free_port() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
}

fn beside_this_program(name: &str) -> io::Result<PathBuf> {
    Ok(env::current_exe()?.with_file_name(name))
}

fn configuration(address: SocketAddr, link_address: SocketAddr, connections: u32) -> String {
    format!(
        "[limits]\nconnections = {connections}\n[log]\nlevel = \"off\"\n[[server]]\nname = \"Hill\"\n\
         address = \"{address}\"\nlink_address = \"{link_address}\"\n"
    )
}
