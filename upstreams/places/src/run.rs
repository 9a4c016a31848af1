//! The service from start to end: data, listener, signals.

use core::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::{io, thread};

use herd_service::{Ended, Limits, StopSignals, listener, serve};
use tokio::runtime::{Builder, Runtime};

use crate::http::router;
use crate::load::{self, LeftOut, Loaded};
use crate::nearby::Nearby;

/// The most threads that answer requests: each searches hundreds of thousands of times a second.
const MAX_WORKERS: usize = 4;

/// What to serve, and where.
#[derive(Clone, Default)]
pub struct Options {
    /// Host and port, such as `127.0.0.1:12000`; port 0 takes a free one.
    pub listen: String,
    /// The files with the places to serve instead of the built-in ones; none for those.
    pub data: Vec<PathBuf>,
    /// The key that requests must show, if any.
    pub key: Option<String>,
}

impl core::fmt::Debug for Options {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { listen, data, key } = self;
        let key = key.as_ref().map(|_| "..");
        f.debug_struct("Options")
            .field("listen", listen)
            .field("data", data)
            .field("key", &key)
            .finish()
    }
}

/// What there is to know once connections are accepted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ready {
    /// The address, with the real port.
    pub address: SocketAddr,
    /// The number of places served.
    pub places: usize,
    /// What of the files was left out.
    pub left_out: LeftOut,
}

/// Why the service could not start, or ended before it was done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The places could not be loaded.
    #[error(transparent)]
    Data(#[from] load::Error),
    /// The address could not be had.
    #[error("cannot listen on {listen}: {source}")]
    Listen {
        /// The address as it was given.
        listen: String,
        /// Why.
        source: io::Error,
    },
    /// The system refused something else that it takes to serve.
    #[error("cannot serve: {0}")]
    System(#[from] io::Error),
    /// A second signal came before everything under way was finished.
    #[error("a second signal ended it before every request was answered")]
    CutShort,
}

/// Serves until SIGTERM or SIGINT comes; calls `on_ready` once connections are accepted.
///
/// It is meant for a process of its own: it catches the signals of the process and blocks the thread.
///
/// # Errors
///
/// When it could not start, and when a second signal ended it at once.
pub fn run(options: &Options, on_ready: impl FnOnce(Ready)) -> Result<(), Error> {
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let listener = listener(&options.listen)
            .map_err(|source| Error::Listen { listen: options.listen.clone(), source })?;
        let Loaded { places, left_out } = match options.data.as_slice() {
            [] => Loaded { places: load::built_in(), left_out: LeftOut::default() },
            files => load::files(files)?,
        };
        // Only now: until here nothing is under way, and a signal ends the program by itself, at once.
        let mut signals = StopSignals::catch()?;
        on_ready(Ready { address: listener.local_addr()?, places: places.len(), left_out });

        let nearby = Arc::new(Nearby::new(places, options.key.clone()));
        match serve("herd-places", listener, router(nearby), Limits::default(), &mut signals)
            .await?
        {
            Ended::AsAsked => Ok(()),
            Ended::CutShort => Err(Error::CutShort),
        }
    });
    // Not to wait for connections that had their time.
    runtime.shutdown_background();
    ended
}

fn runtime() -> io::Result<Runtime> {
    let workers = thread::available_parallelism().map_or(1, |cores| cores.get().min(MAX_WORKERS));
    Builder::new_multi_thread().worker_threads(workers).enable_io().enable_time().build()
}
