//! New posts on their way to those who wait for them.
//!
//! With a SQLite file this process is the only one that writes, and tells its subscribers itself. Servers that
//! share a PostgreSQL tell each other: a transaction that writes a post notifies them, and each, the one that
//! wrote included, hears it on a connection of its own.

use core::time::Duration;
use std::sync::Arc;

use sqlx::postgres::PgListener;
use sqlx::{AnyConnection, AssertSqlSafe};
use tokio::sync::broadcast;
use tokio::time::sleep;

use crate::Error;
use crate::app::App;
use crate::database::{Backend, Database};
use crate::posts::{self, Post};
use crate::visibility::NOBODY;

/// How many posts a subscriber may be behind before it misses some.
const BACKLOG: usize = 256;

/// How long to wait before a listener tries again.
const RETRY: Duration = Duration::from_secs(1);

const CHANNEL: &str = "herd_posts";

/// Where new posts are told.
#[derive(Debug)]
pub(crate) struct Events {
    backend: Backend,
    sender: broadcast::Sender<Arc<Post>>,
}

impl Events {
    pub(crate) fn new(backend: Backend) -> Self {
        Self { backend, sender: broadcast::Sender::new(BACKLOG) }
    }

    /// Posts from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<Post>> {
        self.sender.subscribe()
    }

    /// To be called in the transaction that writes a post.
    pub(crate) async fn before_commit(
        &self,
        db: &mut AnyConnection,
        post: &Post,
    ) -> Result<(), Error> {
        if self.backend == Backend::Postgres {
            let sql = format!("NOTIFY {CHANNEL}, '{}'", post.id);
            sqlx::query(AssertSqlSafe(sql)).persistent(false).execute(db).await?;
        }
        Ok(())
    }

    /// To be called when that is done.
    pub(crate) fn after_commit(&self, post: Post) {
        if self.backend == Backend::Sqlite {
            self.tell(post);
        }
    }

    fn tell(&self, post: Post) {
        // Nobody may be listening.
        _ = self.sender.send(Arc::new(post));
    }
}

/// Hears what servers that share the database tell, for ever. Posts that are told while the connection is lost
/// are missed.
pub(crate) async fn listen(app: Arc<App>) {
    if app.database.backend() == Backend::Sqlite {
        return;
    }
    loop {
        if let Err(error) = listen_once(&app).await {
            log::warn!("the connection that hears of new posts is lost: {error}");
        }
        sleep(RETRY).await;
    }
}

async fn listen_once(app: &App) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect(app.database.url()).await?;
    listener.listen(CHANNEL).await?;
    // Nothing is gained from a listener that connects again by itself: it does not say so before it worked.
    while let Some(notification) = listener.try_recv().await? {
        let Ok(id) = notification.payload().parse() else { continue };
        // It may be deleted already, or the database away.
        if let Ok(Some(post)) = read(&app.database, id).await {
            app.events.tell(post);
        }
    }
    Ok(())
}

async fn read(database: &Database, id: i64) -> Result<Option<Post>, Error> {
    posts::one(&mut *database.read().await?, NOBODY, id).await
}
