//! How often somebody may fail to log in.
//!
//! Every attempt is written down as a failure before the password is looked at and struck out if it was
//! right, so that many at the same moment, at several servers, are not more than many in a row.

use core::net::IpAddr;
use core::time::Duration;

use sqlx::AnyConnection;

use crate::Error;
use crate::accounts;
use crate::ids::Ids;

/// For how long a failure counts, in milliseconds.
pub(crate) const WINDOW_MS: i64 = 15 * 60 * 1000;

/// Failures by one name in that time.
const MAX_BY_NAME: i64 = 5;

/// Failures from one address in that time, whatever the names.
const MAX_BY_ADDRESS: i64 = 20;

/// An attempt under way, which counts as failed.
#[derive(Debug)]
pub(crate) struct Attempt {
    id_by_address: i64,
    name_key: Option<String>,
}

/// Writes down an attempt.
pub(crate) async fn begin(
    db: &mut AnyConnection,
    ids: &Ids,
    name: &str,
    address: IpAddr,
    now_ms: i64,
) -> Result<Attempt, Error> {
    let name_key = accounts::is_name(name).then(|| format!("name {}", accounts::key(name)));
    let address_key = format!("address {}", network(address));
    let id_by_address = add(db, ids, &address_key, now_ms).await?;
    let mut free_at = free_at(db, &address_key, MAX_BY_ADDRESS, now_ms).await?;
    let mut id_by_name = None;
    if let Some(name_key) = &name_key {
        id_by_name = Some(add(db, ids, name_key, now_ms).await?);
        free_at = free_at.max(self::free_at(db, name_key, MAX_BY_NAME, now_ms).await?);
    }
    let Some(free_at) = free_at else {
        return Ok(Attempt { id_by_address, name_key });
    };
    // An attempt that is not let in does not prolong the wait.
    for id in id_by_name.into_iter().chain([id_by_address]) {
        forget(db, id).await?;
    }
    let wait_ms = u64::try_from(free_at - now_ms).unwrap_or(0);
    Err(Error::TooMany { retry_after: Duration::from_millis(wait_ms) })
}

/// Strikes an attempt out, and all others by that name: the password was right.
pub(crate) async fn succeed(db: &mut AnyConnection, attempt: &Attempt) -> Result<(), Error> {
    forget(db, attempt.id_by_address).await?;
    if let Some(key) = &attempt.name_key {
        sqlx::query("DELETE FROM login_failures WHERE key = $1")
            .bind(key.as_str())
            .execute(db)
            .await?;
    }
    Ok(())
}

/// Forgets those that no longer count.
pub(crate) async fn delete_old(db: &mut AnyConnection, now_ms: i64) -> Result<(), Error> {
    sqlx::query("DELETE FROM login_failures WHERE failed_at <= $1")
        .bind(now_ms - WINDOW_MS)
        .execute(db)
        .await?;
    Ok(())
}

async fn add(db: &mut AnyConnection, ids: &Ids, key: &str, now_ms: i64) -> Result<i64, Error> {
    let id = ids.next(now_ms);
    sqlx::query("INSERT INTO login_failures (id, key, failed_at) VALUES ($1, $2, $3)")
        .bind(id)
        .bind(key)
        .bind(now_ms)
        .execute(db)
        .await?;
    Ok(id)
}

async fn forget(db: &mut AnyConnection, id: i64) -> Result<(), Error> {
    sqlx::query("DELETE FROM login_failures WHERE id = $1").bind(id).execute(db).await?;
    Ok(())
}

/// When the next attempt is let in, where the one just written down is one too many.
async fn free_at(
    db: &mut AnyConnection,
    key: &str,
    max: i64,
    now_ms: i64,
) -> Result<Option<i64>, Error> {
    let failed_at: Option<i64> = sqlx::query_scalar(
        "SELECT failed_at FROM login_failures WHERE key = $1 AND failed_at > $2 \
         ORDER BY failed_at DESC LIMIT 1 OFFSET $3",
    )
    .bind(key)
    .bind(now_ms - WINDOW_MS)
    .bind(max)
    .fetch_optional(db)
    .await?;
    Ok(failed_at.map(|failed_at| failed_at + WINDOW_MS))
}

/// What counts as one address: of IPv6 the half that one customer is given as a whole.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_customer_is_one_address() {
        let network = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(network("192.0.2.1"), "192.0.2.1");
    }
}
