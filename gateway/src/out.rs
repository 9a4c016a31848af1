//! Who is where, read from the copy of the herd's table: by ID, in a box, near a point, and as it changes.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

pub use state::{MAX_SUBSCRIBERS, Out};

mod clients;
mod points;
mod shown;
mod state;
mod stream;
mod watch;

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
