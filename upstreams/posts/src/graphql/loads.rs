//! What the entries of a list need, read for all of them at once.
//!
//! Reading begins when there is no entry left that could ask for more (see [`Driven`]), not after some time: how many
//! statements a request costs at most depends on its shape alone, never on how long its lists are or how busy the
//! machine is.

use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::task::Wake;

use async_graphql::dataloader::{DataLoader, Loader};
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, FuturesUnordered};
use futures_util::task::AtomicWaker;
use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;

use crate::Error;
use crate::accounts::{self, User, UserCounts};
use crate::posts::{self, Mine, Post, PostCounts};
use crate::relations::{self, Relations};
use crate::turns::RequestDatabase;

/// The loads of one request.
pub(crate) type Loads = DataLoader<Reader>;

/// Reads for one viewer.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) database: RequestDatabase,
    pub(crate) viewer: i64,
}

/// A person, by id.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct UserId(pub(crate) i64);

/// How much there is of a person, by their id.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct CountsOfUser(pub(crate) i64);

/// What a person is to the viewer, by their id.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct RelationsTo(pub(crate) i64);

/// A post that the viewer may see, by id.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct PostId(pub(crate) i64);

/// What became of a post, by its id.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct CountsOfPost(pub(crate) i64);

/// What the viewer did with a post, by its id.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct MineOf(pub(crate) i64);

macro_rules! loads {
    ($key:ident, $value:ty, |$db:ident, $viewer:ident, $ids:ident| $read:expr) => {
        impl Loader<$key> for Reader {
            type Value = $value;
            type Error = Arc<Error>;

            async fn load(&self, keys: &[$key]) -> Result<HashMap<$key, $value>, Arc<Error>> {
                let ids: Vec<i64> = keys.iter().map(|key| key.0).collect();
                let read = async {
                    let mut connection = self.database.read().await?;
                    let ($db, $viewer, $ids) = (&mut *connection, self.viewer, ids.as_slice());
                    $read.await
                };
                let found: Result<BTreeMap<i64, $value>, Error> = read.await;
                Ok(found?.into_iter().map(|(id, value)| ($key(id), value)).collect())
            }
        }
    };
}

loads!(UserId, User, |db, _viewer, ids| accounts::by_ids(db, ids));
loads!(CountsOfUser, UserCounts, |db, _viewer, ids| accounts::counts(db, ids));
loads!(RelationsTo, Relations, |db, viewer, ids| relations::relations(db, viewer, ids));
loads!(PostId, Post, |db, viewer, ids| posts::by_ids(db, viewer, ids));
loads!(CountsOfPost, PostCounts, |db, viewer, ids| posts::counts(db, viewer, ids));
loads!(MineOf, Mine, |db, viewer, ids| posts::mine(db, viewer, ids));

/// Loads on their way from those who asked to [`Driven`].
pub(crate) type Queue = mpsc::UnboundedReceiver<BoxFuture<'static, ()>>;

/// The loads of a request, and where they are to be driven.
pub(crate) fn loads(database: RequestDatabase, viewer: i64) -> (Loads, Queue) {
    let (sender, queue) = mpsc::unbounded_channel();
    // Whoever would wait for it is gone with the queue.
    let spawn = move |load| _ = sender.send(load);
    (DataLoader::new(Reader { database, viewer }, spawn).delay(Duration::ZERO), queue)
}

/// Answers on their way, together with what they load: a load begins when the answers can go no further without.
pub(crate) struct Driven<T> {
    answers: BoxStream<'static, T>,
    progress: Arc<Progress>,
    queue: Queue,
    under_way: FuturesUnordered<BoxFuture<'static, ()>>,
}

/// Whether the answers can go further. A long list of futures pauses now and then although some of it is ready.
#[derive(Default)]
struct Progress {
    is_possible: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Progress {
    fn wake(self: Arc<Self>) {
        self.is_possible.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl<T> Driven<T> {
    pub(crate) fn new(answers: BoxStream<'static, T>, queue: Queue) -> Self {
        Self { answers, progress: Arc::default(), queue, under_way: FuturesUnordered::new() }
    }
}

impl<T> Stream for Driven<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        this.progress.task.register(context.waker());
        this.progress.is_possible.store(false, Ordering::Release);
        let waker = Waker::from(Arc::clone(&this.progress));
        if let Poll::Ready(answer) = this.answers.poll_next_unpin(&mut Context::from_waker(&waker))
        {
            return Poll::Ready(answer);
        }
        if this.progress.is_possible.load(Ordering::Acquire) {
            // This has been woken, and is polled again.
            return Poll::Pending;
        }
        loop {
            while let Poll::Ready(Some(load)) = this.queue.poll_recv(context) {
                this.under_way.push(load);
            }
            match this.under_way.poll_next_unpin(context) {
                // Whoever waited for it has been woken, and wakes this.
                Poll::Ready(Some(())) => {}
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use core::iter;
    use core::sync::atomic::AtomicUsize;

    use futures_util::future::join_all;
    use futures_util::stream;
    use tokio::task::yield_now;

    use super::*;

    /// Counts how often it is asked.
    struct Batches(Arc<AtomicUsize>);

    impl Loader<i64> for Batches {
        type Value = i64;
        type Error = Arc<Error>;

        async fn load(&self, keys: &[i64]) -> Result<HashMap<i64, i64>, Arc<Error>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            yield_now().await;
            Ok(keys.iter().map(|key| (*key, key + 1)).collect())
        }
    }

    #[tokio::test]
    async fn a_list_is_loaded_at_once_however_often_its_entries_pause() {
        let batches = Arc::new(AtomicUsize::new(0));
        let (sender, queue) = mpsc::unbounded_channel();
        let spawn = move |load| _ = sender.send(load);
        let loader = DataLoader::new(Batches(Arc::clone(&batches)), spawn).delay(Duration::ZERO);
        let loader = Arc::new(loader);
        let entry = move |n: i64| {
            let loader = Arc::clone(&loader);
            async move {
                let other = loader.load_one(n).await.unwrap().unwrap();
                // It is ready at once, but asks to be polled again.
                for _ in 0..n % 7 {
                    pause().await;
                }
                loader.load_one(1000 + other).await.unwrap().unwrap()
            }
        };
        let answers = stream::once(async move { join_all((0..200).map(entry)).await }).boxed();

        let sums = Driven::new(answers, queue).next().await.unwrap();

        assert_eq!(
            sums,
            iter::successors(Some(1002), |n| Some(n + 1)).take(200).collect::<Vec<_>>()
        );
        assert_eq!(batches.load(Ordering::Relaxed), 2);
    }

    /// Gives way once, and is ready to go on at once.
    async fn pause() {
        let mut has_paused = false;
        core::future::poll_fn(|context| {
            if core::mem::replace(&mut has_paused, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}
