//! From a command line to a running server, as far as no async runtime is involved.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::net::TcpListener;
use std::process::ExitCode;

use herd_core::Config;

use herd_config::{Args, Failure};
use herd_driver::Inquiry;
use herd_log::LogFile;
use herd_metrics::{self as metrics, Subject};

use crate::listen::listen;
use crate::panics;
use crate::settings::{self, Settings};
use crate::signals::{self, Signals};

/// A server that may start: it has its settings, its log and its sockets.
pub struct Server {
    /// What it was told.
    pub settings: Settings,
    /// Where it logs.
    pub log: LogFile,
    /// What it is told by signals.
    pub signals: Signals,
    /// Where clients connect.
    pub clients: Vec<TcpListener>,
    /// Where neighbours do, if that is another address.
    pub links: Vec<TcpListener>,
    /// Where to answer how the server is.
    pub inquiry: Inquiry,
}

/// Reads the command line of `program`, and has `serve` run the server. `serve` calls the function it
/// is handed as soon as connections are accepted, and returns when the server has stopped.
pub fn run<I>(
    program: &'static str,
    args: I,
    serve: impl FnOnce(Server, Box<dyn FnOnce()>) -> Result<(), Failure>,
) -> ExitCode
where
    I: IntoIterator<Item = OsString>,
{
    let args = match Args::from_command_line(program, args) {
        Ok(args) => args,
        Err(code) => return code,
    };
    match prepare(program, &args) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(server)) => {
            let log = server.log.clone();
            let ready =
                format!("{program}: {} listens on {}", args.name, server.settings.advertised);
            let outcome = serve(server, Box::new(move || say(&ready)));
            log.finish();
            outcome.map_or_else(|failure| report(program, &failure), |()| ExitCode::SUCCESS)
        }
        Err(failure) => {
            // What was warned of may be why.
            log::logger().flush();
            report(program, &failure)
        }
    }
}

fn prepare(program: &'static str, args: &Args) -> Result<Option<Server>, Failure> {
    let mut settings = settings::load(args)?;
    if args.check_config {
        for warning in &settings.warnings {
            tell(&format!("warning: {warning}"));
        }
        return Ok(None);
    }
    // Before anything that takes its time.
    let signals = signals::catch()
        .map_err(|error| Failure::unable(format!("cannot handle signals: {error}")))?;
    let log = LogFile::start(&settings.log, &args.name).map_err(|error| {
        Failure::unable(format!(
            "cannot write {}: {error}",
            settings.log.path(&args.name).display()
        ))
    })?;
    // Another logger can only be there in a test that runs several servers in one process.
    let _ = log.install();
    panics::end_the_process(program, log.clone());
    for warning in &settings.warnings {
        log::warn!("{warning}");
    }
    if log.is_shared() {
        let path = settings.log.path(&args.name);
        log::warn!("another server writes {} too: give one of them --log-dir", path.display());
    }
    divide_descriptors(&mut settings.core)?;
    let clients = listen(&settings.listen)?;
    let links = settings.link_listen.as_deref().map(listen).transpose()?.unwrap_or_default();
    let inquiry = Inquiry::default();
    if let Some(address) = &settings.metrics {
        let subject = Subject::new(program, &settings.core, log.clone(), inquiry.clone());
        let taken = metrics::serve(listen(&address.to_string())?, subject)
            .map_err(|error| Failure::unable(format!("cannot serve {address}: {error}")))?;
        for taken in taken {
            log::info!("metrics and health are at http://{taken}");
            if address.port() == 0 {
                tell(&format!(
                    "{program}: {} has its metrics at http://{taken}/metrics",
                    args.name
                ));
            }
        }
    }
    Ok(Some(Server { settings, log, signals, clients, links, inquiry }))
}

/// Every connection takes a file descriptor: takes as many as the system lets us have, leaves to clients
/// what neighbours, handshakes and lookups do not need, but half, to lookups a quarter at most, and to handshakes an
/// eighth.
///
/// # Errors
///
/// When there are too few to start with: what fails then is anything, at any time.
fn divide_descriptors(core: &mut Config) -> Result<(), Failure> {
    let most = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(most) => u32::try_from(most).unwrap_or(u32::MAX),
        Err(error) => {
            log::warn!("the limit of open files cannot be read: {error}");
            return Ok(());
        }
    };
    let neighbours = u32::try_from(core.neighbours.len()).unwrap_or(u32::MAX);
    // A neighbour may be about to replace its link.
    let links = neighbours.saturating_mul(2);
    let least = MIN_DESCRIPTORS.saturating_add(links);
    if most < least {
        return Err(Failure::unable(format!(
            "only {most} files may be open, and this server takes {least} at least: \
             raise the limit (`ulimit -n`, or `LimitNOFILE` of systemd)"
        )));
    }
    core.limits.lookups = core.limits.lookups.min((most / 4).max(1));
    core.limits.handshakes = core.limits.handshakes.min((most / 8).max(1));
    let kept = [links, core.limits.handshakes, core.limits.followers, core.limits.lookups]
        .iter()
        .fold(SPARE_DESCRIPTORS, |sum, more| sum.saturating_add(*more));
    let room = most - kept.min(most / 2);
    if room < core.limits.connections {
        log::warn!(
            "{most} open files are allowed, so there is room for {room} connections, not {}",
            core.limits.connections
        );
        core.limits.connections = room;
    }
    Ok(())
}

/// The fewest descriptors to start with, besides two for each neighbour: 16 are open on tokio and 22 on async-std once a
/// provider was asked, and listeners for links and metrics come to that.
const MIN_DESCRIPTORS: u32 = 28;

/// Descriptors for 64 requests that curl goes on with when they have been given up, for the log, and for what the
/// runtime and the HTTP client hold besides.
const SPARE_DESCRIPTORS: u32 = 128;

/// Prints the only line on standard output. Nobody may be there to read it.
fn say(line: &str) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

/// Prints a line on standard error, which nobody may be reading either.
fn tell(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

fn report(program: &str, failure: &Failure) -> ExitCode {
    tell(&format!("{program}: {failure}"));
    failure.exit_code()
}
