//! A new post with all that its subscribers need to know of it, read once for all of them.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AnyConnection, AssertSqlSafe};

use crate::Error;
use crate::accounts::{self, User};
use crate::database::{Database, id_list};
use crate::ids::now_ms;
use crate::posts::{self, Mine, Post, PostCounts};
use crate::sessions::{self, TokenHash};
use crate::text;
use crate::visibility::NOBODY;
use crate::watchers::Watchers;

/// The most ids in a statement.
const IDS: usize = 512;

/// A new post, and who among those who wait may see what of it.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// The post.
    pub(crate) post: Post,
    /// Its hashtags as they are compared.
    pub(crate) tags: BTreeSet<String>,
    /// Who waited when this was read.
    watchers: Watchers,
    /// Which of the sessions had not ended.
    sessions: BTreeSet<TokenHash>,
    /// Who has the post in their feed, apart from its author.
    followers: BTreeSet<i64>,
    /// Who is hidden from whom, as watcher and author.
    hidden: BTreeSet<(i64, i64)>,
    /// Those whom anything at all is hidden from.
    blocks: BTreeSet<i64>,
    /// The post and those it answers or shows again.
    posts: BTreeMap<i64, Post>,
    users: BTreeMap<i64, User>,
    counts: BTreeMap<i64, PostCounts>,
    /// What watchers did with those posts, as post and watcher.
    likes: BTreeSet<(i64, i64)>,
    reposts: BTreeSet<(i64, i64)>,
}

/// Reads a post for these watchers; none if it is gone.
pub(crate) async fn read(
    database: &Database,
    id: i64,
    watchers: Watchers,
) -> Result<Option<News>, Error> {
    let db = &mut *database.read().await?;
    let Some(post) = posts::one(db, NOBODY, id).await? else { return Ok(None) };
    let others: Vec<i64> = [post.reply_to_id, post.repost_of_id].into_iter().flatten().collect();
    let mut posts = posts::by_ids(db, NOBODY, &others).await?;
    posts.insert(post.id, post.clone());
    let ids: Vec<i64> = posts.keys().copied().collect();
    let authors: Vec<i64> = posts.values().map(|post| post.author_id).collect();
    let mut news = News {
        tags: text::parts(&post.text).hashtags.iter().map(|tag| posts::tag_key(tag)).collect(),
        users: accounts::by_ids(db, &authors).await?,
        counts: posts::counts(db, NOBODY, &ids).await?,
        posts,
        post,
        ..News::default()
    };
    let users: Vec<i64> = watchers.users.keys().copied().filter(|id| *id != NOBODY).collect();
    for users in users.chunks(IDS) {
        news.read_for(db, users, &authors, &ids).await?;
    }
    let tokens: Vec<&TokenHash> = watchers.sessions.keys().collect();
    for tokens in tokens.chunks(IDS) {
        news.sessions.extend(sessions::that_last(db, tokens, now_ms()).await?);
    }
    news.watchers = watchers;
    Ok(Some(news))
}

impl News {
    async fn read_for(
        &mut self,
        db: &mut AnyConnection,
        users: &[i64],
        authors: &[i64],
        posts: &[i64],
    ) -> Result<(), Error> {
        let author = [self.post.author_id];
        let sql = "SELECT follower_id, followee_id FROM follows WHERE follower_id IN ({users}) AND followee_id IN ({others})";
        self.followers
            .extend(pairs(db, sql, users, &author).await?.into_iter().map(|(user, _)| user));
        for sql in [
            "SELECT blocker_id, blocked_id FROM blocks WHERE blocker_id IN ({users}) AND blocked_id IN ({others})",
            "SELECT blocked_id, blocker_id FROM blocks WHERE blocked_id IN ({users}) AND blocker_id IN ({others})",
        ] {
            self.hidden.extend(pairs(db, sql, users, authors).await?);
        }
        let (list, ids) = id_list(users, 1);
        let sql = format!(
            "SELECT blocker_id FROM blocks WHERE blocker_id IN ({list}) \
             UNION SELECT blocked_id FROM blocks WHERE blocked_id IN ({list})"
        );
        let query = sqlx::query_scalar(AssertSqlSafe(sql));
        let blocks: Vec<i64> =
            ids.into_iter().fold(query, |query, id| query.bind(id)).fetch_all(&mut *db).await?;
        self.blocks.extend(blocks);
        let sql = "SELECT post_id, user_id FROM likes WHERE user_id IN ({users}) AND post_id IN ({others})";
        self.likes.extend(pairs(db, sql, users, posts).await?);
        let sql = "SELECT repost_of_id, author_id FROM posts WHERE author_id IN ({users}) AND repost_of_id IN ({others})";
        self.reposts.extend(pairs(db, sql, users, posts).await?);
        Ok(())
    }

    /// Whether somebody waited for it when it was read.
    pub(crate) fn is_for(&self, user: i64, session: Option<&TokenHash>) -> bool {
        self.watchers.users.contains_key(&user)
            && session.is_none_or(|session| self.watchers.sessions.contains_key(session))
    }

    /// Whether this session had not ended when it was read.
    pub(crate) fn has_session(&self, session: &TokenHash) -> bool {
        self.sessions.contains(session)
    }

    /// Whether the post and the one it shows again, if it does, may be seen by this user.
    pub(crate) fn is_visible(&self, user: i64) -> bool {
        let original = self.post.repost_of_id.and_then(|id| self.posts.get(&id));
        !self.is_hidden(user, self.post.author_id)
            && original.is_none_or(|post| !self.is_hidden(user, post.author_id))
    }

    /// Whether it comes into the feed of this user, if it is visible.
    pub(crate) fn is_in_feed(&self, user: i64) -> bool {
        self.post.author_id == user || self.followers.contains(&user)
    }

    /// One of the posts, where the user may see it; none of those that were not read.
    pub(crate) fn post(&self, user: i64, id: i64) -> Option<&Post> {
        self.posts.get(&id).filter(|post| !self.is_hidden(user, post.author_id))
    }

    /// Who wrote one of the posts.
    pub(crate) fn author(&self, id: i64) -> Option<&User> {
        self.users.get(&id)
    }

    /// What became of one of the posts; unknown for who is not shown all replies.
    pub(crate) fn counts(&self, user: i64, id: i64) -> Option<PostCounts> {
        self.counts.get(&id).copied().filter(|_| !self.blocks.contains(&user))
    }

    /// What the user did with one of the posts.
    pub(crate) fn mine(&self, user: i64, id: i64) -> Mine {
        let [liked, reposted] =
            [&self.likes, &self.reposts].map(|all| i64::from(all.contains(&(id, user))));
        Mine { id, liked, reposted }
    }

    fn is_hidden(&self, user: i64, author: i64) -> bool {
        self.hidden.contains(&(user, author))
    }
}

/// The rows of a statement with two lists of ids in it.
async fn pairs(
    db: &mut AnyConnection,
    sql: &str,
    users: &[i64],
    others: &[i64],
) -> Result<Vec<(i64, i64)>, Error> {
    let (user_list, users) = id_list(users, 1);
    let (other_list, others) = id_list(others, 1 + users.len());
    let sql = sql.replace("{users}", &user_list).replace("{others}", &other_list);
    let query = sqlx::query_as(AssertSqlSafe(sql));
    let query = users.into_iter().chain(others).fold(query, |query, id| query.bind(id));
    Ok(query.fetch_all(db).await?)
}
