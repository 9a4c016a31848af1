//! The gateway from start to end: configuration, listener, reporter, signals.

use std::sync::Arc;

use herd_runtime::address::Address;
use herd_runtime::{Failure, Roster};
use herd_service::{Ended, StopSignals, announce, listener, serve};
use log::{LevelFilter, Log, Metadata, Record};
use tokio::runtime::Builder;

use crate::counts::Counts;
use crate::http;
use crate::intake::Intake;
use crate::out::Out;
use crate::replica::Replica;
use crate::reporter::{Reporter, Servers};

/// Where a gateway listens when nothing is said.
pub(crate) const USUAL_LISTEN: &str = "127.0.0.1:12080";

/// Serves the herd of `roster` at `listen` until SIGTERM or SIGINT comes.
///
/// It is meant for a process of its own: it catches the signals of the process and blocks the thread.
pub(crate) fn run(roster: &Roster, listen: &Address) -> Result<(), Failure> {
    if !listen.is_loopback() {
        return Err(Failure::wrong(format!(
            "not at {listen}: there are no tokens yet, and whoever reaches the gateway may report for anybody and see \
             everybody. It listens on loopback only, such as {USUAL_LISTEN}"
        )));
    }
    print_warnings();
    let servers = Servers::of_roster(roster)?;
    let unable = |error: std::io::Error| Failure::unable(format!("cannot run: {error}"));
    let runtime = Builder::new_multi_thread().enable_io().enable_time().build().map_err(unable)?;
    let ended = runtime.block_on(async {
        let address = listen.to_string();
        let listener = listener(&address)
            .map_err(|error| Failure::unable(format!("cannot listen on {address}: {error}")))?;
        let mut signals = StopSignals::catch().map_err(unable)?;
        let counts = Arc::new(Counts::new());
        let replica = Arc::new(Replica::new(roster.limits.clients as usize));
        let reporter = Reporter::start(servers);
        let ahead_s = roster.limits.ahead_s;
        let intake = Intake::new(reporter, Arc::clone(&replica), Arc::clone(&counts), ahead_s);
        let intake = Arc::new(intake);
        let run = u64::from_le_bytes(random().map_err(unable)?);
        let out = Arc::new(Out::new(replica, Arc::clone(&intake), run));
        announce("herd-gateway", listener.local_addr().map_err(unable)?);
        let router = http::router(intake, out, counts);
        match serve(listener, router, &mut signals).await.map_err(unable)? {
            Ended::AsAsked => Ok(()),
            Ended::CutShort => {
                Err(Failure::unable("a second signal ended it before every request was answered"))
            }
        }
    });
    // Not to wait for streams that are open.
    runtime.shutdown_background();
    ended
}

fn random() -> std::io::Result<[u8; 8]> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(bytes)
}

/// Prints warnings of this program on standard error from now on.
fn print_warnings() {
    static PRINTER: Printer = Printer;
    if log::set_logger(&PRINTER).is_ok() {
        log::set_max_level(LevelFilter::Warn);
    }
}

struct Printer;

impl Log for Printer {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("herd_")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            eprintln!("herd-gateway: warning: {}", record.args());
        }
    }

    fn flush(&self) {}
}
