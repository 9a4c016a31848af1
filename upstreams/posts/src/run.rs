//! The service from start to end: database, listener, signals.

use std::io;

use axum::Router;
use axum::routing::get;
use herd_service::{Ended, StopSignals, announce, listener, serve};
use tokio::runtime::Builder;

use crate::database::Database;
use crate::{demo, ids, search_json};

/// What to serve, and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// Host and port, such as `127.0.0.1:12020`; port 0 takes a free one.
    pub listen: String,
    /// `sqlite:FILE` or `postgres://...`.
    pub database: String,
    /// Whether to add what is there to try things on.
    pub demo: bool,
}

/// Why the service could not start, or ended before it was done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("cannot listen on {listen}: {source}")]
    Listen { listen: String, source: io::Error },
    #[error("cannot open the database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("cannot add the demo: {0}")]
    Demo(#[source] crate::Error),
    #[error("cannot serve: {0}")]
    System(#[from] io::Error),
    #[error("a second signal ended it before every request was answered")]
    CutShort,
}

/// Serves until SIGTERM or SIGINT comes.
///
/// It is meant for a process of its own: it catches the signals of the process and blocks the thread.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let runtime = Builder::new_multi_thread().enable_io().enable_time().build()?;
    let ended = runtime.block_on(async {
        let signals = StopSignals::catch()?;
        let listener = listener(&options.listen)
            .map_err(|source| Failure::Listen { listen: options.listen.clone(), source })?;
        let database = Database::open(&options.database).await?;
        if options.demo {
            add_demo(&database).await?;
        }
        announce("herd-posts", listener.local_addr()?);
        let router =
            Router::new().route("/healthz", get("ok")).merge(search_json::router(database.clone()));
        let ended = serve(listener, router, signals).await?;
        database.close().await;
        match ended {
            Ended::AsAsked => Ok(()),
            Ended::CutShort => Err(Failure::CutShort),
        }
    });
    // Not to wait for connections that had their time.
    runtime.shutdown_background();
    ended
}

/// Adds the demo, and says what it has added.
async fn add_demo(database: &Database) -> Result<(), Failure> {
    let size = demo::Size::default();
    let added = demo::fill(database, size, ids::now_ms()).await.map_err(Failure::Demo)?;
    if added {
        let demo::Size { users, posts, .. } = size;
        eprintln!("herd-posts: added a demo of {posts} posts by {users} invented people");
    } else {
        eprintln!("herd-posts: the demo is there already: nothing is added");
    }
    Ok(())
}
