//! A program that runs: what it prints, signals, memory, its end.

use crate::{PATIENCE, eventually_some};
use core::time::Duration;
use rustix::process::{
    Pid, Resource, Rlimit, getrlimit, kill_process, kill_process_group, prlimit,
};
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use tempfile::TempDir;

pub use rustix::process::Signal;

/// A running program. Killed when dropped.
///
/// What it prints goes to files, so that it never waits for a reader.
#[derive(Debug)]
pub struct Program {
    child: Child,
    ended: Option<ExitStatus>,
    stdout: PathBuf,
    stderr: PathBuf,
    leads_group: bool,
}

/// What is left of a program that has ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ended {
    /// The exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// What it printed on standard output.
    pub stdout: String,
    /// What it printed on standard error.
    pub stderr: String,
}

impl Program {
    /// Starts `command`; what it prints goes to `<name>.out` and `<name>.err` in `dir`.
    #[track_caller]
    pub fn start(command: &mut Command, dir: &Path, name: &str) -> Self {
        Self::spawn(command, dir, name, false)
    }

    /// Starts `command` in a process group of its own, all of which is killed when this is dropped.
    ///
    /// For a program that starts others.
    #[track_caller]
    pub fn start_group(command: &mut Command, dir: &Path, name: &str) -> Self {
        Self::spawn(command.process_group(0), dir, name, true)
    }

    #[track_caller]
    fn spawn(command: &mut Command, dir: &Path, name: &str, leads_group: bool) -> Self {
        let stdout = dir.join(format!("{name}.out"));
        let stderr = dir.join(format!("{name}.err"));
        let child = command
            .stdout(File::create(&stdout).expect("the directory takes a file"))
            .stderr(File::create(&stderr).expect("the directory takes a file"))
            .spawn()
            .expect("the program starts");
        Self { child, ended: None, stdout, stderr, leads_group }
    }

    /// Runs a command that ends by itself, and waits for its end.
    #[track_caller]
    pub fn run(command: &mut Command) -> Ended {
        let dir = TempDir::new().expect("a temporary directory can be made");
        let mut program = Self::start(command, dir.path(), "run");
        let code = program.wait(PATIENCE);
        Ended { code, stdout: program.stdout(), stderr: program.stderr() }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed on standard output.
    pub fn stdout(&self) -> String {
        text(&self.stdout)
    }

    /// What it has printed on standard error.
    pub fn stderr(&self) -> String {
        text(&self.stderr)
    }

    /// Sends it a signal.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal)
            .expect("the program is there to be told");
    }

    /// Sends a signal to all of the group it leads, as a terminal does.
    #[track_caller]
    pub fn signal_group(&self, signal: Signal) {
        assert!(self.leads_group, "it leads no group");
        kill_process_group(Pid::from_child(&self.child), signal).expect("the group is there");
    }

    /// Its exit code, or nothing while it runs or where a signal ended it.
    pub fn exit_code(&mut self) -> Option<i32> {
        self.status().and_then(|status| status.code())
    }

    /// Whether it has ended, one way or another.
    pub fn has_ended(&mut self) -> bool {
        self.status().is_some()
    }

    /// Waits for its end and returns the exit code.
    #[track_caller]
    pub fn wait(&mut self, deadline: Duration) -> Option<i32> {
        eventually_some(deadline, || self.status()).code()
    }

    /// Waits for a line on standard output that starts with `start`, and returns it.
    #[track_caller]
    pub fn wait_for_line(&mut self, start: &str) -> String {
        eventually_some(PATIENCE, || {
            let line = whole_line(&self.stdout(), start);
            let ended = line.is_none() && self.has_ended();
            assert!(!ended, "it ended without {start:?}: {}{}", self.stdout(), self.stderr());
            line
        })
    }

    /// Bytes of memory it has in use.
    #[track_caller]
    pub fn resident_bytes(&self) -> u64 {
        let status = text(Path::new(&format!("/proc/{}/status", self.pid())));
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("it runs");
        let kib = line.split_whitespace().nth(1).expect("VmRSS has a number");
        kib.parse::<u64>().expect("VmRSS is a number") * 1024
    }

    /// How long it has kept processors busy.
    #[track_caller]
    pub fn processor_time(&self) -> Duration {
        let stat = text(Path::new(&format!("/proc/{}/stat", self.pid())));
        let (_, after_name) = stat.rsplit_once(')').expect("it runs");
        let fields: Vec<_> = after_name.split_whitespace().collect();
        let ticks = [11, 12].map(|at: usize| fields[at].parse::<u64>().expect("times are numbers"));
        Duration::from_millis(10 * (ticks[0] + ticks[1]))
    }

    /// How many descriptors it has open.
    #[track_caller]
    pub fn descriptors(&self) -> u64 {
        let open = fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("it runs");
        u64::try_from(open.count()).expect("64 bits are enough")
    }

    /// How many threads it has.
    #[track_caller]
    pub fn threads(&self) -> usize {
        fs::read_dir(format!("/proc/{}/task", self.pid())).expect("it runs").count()
    }

    /// Lets it have no more than `count` descriptors open from now on.
    #[track_caller]
    pub fn limit_descriptors(&self, count: u64) {
        // The hard limit stays, so that it may be let have more again.
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let limit = Rlimit { current: Some(count), maximum };
        prlimit(Some(Pid::from_child(&self.child)), Resource::Nofile, limit).expect("it runs");
    }

    fn status(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("a child can be waited for");
        }
        self.ended
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.leads_group {
            // No such group any more is no error.
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn whole_line(text: &str, start: &str) -> Option<String> {
    let line = text.split_inclusive('\n').find(|line| line.starts_with(start))?;
    line.strip_suffix('\n').map(str::to_owned)
}

fn text(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
