//! What is different from one operating system to another: everything about processes.

#[cfg(not(unix))]
pub(crate) use other::*;
#[cfg(unix)]
pub(crate) use unix::*;

#[cfg(unix)]
mod unix {
    use rustix::process::{Pid, Signal, kill_process};
    use std::ffi::OsString;
    use std::io;
    use std::os::unix::process::{CommandExt, parent_id};
    use std::path::Path;
    use std::process::{Child, Command};

    /// Sees to it that this process does not outlive its parent, and says whether the parent is still
    /// there.
    pub(crate) fn tether(parent: u32) -> bool {
        // It stays in force when the process becomes another program.
        #[cfg(target_os = "linux")]
        if rustix::process::set_parent_process_death_signal(Some(Signal::TERM)).is_err() {
            return false;
        }
        parent_id() == parent
    }

    /// Becomes another program; returns only if that can not be done.
    pub(crate) fn become_program(
        program: &Path,
        args: impl Iterator<Item = OsString>,
    ) -> io::Error {
        Command::new(program).args(args).exec()
    }

    /// Keeps Ctrl-C away from a child, which is told by its parent when to end: a second signal would
    /// mean that it should not take the time to answer what it owes.
    pub(crate) fn shield(command: &mut Command) {
        command.process_group(0);
    }

    /// Asks a child to end.
    #[expect(clippy::needless_pass_by_ref_mut, reason = "elsewhere a child can only be killed")]
    pub(crate) fn ask_to_end(child: &mut Child) -> io::Result<()> {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        Ok(kill_process(pid.expect("a child has a number"), Signal::TERM)?)
    }
}

#[cfg(not(unix))]
mod other {
    use std::ffi::OsString;
    use std::io;
    use std::path::Path;
    use std::process::{Child, Command};

    pub(crate) fn tether(_: u32) -> bool {
        true
    }

    pub(crate) fn become_program(
        program: &Path,
        args: impl Iterator<Item = OsString>,
    ) -> io::Error {
        match Command::new(program).args(args).status() {
            Ok(status) => std::process::exit(status.code().unwrap_or(1)),
            Err(error) => error,
        }
    }

    pub(crate) fn shield(_: &mut Command) {}

    pub(crate) fn ask_to_end(child: &mut Child) -> io::Result<()> {
        child.kill()
    }
}
