//! New posts on their way to those who wait for them.
//!
//! With a SQLite file this process is the only one that writes, and tells its subscribers itself. Servers that
//! share a PostgreSQL tell each other: a transaction that writes a post notifies them, and each, the one that
//! wrote included, hears it on a connection of its own.
//!
//! What subscribers need to know of a post, and who of them may see it, is read once for all of them (see `news.rs`).

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::postgres::PgListener;
use sqlx::{AnyConnection, AssertSqlSafe};
use tokio::sync::{broadcast, mpsc};
use tokio::time::sleep;

use crate::Error;
use crate::database::{Backend, Database};
use crate::news::{self, News};
use crate::posts::Post;
use crate::sessions::TokenHash;
use crate::watchers::Watchers;

/// How many posts a subscriber may be behind before it misses some.
const BACKLOG: usize = 256;

/// How many posts may wait to be told.
const MAX_UNTOLD: usize = 1024;

/// How long to wait before something is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// How often reading what is to be told is tried.
const TRIES: usize = 5;

const CHANNEL: &str = "herd_posts";

/// Where new posts are told.
#[derive(Debug)]
pub(crate) struct Events {
    backend: Backend,
    untold: mpsc::Sender<i64>,
    told: broadcast::Sender<Arc<News>>,
    watchers: Mutex<Watchers>,
}

/// The ids of posts to be told, in their order; see [`tell`].
pub(crate) type Untold = mpsc::Receiver<i64>;

/// A subscriber's place; it is given up when this is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    events: Arc<Events>,
    user: i64,
    session: Option<TokenHash>,
    news: broadcast::Receiver<Arc<News>>,
}

impl Events {
    pub(crate) fn new(backend: Backend) -> (Arc<Self>, Untold) {
        let (untold, receiver) = mpsc::channel(MAX_UNTOLD);
        let told = broadcast::Sender::new(BACKLOG);
        (Arc::new(Self { backend, untold, told, watchers: Mutex::default() }), receiver)
    }

    /// Posts from now on, for this user by this session.
    pub(crate) fn watch(self: &Arc<Self>, user: i64, session: Option<&TokenHash>) -> Watch {
        self.change(|watchers| {
            watchers.count += 1;
            *watchers.users.entry(user).or_default() += 1;
            if let Some(session) = session {
                *watchers.sessions.entry(session.clone()).or_default() += 1;
            }
        });
        let news = self.told.subscribe();
        Watch { events: Arc::clone(self), user, session: session.cloned(), news }
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
    pub(crate) fn after_commit(&self, post: &Post) {
        if self.backend == Backend::Sqlite {
            self.hear(post.id);
        }
    }

    fn hear(&self, post: i64) {
        if self.untold.try_send(post).is_err() {
            log::warn!("more posts are written than can be told: one was told to no subscriber");
        }
    }

    fn watchers(&self) -> Watchers {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Watchers)) {
        change(&mut self.watchers.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Watch {
    /// The next post, whoever may see it; none when there are no more.
    pub(crate) async fn next(&mut self) -> Option<Arc<News>> {
        loop {
            match self.news.recv().await {
                Ok(news) => return Some(news),
                // Too slow: what was missed is missed.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        fn less<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) {
            if let Some(count) = counts.get_mut(key) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(key);
                }
            }
        }
        self.events.change(|watchers| {
            watchers.count -= 1;
            less(&mut watchers.users, &self.user);
            if let Some(session) = &self.session {
                less(&mut watchers.sessions, session);
            }
        });
    }
}

/// Tells subscribers of posts, one after the other, for ever.
pub(crate) async fn tell(database: Database, events: Arc<Events>, mut untold: Untold) {
    while let Some(post) = untold.recv().await {
        for tries in 1.. {
            // Those who come later did not wait for this post.
            let watchers = events.watchers();
            if watchers.count == 0 {
                break;
            }
            match news::read(&database, post, watchers).await {
                Ok(Some(news)) => {
                    // The last may have gone.
                    _ = events.told.send(Arc::new(news));
                    break;
                }
                // It is deleted already.
                Ok(None) => break,
                Err(error) if tries == TRIES => {
                    log::warn!("a new post was told to no subscriber: {}", error.in_full());
                    break;
                }
                Err(_) => sleep(RETRY).await,
            }
        }
    }
}

/// Hears what servers that share the database tell, for ever. Posts that are told while the connection is lost
/// are missed.
pub(crate) async fn listen(database: Database, events: Arc<Events>) {
    if database.backend() == Backend::Sqlite {
        return;
    }
    loop {
        if let Err(error) = listen_once(&database, &events).await {
            log::warn!("the connection that hears of new posts is lost: {error}");
        }
        sleep(RETRY).await;
    }
}

async fn listen_once(database: &Database, events: &Events) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect(database.url()).await?;
    listener.listen(CHANNEL).await?;
    // Nothing is gained from a listener that connects again by itself: it does not say so before it worked.
    while let Some(notification) = listener.try_recv().await? {
        if let Ok(post) = notification.payload().parse() {
            events.hear(post);
        }
    }
    Ok(())
}
