//! Sessions: a random token is known to its user, its hash to the database.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::Error;
use crate::passwords::random;

/// How long a session lasts, in milliseconds.
pub(crate) const SESSION_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// What the database knows of a token: its SHA-256, in hexadecimal.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct TokenHash(String);

/// A session that has begun; this is the only time its token is seen.
#[derive(Debug)]
pub(crate) struct NewSession {
    /// For `Authorization: Bearer`, or a cookie.
    pub(crate) token: String,
    /// In milliseconds since 1970.
    pub(crate) expires_at: i64,
}

impl TokenHash {
    /// The hash of a token, unless it can not be one of ours.
    pub(crate) fn of(token: &str) -> Option<Self> {
        let is_token = token.len() == 43 && URL_SAFE_NO_PAD.decode(token).is_ok();
        is_token
            .then(|| Self(Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect()))
    }
}

/// Begins a session.
pub(crate) async fn create(
    db: &mut AnyConnection,
    user: i64,
    now_ms: i64,
) -> Result<NewSession, Error> {
    let token = URL_SAFE_NO_PAD.encode(random::<32>());
    let hash = TokenHash::of(&token).expect("this is how a token looks");
    let expires_at = now_ms + SESSION_MS;
    sqlx::query(
        "INSERT INTO sessions (token_hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)",
    )
    .bind(hash.0)
    .bind(user)
    .bind(now_ms)
    .bind(expires_at)
    .execute(db)
    .await?;
    Ok(NewSession { token, expires_at })
}

/// Whose session this is, while it lasts.
pub(crate) async fn user_of(
    db: &mut AnyConnection,
    token: &TokenHash,
    now_ms: i64,
) -> Result<Option<i64>, Error> {
    let user = sqlx::query_scalar(
        "SELECT user_id FROM sessions WHERE token_hash = $1 AND expires_at > $2",
    )
    .bind(token.0.as_str())
    .bind(now_ms)
    .fetch_optional(db)
    .await?;
    Ok(user)
}

/// Those of these sessions that have not ended.
pub(crate) async fn that_last(
    db: &mut AnyConnection,
    tokens: &[&TokenHash],
    now_ms: i64,
) -> Result<Vec<TokenHash>, Error> {
    let Some(last) = tokens.last() else { return Ok(Vec::new()) };
    // Few different statements, so that each is prepared once.
    let places = tokens.len().next_power_of_two();
    let list = (2..2 + places).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ");
    let sql =
        format!("SELECT token_hash FROM sessions WHERE expires_at > $1 AND token_hash IN ({list})");
    let query = sqlx::query_scalar(AssertSqlSafe(sql)).bind(now_ms);
    let tokens = tokens.iter().chain(core::iter::repeat(last)).take(places);
    let found: Vec<String> =
        tokens.fold(query, |query, token| query.bind(token.0.as_str())).fetch_all(db).await?;
    Ok(found.into_iter().map(TokenHash).collect())
}

/// Ends a session.
pub(crate) async fn end(db: &mut AnyConnection, token: &TokenHash) -> Result<(), Error> {
    sqlx::query("DELETE FROM sessions WHERE token_hash = $1")
        .bind(token.0.as_str())
        .execute(db)
        .await?;
    Ok(())
}

/// Forgets those that have expired.
pub(crate) async fn delete_expired(db: &mut AnyConnection, now_ms: i64) -> Result<(), Error> {
    sqlx::query("DELETE FROM sessions WHERE expires_at <= $1").bind(now_ms).execute(db).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_like_a_token_has_a_hash() {
        let token = "A".repeat(43);
        let TokenHash(hash) = TokenHash::of(&token).unwrap();
        assert_eq!(hash.len(), 64);
        for bad in ["", "A", "' OR 1=1 --", &"A".repeat(44), &"é".repeat(22), &"!".repeat(43)] {
            assert_eq!(TokenHash::of(bad), None, "{bad}");
        }
    }
}
