//! How often somebody may fail to log in.
//!
//! Failures are counted by the name together with the address they come from, and slow that pair down: nobody can keep
//! the owner of a name out from elsewhere. They are also counted by the address alone, against whoever tries many names.
//!
//! Every attempt is written down before the password is looked at, so that many at the same moment, at several
//! servers, are not more than many in a row. Until it is known to have failed it counts for [`PENDING_MS`] and no longer:
//! an attempt that came to no end, whatever the reason, is soon forgotten.

use core::net::IpAddr;
use core::time::Duration;

use sqlx::AnyConnection;

use crate::Error;
use crate::accounts;
use crate::ids::Ids;
use crate::shares::network;

/// For how long a failure counts, in milliseconds.
pub(crate) const WINDOW_MS: i64 = 15 * 60 * 1000;

/// For how long an attempt counts that has neither failed nor succeeded: longer than a request takes.
const PENDING_MS: i64 = 10 * 1000;

/// Failures by one name from one address in that time after which the next attempt has to wait.
const FREE_BY_PAIR: usize = 5;

/// The first wait and the longest; each failure doubles it.
const WAIT_MS: (i64, i64) = (1000, 60 * 1000);

/// Failures from one address in that time, whatever the names.
const MAX_BY_ADDRESS: usize = 20;

/// An attempt under way.
#[derive(Debug)]
pub(crate) struct Attempt {
    by_address: i64,
    by_pair: Option<i64>,
    keys: Keys,
}

/// What an attempt is counted by.
#[derive(Debug)]
struct Keys {
    address: String,
    /// None for what cannot be a name: whoever tries that tries nobody's password.
    pair: Option<String>,
}

impl Keys {
    fn of(name: &str, address: IpAddr) -> Self {
        let network = network(address);
        let pair =
            accounts::is_name(name).then(|| format!("pair {} {network}", accounts::key(name)));
        Self { address: format!("address {network}"), pair }
    }
}

/// Writes down an attempt.
pub(crate) async fn begin(
    db: &mut AnyConnection,
    ids: &Ids,
    name: &str,
    address: IpAddr,
    now_ms: i64,
) -> Result<Attempt, Error> {
    let keys = Keys::of(name, address);
    let by_address = add(db, ids, &keys.address, now_ms).await?;
    let by_pair = match &keys.pair {
        Some(pair) => Some(add(db, ids, pair, now_ms).await?),
        None => None,
    };
    if let Err(error) = check(db, &keys, now_ms).await {
        // An attempt that is not let in does not prolong the wait.
        for id in by_pair.into_iter().chain([by_address]) {
            forget(db, id).await?;
        }
        return Err(error);
    }
    Ok(Attempt { by_address, by_pair, keys })
}

/// Strikes an attempt out, and all others by that name from there: the password was right.
pub(crate) async fn succeed(db: &mut AnyConnection, attempt: &Attempt) -> Result<(), Error> {
    forget(db, attempt.by_address).await?;
    if let Some(pair) = &attempt.keys.pair {
        sqlx::query("DELETE FROM login_failures WHERE key = $1")
            .bind(pair.as_str())
            .execute(db)
            .await?;
    }
    Ok(())
}

/// The password was wrong.
pub(crate) async fn fail(
    db: &mut AnyConnection,
    attempt: &Attempt,
    now_ms: i64,
) -> Result<(), Error> {
    sqlx::query("UPDATE login_failures SET failed_at = $1 WHERE id = $2 OR id = $3")
        .bind(now_ms)
        .bind(attempt.by_address)
        .bind(attempt.by_pair.unwrap_or(attempt.by_address))
        .execute(db)
        .await?;
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
        .bind(now_ms - WINDOW_MS + PENDING_MS)
        .execute(db)
        .await?;
    Ok(id)
}

async fn forget(db: &mut AnyConnection, id: i64) -> Result<(), Error> {
    sqlx::query("DELETE FROM login_failures WHERE id = $1").bind(id).execute(db).await?;
    Ok(())
}

/// Refuses an attempt that is written down and comes too soon.
async fn check(db: &mut AnyConnection, keys: &Keys, now_ms: i64) -> Result<(), Error> {
    let by_pair = match &keys.pair {
        Some(pair) => free_by_pair(&failures(db, pair, now_ms).await?, now_ms),
        None => None,
    };
    let by_address = free_by_address(&failures(db, &keys.address, now_ms).await?);
    let wait_ms = by_pair.max(by_address).map_or(0, |free_at| free_at - now_ms);
    match u64::try_from(wait_ms) {
        Ok(ms @ 1..) => {
            Err(Error::TooMany { retry_after: Duration::from_millis(ms.next_multiple_of(1000)) })
        }
        _ => Ok(()),
    }
}

/// When the failures that count happened, the newest first; those under way are the oldest of them.
async fn failures(db: &mut AnyConnection, key: &str, now_ms: i64) -> Result<Vec<i64>, Error> {
    let failed_at = sqlx::query_scalar(
        "SELECT failed_at FROM login_failures WHERE key = $1 AND failed_at > $2 \
         ORDER BY failed_at DESC LIMIT 100",
    )
    .bind(key)
    .bind(now_ms - WINDOW_MS)
    .fetch_all(db)
    .await?;
    Ok(failed_at)
}

/// When an attempt by a name from an address may be, which is among these.
fn free_by_pair(failed_at: &[i64], now_ms: i64) -> Option<i64> {
    let failures = failed_at.len().saturating_sub(1);
    let doublings = u32::try_from(failures.checked_sub(FREE_BY_PAIR)?).unwrap_or(u32::MAX);
    let is_under_way = |at: &&i64| **at <= now_ms - WINDOW_MS + PENDING_MS;
    if failed_at.iter().filter(is_under_way).count() > 1 {
        // One at a time.
        return Some(now_ms + WAIT_MS.0);
    }
    let wait_ms = WAIT_MS.0 << doublings.min(16);
    failed_at.first().map(|last| last + wait_ms.min(WAIT_MS.1))
}

/// When an attempt from an address may be, which is among these.
fn free_by_address(failed_at: &[i64]) -> Option<i64> {
    (failed_at.len() > MAX_BY_ADDRESS).then(|| failed_at[MAX_BY_ADDRESS - 1] + WINDOW_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000_000_000;

    /// The attempt itself, after others.
    fn after(others: &[i64]) -> Vec<i64> {
        let mut all = others.to_vec();
        all.push(NOW - WINDOW_MS + PENDING_MS);
        all
    }

    #[test]
    fn each_failure_from_the_fifth_on_doubles_the_wait() {
        for (failures, wait_ms) in [
            (0, None),
            (4, None),
            (5, Some(1000)),
            (6, Some(2000)),
            (10, Some(32_000)),
            (11, Some(60_000)),
            (99, Some(60_000)),
        ] {
            let failed_at = after(&vec![NOW; failures]);
            assert_eq!(free_by_pair(&failed_at, NOW), wait_ms.map(|ms| NOW + ms), "{failures}");
        }
    }

    #[test]
    fn who_has_failed_often_tries_one_at_a_time() {
        let long_ago = [NOW - 600_000; 5];
        let one = after(&long_ago);
        assert!(free_by_pair(&one, NOW).is_some_and(|at| at < NOW), "itself");
        assert!(free_by_pair(&after(&one), NOW).is_some_and(|at| at > NOW), "another");
    }

    #[test]
    fn twenty_from_an_address_wait_for_the_first_to_be_forgotten() {
        let failed_at: Vec<i64> = (0..20).map(|n| NOW - n).collect();
        assert_eq!(free_by_address(&after(&failed_at[..19])), None);
        let full = after(&failed_at);
        assert_eq!(free_by_address(&full), Some(NOW - 19 + WINDOW_MS));
    }

    #[test]
    fn names_and_addresses_are_counted_together() {
        let key = |name, address: &str| Keys::of(name, address.parse().unwrap()).pair;
        assert_eq!(key("Ann", "192.0.2.1"), key("ann", "::ffff:192.0.2.1"));
        assert_ne!(key("ann", "192.0.2.1"), key("ann", "192.0.2.2"));
        assert_ne!(key("ann", "192.0.2.1"), key("bob", "192.0.2.1"));
    }
}
