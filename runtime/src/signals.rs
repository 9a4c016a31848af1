//! Signals, made into something that any runtime can wait for.
//!
//! There is no thread for them: a server that logs nothing and has one worker is a process of one thread,
//! and its system calls are cheaper for that.

use core::sync::atomic::AtomicBool;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::pipe;

/// Where signals arrive: each is a byte to be read. Reading does not block.
#[derive(Debug)]
pub struct Signals {
    /// SIGTERM or SIGINT: the server is to stop.
    pub stop: UnixStream,
    /// SIGHUP: the log file is to be opened again.
    pub reopen: UnixStream,
}

/// Catches the signals from here on. The second one that is to stop the server ends the process at once, with
/// exit code 1, whatever it is busy with.
///
/// # Errors
///
/// When the system does not let the process handle signals.
pub fn catch() -> io::Result<Signals> {
    let (stop, stop_sender) = UnixStream::pair()?;
    let (reopen, reopen_sender) = UnixStream::pair()?;
    for receiver in [&stop, &reopen] {
        receiver.set_nonblocking(true)?;
    }
    let is_stopping = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: what the first signal sets is not there yet when it is looked for.
        flag::register_conditional_shutdown(signal, 1, Arc::clone(&is_stopping))?;
        flag::register(signal, Arc::clone(&is_stopping))?;
        pipe::register(signal, stop_sender.try_clone()?)?;
    }
    pipe::register(SIGHUP, reopen_sender)?;
    Ok(Signals { stop, reopen })
}
