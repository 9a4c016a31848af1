//! One herd server on tokio and reqwest.
//!
//! The core decides, the [host](herd_runtime::Host) offers bytes to the kernel, and what takes waiting
//! is done here: accepting, reading, connecting, sleeping, asking the provider. Nothing here knows a
//! rule of the protocol. `herd-async-std` does the same, function by function.

mod connection;
mod http;

use core::future::Future;
use core::time::Duration;
use std::ffi::OsString;
use std::io;
use std::process::ExitCode;
use std::sync::{Arc, Weak};

use futures_util::future::Abortable;
use herd_runtime::{Door, Failure, Host, HttpResponse, Job, Provider, Server, server};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use crate::connection::{Writer, read, split, write};
use crate::http::Reqwest;

/// Runs the server that `args` name, the first being the name the program was started by, until it is
/// told to stop; the exit code to leave with.
pub fn run<I>(args: I) -> ExitCode
where
    I: IntoIterator<Item = OsString>,
{
    server::run("herd-tokio", args, |server, ready| {
        let failed = |error: io::Error| Failure::unable(format!("cannot start tokio: {error}"));
        let runtime = start(server.settings.workers).map_err(failed)?;
        let served = runtime.block_on(serve(server, ready)).map_err(failed);
        // A name that is still being looked up is not waited for.
        runtime.shutdown_background();
        served
    })
}

fn start(workers: usize) -> io::Result<Runtime> {
    match workers {
        1 => Builder::new_current_thread().enable_all().build(),
        _ => Builder::new_multi_thread().worker_threads(workers).enable_all().build(),
    }
}

/// Serves until the server has stopped.
async fn serve(server: Server, ready: Box<dyn FnOnce()>) -> io::Result<()> {
    let Server { settings, log, signals, clients, links, inquiry } = server;
    let provider =
        Provider::new(Reqwest::new()?, &settings.upstream, settings.core.limits.body_bytes);
    let host = Arc::new_cyclic(|host: &Weak<Host<Writer>>| {
        let host = host.clone();
        let perform = move |job| {
            if let Some(host) = host.upgrade() {
                tokio::spawn(perform(host, provider.clone(), job));
            }
        };
        Host::new(settings.host(), log.clone(), inquiry, Box::new(perform))
    });
    let stopper = Arc::clone(&host);
    tokio::spawn(heed(UnixStream::from_std(signals.stop)?, move || stopper.stop()));
    tokio::spawn(heed(UnixStream::from_std(signals.reopen)?, move || log.reopen()));

    let clients = clients.into_iter().map(|listener| (listener, Door::Clients));
    let links = links.into_iter().map(|listener| (listener, Door::Links));
    let mut accepting = Vec::new();
    for (listener, door) in clients.chain(links) {
        let listener = TcpListener::from_std(listener)?;
        accepting.push(tokio::spawn(accept(Arc::clone(&host), listener, door)));
    }
    tokio::spawn(keep_time(Arc::clone(&host)));
    ready();

    host.stopping().await;
    for task in accepting {
        task.abort();
    }
    host.stopped().await;
    host.log_counters();
    Ok(())
}

/// Does what a signal asks for, whenever it comes.
async fn heed(mut signals: UnixStream, act: impl Fn()) {
    while signals.read_exact(&mut [0]).await.is_ok() {
        act();
    }
}

/// Accepts connections for as long as it is let.
async fn accept(host: Arc<Host<Writer>>, listener: TcpListener, door: Door) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                let (reader, writer) = split(stream);
                if let Some(port) = host.accepted(writer, from, door) {
                    tokio::spawn(read(Arc::clone(&host), port, reader));
                }
                yield_now().await;
            }
            Err(error) => sleep(host.accept_failed(&error)).await,
        }
    }
}

/// Tells the core the time whenever it wants to know it.
async fn keep_time(host: Arc<Host<Writer>>) {
    loop {
        let wait = host.tick();
        rest(wait, host.hurried()).await;
    }
}

/// Waits until the time is up or there is hurry. Others have their turn in any case: the core may want to be told the
/// time at once, again and again.
async fn rest(wait: Duration, hurried: impl Future<Output = ()>) {
    yield_now().await;
    // Both a time-out and being hurried are reasons to go on.
    let _ = timeout(wait, hurried).await;
}

/// Does what takes waiting.
async fn perform(host: Arc<Host<Writer>>, provider: Provider, job: Job<Writer>) {
    match job {
        Job::Dial { peer, address, within } => {
            let connected = timeout(within, TcpStream::connect(&*address)).await;
            let connected = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            match connected.map(split) {
                Ok((reader, writer)) => {
                    if let Some(port) = host.dialled(peer, Ok(writer)) {
                        read(host, port, reader).await;
                    }
                }
                Err(error) => drop(host.dialled(peer, Err(error))),
            }
        }
        Job::Ask { id, request, abort } => {
            if let Ok(answer) = Abortable::new(provider.ask(id, &request), abort).await {
                host.answered(
                    id,
                    answer.as_ref().map(HttpResponse::borrowed).map_err(|error| *error),
                );
            }
        }
        Job::Write { port } => write(host, port).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::future::pending;
    use core::pin::pin;
    use core::task::{Context, Waker};

    #[test]
    fn others_run_between_two_turns_of_the_timer() {
        let runtime = start(1).unwrap();
        let _guard = runtime.enter();
        // What the core wants while it walks its table.
        let mut rest = pin!(rest(Duration::ZERO, pending()));
        let mut context = Context::from_waker(Waker::noop());
        assert!(rest.as_mut().poll(&mut context).is_pending());

        let mut hurried = pin!(super::rest(Duration::MAX, async {}));
        assert!(hurried.as_mut().poll(&mut context).is_pending());
        assert!(hurried.as_mut().poll(&mut context).is_ready());
    }
}
