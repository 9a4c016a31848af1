//! The database, SQLite or PostgreSQL behind one interface.
//!
//! All statements are written once, in the SQL both share, with `$1` placeholders. What differs (how a
//! transaction that writes begins, how a database is made fit) is here and nowhere else. Traps of the
//! driver-neutral connection: no BOOLEAN columns on SQLite, no `Arc<str>` arguments, only text, BIGINT and
//! DOUBLE PRECISION, and no argument that is a NULL double, which PostgreSQL is told to be a float4.

use core::time::Duration;
use std::sync::Once;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sqlx::any::AnyPoolOptions;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Connection as _, Executor as _, Transaction};

use crate::Error;

/// How long a request waits for a connection before it fails.
const ACQUIRE: Duration = Duration::from_secs(2);

/// What each connection to PostgreSQL begins with: nothing goes on for long once nobody waits for it.
const SET_UP_POSTGRES: &str =
    "SET statement_timeout = '10s'; SET idle_in_transaction_session_timeout = '30s'";

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// Which program keeps the data.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Backend {
    /// A file, in this process.
    Sqlite,
    /// A server, maybe with other servers of ours beside.
    Postgres,
}

/// A database with the schema of the microblog, and connections to it.
#[derive(Clone, Debug)]
pub struct Database {
    pool: AnyPool,
    backend: Backend,
    url: String,
}

impl Database {
    /// Connects to `sqlite:FILE`, which is made if it is not there, or `postgres://...`, and brings the
    /// schema up to date.
    ///
    /// # Errors
    ///
    /// When it can not be reached or opened, or holds something else.
    pub async fn open(url: &str) -> Result<Self, sqlx::Error> {
        static DRIVERS: Once = Once::new();
        DRIVERS.call_once(sqlx::any::install_default_drivers);

        let (backend, url) = match url.strip_prefix("sqlite:") {
            Some(file) => (Backend::Sqlite, sqlite_url(file)?),
            None => (Backend::Postgres, url.to_owned()),
        };
        let options = AnyPoolOptions::new().acquire_timeout(ACQUIRE).max_connections(16);
        let options = match backend {
            Backend::Sqlite => {
                options.after_connect(|connection, _| Box::pin(set_up_sqlite(connection)))
            }
            Backend::Postgres => options.after_connect(|connection, _| {
                Box::pin(async { connection.execute(SET_UP_POSTGRES).await.map(drop) })
            }),
        };
        // On a connection of its own, where it may take its time.
        let mut connection = AnyConnection::connect(&url).await?;
        if backend == Backend::Sqlite {
            set_up_sqlite(&mut connection).await?;
        }
        MIGRATIONS.run(&mut connection).await?;
        connection.close().await?;
        let pool = options.connect(&url).await?;
        Ok(Self { pool, backend, url })
    }

    /// How PostgreSQL is reached.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Which program keeps the data.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// A connection to read by.
    ///
    /// # Errors
    ///
    /// When there is none within two seconds.
    pub async fn read(&self) -> Result<PoolConnection<Any>, Error> {
        Ok(self.pool.acquire().await?)
    }

    /// A transaction to write in; dropped without a commit it leaves no trace.
    ///
    /// SQLite has one writer at a time, and a transaction that begins by reading can not always become
    /// one: it says at once that it will write.
    ///
    /// # Errors
    ///
    /// When there is no connection within two seconds, or another writer goes on for longer.
    pub async fn write(&self) -> Result<Transaction<'static, Any>, Error> {
        let begin = match self.backend {
            Backend::Sqlite => "BEGIN IMMEDIATE",
            Backend::Postgres => "BEGIN",
        };
        Ok(self.pool.begin_with(begin).await?)
    }

    /// Ends all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// A list of placeholders from `$first` on, and what to bind to them.
///
/// It is filled up with the last id, so that there are few different statements.
pub(crate) fn id_list(ids: &[i64], first: usize) -> (String, Vec<i64>) {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let last = ids.last().copied().unwrap_or(-1);
    ids.resize(ids.len().next_power_of_two(), last);
    let places: Vec<_> = (first..first + ids.len()).map(|n| format!("${n}")).collect();
    (places.join(", "), ids)
}

/// How the driver wants a file to be named, whatever characters are in its name.
fn sqlite_url(file: &str) -> Result<String, sqlx::Error> {
    const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');
    let file = file.strip_prefix("//").unwrap_or(file);
    if file.is_empty() || file == ":memory:" {
        return Err(sqlx::Error::Configuration("sqlite: needs the name of a file".into()));
    }
    Ok(format!("sqlite:{}?mode=rwc", utf8_percent_encode(file, PLAIN)))
}

async fn set_up_sqlite(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    // Readers go on beside the writer; a commit is safe from a crash of the program, the last few may
    // be lost with the power.
    connection
        .execute(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; \
             PRAGMA busy_timeout = 2000; PRAGMA cache_size = -65536;",
        )
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_ids_come_in_few_lengths() {
        assert_eq!(id_list(&[7], 1), ("$1".into(), vec![7]));
        assert_eq!(id_list(&[9, 7, 8, 7], 2), ("$2, $3, $4, $5".into(), vec![7, 8, 9, 9]));
        assert_eq!(id_list(&[], 1), ("$1".into(), vec![-1]));
    }

    #[test]
    fn a_file_may_have_any_name() {
        assert_eq!(sqlite_url("/a b/c?d%.db").unwrap(), "sqlite:/a%20b/c%3Fd%25.db?mode=rwc");
        assert_eq!(sqlite_url("///a.db").unwrap(), "sqlite:/a.db?mode=rwc");
        assert!(sqlite_url(":memory:").is_err());
    }
}
