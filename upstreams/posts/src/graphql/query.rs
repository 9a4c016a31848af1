//! What can be asked.

use async_graphql::{Context, ID, Object};

use super::costs::{HEAVY, page_cost};
use super::types::{
    CircleInput, PostConnection, PostNode, Trend, UserConnection, UserNode, app, database, viewer,
};
use crate::Error;
use crate::accounts;
use crate::ids::now_ms;
use crate::page::{self, Page};
use crate::posts;
use crate::query::{MAX_QUERY_CHARS, Query as SearchQuery};
use crate::relations::{self, Circle};
use crate::search::{self, Search};
use crate::text;
use crate::timelines;
use crate::visibility::NOBODY;

/// The most characters of a hashtag that is asked for: it may be folded, which makes 18 of one at most.
const MAX_TAG_CHARS: usize = 18 * text::MAX_TAG_CHARS;

pub(crate) struct Query;

#[Object]
impl Query {
    /// Who is logged in, or null.
    async fn me(&self, context: &Context<'_>) -> Result<Option<UserNode>, Error> {
        let id = viewer(context).id();
        if id == NOBODY {
            return Ok(None);
        }
        let mut db = database(context).read().await?;
        Ok(accounts::by_ids(&mut db, &[id]).await?.remove(&id).map(Into::into))
    }

    /// Somebody by name (without the @), or null where there is no such user or one of the two blocks the other.
    async fn user(&self, context: &Context<'_>, name: String) -> Result<Option<UserNode>, Error> {
        let mut db = database(context).read().await?;
        let user = accounts::visible_by_name(&mut db, viewer(context).id(), &name).await?;
        Ok(user.map(Into::into))
    }

    /// A post by id, or null where there is none, or where it is hidden from who asks.
    async fn post(&self, context: &Context<'_>, id: ID) -> Result<Option<PostNode>, Error> {
        let Some(id) = page::id(&id) else { return Ok(None) };
        let mut db = database(context).read().await?;
        Ok(posts::one(&mut db, viewer(context).id(), id).await?.map(Into::into))
    }

    /// What I and those I follow wrote and reposted, newest first. For who is logged in.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn feed(
        &self,
        context: &Context<'_>,
        #[graphql(default = 20)] first: i32,
        after: Option<String>,
    ) -> Result<PostConnection, Error> {
        let me = viewer(context).user()?;
        let page = Page::new(first, after.as_deref())?;
        let mut db = database(context).read().await?;
        Ok(PostConnection::new(timelines::feed(&mut db, me, page).await?, page))
    }

    /// What anybody wrote, newest first.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn posts(
        &self,
        context: &Context<'_>,
        #[graphql(default = 20)] first: i32,
        after: Option<String>,
    ) -> Result<PostConnection, Error> {
        let page = Page::new(first, after.as_deref())?;
        let mut db = database(context).read().await?;
        let posts = timelines::everybody(&mut db, viewer(context).id(), page).await?;
        Ok(PostConnection::new(posts, page))
    }

    /// Posts by words, "a phrase", #hashtags, @names, from:name, -without, OR; near a point or anywhere; newest first.
    #[graphql(complexity = "HEAVY + page_cost(first, child_complexity)")]
    async fn search(
        &self,
        context: &Context<'_>,
        #[graphql(default)] query: String,
        near: Option<CircleInput>,
        #[graphql(default = 20)] first: i32,
        after: Option<String>,
    ) -> Result<PostConnection, Error> {
        if query.chars().count() > MAX_QUERY_CHARS {
            let why = format!("`query` has more than {MAX_QUERY_CHARS} characters");
            return Err(Error::Invalid(why));
        }
        let near = near.map(TryInto::try_into).transpose()?;
        found(context, &SearchQuery::parse(&query), near, Page::new(first, after.as_deref())?).await
    }

    /// Posts with this hashtag (with or without the #), newest first.
    #[graphql(complexity = "HEAVY + page_cost(first, child_complexity)")]
    async fn tagged(
        &self,
        context: &Context<'_>,
        tag: String,
        #[graphql(default = 20)] first: i32,
        after: Option<String>,
    ) -> Result<PostConnection, Error> {
        let page = Page::new(first, after.as_deref())?;
        let bare = tag.strip_prefix(['#', '＃']).unwrap_or(&tag);
        let is_tag = bare.chars().count() <= MAX_TAG_CHARS
            && bare.contains(char::is_alphabetic)
            && !bare.contains(char::is_control);
        if !is_tag {
            return Err(Error::Invalid("this is not a hashtag".into()));
        }
        found(context, &SearchQuery::tagged(bare), None, page).await
    }

    /// Posts that mention me, newest first. For who is logged in.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn mentions(
        &self,
        context: &Context<'_>,
        #[graphql(default = 20)] first: i32,
        after: Option<String>,
    ) -> Result<PostConnection, Error> {
        let me = viewer(context).user()?;
        let page = Page::new(first, after.as_deref())?;
        let mut db = database(context).read().await?;
        let user = accounts::by_ids(&mut db, &[me]).await?.remove(&me);
        let name = user.ok_or(Error::Unauthenticated)?.name;
        Ok(PostConnection::new(timelines::mentions(&mut db, me, &name, page).await?, page))
    }

    /// Whom I have blocked, by name alone. For who is logged in.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn blocked(
        &self,
        context: &Context<'_>,
        #[graphql(default = 20)] first: i32,
        after: Option<String>,
    ) -> Result<UserConnection, Error> {
        let me = viewer(context).user()?;
        let page = Page::new(first, after.as_deref())?;
        let mut db = database(context).read().await?;
        let users = relations::around(&mut db, me, me, Circle::Blocked, page).await?;
        Ok(UserConnection::new(users.into_iter().map(UserNode::veiled).collect(), page))
    }

    /// The hashtags that most people used in the last hours, 168 at most.
    #[graphql(complexity = "HEAVY + child_complexity")]
    async fn trending(
        &self,
        context: &Context<'_>,
        #[graphql(default = 24)] hours: i32,
        #[graphql(default = 10)] first: i32,
    ) -> Result<Vec<Trend>, Error> {
        let mut db = database(context).read().await?;
        let id = viewer(context).id();
        let trends = timelines::trending(&mut db, id, hours, first, now_ms()).await?;
        Ok(trends.into_iter().map(Into::into).collect())
    }

    /// The most characters a post may have.
    async fn post_characters(&self, context: &Context<'_>) -> i32 {
        i32::try_from(app(context).post_characters).unwrap_or(i32::MAX)
    }
}

async fn found(
    context: &Context<'_>,
    query: &SearchQuery,
    near: Option<search::Circle>,
    page: Page,
) -> Result<PostConnection, Error> {
    let viewer = viewer(context).id();
    let search = Search {
        query,
        near,
        lang: None,
        before: Some(page.below()),
        after: None,
        viewer: Some(viewer).filter(|viewer| *viewer != NOBODY),
        limit: usize::try_from(page.limit()).unwrap_or(usize::MAX),
    };
    let mut db = database(context).read().await?;
    let found = search::search(&mut db, &search).await?;
    let posts = posts::by_ids(&mut db, viewer, &found.ids).await?;
    let mut connection = PostConnection::new(posts.into_values().rev().collect(), page);
    if let Some(id) = found.cut_at {
        connection.goes_on_below(id);
    }
    Ok(connection)
}
