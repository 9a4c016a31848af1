//! A panic ends the server.
//!
//! A panic is a defect. Runtimes catch one of a task and go on, and what was half changed under a lock is then what all
//! others work with. A supervisor that starts the server again leaves the herd with a sound one.

use core::time::Duration;
use std::panic;
use std::sync::mpsc;
use std::thread;

use herd_clock as clock;
use herd_log::LogFile;
use signal_hook::low_level;

/// From here on a panic on any thread ends the process of `program` with [`EXIT_CODE`], before anything is unwound.
/// Standard error and the log say where it was.
pub(crate) fn end_the_process(program: &'static str, log: LogFile) {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        usual(panic);
        let text = format!("{program} ends: {panic}");
        let log = log.clone();
        let (done, is_done) = mpsc::channel();
        // On a thread of its own: the one that panics may hold what the log needs.
        let written = thread::Builder::new().name("panic".to_owned()).spawn(move || {
            log.event(clock::now().wall, log::Level::Error, format_args!("{text}"));
            log.flush();
            // Nobody waits any more where it took too long.
            let _ = done.send(());
        });
        if written.is_ok() {
            let _ = is_done.recv_timeout(LOG_WAIT);
        }
        low_level::exit(EXIT_CODE)
    }));
}

/// That of any Rust program that panics on its main thread.
const EXIT_CODE: i32 = 101;
/// How long the log has to write why the server ends.
const LOG_WAIT: Duration = Duration::from_secs(1);
