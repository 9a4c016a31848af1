//! A PostgreSQL of the tests' own.

use core::sync::atomic::{AtomicU32, Ordering};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;

use herd_tests::{PATIENCE, Signal, eventually};
use rustix::process::{Pid, kill_process};
use tempfile::TempDir;

/// Whom the server runs as where the tests run as root, which it refuses: `nobody`.
const NOBODY: u32 = 65_534;

/// A server in a directory of its own, reached by a socket there.
///
/// A shell watches over it: when this process ends, however it does, the pipe between them closes, and the
/// shell stops the server and removes the directory.
pub(crate) struct Postgres {
    dir: PathBuf,
    bin: PathBuf,
    is_root: bool,
    shell: Option<(Child, ChildStdin)>,
}

impl Postgres {
    /// The server that all tests share that do not stop it.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// A server of one's own.
    pub(crate) fn start() -> Self {
        let dir = TempDir::with_prefix("herd-pg-").unwrap().keep();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
        let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
        if is_root {
            chown(&dir, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let mut server = Self { dir, bin: binaries(), is_root, shell: None };
        let made = server
            .command("initdb")
            .args(["--auth=trust", "--username=herd", "--no-sync", "--encoding=UTF8", "-D"])
            .arg(server.dir.join("data"))
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success(), "initdb makes a database");
        server.resume_service();
        server
    }

    /// Starts the server, or starts it again.
    pub(crate) fn resume_service(&mut self) {
        assert!(self.shell.is_none(), "it is stopped");
        // It waits for a line, or for the pipe to close.
        let script = r#"
            "$0/postgres" -D "$1/data" -k "$1" -c listen_addresses= -c fsync=off -c max_connections=200 \
                >>"$1/log" 2>&1 </dev/null & server=$!
            read -r line
            kill -CONT $server; kill -QUIT $server; wait $server
            [ "$line" = keep ] || rm -rf "$1"
        "#;
        let mut shell = self.as_user(Command::new("sh"));
        let mut shell = shell
            .args(["-c", script])
            .args([&self.bin, &self.dir])
            // A signal from the terminal is for the tests, which then close the pipe.
            .process_group(0)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let pipe = shell.stdin.take().unwrap();
        self.shell = Some((shell, pipe));
        eventually(PATIENCE, || {
            let mut ready = self.command("pg_isready");
            ready.args(["-q", "-U", "herd", "-h"]).arg(&self.dir).status().unwrap().success()
        });
    }

    /// Stops the server, as in a crash.
    pub(crate) fn stop(&mut self) {
        let (mut shell, mut pipe) = self.shell.take().expect("it runs");
        pipe.write_all(b"keep\n").unwrap();
        shell.wait().unwrap();
    }

    /// Sends a signal to all processes of the server.
    pub(crate) fn signal_all(&self, signal: Signal) {
        let postmaster = fs::read_to_string(self.dir.join("data/postmaster.pid")).unwrap();
        let postmaster: i32 = postmaster.lines().next().unwrap().parse().unwrap();
        let mut pids = vec![postmaster];
        for entry in fs::read_dir("/proc").unwrap() {
            let name = entry.unwrap().file_name();
            let Ok(pid) = name.to_string_lossy().parse::<i32>() else { continue };
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1));
            if parent == Some(&postmaster.to_string()) {
                pids.push(pid);
            }
        }
        for pid in pids {
            // A backend may have ended since.
            _ = kill_process(Pid::from_raw(pid).unwrap(), signal);
        }
    }

    /// The address of a new database.
    pub(crate) fn database(&self) -> String {
        self.database_with(&[])
    }

    /// The address of a new database that is made with these arguments of `createdb`.
    pub(crate) fn database_with(&self, args: &[&str]) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("t{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let mut create = self.command("createdb");
        create.args(["-U", "herd", "-h"]).arg(&self.dir).args(args).arg(&name);
        let made = create.status().unwrap();
        assert!(made.success(), "a database can be made");
        format!("postgres://herd@localhost/{name}?host={}", self.dir.display())
    }

    /// Carries out a statement in the database with this address.
    pub(crate) fn sql(&self, database: &str, sql: &str) {
        let mut psql = self.command("psql");
        let done = psql.args(["-q", "-U", "herd", "-d", database, "-c", sql]).stdout(Stdio::null());
        assert!(done.status().unwrap().success(), "{sql}");
    }

    fn command(&self, name: &str) -> Command {
        self.as_user(Command::new(self.bin.join(name)))
    }

    fn as_user(&self, mut command: Command) -> Command {
        if self.is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.current_dir(&self.dir).env("LC_ALL", "C");
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.shell.is_some() {
            self.stop();
        }
        _ = fs::remove_dir_all(&self.dir);
    }
}

/// Where the newest server is installed.
fn binaries() -> PathBuf {
    let root = Path::new("/usr/lib/postgresql");
    let versions = fs::read_dir(root).into_iter().flatten().flatten();
    let newest = versions
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .max_by_key(|bin| version(bin));
    newest.expect("PostgreSQL is installed: on Debian the package postgresql")
}

fn version(bin: &Path) -> u32 {
    let name = bin.parent().and_then(Path::file_name).unwrap_or_default();
    name.to_string_lossy().parse().unwrap_or(0)
}
