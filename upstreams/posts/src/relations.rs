//! Who follows and who blocks whom.

use std::collections::BTreeMap;

use sqlx::{AnyConnection, AssertSqlSafe};

use crate::Error;
use crate::accounts::{self, User};
use crate::database::id_list;
use crate::page::Page;
use crate::row::from_row;
use crate::visibility::no_block;

/// What somebody is to the viewer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Relations {
    /// Who.
    pub(crate) id: i64,
    /// The viewer follows them: not 0.
    pub(crate) is_followed: i64,
    /// They follow the viewer: not 0.
    pub(crate) follows_me: i64,
    /// The viewer has blocked them: not 0.
    pub(crate) is_blocked: i64,
}

from_row!(Relations { id, is_followed, follows_me, is_blocked });

/// A list of people around somebody.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Circle {
    Followers,
    Following,
    Blocked,
}

/// Follows somebody who can be seen; again is no error.
pub(crate) async fn follow(
    db: &mut AnyConnection,
    viewer: i64,
    name: &str,
    now_ms: i64,
) -> Result<User, Error> {
    let whom = visible(db, viewer, name).await?;
    if whom.id == viewer {
        return Err(Error::Invalid("nobody follows themselves".into()));
    }
    lock_both(db, viewer, whom.id).await?;
    let is_unblocked = no_block("$1", "$2");
    let sql = format!(
        "INSERT INTO follows (follower_id, followee_id, created_at) \
         SELECT $1, $2, $3 FROM users u WHERE u.id = $1 AND {is_unblocked} \
         ON CONFLICT (follower_id, followee_id) DO NOTHING"
    );
    sqlx::query(AssertSqlSafe(sql)).bind(viewer).bind(whom.id).bind(now_ms).execute(db).await?;
    Ok(whom)
}

/// No longer follows somebody; if it was not so, that is no error.
pub(crate) async fn unfollow(
    db: &mut AnyConnection,
    viewer: i64,
    name: &str,
) -> Result<User, Error> {
    let whom = visible(db, viewer, name).await?;
    sqlx::query("DELETE FROM follows WHERE follower_id = $1 AND followee_id = $2")
        .bind(viewer)
        .bind(whom.id)
        .execute(db)
        .await?;
    Ok(whom)
}

/// Hides each from the other and ends that one follows the other. It works on who has blocked the viewer too.
pub(crate) async fn block(
    db: &mut AnyConnection,
    viewer: i64,
    name: &str,
    now_ms: i64,
) -> Result<i64, Error> {
    let whom = accounts::id_of(db, name).await?.ok_or(Error::NotFound("user"))?;
    if whom == viewer {
        return Err(Error::Invalid("nobody blocks themselves".into()));
    }
    lock_both(db, viewer, whom).await?;
    sqlx::query(
        "INSERT INTO blocks (blocker_id, blocked_id, created_at) VALUES ($1, $2, $3) \
         ON CONFLICT (blocker_id, blocked_id) DO NOTHING",
    )
    .bind(viewer)
    .bind(whom)
    .bind(now_ms)
    .execute(&mut *db)
    .await?;
    sqlx::query(
        "DELETE FROM follows WHERE (follower_id = $1 AND followee_id = $2) \
         OR (follower_id = $2 AND followee_id = $1)",
    )
    .bind(viewer)
    .bind(whom)
    .execute(db)
    .await?;
    Ok(whom)
}

/// Ends a block of the viewer's; who follows whom is not brought back.
pub(crate) async fn unblock(db: &mut AnyConnection, viewer: i64, name: &str) -> Result<i64, Error> {
    let whom = accounts::id_of(db, name).await?.ok_or(Error::NotFound("user"))?;
    sqlx::query("DELETE FROM blocks WHERE blocker_id = $1 AND blocked_id = $2")
        .bind(viewer)
        .bind(whom)
        .execute(db)
        .await?;
    Ok(whom)
}

/// What these people are to the viewer.
pub(crate) async fn relations(
    db: &mut AnyConnection,
    viewer: i64,
    ids: &[i64],
) -> Result<BTreeMap<i64, Relations>, Error> {
    let (list, ids) = id_list(ids, 2);
    let sql = format!(
        "SELECT u.id, \
         (SELECT COUNT(*) FROM follows f WHERE f.follower_id = $1 AND f.followee_id = u.id) AS is_followed, \
         (SELECT COUNT(*) FROM follows f WHERE f.follower_id = u.id AND f.followee_id = $1) AS follows_me, \
         (SELECT COUNT(*) FROM blocks b WHERE b.blocker_id = $1 AND b.blocked_id = u.id) AS is_blocked \
         FROM users u WHERE u.id IN ({list})"
    );
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(viewer);
    let found: Vec<Relations> =
        ids.into_iter().fold(query, |query, id| query.bind(id)).fetch_all(db).await?;
    Ok(found.into_iter().map(|relations| (relations.id, relations)).collect())
}

/// The people around `of` whom the viewer may see, the newest account first. The viewer's own blocked are shown
/// to the viewer.
pub(crate) async fn around(
    db: &mut AnyConnection,
    viewer: i64,
    of: i64,
    circle: Circle,
    page: Page,
) -> Result<Vec<User>, Error> {
    let (table, of_column, column) = match circle {
        Circle::Followers => ("follows", "followee_id", "follower_id"),
        Circle::Following => ("follows", "follower_id", "followee_id"),
        Circle::Blocked => ("blocks", "blocker_id", "blocked_id"),
    };
    let is_visible =
        if circle == Circle::Blocked { "$1 = $2".to_owned() } else { no_block("u.id", "$1") };
    let sql = format!(
        "SELECT u.id, u.name, u.display_name, u.bio, u.created_at \
         FROM {table} r JOIN users u ON u.id = r.{column} \
         WHERE r.{of_column} = $2 AND r.{column} < $3 AND {is_visible} \
         ORDER BY r.{column} DESC LIMIT $4"
    );
    let users = sqlx::query_as(AssertSqlSafe(sql))
        .bind(viewer)
        .bind(of)
        .bind(page.below())
        .bind(page.limit())
        .fetch_all(db)
        .await?;
    Ok(users)
}

async fn visible(db: &mut AnyConnection, viewer: i64, name: &str) -> Result<User, Error> {
    accounts::visible_by_name(db, viewer, name).await?.ok_or(Error::NotFound("user"))
}

/// Makes whoever changes something between the same two wait: no follow slips by a block.
async fn lock_both(db: &mut AnyConnection, one: i64, other: i64) -> Result<(), Error> {
    for id in [one.min(other), one.max(other)] {
        sqlx::query("UPDATE users SET bio = bio WHERE id = $1").bind(id).execute(&mut *db).await?;
    }
    Ok(())
}
