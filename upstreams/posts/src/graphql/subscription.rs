//! What can be waited for.

use std::sync::Arc;

use async_graphql::{Context, Subscription as GraphqlSubscription};
use futures_util::{Stream, stream};

use super::types::{PostNode, app, viewer};
use crate::Error;
use crate::app::{App, Viewer};
use crate::events::Watch;
use crate::news::News;
use crate::posts;

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
#[derive(Debug)]
enum Wanted {
    Feed,
    /// With this hashtag, if there is one.
    Posts(Option<String>),
}

/// A subscription under way.
#[derive(Debug)]
struct Waiting {
    viewer: Viewer,
    wanted: Wanted,
    watch: Watch,
}

fn wait_for(
    app: &App,
    viewer: &Viewer,
    wanted: Wanted,
) -> impl Stream<Item = Result<PostNode, Arc<Error>>> + use<> {
    let watch = app.events.watch(viewer.id(), viewer.token());
    let waiting = Waiting { viewer: viewer.clone(), wanted, watch };
    stream::unfold(Some(waiting), async |waiting| {
        let mut waiting = waiting?;
        match waiting.next().await? {
            Ok(news) => Some((Ok(PostNode::new_one(news)), Some(waiting))),
            Err(error) => Some((Err(Arc::new(error)), None)),
        }
    })
}

impl Waiting {
    /// The next post that is wanted and may be seen; an error once the session has ended.
    async fn next(&mut self) -> Option<Result<Arc<News>, Error>> {
        loop {
            let news = self.watch.next().await?;
            let session = self.viewer.token();
            if !news.is_for(self.viewer.id(), session) || !self.wanted.may_be(&news) {
                continue;
            }
            if session.is_some_and(|session| !news.has_session(session)) {
                return Some(Err(Error::Unauthenticated));
            }
            if news.is_visible(self.viewer.id()) && self.wanted.is(&news, self.viewer.id()) {
                return Some(Ok(news));
            }
        }
    }
}

impl Wanted {
    /// Whether somebody may wait for this post so.
    fn may_be(&self, news: &News) -> bool {
        match self {
            Self::Feed => true,
            Self::Posts(tag) => {
                news.post.repost_of_id.is_none()
                    && tag.as_ref().is_none_or(|tag| news.tags.contains(tag))
            }
        }
    }

    fn is(&self, news: &News, viewer: i64) -> bool {
        match self {
            Self::Feed => news.is_in_feed(viewer),
            Self::Posts(_) => true,
        }
    }
}
