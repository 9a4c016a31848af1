//! The gateway from start to end: configuration, listener, reporter, signals.

use core::time::Duration;
use std::sync::Arc;

use herd_clock as clock;
use herd_config::address::Address;
use herd_config::{Failure, Roster};
use herd_service::{Ended, Limits, StopSignals, announce, listener, serve};
use log::{LevelFilter, Log, Metadata, Record};
use tokio::runtime::Builder;
use tokio::time::interval;

use crate::counts::Counts;
use crate::follow::{Following, follow};
use crate::http;
use crate::intake::Intake;
use crate::out::{MAX_SUBSCRIBERS, Out};
use crate::replica::Replica;
use crate::reporter::{Reporter, Servers};
use crate::servers_state::ServersState;

/// Streams and maps, and as many again for reports and questions.
const MAX_CONNECTIONS: usize = 2 * MAX_SUBSCRIBERS;

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
    let unable = |error: std::io::Error| Failure::unable(format!("cannot run: {error}"));
    let servers = Servers::of_roster(roster)?;
    let following = Following::of_roster(roster, random().map_err(unable)?)?;
    let runtime = Builder::new_multi_thread().enable_io().enable_time().build().map_err(unable)?;
    let ended = runtime.block_on(async {
        let address = listen.to_string();
        let listener = listener(&address)
            .map_err(|error| Failure::unable(format!("cannot listen on {address}: {error}")))?;
        let mut signals = StopSignals::catch().map_err(unable)?;
        let counts = Arc::new(Counts::new());
        let replica = Arc::new(Replica::new(roster.limits.clients as usize));
        let reporter = Reporter::start(servers);
        let limits = &roster.limits;
        let intake = Intake::new(reporter, Arc::clone(&replica), Arc::clone(&counts), limits);
        let intake = Arc::new(intake);
        if let Some(following) = following {
            tokio::spawn(follow(following, Arc::clone(&replica)));
        }
        tokio::spawn(forget_old(Arc::clone(&replica), roster.limits.record_age_s));
        let run = u64::from_le_bytes(random().map_err(unable)?);
        let out = Arc::new(Out::new(replica, Arc::clone(&intake), run));
        announce("herd-gateway", listener.local_addr().map_err(unable)?);
        let router = http::router(intake, out, ServersState::new(roster), counts);
        let limits = Limits { connections: MAX_CONNECTIONS, ..Limits::default() };
        match serve("herd-gateway", listener, router, limits, &mut signals).await.map_err(unable)? {
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

/// Forgets what the servers of the herd forget for its age (0: nothing).
async fn forget_old(replica: Arc<Replica>, record_age_s: u32) {
    if record_age_s == 0 {
        return;
    }
    let mut ticks =
        interval(Duration::from_secs(1).max(Duration::from_secs(record_age_s.into()) / 60));
    loop {
        ticks.tick().await;
        replica.forget_before(clock::now().wall.minus_seconds(record_age_s));
    }
}

fn random<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
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
