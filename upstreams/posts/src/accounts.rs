//! People: their accounts and profiles.

use std::collections::BTreeMap;

use sqlx::{AnyConnection, AssertSqlSafe};

use crate::Error;
use crate::database::id_list;
use crate::row::from_row;
use crate::text::MAX_NAME_CHARS;
use crate::visibility::no_block;

const COLUMNS: &str = "u.id, u.name, u.display_name, u.bio, u.created_at";

/// Somebody with an account.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct User {
    /// Grows with time, as all ids do.
    pub(crate) id: i64,
    /// Unique whatever the case.
    pub(crate) name: String,
    /// What they want to be called.
    pub(crate) display_name: String,
    /// What they say about themselves.
    pub(crate) bio: String,
    /// In milliseconds since 1970.
    pub(crate) created_at: i64,
}

from_row!(User { id, name, display_name, bio, created_at });

/// How much there is of somebody.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct UserCounts {
    /// Whose.
    pub(crate) id: i64,
    /// Posts and reposts.
    pub(crate) posts: i64,
    /// Those who follow them.
    pub(crate) followers: i64,
    /// Those they follow.
    pub(crate) following: i64,
}

from_row!(UserCounts { id, posts, followers, following });

/// Whether this is a name: 1 to 30 letters, digits and underscores.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_CHARS).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// What two spellings of one name have in common.
pub(crate) fn key(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// Makes an account.
///
/// # Errors
///
/// When the name is none, or taken.
pub(crate) async fn create(
    db: &mut AnyConnection,
    user: &User,
    password_hash: &str,
) -> Result<(), Error> {
    let done = sqlx::query(
        "INSERT INTO users (id, name, name_key, display_name, bio, password_hash, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name_key) DO NOTHING",
    )
    .bind(user.id)
    .bind(user.name.as_str())
    .bind(key(&user.name))
    .bind(user.display_name.as_str())
    .bind(user.bio.as_str())
    .bind(password_hash)
    .bind(user.created_at)
    .execute(db)
    .await?;
    if done.rows_affected() == 0 { Err(taken()) } else { Ok(()) }
}

/// Refuses what is no name.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    if is_name(name) {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "a name is 1 to {MAX_NAME_CHARS} letters (a to z), digits and underscores"
    )))
}

/// Refuses a name that is taken, before more work is done for it.
pub(crate) async fn check_free(db: &mut AnyConnection, name: &str) -> Result<(), Error> {
    if id_of(db, name).await?.is_some() { Err(taken()) } else { Ok(()) }
}

fn taken() -> Error {
    Error::Conflict("the name is taken".into())
}

/// Whose name this is.
pub(crate) async fn id_of(db: &mut AnyConnection, name: &str) -> Result<Option<i64>, Error> {
    if !is_name(name) {
        return Ok(None);
    }
    let id = sqlx::query_scalar("SELECT id FROM users WHERE name_key = $1")
        .bind(key(name))
        .fetch_optional(db)
        .await?;
    Ok(id)
}

/// Whose name this is and the PHC string of their password.
pub(crate) async fn credentials(
    db: &mut AnyConnection,
    name: &str,
) -> Result<Option<(i64, String)>, Error> {
    if !is_name(name) {
        return Ok(None);
    }
    let found = sqlx::query_as("SELECT id, password_hash FROM users WHERE name_key = $1")
        .bind(key(name))
        .fetch_optional(db)
        .await?;
    Ok(found)
}

/// Somebody whom `viewer` may see.
pub(crate) async fn visible_by_name(
    db: &mut AnyConnection,
    viewer: i64,
    name: &str,
) -> Result<Option<User>, Error> {
    if !is_name(name) {
        return Ok(None);
    }
    let is_visible = no_block("u.id", "$1");
    let sql = format!("SELECT {COLUMNS} FROM users u WHERE u.name_key = $2 AND {is_visible}");
    let user =
        sqlx::query_as(AssertSqlSafe(sql)).bind(viewer).bind(key(name)).fetch_optional(db).await?;
    Ok(user)
}

/// These people, hidden or not: for those whose posts, say, are seen anyway.
pub(crate) async fn by_ids(
    db: &mut AnyConnection,
    ids: &[i64],
) -> Result<BTreeMap<i64, User>, Error> {
    let (list, ids) = id_list(ids, 1);
    let sql = format!("SELECT {COLUMNS} FROM users u WHERE u.id IN ({list})");
    let query = sqlx::query_as(AssertSqlSafe(sql));
    let users: Vec<User> =
        ids.into_iter().fold(query, |query, id| query.bind(id)).fetch_all(db).await?;
    Ok(users.into_iter().map(|user| (user.id, user)).collect())
}

/// Sets what is given.
pub(crate) async fn update_profile(
    db: &mut AnyConnection,
    id: i64,
    display_name: Option<String>,
    bio: Option<String>,
) -> Result<(), Error> {
    sqlx::query(
        "UPDATE users SET display_name = COALESCE($2, display_name), bio = COALESCE($3, bio) \
         WHERE id = $1",
    )
    .bind(id)
    .bind(display_name)
    .bind(bio)
    .execute(db)
    .await?;
    Ok(())
}

/// How much there is of these people.
pub(crate) async fn counts(
    db: &mut AnyConnection,
    ids: &[i64],
) -> Result<BTreeMap<i64, UserCounts>, Error> {
    let (list, ids) = id_list(ids, 1);
    let sql = format!(
        "SELECT u.id, \
         (SELECT COUNT(*) FROM posts p WHERE p.author_id = u.id) AS posts, \
         (SELECT COUNT(*) FROM follows f WHERE f.followee_id = u.id) AS followers, \
         (SELECT COUNT(*) FROM follows f WHERE f.follower_id = u.id) AS following \
         FROM users u WHERE u.id IN ({list})"
    );
    let query = sqlx::query_as(AssertSqlSafe(sql));
    let counts: Vec<UserCounts> =
        ids.into_iter().fold(query, |query, id| query.bind(id)).fetch_all(db).await?;
    Ok(counts.into_iter().map(|counts| (counts.id, counts)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for good in ["a", "Kiwi_01", "_", &"x".repeat(30)] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "a b", "@a", "é", "a\0", "'; DROP TABLE users; --", &"x".repeat(31)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
