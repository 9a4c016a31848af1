//! The types of the schema.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use herd_places::LatLng;
use jiff::Timestamp;

use super::costs::page_cost;
use super::loads::{CountsOfPost, CountsOfUser, Loads, MineOf, PostId, RelationsTo, UserId};
use crate::Error;
use crate::accounts::{User, UserCounts};
use crate::app::{App, Viewer};
use crate::news::News;
use crate::page::Page;
use crate::posts::{Mine, Post, PostCounts};
use crate::relations::{self, Circle, Relations};
use crate::turns::RequestDatabase;
use crate::visibility::NOBODY;
use crate::{search, text, timelines};

/// Somebody with an account.
#[derive(Clone, Debug)]
pub(crate) struct UserNode {
    user: User,
    /// Nothing but the name is shown.
    is_veiled: bool,
}

impl UserNode {
    /// Of one half of a block: the name, which is needed to end it, and nothing else.
    pub(crate) fn veiled(user: User) -> Self {
        let user = User { display_name: user.name.clone(), bio: String::new(), ..user };
        Self { user, is_veiled: true }
    }

    async fn counts(&self, context: &Context<'_>) -> Result<UserCounts, Arc<Error>> {
        if self.is_veiled {
            return Ok(UserCounts::default());
        }
        let counts = loads(context).load_one(CountsOfUser(self.user.id)).await?;
        Ok(counts.unwrap_or_default())
    }

    async fn relations(&self, context: &Context<'_>) -> Result<Relations, Arc<Error>> {
        if viewer(context).id() == NOBODY {
            return Ok(Relations::default());
        }
        let relations = loads(context).load_one(RelationsTo(self.user.id)).await?;
        Ok(relations.unwrap_or_default())
    }

    async fn around(
        &self,
        context: &Context<'_>,
        circle: Circle,
        page: Page,
    ) -> Result<UserConnection, Error> {
        if self.is_veiled {
            return Ok(UserConnection::new(Vec::new(), page));
        }
        let mut db = database(context).read().await?;
        let id = viewer(context).id();
        let users = relations::around(&mut db, id, self.user.id, circle, page).await?;
        Ok(UserConnection::new(users.into_iter().map(Into::into).collect(), page))
    }
}

impl From<User> for UserNode {
    fn from(user: User) -> Self {
        Self { user, is_veiled: false }
    }
}

/// Somebody with an account.
#[Object(name = "User")]
impl UserNode {
    async fn id(&self) -> ID {
        self.user.id.into()
    }

    async fn name(&self) -> &str {
        &self.user.name
    }

    async fn display_name(&self) -> &str {
        &self.user.display_name
    }

    async fn bio(&self) -> &str {
        &self.user.bio
    }

    /// RFC 3339, UTC.
    async fn created_at(&self) -> String {
        rfc3339(self.user.created_at)
    }

    async fn post_count(&self, context: &Context<'_>) -> Result<i32, Arc<Error>> {
        Ok(int(self.counts(context).await?.posts))
    }

    async fn follower_count(&self, context: &Context<'_>) -> Result<i32, Arc<Error>> {
        Ok(int(self.counts(context).await?.followers))
    }

    async fn following_count(&self, context: &Context<'_>) -> Result<i32, Arc<Error>> {
        Ok(int(self.counts(context).await?.following))
    }

    /// Whether who asks follows them.
    async fn is_followed(&self, context: &Context<'_>) -> Result<bool, Arc<Error>> {
        Ok(self.relations(context).await?.is_followed != 0)
    }

    /// Whether they follow who asks.
    async fn follows_me(&self, context: &Context<'_>) -> Result<bool, Arc<Error>> {
        Ok(self.relations(context).await?.follows_me != 0)
    }

    /// Whether who asks has blocked them.
    async fn is_blocked(&self, context: &Context<'_>) -> Result<bool, Arc<Error>> {
        Ok(self.relations(context).await?.is_blocked != 0)
    }

    /// What they wrote and reposted, newest first.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn posts(
        &self,
        context: &Context<'_>,
        #[graphql(default = 20)] first: i32,
        after: Option<String>,
    ) -> Result<PostConnection, Error> {
        let page = Page::new(first, after.as_deref())?;
        if self.is_veiled {
            return Ok(PostConnection::new(Vec::new(), page));
        }
        let mut db = database(context).read().await?;
        let id = viewer(context).id();
        let posts = timelines::by_author(&mut db, id, self.user.id, page).await?;
        Ok(PostConnection::new(posts, page))
    }

    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn followers(
        &self,
        context: &Context<'_>,
        #[graphql(default = 20)] first: i32,
        after: Option<String>,
    ) -> Result<UserConnection, Error> {
        self.around(context, Circle::Followers, Page::new(first, after.as_deref())?).await
    }

    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn following(
        &self,
        context: &Context<'_>,
        #[graphql(default = 20)] first: i32,
        after: Option<String>,
    ) -> Result<UserConnection, Error> {
        self.around(context, Circle::Following, Page::new(first, after.as_deref())?).await
    }
}

/// A post, or a repost of one.
#[derive(Clone, Debug)]
pub(crate) struct PostNode {
    post: Post,
    /// What is known already, of a post that is new.
    news: Option<Arc<News>>,
}

impl From<Post> for PostNode {
    fn from(post: Post) -> Self {
        Self { post, news: None }
    }
}

impl PostNode {
    /// One that is new.
    pub(crate) fn new_one(news: Arc<News>) -> Self {
        Self { post: news.post.clone(), news: Some(news) }
    }

    async fn counts(&self, context: &Context<'_>) -> Result<PostCounts, Arc<Error>> {
        let id = self.post.id;
        let known = self.news.as_ref().and_then(|news| news.counts(viewer(context).id(), id));
        if let Some(counts) = known {
            return Ok(counts);
        }
        Ok(loads(context).load_one(CountsOfPost(id)).await?.unwrap_or_default())
    }

    async fn mine(&self, context: &Context<'_>) -> Result<Mine, Arc<Error>> {
        let viewer = viewer(context).id();
        if viewer == NOBODY {
            return Ok(Mine::default());
        }
        if let Some(news) = &self.news {
            return Ok(news.mine(viewer, self.post.id));
        }
        Ok(loads(context).load_one(MineOf(self.post.id)).await?.unwrap_or_default())
    }

    async fn other(
        &self,
        context: &Context<'_>,
        id: Option<i64>,
    ) -> Result<Option<Self>, Arc<Error>> {
        let Some(id) = id else { return Ok(None) };
        match &self.news {
            // What the other one answers or shows was not read with it.
            Some(news) if self.post.id == news.post.id => {
                let post = news.post(viewer(context).id(), id).cloned();
                Ok(post.map(|post| Self { post, news: Some(Arc::clone(news)) }))
            }
            Some(_) | None => Ok(loads(context).load_one(PostId(id)).await?.map(Self::from)),
        }
    }
}

/// A post, or a repost of one.
#[Object(name = "Post")]
impl PostNode {
    async fn id(&self) -> ID {
        self.post.id.into()
    }

    async fn author(&self, context: &Context<'_>) -> Result<UserNode, Arc<Error>> {
        let id = self.post.author_id;
        if let Some(author) = self.news.as_ref().and_then(|news| news.author(id)) {
            return Ok(author.clone().into());
        }
        let author = loads(context).load_one(UserId(id)).await?;
        Ok(author.ok_or_else(|| Arc::new(Error::NotFound("user")))?.into())
    }

    /// Empty for a repost.
    async fn text(&self) -> &str {
        &self.post.text
    }

    /// RFC 3339, UTC.
    async fn created_at(&self) -> String {
        rfc3339(self.post.created_at)
    }

    async fn position(&self) -> Option<Position> {
        let (latitude, longitude) = self.post.latitude.zip(self.post.longitude)?;
        Some(Position { latitude, longitude })
    }

    /// The post this one answers, unless it is gone or hidden.
    async fn reply_to(&self, context: &Context<'_>) -> Result<Option<Self>, Arc<Error>> {
        self.other(context, self.post.reply_to_id).await
    }

    /// The post this one shows again, where it is a repost.
    async fn repost_of(&self, context: &Context<'_>) -> Result<Option<Self>, Arc<Error>> {
        self.other(context, self.post.repost_of_id).await
    }

    /// As they are written, without the #.
    async fn hashtags(&self) -> Vec<String> {
        text::parts(&self.post.text).hashtags
    }

    /// The names after an @, whether there are such users or not.
    async fn mentions(&self) -> Vec<String> {
        text::parts(&self.post.text).mentions
    }

    async fn like_count(&self, context: &Context<'_>) -> Result<i32, Arc<Error>> {
        Ok(int(self.counts(context).await?.likes))
    }

    async fn repost_count(&self, context: &Context<'_>) -> Result<i32, Arc<Error>> {
        Ok(int(self.counts(context).await?.reposts))
    }

    /// The replies that who asks may see.
    async fn reply_count(&self, context: &Context<'_>) -> Result<i32, Arc<Error>> {
        Ok(int(self.counts(context).await?.replies))
    }

    async fn is_liked(&self, context: &Context<'_>) -> Result<bool, Arc<Error>> {
        Ok(self.mine(context).await?.liked != 0)
    }

    async fn is_reposted(&self, context: &Context<'_>) -> Result<bool, Arc<Error>> {
        Ok(self.mine(context).await?.reposted != 0)
    }

    /// Oldest first.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn replies(
        &self,
        context: &Context<'_>,
        #[graphql(default = 20)] first: i32,
        after: Option<String>,
    ) -> Result<PostConnection, Error> {
        let page = Page::new(first, after.as_deref())?;
        let mut db = database(context).read().await?;
        let id = viewer(context).id();
        let posts = timelines::replies(&mut db, id, self.post.id, page).await?;
        Ok(PostConnection::new(posts, page))
    }
}

#[derive(Clone, Copy, Debug, SimpleObject)]
pub(crate) struct Position {
    /// Decimal degrees.
    latitude: f64,
    /// Decimal degrees.
    longitude: f64,
}

#[derive(Clone, Copy, Debug, InputObject)]
pub(crate) struct PositionInput {
    /// Decimal degrees, -90 to 90.
    latitude: f64,
    /// Decimal degrees, -180 to 180.
    longitude: f64,
}

impl TryFrom<PositionInput> for LatLng {
    type Error = Error;

    fn try_from(input: PositionInput) -> Result<Self, Error> {
        Self::new(input.latitude, input.longitude).ok_or_else(|| {
            Error::Invalid(
                "a position has a latitude of -90 to 90 and a longitude of -180 to 180 degrees"
                    .into(),
            )
        })
    }
}

#[derive(Clone, Copy, Debug, InputObject)]
#[graphql(name = "Circle")]
pub(crate) struct CircleInput {
    latitude: f64,
    longitude: f64,
    /// Kilometres along the ground.
    radius_km: f64,
}

impl TryFrom<CircleInput> for search::Circle {
    type Error = Error;

    fn try_from(input: CircleInput) -> Result<Self, Error> {
        let CircleInput { latitude, longitude, radius_km } = input;
        let center = LatLng::try_from(PositionInput { latitude, longitude })?;
        if !(radius_km.is_finite() && radius_km > 0.0) {
            return Err(Error::Invalid("a circle has a radius above 0 km".into()));
        }
        Ok(Self { center, radius_km })
    }
}

#[derive(Debug, SimpleObject)]
pub(crate) struct PostConnection {
    nodes: Vec<PostNode>,
    page_info: PageInfo,
}

impl PostConnection {
    /// The page of these rows, of which there is one more if another page follows.
    pub(crate) fn new(mut posts: Vec<Post>, page: Page) -> Self {
        let has_next_page = page.cut(&mut posts);
        let end_cursor = posts.last().map(|post| post.id.to_string());
        let nodes = posts.into_iter().map(PostNode::from).collect();
        Self { nodes, page_info: PageInfo { end_cursor, has_next_page } }
    }

    /// Says that there may be more below this id, whatever is on the page.
    pub(crate) fn goes_on_below(&mut self, id: i64) {
        self.page_info = PageInfo { end_cursor: Some(id.to_string()), has_next_page: true };
    }
}

#[derive(Debug, SimpleObject)]
pub(crate) struct UserConnection {
    nodes: Vec<UserNode>,
    page_info: PageInfo,
}

impl UserConnection {
    /// The page of these rows, of which there is one more if another page follows.
    pub(crate) fn new(mut nodes: Vec<UserNode>, page: Page) -> Self {
        let has_next_page = page.cut(&mut nodes);
        let end_cursor = nodes.last().map(|node| node.user.id.to_string());
        Self { nodes, page_info: PageInfo { end_cursor, has_next_page } }
    }
}

#[derive(Debug, SimpleObject)]
pub(crate) struct PageInfo {
    /// What to give as `after` for the next page; null on an empty page that is the last.
    pub(crate) end_cursor: Option<String>,
    pub(crate) has_next_page: bool,
}

#[derive(Debug, SimpleObject)]
pub(crate) struct Trend {
    tag: String,
    post_count: i32,
    user_count: i32,
}

impl From<timelines::Trend> for Trend {
    fn from(trend: timelines::Trend) -> Self {
        Self { tag: trend.tag, post_count: int(trend.posts), user_count: int(trend.users) }
    }
}

#[derive(Debug, SimpleObject)]
pub(crate) struct Session {
    pub(crate) token: String,
    /// RFC 3339, UTC.
    pub(crate) expires_at: String,
    pub(crate) user: UserNode,
}

pub(crate) fn app<'c>(context: &Context<'c>) -> &'c Arc<App> {
    context.data_unchecked()
}

pub(crate) fn database<'c>(context: &Context<'c>) -> &'c RequestDatabase {
    context.data_unchecked()
}

pub(crate) fn viewer<'c>(context: &Context<'c>) -> &'c Viewer {
    context.data_unchecked()
}

fn loads<'c>(context: &Context<'c>) -> &'c Loads {
    context.data_unchecked()
}

/// A moment in milliseconds since 1970, as users read it.
pub(crate) fn rfc3339(unix_ms: i64) -> String {
    Timestamp::from_millisecond(unix_ms).unwrap_or_default().to_string()
}

/// GraphQL's integers have 32 bits.
fn int(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
