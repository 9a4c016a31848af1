//! Who is where, read from the copy of the herd's table: by ID, in a box, near a point, and as it changes.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use tokio::sync::Semaphore;

use crate::intake::Intake;
use crate::replica::Replica;

mod clients;
mod points;
mod shown;
mod stream;
mod watch;

/// The most streams and maps that are open at a time.
pub const MAX_SUBSCRIBERS: usize = 12_000;

/// What the routes share.
#[derive(Debug)]
pub struct Out {
    replica: Arc<Replica>,
    /// For what devices say besides where they are.
    intake: Arc<Intake>,
    places: Arc<Semaphore>,
    /// Tells versions of this run from those of another.
    run: u64,
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

/// The routes.
pub fn router(out: Arc<Out>) -> Router {
    Router::new()
        .route("/v1/clients", get(clients::within))
        .route("/v1/clients/{*id}", get(clients::one))
        .route("/v1/nearby", get(clients::nearby))
        .route("/v1/stream", get(stream::open))
        .route("/v1/points", get(points::open))
        .with_state(out)
}
