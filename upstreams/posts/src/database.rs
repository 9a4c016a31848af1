//! The database, SQLite or PostgreSQL behind one interface.
//!
//! All statements are written once, in the SQL both share, with `$1` placeholders. What differs (how a
//! transaction that writes begins, how a database is made fit) is here and nowhere else. Traps of the
//! driver-neutral connection: no BOOLEAN columns on SQLite, no `Arc<str>` arguments, only text, BIGINT and
//! DOUBLE PRECISION.

use core::time::Duration;
use std::sync::Once;

use sqlx::any::AnyPoolOptions;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Executor as _, Transaction};

use crate::Error;

/// How long a request waits for a connection before it fails.
const ACQUIRE: Duration = Duration::from_secs(2);

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

        let (backend, url) = if let Some(file) = url.strip_prefix("sqlite:") {
            let separator = if file.contains('?') { '&' } else { '?' };
            (Backend::Sqlite, format!("sqlite:{file}{separator}mode=rwc"))
        } else {
            (Backend::Postgres, url.to_owned())
        };
        let mut options = AnyPoolOptions::new().acquire_timeout(ACQUIRE).max_connections(16);
        if backend == Backend::Sqlite {
            options = options.after_connect(|connection, _| Box::pin(set_up_sqlite(connection)));
        }
        let pool = options.connect(&url).await?;
        MIGRATIONS.run(&pool).await?;
        Ok(Self { pool, backend })
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
