//! The service from start to end: database, listener, signals.

use core::time::Duration;
use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use herd_service::{Ended, GRACE, Limits, StopSignals, announce, listener, serve};
use tokio::runtime::Builder;
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};

use crate::app::App;
use crate::database::{self, Database, OpenError};
use crate::events::Events;
use crate::graphql::Api;
use crate::http::{self, Http};
use crate::ids::now_ms;
use crate::websocket::Connections;
use crate::{Error, attempts, demo, diagnostics, events, sessions};

/// What to serve, and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// Host and port, such as `127.0.0.1:12020`; port 0 takes a free one.
    pub listen: String,
    /// `sqlite:FILE` or `postgres://...`.
    pub database: String,
    /// The most characters of a post.
    pub post_characters: usize,
    /// Whether a proxy in front says who asks, and how.
    pub trust_proxy: bool,
    /// Whether every SQL statement is printed.
    pub log_statements: bool,
    /// Whether to add what is there to try things on.
    pub demo: bool,
}

/// How often what has expired is deleted.
const SWEEP: Duration = Duration::from_secs(10 * 60);

/// Why the service could not start, or ended before it was done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("cannot listen on {listen}: {source}")]
    Listen { listen: String, source: io::Error },
    #[error("cannot open the database: {0}")]
    Database(#[from] OpenError),
    #[error("{0}")]
    Shared(String),
    #[error("cannot add the demo: {}", .0.in_full())]
    Demo(#[source] Error),
    #[error("cannot serve: {0}")]
    System(#[from] io::Error),
    #[error("a second signal ended it before every request was answered")]
    CutShort,
}

/// Serves until SIGTERM or SIGINT comes.
///
/// It is meant for a process of its own: it catches the signals of the process and blocks the thread.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    diagnostics::print(options.log_statements);
    make_directory(&options.database)?;
    let runtime = Builder::new_multi_thread().enable_io().enable_time().build()?;
    let ended = runtime.block_on(async {
        let listener = listener(&options.listen)
            .map_err(|source| Failure::Listen { listen: options.listen.clone(), source })?;
        let _lock = database::lock(&options.database).map_err(Failure::Shared)?;
        let database = Database::open(&options.database).await?;
        if options.demo {
            add_demo(&database).await?;
        }
        // Only now: until here nothing is under way, and a signal ends the program by itself, at once. What the
        // database was told by then is in transactions.
        let mut signals = StopSignals::catch()?;
        let (events, untold) = Events::new(database.backend());
        let background = [
            tokio::spawn(events::tell(database.clone(), Arc::clone(&events), untold)),
            tokio::spawn(events::listen(database.clone(), Arc::clone(&events))),
            tokio::spawn(sweep(database.clone())),
        ];
        let app = Arc::new(App::new(database, events, options.post_characters));
        eprintln!("herd-posts: the data are in {}", database::whereabouts(&options.database));
        announce("herd-posts", listener.local_addr()?);
        let router = http::router(Http {
            api: Api::new(Arc::clone(&app)),
            trust_proxy: options.trust_proxy,
            connections: Arc::new(Connections::default()),
        });
        let limits = Limits::default();
        let ended = serve("herd-posts", listener, router, limits, &mut signals).await?;
        background.iter().for_each(JoinHandle::abort);
        if ended == Ended::CutShort {
            return Err(Failure::CutShort);
        }
        tokio::select! {
            // What is still asking had its time.
            _ = timeout(GRACE, app.database.close()) => Ok(()),
            () = signals.next() => Err(Failure::CutShort),
        }
    });
    // Not to wait for connections that had their time.
    runtime.shutdown_background();
    ended
}

/// Deletes now and then what has expired.
async fn sweep(database: Database) {
    let mut ticks = interval(SWEEP);
    loop {
        ticks.tick().await;
        let swept: Result<(), Error> = async {
            let mut transaction = database.write().await?;
            sessions::delete_expired(&mut transaction, now_ms()).await?;
            attempts::delete_old(&mut transaction, now_ms()).await?;
            Ok(transaction.commit().await?)
        }
        .await;
        if let Err(error) = swept {
            // There is a next time.
            log::warn!("what has expired was not deleted: {}", error.in_full());
        }
    }
}

/// Makes the directory of a file of data, which is nobody else's business.
fn make_directory(database: &str) -> Result<(), Failure> {
    let Some(file) = database.strip_prefix("sqlite:") else { return Ok(()) };
    let Some(dir) = Path::new(file).parent().filter(|dir| !dir.as_os_str().is_empty()) else {
        return Ok(());
    };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    Ok(builder.create(dir)?)
}

/// Adds the demo, and says what it has added.
async fn add_demo(database: &Database) -> Result<(), Failure> {
    let size = demo::Size::default();
    let added = demo::fill(database, size, now_ms()).await.map_err(Failure::Demo)?;
    if added {
        let demo::Size { users, posts, .. } = size;
        eprintln!("herd-posts: added a demo of {posts} posts by {users} invented people");
    } else {
        eprintln!("herd-posts: the demo is there already: nothing is added");
    }
    Ok(())
}
