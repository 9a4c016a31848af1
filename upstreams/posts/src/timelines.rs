//! Posts in a row: the feed and the other lists, what a post was answered, what trends.
//!
//! Every list is a page and one row more, by an index and without what is hidden from the viewer.

use sqlx::{AnyConnection, AssertSqlSafe};

use crate::Error;
use crate::ids::first_at;
use crate::page::Page;
use crate::posts::{COLUMNS, Post};
use crate::row::from_row;
use crate::text;
use crate::visibility::{NOBODY, visible};

/// The longest time over which tags trend, in hours.
pub(crate) const MAX_TREND_HOURS: i32 = 7 * 24;

/// The most uses of hashtags that are counted, the newest.
const MAX_TREND_USES: usize = 50_000;

/// A hashtag that many people use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Trend {
    /// Folded, without its sign.
    pub(crate) tag: String,
    /// In how many posts.
    pub(crate) posts: i64,
    /// By how many people.
    pub(crate) users: i64,
}

from_row!(Trend { tag, posts, users });

/// What the viewer and those they follow wrote and reposted, newest first.
///
/// Of everybody only as many are read as fit on the page. Neither way to say so works on both databases: what
/// PostgreSQL joins laterally it would otherwise look for in all posts, and SQLite knows no such join.
pub(crate) async fn feed(
    db: &mut AnyConnection,
    viewer: i64,
    page: Page,
) -> Result<Vec<Post>, Error> {
    let authors = "(SELECT f.followee_id AS id FROM follows f WHERE f.follower_id = $1 \
                   UNION ALL SELECT u.id FROM users u WHERE u.id = $1) a";
    let is_visible = visible("q", "$1");
    let newest = format!(
        "SELECT q.id FROM posts q WHERE q.author_id = a.id AND q.id < $2 AND {is_visible} \
         ORDER BY q.id DESC LIMIT $3"
    );
    let from = if db.backend_name() == "PostgreSQL" {
        format!("{authors} CROSS JOIN LATERAL ({newest}) n JOIN posts p ON p.id = n.id")
    } else {
        format!("{authors} CROSS JOIN posts p ON p.id IN ({newest})")
    };
    let sql = format!("SELECT {COLUMNS} FROM {from} ORDER BY p.id DESC LIMIT $3");
    let posts = sqlx::query_as(AssertSqlSafe(sql))
        .bind(viewer)
        .bind(page.below())
        .bind(page.limit())
        .fetch_all(db)
        .await?;
    Ok(posts)
}

/// What anybody wrote, newest first; not reposts.
pub(crate) async fn everybody(
    db: &mut AnyConnection,
    viewer: i64,
    page: Page,
) -> Result<Vec<Post>, Error> {
    let is_visible = visible("p", "$1");
    let sql = format!(
        "SELECT {COLUMNS} FROM posts p WHERE p.id < $2 AND p.repost_of_id IS NULL AND {is_visible} \
         ORDER BY p.id DESC LIMIT $3"
    );
    let posts = sqlx::query_as(AssertSqlSafe(sql))
        .bind(viewer)
        .bind(page.below())
        .bind(page.limit())
        .fetch_all(db)
        .await?;
    Ok(posts)
}

/// What one wrote and reposted, newest first.
pub(crate) async fn by_author(
    db: &mut AnyConnection,
    viewer: i64,
    author: i64,
    page: Page,
) -> Result<Vec<Post>, Error> {
    let is_visible = visible("p", "$1");
    let sql = format!(
        "SELECT {COLUMNS} FROM posts p WHERE p.author_id = $4 AND p.id < $2 AND {is_visible} \
         ORDER BY p.id DESC LIMIT $3"
    );
    let posts = sqlx::query_as(AssertSqlSafe(sql))
        .bind(viewer)
        .bind(page.below())
        .bind(page.limit())
        .bind(author)
        .fetch_all(db)
        .await?;
    Ok(posts)
}

/// What a post was answered, oldest first.
pub(crate) async fn replies(
    db: &mut AnyConnection,
    viewer: i64,
    post: i64,
    page: Page,
) -> Result<Vec<Post>, Error> {
    let is_visible = visible("p", "$1");
    let sql = format!(
        "SELECT {COLUMNS} FROM posts p WHERE p.reply_to_id = $4 AND p.id > $2 AND {is_visible} \
         ORDER BY p.id LIMIT $3"
    );
    let posts = sqlx::query_as(AssertSqlSafe(sql))
        .bind(viewer)
        .bind(page.above())
        .bind(page.limit())
        .bind(post)
        .fetch_all(db)
        .await?;
    Ok(posts)
}

/// Where others mention the viewer, newest first.
pub(crate) async fn mentions(
    db: &mut AnyConnection,
    viewer: i64,
    name: &str,
    page: Page,
) -> Result<Vec<Post>, Error> {
    let is_visible = visible("p", "$1");
    let sql = format!(
        "SELECT {COLUMNS} FROM post_terms t JOIN posts p ON p.id = t.post_id \
         WHERE t.term = $4 AND t.post_id < $2 AND p.author_id <> $1 AND {is_visible} \
         ORDER BY t.post_id DESC LIMIT $3"
    );
    let posts = sqlx::query_as(AssertSqlSafe(sql))
        .bind(viewer)
        .bind(page.below())
        .bind(page.limit())
        .bind(text::name_term(name))
        .fetch_all(db)
        .await?;
    Ok(posts)
}

/// The tags that most people used in the last hours, then those in most posts.
pub(crate) async fn trending(
    db: &mut AnyConnection,
    viewer: i64,
    hours: i32,
    first: i32,
    now_ms: i64,
) -> Result<Vec<Trend>, Error> {
    if !(1..=MAX_TREND_HOURS).contains(&hours) {
        return Err(Error::Invalid(format!("`hours` is 1 to {MAX_TREND_HOURS}")));
    }
    let page = Page::new(first, None)?;
    let since = first_at(now_ms - i64::from(hours) * 60 * 60 * 1000);
    let is_visible = if viewer == NOBODY { "$2 = $2".into() } else { visible("p", "$2") };
    let sql = format!(
        "SELECT t.tag, COUNT(*) AS posts, COUNT(DISTINCT p.author_id) AS users \
         FROM (SELECT post_id, tag FROM post_tags WHERE post_id >= $1 \
         ORDER BY post_id DESC, tag DESC LIMIT {MAX_TREND_USES}) t JOIN posts p ON p.id = t.post_id \
         WHERE {is_visible} GROUP BY t.tag ORDER BY users DESC, posts DESC, t.tag LIMIT $3"
    );
    let mut trends = sqlx::query_as(AssertSqlSafe(sql))
        .bind(since)
        .bind(viewer)
        .bind(page.limit())
        .fetch_all(db)
        .await?;
    page.cut(&mut trends);
    Ok(trends)
}
