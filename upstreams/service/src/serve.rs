//! HTTP from the first connection to the last answer.

use core::convert::Infallible;
use core::net::SocketAddr;
use core::pin::pin;
use core::time::Duration;
use std::io::{self, ErrorKind, Write as _};
use std::sync::Arc;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::connection::set_up;
use crate::connections::{Admitted, Connections};
use crate::exchange::answer;
use crate::limits::Limits;
use crate::signals::StopSignals;
use crate::stream::Stream;

/// How a service ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ended {
    /// A signal came, and every request was answered or had its time.
    AsAsked,
    /// A second signal came before that.
    CutShort,
}

/// Serves HTTP/1.1 until a signal comes, then takes no more connections and finishes what is under way.
///
/// The router is told the address of each peer, as `ConnectInfo<SocketAddr>`, and may upgrade connections to
/// WebSockets. What is not finished after [`Limits::grace`] is left to the runtime, which drops it when it shuts down.
///
/// A connection is closed when its client takes longer than the [`Limits`] allow. When there are as many as there may
/// be, the address with most of them, the new one counted, gives up the one that has been waiting for its client
/// longest. So no address keeps another out, and no idle connection an active one. A connection whose request is
/// being answered only goes for an address that has fewer. IPv6 addresses of one /64 count as one.
///
/// The limit of open files is raised as far as the system lets it. What an operator should know, the first time that
/// all connections are taken say, goes to standard error in the name of `program`.
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// use axum::{Router, routing::get};
/// use herd_service::{Limits, StopSignals, announce, listener, serve};
///
/// let listener = listener("127.0.0.1:12000")?;
/// let mut signals = StopSignals::catch()?;
/// announce("hello", listener.local_addr()?);
/// let router = Router::new().route("/", get("Hello.\n"));
/// serve("hello", listener, router, Limits::default(), &mut signals).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// When the listener fails for good.
pub async fn serve(
    program: &str,
    listener: TcpListener,
    router: Router,
    mut limits: Limits,
    signals: &mut StopSignals,
) -> io::Result<Ended> {
    let warn = |warning: String| {
        // Nobody may be there to read it.
        _ = writeln!(io::stderr(), "{program}: warning: {warning}");
    };
    limits.fit_descriptors().into_iter().for_each(warn);
    let (say_stop, told_to_stop) = watch::channel(());
    let service = Service { router, limits, told_to_stop };
    tokio::select! {
        ended = service.accept(listener, warn) => return ended.map(|never| match never {}),
        () = signals.next() => {}
    }
    // The listener is closed by now, and the service with its own receiver is gone: what is left are connections.
    _ = say_stop.send(());
    tokio::select! {
        _ = timeout(limits.grace, say_stop.closed()) => Ok(Ended::AsAsked),
        () = signals.next() => Ok(Ended::CutShort),
    }
}

struct Service {
    router: Router,
    limits: Limits,
    told_to_stop: watch::Receiver<()>,
}

impl Service {
    /// Accepts connections, serves each in a task of its own, and closes those that take too long.
    async fn accept(self, listener: TcpListener, warn: impl Fn(String)) -> io::Result<Infallible> {
        let connections = Connections::new(self.limits);
        let mut http = http1::Builder::new();
        http.max_buf_size(self.limits.buffer_bytes.max(MIN_BUFFER_BYTES));
        let mut ticks = interval(self.limits.tick());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_out_of_descriptors = false;
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = ticks.tick() => {
                    connections.close_overdue();
                    continue;
                }
            };
            match accepted {
                Ok((socket, peer)) => {
                    is_out_of_descriptors = false;
                    let (admitted, warning) = connections.admit(socket, peer);
                    warning.into_iter().for_each(&warn);
                    if let Some(admitted) = admitted {
                        set_up(&admitted.socket);
                        tokio::spawn(self.serve(&http, admitted, peer));
                    }
                }
                // It was gone before it was accepted.
                Err(error) if is_of_connection(&error) => {}
                // Most likely there are no descriptors left, which others may give back.
                Err(error) => {
                    if !core::mem::replace(&mut is_out_of_descriptors, true) {
                        warn(format!("a connection cannot be accepted: {error}"));
                    }
                    connections.give_one_up();
                    sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }

    /// What serves a connection to its end, or until it is upgraded.
    fn serve(
        &self,
        http: &http1::Builder,
        admitted: Admitted,
        peer: SocketAddr,
    ) -> impl Future<Output = ()> + Send + use<> {
        let Admitted { socket, place, progress, closed } = admitted;
        let stream = TokioIo::new(Stream::new(socket, Arc::clone(&progress), place));
        let router = self.router.clone();
        let service =
            service_fn(move |request| answer(router.clone(), peer, Arc::clone(&progress), request));
        let connection = http.serve_connection(stream, service).with_upgrades();
        let mut told_to_stop = self.told_to_stop.clone();
        async move {
            let mut connection = pin!(connection);
            let mut closed = pin!(closed);
            let is_to_stop = tokio::select! {
                // What becomes of a connection is of no interest but to its client.
                _ = connection.as_mut() => false,
                _ = &mut closed => false,
                _ = told_to_stop.changed() => true,
            };
            if is_to_stop {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    _ = connection => {}
                    _ = closed => {}
                }
            }
        }
    }
}

/// How long to wait where a connection cannot be accepted.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// What hyper takes at least.
const MIN_BUFFER_BYTES: usize = 8 * 1024;

fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
    )
}
