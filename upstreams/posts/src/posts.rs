//! Posts: written, deleted, reposted, liked.

use std::collections::BTreeMap;

use herd_places::LatLng;
use sqlx::{AnyConnection, AssertSqlSafe, FromRow};

use crate::Error;
use crate::bulk::Rows;
use crate::cells::cells_of;
use crate::database::id_list;
use crate::ids::{Ids, moment_ms};
use crate::text;
use crate::visibility::{no_block, visible};

/// What is read of a post, whose alias is `p`.
pub(crate) const COLUMNS: &str = "p.id, p.author_id, p.text, p.created_at, p.latitude, p.longitude, \
                                  p.reply_to_id, p.repost_of_id";

/// What servers of one PostgreSQL lock to write a post, a number that is nobody else's.
const POSTS_LOCK: i64 = 0x6865_7264_706f_7374;

/// A post, or a repost.
#[derive(Clone, Debug, Default, FromRow, PartialEq)]
pub(crate) struct Post {
    /// Grows with time, as all ids do.
    pub(crate) id: i64,
    /// Who wrote it.
    pub(crate) author_id: i64,
    /// Empty in a repost.
    pub(crate) text: String,
    /// In milliseconds since 1970.
    pub(crate) created_at: i64,
    /// Decimal degrees, with a longitude or not at all.
    pub(crate) latitude: Option<f64>,
    /// Decimal degrees.
    pub(crate) longitude: Option<f64>,
    /// The post this one answers.
    pub(crate) reply_to_id: Option<i64>,
    /// The post this one shows again.
    pub(crate) repost_of_id: Option<i64>,
}

/// A post to be.
#[derive(Clone, Debug)]
pub(crate) struct NewPost {
    pub(crate) author_id: i64,
    /// Fit to be kept: see `wording`.
    pub(crate) text: String,
    pub(crate) position: Option<LatLng>,
    pub(crate) reply_to: Option<i64>,
}

/// What became of a post.
#[derive(Clone, Copy, Debug, Default, Eq, FromRow, PartialEq)]
pub(crate) struct PostCounts {
    /// Which.
    pub(crate) id: i64,
    /// By how many it is liked.
    pub(crate) likes: i64,
    /// By how many it was reposted.
    pub(crate) reposts: i64,
    /// The replies that the viewer may see.
    pub(crate) replies: i64,
}

/// What the viewer did with a post.
#[derive(Clone, Copy, Debug, Default, Eq, FromRow, PartialEq)]
pub(crate) struct Mine {
    /// Which.
    pub(crate) id: i64,
    /// Liked: not 0.
    pub(crate) liked: i64,
    /// Reposted: not 0.
    pub(crate) reposted: i64,
}

/// Writes a post.
pub(crate) async fn create(
    db: &mut AnyConnection,
    ids: &Ids,
    new: NewPost,
    now_ms: i64,
) -> Result<Post, Error> {
    let reply_to_id = match new.reply_to {
        Some(id) => Some(original(db, new.author_id, id).await?.id),
        None => None,
    };
    let mut post = Post {
        id: 0,
        author_id: new.author_id,
        text: new.text,
        created_at: now_ms,
        latitude: new.position.map(LatLng::lat),
        longitude: new.position.map(LatLng::lng),
        reply_to_id,
        repost_of_id: None,
    };
    insert(db, ids, &mut post, now_ms).await?;
    index(db, post.id, &post.text, new.position).await?;
    Ok(post)
}

/// Deletes a post of the viewer's, with its reposts and likes. Replies stay and answer nothing.
pub(crate) async fn delete(db: &mut AnyConnection, viewer: i64, id: i64) -> Result<(), Error> {
    // Whoever is hidden: a repost of theirs is the viewer's all the same.
    let sql = format!("SELECT {COLUMNS} FROM posts p WHERE p.id = $1 AND p.author_id = $2");
    let own: Option<Post> =
        sqlx::query_as(AssertSqlSafe(sql)).bind(id).bind(viewer).fetch_optional(&mut *db).await?;
    let Some(post) = own else {
        one(db, viewer, id).await?.ok_or(Error::NotFound("post"))?;
        return Err(Error::Forbidden("this is somebody else's post".into()));
    };
    unindex(db, &post).await?;
    sqlx::query("DELETE FROM posts WHERE id = $1 AND author_id = $2")
        .bind(id)
        .bind(viewer)
        .execute(db)
        .await?;
    Ok(())
}

/// Shows a post to the viewer's followers, and returns it, with the repost where it is new.
pub(crate) async fn repost(
    db: &mut AnyConnection,
    ids: &Ids,
    viewer: i64,
    id: i64,
    now_ms: i64,
) -> Result<(Post, Option<Post>), Error> {
    let original = original(db, viewer, id).await?;
    let known: Option<i64> =
        sqlx::query_scalar("SELECT id FROM posts WHERE repost_of_id = $1 AND author_id = $2")
            .bind(original.id)
            .bind(viewer)
            .fetch_optional(&mut *db)
            .await?;
    if known.is_some() {
        return Ok((original, None));
    }
    let mut repost = Post {
        id: 0,
        author_id: viewer,
        text: String::new(),
        created_at: now_ms,
        latitude: None,
        longitude: None,
        reply_to_id: None,
        repost_of_id: Some(original.id),
    };
    let is_new = insert(db, ids, &mut repost, now_ms).await?;
    Ok((original, is_new.then_some(repost)))
}

/// Takes the viewer's repost back, and returns the post, unless it is hidden from them by now.
pub(crate) async fn undo_repost(
    db: &mut AnyConnection,
    viewer: i64,
    id: i64,
) -> Result<Option<Post>, Error> {
    // Whoever is hidden: the repost is the viewer's all the same.
    let own: Option<i64> = sqlx::query_scalar(
        "SELECT repost_of_id FROM posts \
         WHERE author_id = $2 AND repost_of_id IS NOT NULL AND (repost_of_id = $1 OR id = $1)",
    )
    .bind(id)
    .bind(viewer)
    .fetch_optional(&mut *db)
    .await?;
    let original_id = match own {
        Some(id) => id,
        None => original(db, viewer, id).await?.id,
    };
    sqlx::query("DELETE FROM posts WHERE repost_of_id = $1 AND author_id = $2")
        .bind(original_id)
        .bind(viewer)
        .execute(&mut *db)
        .await?;
    one(db, viewer, original_id).await
}

/// Likes a post, and returns it; of a repost the one that it shows.
pub(crate) async fn like(
    db: &mut AnyConnection,
    viewer: i64,
    id: i64,
    now_ms: i64,
) -> Result<Post, Error> {
    let original = original(db, viewer, id).await?;
    sqlx::query(
        "INSERT INTO likes (post_id, user_id, created_at) VALUES ($1, $2, $3) \
         ON CONFLICT (post_id, user_id) DO NOTHING",
    )
    .bind(original.id)
    .bind(viewer)
    .bind(now_ms)
    .execute(db)
    .await
    .map_err(gone)?;
    Ok(original)
}

/// No longer likes a post, and returns it.
pub(crate) async fn unlike(db: &mut AnyConnection, viewer: i64, id: i64) -> Result<Post, Error> {
    let original = original(db, viewer, id).await?;
    sqlx::query("DELETE FROM likes WHERE post_id = $1 AND user_id = $2")
        .bind(original.id)
        .bind(viewer)
        .execute(db)
        .await?;
    Ok(original)
}

/// Those of these posts that the viewer may see.
pub(crate) async fn by_ids(
    db: &mut AnyConnection,
    viewer: i64,
    ids: &[i64],
) -> Result<BTreeMap<i64, Post>, Error> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (list, ids) = id_list(ids, 2);
    let is_visible = visible("p", "$1");
    let sql = format!("SELECT {COLUMNS} FROM posts p WHERE p.id IN ({list}) AND {is_visible}");
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(viewer);
    let posts: Vec<Post> =
        ids.into_iter().fold(query, |query, id| query.bind(id)).fetch_all(db).await?;
    Ok(posts.into_iter().map(|post| (post.id, post)).collect())
}

/// What became of these posts.
pub(crate) async fn counts(
    db: &mut AnyConnection,
    viewer: i64,
    ids: &[i64],
) -> Result<BTreeMap<i64, PostCounts>, Error> {
    let (list, ids) = id_list(ids, 2);
    let is_visible = no_block("r.author_id", "$1");
    let sql = format!(
        "SELECT p.id, \
         (SELECT COUNT(*) FROM likes l WHERE l.post_id = p.id) AS likes, \
         (SELECT COUNT(*) FROM posts r WHERE r.repost_of_id = p.id) AS reposts, \
         (SELECT COUNT(*) FROM posts r WHERE r.reply_to_id = p.id AND {is_visible}) AS replies \
         FROM posts p WHERE p.id IN ({list})"
    );
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(viewer);
    let counts: Vec<PostCounts> =
        ids.into_iter().fold(query, |query, id| query.bind(id)).fetch_all(db).await?;
    Ok(counts.into_iter().map(|counts| (counts.id, counts)).collect())
}

/// What the viewer did with these posts.
pub(crate) async fn mine(
    db: &mut AnyConnection,
    viewer: i64,
    ids: &[i64],
) -> Result<BTreeMap<i64, Mine>, Error> {
    let (list, ids) = id_list(ids, 2);
    let sql = format!(
        "SELECT p.id, \
         (SELECT COUNT(*) FROM likes l WHERE l.post_id = p.id AND l.user_id = $1) AS liked, \
         (SELECT COUNT(*) FROM posts r WHERE r.repost_of_id = p.id AND r.author_id = $1) AS reposted \
         FROM posts p WHERE p.id IN ({list})"
    );
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(viewer);
    let mine: Vec<Mine> =
        ids.into_iter().fold(query, |query, id| query.bind(id)).fetch_all(db).await?;
    Ok(mine.into_iter().map(|mine| (mine.id, mine)).collect())
}

/// A hashtag as it is kept and compared, without its sign.
pub(crate) fn tag_key(tag: &str) -> String {
    text::fold(tag.strip_prefix(['#', '＃']).unwrap_or(tag))
}

/// A post that the viewer may see.
pub(crate) async fn one(
    db: &mut AnyConnection,
    viewer: i64,
    id: i64,
) -> Result<Option<Post>, Error> {
    Ok(by_ids(db, viewer, &[id]).await?.remove(&id))
}

/// The post with this id or, where that is a repost, the one it shows.
async fn original(db: &mut AnyConnection, viewer: i64, id: i64) -> Result<Post, Error> {
    let post = one(db, viewer, id).await?.ok_or(Error::NotFound("post"))?;
    match post.repost_of_id {
        Some(id) => one(db, viewer, id).await?.ok_or(Error::NotFound("post")),
        None => Ok(post),
    }
}

/// Inserts a post under a new id, and says whether it did: a second repost of the same is none.
async fn insert(
    db: &mut AnyConnection,
    ids: &Ids,
    post: &mut Post,
    now_ms: i64,
) -> Result<bool, Error> {
    // A statement of its own for posts without a position: sqlx 0.9 gives PostgreSQL the wrong type for a
    // DOUBLE PRECISION that is NULL, and prepares the statement with it for good.
    let position = post.latitude.zip(post.longitude);
    let (columns, values) = match position {
        Some(_) => (", latitude, longitude", ", $7, $8"),
        None => ("", ""),
    };
    let sql = format!(
        "INSERT INTO posts (id, author_id, text, lang, created_at, reply_to_id, repost_of_id{columns}) \
         VALUES ($1, $2, $3, 'und', $4, $5, $6{values}) ON CONFLICT DO NOTHING"
    );
    if db.backend_name() == "PostgreSQL" {
        // Until the end of the transaction: who has seen an id has seen all that are lesser, or would never see
        // one that was given out before and written after.
        let _: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM pg_advisory_xact_lock($1)")
            .bind(POSTS_LOCK)
            .fetch_one(&mut *db)
            .await?;
    }
    let last: i64 =
        sqlx::query_scalar("SELECT COALESCE(MAX(id), 0) FROM posts").fetch_one(&mut *db).await?;
    // Two servers that have drawn the same number may give out the same id.
    for _ in 0..4 {
        post.id = ids.next(now_ms);
        if post.id <= last {
            // The clock of another server is ahead.
            post.id = ids.next(moment_ms(last) + 1);
        }
        let mut query = sqlx::query(AssertSqlSafe(sql.clone()))
            .bind(post.id)
            .bind(post.author_id)
            .bind(post.text.as_str())
            .bind(post.created_at)
            .bind(post.reply_to_id)
            .bind(post.repost_of_id);
        if let Some((latitude, longitude)) = position {
            query = query.bind(latitude).bind(longitude);
        }
        let done = query.execute(&mut *db).await.map_err(gone)?;
        if done.rows_affected() > 0 {
            return Ok(true);
        }
        if post.repost_of_id.is_some() {
            return Ok(false);
        }
    }
    Err(Error::Conflict("no id was free, try again".into()))
}

/// Makes a post one that can be found.
async fn index(
    db: &mut AnyConnection,
    id: i64,
    text: &str,
    position: Option<LatLng>,
) -> Result<(), Error> {
    let parts = text::parts(text);
    let mut terms = Rows::new("post_terms (term, post_id)");
    for term in &parts.terms {
        terms.push([term.as_str().into(), id.into()]);
    }
    terms.insert(db).await?;
    let mut tags = Rows::new("post_tags (post_id, tag)");
    let keys: std::collections::BTreeSet<_> =
        parts.hashtags.iter().map(|tag| tag_key(tag)).collect();
    for tag in &keys {
        tags.push([id.into(), tag.as_str().into()]);
    }
    tags.insert(db).await?;
    let mut cells = Rows::new("post_cells (cell, post_id)");
    for cell in position.into_iter().flat_map(cells_of) {
        cells.push([cell.into(), id.into()]);
    }
    cells.insert(db).await?;
    Ok(())
}

/// Deletes what `index` wrote, but for the hashtags, which go with the post.
async fn unindex(db: &mut AnyConnection, post: &Post) -> Result<(), Error> {
    for term in text::parts(&post.text).terms {
        sqlx::query("DELETE FROM post_terms WHERE term = $1 AND post_id = $2")
            .bind(term)
            .bind(post.id)
            .execute(&mut *db)
            .await?;
    }
    let position = post.latitude.zip(post.longitude);
    let position = position.and_then(|(lat, lng)| LatLng::new(lat, lng));
    for cell in position.into_iter().flat_map(cells_of) {
        sqlx::query("DELETE FROM post_cells WHERE cell = $1 AND post_id = $2")
            .bind(cell)
            .bind(post.id)
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

/// A post that was there a moment ago is not any more.
fn gone(error: sqlx::Error) -> Error {
    let is_gone = error.as_database_error().is_some_and(|error| error.is_foreign_key_violation());
    if is_gone { Error::NotFound("post") } else { error.into() }
}
