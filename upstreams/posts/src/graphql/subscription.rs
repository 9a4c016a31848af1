//! What can be waited for.

use std::sync::Arc;

use async_graphql::{Context, Subscription as GraphqlSubscription};
use futures_util::{Stream, stream};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use super::TIME_OUT;
use super::types::{PostNode, app, viewer};
use crate::Error;
use crate::app::{App, Viewer};
use crate::ids::now_ms;
use crate::posts::{self, Post};
use crate::visibility::NOBODY;
use crate::{sessions, text, timelines};

pub(crate) struct Subscription;

#[GraphqlSubscription]
impl Subscription {
    /// What comes into my feed from now on. For who is logged in.
    async fn feed(
        &self,
        context: &Context<'_>,
    ) -> Result<impl Stream<Item = Result<PostNode, Arc<Error>>> + use<>, Error> {
        viewer(context).user()?;
        Ok(wait_for(app(context), viewer(context), Wanted::Feed))
    }

    /// What anybody writes from now on, or what is written with a hashtag.
    async fn posts(
        &self,
        context: &Context<'_>,
        tag: Option<String>,
    ) -> Result<impl Stream<Item = Result<PostNode, Arc<Error>>> + use<>, Error> {
        let tag = tag.map(|tag| posts::tag_key(&tag));
        Ok(wait_for(app(context), viewer(context), Wanted::Posts(tag)))
    }
}

/// What somebody waits for.
enum Wanted {
    Feed,
    /// With this hashtag, if there is one.
    Posts(Option<String>),
}

/// A subscription under way.
struct Waiting {
    app: Arc<App>,
    viewer: Viewer,
    wanted: Wanted,
    posts: Receiver<Arc<Post>>,
}

fn wait_for(
    app: &Arc<App>,
    viewer: &Viewer,
    wanted: Wanted,
) -> impl Stream<Item = Result<PostNode, Arc<Error>>> + use<> {
    let posts = app.events.subscribe();
    let waiting = Waiting { app: Arc::clone(app), viewer: viewer.clone(), wanted, posts };
    stream::unfold(Some(waiting), async |waiting| {
        let mut waiting = waiting?;
        match waiting.next().await? {
            Ok(post) => Some((Ok(PostNode(post)), Some(waiting))),
            Err(error) => Some((Err(Arc::new(error)), None)),
        }
    })
}

impl Waiting {
    /// The next post that is wanted and may be seen; an error once the session has ended.
    async fn next(&mut self) -> Option<Result<Post, Error>> {
        loop {
            let post = match self.posts.recv().await {
                Ok(post) => post,
                // Too slow: what was missed is missed.
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return None,
            };
            match timeout(TIME_OUT, self.is_shown(&post)).await {
                Ok(Ok(true)) => return Some(Ok(Post::clone(&post))),
                Ok(Err(Error::Unauthenticated)) => return Some(Err(Error::Unauthenticated)),
                // What can not be checked is not shown.
                Ok(Ok(false) | Err(_)) | Err(_) => {}
            }
        }
    }

    async fn is_shown(&self, post: &Post) -> Result<bool, Error> {
        if let Wanted::Posts(tag) = &self.wanted {
            let has = |tag: &String| {
                text::parts(&post.text).hashtags.iter().any(|own| posts::tag_key(own) == *tag)
            };
            if post.repost_of_id.is_some() || !tag.as_ref().is_none_or(has) {
                return Ok(false);
            }
        }
        let viewer = self.viewer.id();
        if viewer == NOBODY {
            return Ok(true);
        }
        let mut db = self.app.database.read().await?;
        if let Some(token) = self.viewer.token()
            && sessions::user_of(&mut db, token, now_ms()).await?.is_none()
        {
            return Err(Error::Unauthenticated);
        }
        match self.wanted {
            Wanted::Feed => timelines::is_in_feed(&mut db, viewer, post.id).await,
            Wanted::Posts(_) => Ok(posts::one(&mut db, viewer, post.id).await?.is_some()),
        }
    }
}
