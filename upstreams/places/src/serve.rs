//! HTTP around the answers.

use core::future::{Future, IntoFuture as _};
use core::pin::pin;
use core::time::Duration;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use herd_service::set_up;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::nearby::Nearby;

/// Where the search is, as at Google.
pub const PATH: &str = "/maps/api/place/nearbysearch/json";

/// How long requests under way may take once the service is to stop.
pub const GRACE: Duration = Duration::from_secs(5);

/// Serves until `stop` completes, then takes no more connections and finishes what is under way.
///
/// What is not finished after [`GRACE`] is left to the runtime, which drops it when it shuts down.
///
/// # Errors
///
/// When the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    nearby: Arc<Nearby>,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let router = Router::new().route(PATH, get(answer)).with_state(nearby);
    let listener = listener.tap_io(set_up);
    let (say_stop, told_to_stop) = oneshot::channel::<()>();
    let server = axum::serve(listener, router)
        .with_graceful_shutdown(async { _ = told_to_stop.await })
        .into_future();

    let mut server = pin!(server);
    tokio::select! {
        ended = &mut server => return ended,
        () = stop => drop(say_stop),
    }
    timeout(GRACE, server).await.unwrap_or(Ok(()))
}

async fn answer(State(nearby): State<Arc<Nearby>>, RawQuery(query): RawQuery) -> impl IntoResponse {
    let json = nearby.answer(&query.unwrap_or_default());
    ([(CONTENT_TYPE, "application/json; charset=UTF-8")], json)
}
