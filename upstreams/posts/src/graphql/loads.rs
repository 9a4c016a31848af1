//! What the entries of a list need, read for all of them at once.
//!
//! async-graphql asks every entry of a list for a field before it waits for the first. Reading begins when there
//! is nothing left to ask (see [`Driven`]), not after some time: how many statements a request costs depends on
//! its shape alone, never on how busy the machine is.

use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, FuturesUnordered};
use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;

use crate::Error;
use crate::accounts::{self, User, UserCounts};
use crate::app::App;
use crate::posts::{self, Mine, Post, PostCounts};
use crate::relations::{self, Relations};

/// The loads of one request.
pub(crate) type Loads = DataLoader<Reader>;

/// Reads for one viewer.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) app: Arc<App>,
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
                    let mut connection = self.app.database.read().await?;
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
pub(crate) fn loads(app: Arc<App>, viewer: i64) -> (Loads, Queue) {
    let (sender, queue) = mpsc::unbounded_channel();
    // Whoever would wait for it is gone with the queue.
    let spawn = move |load| _ = sender.send(load);
    (DataLoader::new(Reader { app, viewer }, spawn).delay(Duration::ZERO), queue)
}

/// Answers on their way, together with what they load: a load begins when the answers can go no further without.
pub(crate) struct Driven<T> {
    answers: BoxStream<'static, T>,
    queue: Queue,
    under_way: FuturesUnordered<BoxFuture<'static, ()>>,
}

impl<T> Driven<T> {
    pub(crate) fn new(answers: BoxStream<'static, T>, queue: Queue) -> Self {
        Self { answers, queue, under_way: FuturesUnordered::new() }
    }
}

impl<T> Stream for Driven<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        if let Poll::Ready(answer) = this.answers.poll_next_unpin(context) {
            return Poll::Ready(answer);
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
