//! The database as one request uses it: one connection at a time, and no more of them than its address has a share of.
//!
//! A request may ask for many things at once, each of which needs the database. Were each of them given a connection,
//! one request would take all there are.

use core::net::IpAddr;
use core::ops::{Deref, DerefMut};
use core::time::Duration;
use std::sync::Arc;

use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, Executor as _};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;

use crate::Error;
use crate::database::Database;
use crate::shares::Share;

/// How long a request waits for its turn: less than it may take.
const MAX_WAIT: Duration = Duration::from_secs(4);

/// When somebody who waited in vain may ask again.
const RETRY: Duration = Duration::from_secs(2);

/// The database for one request.
#[derive(Clone, Debug)]
pub(crate) struct RequestDatabase {
    database: Database,
    address: IpAddr,
    turn: Arc<Mutex<()>>,
}

/// A connection, the turn to use it, and whether it is in a transaction.
///
/// A connection whose request was given up is busy until its statement ends. So the share is given back when the
/// connection is, and not before.
#[derive(Debug)]
pub(crate) struct Taken {
    /// Until it is given back.
    held: Option<(PoolConnection<Any>, Share)>,
    is_open: bool,
    _turn: OwnedMutexGuard<()>,
}

impl RequestDatabase {
    /// For a request that comes from this address.
    pub(crate) fn new(database: Database, address: IpAddr) -> Self {
        Self { database, address, turn: Arc::default() }
    }

    /// A connection to read by.
    pub(crate) async fn read(&self) -> Result<Taken, Error> {
        let busy = Error::Busy { retry_after: RETRY };
        let wait = async {
            let turn = Arc::clone(&self.turn).lock_owned().await;
            let share = self.database.shares().take(0, self.address).await.ok()?;
            Some((turn, share))
        };
        let (turn, share) = timeout(MAX_WAIT, wait).await.ok().flatten().ok_or(busy)?;
        let connection = self.database.read().await?;
        Ok(Taken { held: Some((connection, share)), is_open: false, _turn: turn })
    }

    /// A transaction to write in; dropped without a commit it leaves no trace. See [`Database::write`].
    pub(crate) async fn write(&self) -> Result<Taken, Error> {
        let mut taken = self.read().await?;
        // It may have begun when the request is given up while it begins.
        taken.is_open = true;
        taken.execute(self.database.backend().begin()).await?;
        Ok(taken)
    }
}

impl Taken {
    /// Makes what was written stay.
    pub(crate) async fn commit(mut self) -> Result<(), Error> {
        self.execute("COMMIT").await?;
        self.is_open = false;
        Ok(())
    }
}

impl Deref for Taken {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.held.as_ref().expect(HELD).0
    }
}

impl DerefMut for Taken {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.held.as_mut().expect(HELD).0
    }
}

const HELD: &str = "it is held until it is dropped";

impl Drop for Taken {
    fn drop(&mut self) {
        let Some((mut connection, share)) = self.held.take() else { return };
        // Without a runtime the program has ended.
        let Ok(runtime) = Handle::try_current() else { return };
        let is_open = self.is_open;
        runtime.spawn(async move {
            // Where there is nothing to roll back, after an error by which SQLite has done so by itself say, nobody
            // knows in what state the connection is.
            if is_open && connection.execute("ROLLBACK").await.is_err() {
                connection.close_on_drop();
                drop(connection);
            } else {
                connection.return_to_pool().await;
            }
            drop(share);
        });
    }
}
