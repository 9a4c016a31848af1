//! HTTP from the first connection to the last answer.

use core::future::IntoFuture as _;
use core::net::SocketAddr;
use core::pin::pin;
use core::time::Duration;
use std::io;

use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::connection::set_up;
use crate::signals::StopSignals;

/// How long requests under way may take once the service is to stop.
pub const GRACE: Duration = Duration::from_secs(5);

/// How a service ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ended {
    /// A signal came, and every request was answered or had its time.
    AsAsked,
    /// A second signal came before that.
    CutShort,
}

/// Serves until a signal comes, telling the router the address of each peer, then takes no more connections and finishes what is under way.
///
/// What is not finished after [`GRACE`] is left to the runtime, which drops it when it shuts down.
///
/// # Errors
///
/// When the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    signals: &mut StopSignals,
) -> io::Result<Ended> {
    let listener = listener.tap_io(set_up);
    let (say_stop, told_to_stop) = oneshot::channel::<()>();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service)
        .with_graceful_shutdown(async { _ = told_to_stop.await })
        .into_future();

    let mut server = pin!(server);
    tokio::select! {
        ended = &mut server => return ended.map(|()| Ended::AsAsked),
        () = signals.next() => drop(say_stop),
    }
    tokio::select! {
        ended = timeout(GRACE, server) => ended.unwrap_or(Ok(())).map(|()| Ended::AsAsked),
        () = signals.next() => Ok(Ended::CutShort),
    }
}
