//! The database, SQLite or PostgreSQL behind one interface.
//!
//! All statements are written once, in the SQL both share, with `$1` placeholders. What differs (how a
//! transaction that writes begins, how a database is made fit) is here and nowhere else. Traps of the
//! driver-neutral connection: no BOOLEAN columns on SQLite, no `Arc<str>` arguments, only text, BIGINT and
//! DOUBLE PRECISION, and no argument that is a NULL double, which PostgreSQL is told to be a float4.

use core::sync::atomic::Ordering;
use core::time::Duration;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::{fs, io};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sqlx::any::AnyPoolOptions;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Any, AnyConnection, AnyPool, Connection as _, Executor as _, Transaction};

use crate::Error;
use crate::ids::now_ms;
use crate::read_only;
use crate::shares::{Limits, Shares};

/// Which connections requests may have: all but two, which are left to the program itself; and one address not all
/// of them.
const CONNECTIONS: Limits = Limits { permits: 16, by_address: 10, waiting: 4096 };

/// How long a request waits for a connection before it fails.
const ACQUIRE: Duration = Duration::from_secs(2);

/// The most connections to the database: two beside those of requests.
const MAX_CONNECTIONS: u32 = 18;

/// What each connection to PostgreSQL begins with: nothing goes on for long once nobody waits for it.
const SET_UP_POSTGRES: &str =
    "SET statement_timeout = '6s'; SET idle_in_transaction_session_timeout = '30s'";

/// What each connection to SQLite begins with: readers go on beside the writer; a commit is safe from a crash of
/// the program, the last few may be lost with the power. The pages that a connection keeps are 4 MiB.
const SET_UP_SQLITE: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; \
     PRAGMA busy_timeout = 2000; PRAGMA cache_size = -4096;";

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// Which program keeps the data.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Backend {
    /// A file, in this process.
    Sqlite,
    /// A server, maybe with other servers of ours beside.
    Postgres,
}

impl Backend {
    /// How a transaction begins that writes.
    pub(crate) fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }
}

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It cannot be reached, or is none.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// Its schema cannot be made or brought up to date.
    #[error(transparent)]
    Schema(#[from] sqlx::migrate::MigrateError),
    /// The file cannot be made.
    #[error("{0}: {1}")]
    File(PathBuf, #[source] io::Error),
    /// It has tables that are not ours.
    #[error(
        "it holds tables of another program ({0}): give herd-posts a database of its own; nothing was written"
    )]
    Foreign(String),
    /// It was written by a later version of this program.
    #[error("it was made by a newer herd-posts (schema {0}): start that one; nothing was written")]
    Newer(i64),
    /// It does not take every text.
    #[error(
        "it has the encoding {0}, which does not hold every text: make it with \
         CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
    )]
    Encoding(String),
}

/// A database with the schema of the microblog, and connections to it.
#[derive(Clone, Debug)]
pub struct Database {
    pool: AnyPool,
    backend: Backend,
    url: String,
    shares: Shares,
}

impl Database {
    /// Connects to `sqlite:FILE`, which is made if it is not there, or `postgres://...`, and brings the
    /// schema up to date.
    ///
    /// # Errors
    ///
    /// When it can not be reached or opened, or holds something else.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        static DRIVERS: Once = Once::new();
        DRIVERS.call_once(sqlx::any::install_default_drivers);

        let (backend, url) = match url.strip_prefix("sqlite:") {
            Some(file) => {
                let url = sqlite_url(file)?;
                make_private(Path::new(bare_file(file)))?;
                (Backend::Sqlite, url)
            }
            None => (Backend::Postgres, url.to_owned()),
        };
        let set_up = match backend {
            Backend::Sqlite => SET_UP_SQLITE,
            Backend::Postgres => SET_UP_POSTGRES,
        };
        // On a connection of its own, where it may take its time.
        let mut connection = AnyConnection::connect(&url).await?;
        check_is_ours(&mut connection, backend).await?;
        if backend == Backend::Sqlite {
            connection.execute(set_up).await?;
        }
        MIGRATIONS.run(&mut connection).await?;
        connection.close().await?;
        let pool = AnyPoolOptions::new()
            .acquire_timeout(ACQUIRE)
            .max_connections(MAX_CONNECTIONS)
            .after_connect(move |connection, _| {
                Box::pin(async move { connection.execute(set_up).await.map(drop) })
            })
            .before_acquire(|_, about| {
                let born_ms = now_ms() - i64::try_from(about.age.as_millis()).unwrap_or(i64::MAX);
                Box::pin(async move { Ok(born_ms > read_only::SINCE_MS.load(Ordering::Relaxed)) })
            })
            .after_release(|connection, _| Box::pin(is_at_rest(connection)))
            .connect(&url)
            .await?;
        Ok(Self { pool, backend, url, shares: Shares::new(1, CONNECTIONS) })
    }

    /// How PostgreSQL is reached.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Who may have how many of the connections.
    pub(crate) fn shares(&self) -> &Shares {
        &self.shares
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
        Ok(self.pool.begin_with(self.backend.begin()).await?)
    }

    /// Ends all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Where a database is, for people: never with a password.
pub(crate) fn whereabouts(url: &str) -> String {
    if let Some(file) = url.strip_prefix("sqlite:") {
        return format!("the file {}", bare_file(file));
    }
    let Ok(options) = url.parse::<PgConnectOptions>() else { return "PostgreSQL".into() };
    let name = options.get_database().unwrap_or_else(|| options.get_username());
    match options.get_socket() {
        Some(socket) => format!("the PostgreSQL database {name} at {}", socket.display()),
        None => {
            let (host, port) = (options.get_host(), options.get_port());
            format!("the PostgreSQL database {name} at {host}:{port}")
        }
    }
}

/// Keeps another server from the same file of data, for as long as the process lives.
///
/// # Errors
///
/// When another server has it.
pub(crate) fn lock(url: &str) -> Result<Option<fs::File>, String> {
    let Some(file) = url.strip_prefix("sqlite:").map(bare_file) else { return Ok(None) };
    // One file may have several names.
    let real = fs::canonicalize(file).unwrap_or_else(|_| file.into());
    let mut path = real.into_os_string();
    path.push("-lock");
    let opened = private().write(true).create(true).truncate(false).open(&path);
    let lock = opened.map_err(|error| format!("{}: {error}", Path::new(&path).display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(fs::TryLockError::WouldBlock) => Err(format!(
            "another herd-posts serves {file}: a file belongs to one server, several may share a PostgreSQL"
        )),
        Err(fs::TryLockError::Error(error)) => {
            // There are file systems without locks.
            log::warn!("{file} is not locked against another server: {error}");
            Ok(None)
        }
    }
}

/// Whether a connection may go back to the pool: not while it is in a transaction.
///
/// After some errors (no room, no memory, an error of input or output, an interrupt) SQLite rolls back by
/// itself. The driver does not notice and can neither roll back nor begin from then on.
async fn is_at_rest(connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
    // It is answered after the rollback that a transaction asks for when it is dropped.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// Refuses a database that cannot be ours, before anything is written to it.
async fn check_is_ours(connection: &mut AnyConnection, backend: Backend) -> Result<(), OpenError> {
    let tables = match backend {
        Backend::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
             ORDER BY name"
        }
        // Extensions have tables, too.
        Backend::Postgres => {
            "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace \
             AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT EXISTS \
             (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') ORDER BY 1"
        }
    };
    if backend == Backend::Postgres {
        let encoding: String = sqlx::query_scalar("SELECT current_setting('server_encoding')")
            .fetch_one(&mut *connection)
            .await?;
        if encoding != "UTF8" {
            return Err(OpenError::Encoding(encoding));
        }
    }
    const RECORD: &str = "_sqlx_migrations";
    let mut tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut *connection).await?;
    let has_record = tables.iter().any(|table| table == RECORD);
    tables.retain(|table| table != RECORD);
    let applied: Vec<(i64, Vec<u8>)> = if has_record {
        sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations ORDER BY version")
            .fetch_all(&mut *connection)
            .await?
    } else {
        Vec::new()
    };
    let ours = |(version, checksum): &(i64, Vec<u8>)| {
        MIGRATIONS.iter().any(|own| own.version == *version && *own.checksum == *checksum)
    };
    let is_ours = applied.first().map_or(tables.is_empty(), ours);
    if !is_ours {
        const SHOWN: usize = 5;
        let more = if tables.len() > SHOWN { ", ..." } else { "" };
        tables.truncate(SHOWN);
        if tables.is_empty() {
            tables.push(RECORD.into());
        }
        return Err(OpenError::Foreign(tables.join(", ") + more));
    }
    let newest = MIGRATIONS.iter().map(|own| own.version).max().unwrap_or(0);
    match applied.last() {
        Some((version, _)) if *version > newest => Err(OpenError::Newer(*version)),
        _ => Ok(()),
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
    let file = bare_file(file);
    if file.is_empty() || file == ":memory:" {
        return Err(sqlx::Error::Configuration("sqlite: needs the name of a file".into()));
    }
    Ok(format!("sqlite:{}?mode=rwc", utf8_percent_encode(file, PLAIN)))
}

/// The file of what follows `sqlite:`.
fn bare_file(file: &str) -> &str {
    file.strip_prefix("//").unwrap_or(file)
}

/// Makes a file that nobody else reads, unless it is there: it has the hashes of passwords in it. The files that
/// SQLite puts beside it are as it is.
fn make_private(file: &Path) -> Result<(), OpenError> {
    match private().write(true).create_new(true).open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(OpenError::File(file.into(), error)),
    }
}

fn private() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has modes"))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
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

    /// A disk that was full has room again.
    #[tokio::test]
    async fn a_connection_that_could_not_be_rolled_back_leaves_the_pool() {
        let dir = tempfile::TempDir::new().unwrap();
        let file = dir.path().join("posts.sqlite");
        let database = Database::open(&format!("sqlite:{}", file.display())).await.unwrap();
        let fill = async |begin: &'static str| -> Result<(), Error> {
            // Connections go back to the pool in tasks of their own.
            while database.pool.num_idle() < database.pool.size() as usize {
                tokio::task::yield_now().await;
            }
            let mut transaction = database.write().await?;
            transaction.execute(begin).await?;
            for n in 0..50 {
                sqlx::query("INSERT INTO login_failures VALUES ($1, $2, 0)")
                    .bind(now_ms() * 100 + n)
                    .bind("x".repeat(4096))
                    .execute(&mut *transaction)
                    .await?;
            }
            Ok(transaction.commit().await?)
        };
        let full = fill("PRAGMA max_page_count = 60").await;
        assert!(matches!(full, Err(Error::Unavailable(_))), "{full:?}");

        for _ in 0..3 {
            fill("PRAGMA max_page_count = 4294967294").await.unwrap();
        }

        database.close().await;
    }

    #[test]
    fn a_database_is_named_without_its_password() {
        for (url, want) in [
            ("sqlite:/a b/c.db", "the file /a b/c.db"),
            ("sqlite:///c.db", "the file /c.db"),
            ("postgres://u:secret@db:5433/blog", "the PostgreSQL database blog at db:5433"),
            (
                "postgres://u:secret@localhost/blog?host=/run/pg",
                "the PostgreSQL database blog at /run/pg",
            ),
        ] {
            assert_eq!(whereabouts(url), want);
        }
    }

    #[test]
    fn a_file_may_have_any_name() {
        assert_eq!(sqlite_url("/a b/c?d%.db").unwrap(), "sqlite:/a%20b/c%3Fd%25.db?mode=rwc");
        assert_eq!(sqlite_url("///a.db").unwrap(), "sqlite:/a.db?mode=rwc");
        assert!(sqlite_url(":memory:").is_err());
    }
}
