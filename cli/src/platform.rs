//! What the standard library does not do with processes.

use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::io;
use std::os::unix::process::{CommandExt, parent_id};
use std::path::Path;
use std::process::{Child, Command};

/// Sees to it that this process does not outlive its parent, where the system has means for that, and says whether
/// the parent is still there.
pub(crate) fn tether(parent: u32) -> bool {
    // It stays in force when the process becomes another program.
    #[cfg(target_os = "linux")]
    if rustix::process::set_parent_process_death_signal(Some(Signal::TERM)).is_err() {
        return false;
    }
    parent_id() == parent
}

/// Becomes another program; returns only if that cannot be done.
pub(crate) fn become_program(program: &Path, args: impl Iterator<Item = OsString>) -> io::Error {
    Command::new(program).args(args).exec()
}

/// Keeps Ctrl-C away from a child, which is told by its parent when to end: a second signal would
/// mean that it should not take the time to answer what it owes.
pub(crate) fn shield(command: &mut Command) {
    command.process_group(0);
}

/// Asks a child to end.
pub(crate) fn ask_to_end(child: &Child) -> io::Result<()> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    Ok(kill_process(pid.expect("a child has a number"), Signal::TERM)?)
}
