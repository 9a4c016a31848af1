//! What a server does when it is sent a signal.

use std::io;
use std::process;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Calls `stop` at the first SIGTERM or SIGINT, leaves with exit code 1 at the second, and calls
/// `reopen` at each SIGHUP.
///
/// # Errors
///
/// When the system does not let the process handle signals.
pub fn handle(
    stop: impl Fn() + Send + 'static,
    reopen: impl Fn() + Send + 'static,
) -> io::Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    let wait = move || {
        let mut stopping = false;
        for signal in signals.forever() {
            match signal {
                SIGHUP => reopen(),
                _ if stopping => process::exit(1),
                _ => {
                    stopping = true;
                    stop();
                }
            }
        }
    };
    thread::Builder::new().name(String::from("signals")).spawn(wait).map(drop)
}
