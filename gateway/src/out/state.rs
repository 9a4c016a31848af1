//! What the routes share.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::intake::Intake;
use crate::replica::Replica;

/// The most streams and maps that are open at a time.
pub const MAX_SUBSCRIBERS: usize = 12_000;

/// What the routes share.
#[derive(Debug)]
pub struct Out {
    pub(super) replica: Arc<Replica>,
    /// For what devices say besides where they are.
    pub(super) intake: Arc<Intake>,
    pub(super) places: Arc<Semaphore>,
    /// Tells versions of this run from those of another.
    pub(super) run: u64,
}

impl Out {
    /// Reads this copy; `run` tells one run of the program from another.
    pub fn new(replica: Arc<Replica>, intake: Arc<Intake>, run: u64) -> Self {
        Self { replica, intake, places: Arc::new(Semaphore::new(MAX_SUBSCRIBERS)), run }
    }

    /// How many streams and maps are open.
    pub(crate) fn subscribers(&self) -> usize {
        MAX_SUBSCRIBERS - self.places.available_permits()
    }

    /// Whether a server sends its records.
    pub(crate) fn is_following(&self) -> bool {
        self.replica.is_following()
    }

    /// How many clients there are.
    pub(crate) fn clients(&self) -> usize {
        self.replica.read(crate::replica::Table::count)
    }
}
