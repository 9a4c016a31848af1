//! A PostgreSQL server of one's own, gone when dropped.

use core::time::Duration;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::{env, fs, io, thread};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

/// A server that listens on a socket in a directory of its own.
#[derive(Debug)]
pub(crate) struct Postgres {
    dir: TempDir,
    server: Child,
}

impl Postgres {
    pub(crate) fn start() -> io::Result<Self> {
        let bin = programs()?;
        let dir = tempfile::tempdir()?;
        let owner = owner();
        if let Some((uid, gid)) = owner {
            chown(dir.path(), Some(uid), Some(gid))?;
        }
        let data = dir.path().join("data");
        let command = |program: &str| {
            let mut command = Command::new(bin.join(program));
            command.current_dir(dir.path()).stdin(Stdio::null()).stdout(Stdio::null());
            if let Some((uid, gid)) = owner {
                command.uid(uid).gid(gid);
            }
            command
        };
        let made = command("initdb")
            .arg("-D")
            .arg(&data)
            .args(["-U", "herd", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"])
            .status()?;
        if !made.success() {
            return Err(io::Error::other("initdb failed"));
        }
        let log = fs::File::create(dir.path().join("log"))?;
        let server = command("postgres")
            .arg("-D")
            .arg(&data)
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_wal_size=8GB", "-k"])
            .arg(dir.path())
            .stderr(log)
            .spawn()?;
        let postgres = Self { dir, server };
        while !postgres.socket().exists() {
            thread::sleep(Duration::from_millis(20));
        }
        Ok(postgres)
    }

    pub(crate) fn url(&self) -> String {
        let dir = self.dir.path().display().to_string().replace('/', "%2F");
        format!("postgres://herd@{dir}/postgres")
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join(".s.PGSQL.5432")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // It ends its own processes when it is told to.
        _ = kill_process(Pid::from_child(&self.server), Signal::INT);
        _ = self.server.wait();
    }
}

/// Where its programs are: among those that can be called, or where Debian puts them.
fn programs() -> io::Result<PathBuf> {
    let paths = env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<_> = env::split_paths(&paths).collect();
    if let Ok(versions) = fs::read_dir("/usr/lib/postgresql") {
        found.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    let is_there = |dir: &PathBuf| dir.join("initdb").is_file() && dir.join("postgres").is_file();
    found.into_iter().find(is_there).ok_or_else(|| io::Error::other("there is no PostgreSQL here"))
}

/// As whom it runs, since it refuses to be root: nobody, then.
fn owner() -> Option<(u32, u32)> {
    const NOBODY: (u32, u32) = (65534, 65534);
    geteuid().is_root().then_some(NOBODY)
}
