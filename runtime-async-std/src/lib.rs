//! One herd server on async-std and surf.
//!
//! The core decides, the [host](herd_runtime::Host) offers bytes to the kernel, and what takes waiting
//! is done here: accepting, reading, connecting, sleeping, asking the provider. Nothing here knows a
//! rule of the protocol. `herd-tokio` does the same, function by function.

mod connection;
mod http;

use core::future::Future;
use core::time::Duration;
use std::ffi::OsString;
use std::io;
use std::process::ExitCode;
use std::sync::{Arc, Weak};

use async_global_executor::GlobalExecutorConfig;
use async_std::future::timeout;
use async_std::io::ReadExt as _;
use async_std::net::{TcpListener, TcpStream};
use async_std::os::unix::net::UnixStream;
use async_std::task;
use futures_util::future::Abortable;
use herd_runtime::{Door, Failure, Host, HttpResponse, Job, Provider, Server, server};

use crate::connection::{Writer, read, split, write};
use crate::http::Surf;

/// Runs the server that `args` name, the first being the name the program was started by, until it is
/// told to stop; the exit code to leave with.
pub fn run<I>(args: I) -> ExitCode
where
    I: IntoIterator<Item = OsString>,
{
    server::run("herd-async-std", args, |server, ready| {
        let failed = |error: io::Error| Failure::unable(format!("cannot start async-std: {error}"));
        start(server.settings.workers);
        task::block_on(serve(server, ready)).map_err(failed)
    })
}

/// Sets the number of threads, which async-std itself takes from the environment alone.
fn start(workers: usize) {
    let config = GlobalExecutorConfig::default();
    async_global_executor::init_with_config(
        config.with_min_threads(workers).with_max_threads(workers),
    );
}

/// Serves until the server has stopped.
async fn serve(server: Server, ready: Box<dyn FnOnce()>) -> io::Result<()> {
    let Server { settings, log, signals, clients, links, inquiry } = server;
    let provider =
        Provider::new(Surf::new(&settings)?, &settings.upstream, settings.core.limits.body_bytes);
    let host = Arc::new_cyclic(|host: &Weak<Host<Writer>>| {
        let host = host.clone();
        let perform = move |job| {
            if let Some(host) = host.upgrade() {
                task::spawn(perform(host, provider.clone(), job));
            }
        };
        Host::new(settings.host(), log.clone(), inquiry, Box::new(perform))
    });
    let stopper = Arc::clone(&host);
    task::spawn(heed(UnixStream::from(signals.stop), move || stopper.stop()));
    task::spawn(heed(UnixStream::from(signals.reopen), move || log.reopen()));

    let clients = clients.into_iter().map(|listener| (listener, Door::Clients));
    let links = links.into_iter().map(|listener| (listener, Door::Links));
    let mut accepting = Vec::new();
    for (listener, door) in clients.chain(links) {
        let listener = TcpListener::from(listener);
        accepting.push(task::spawn(accept(Arc::clone(&host), listener, door)));
    }
    task::spawn(keep_time(Arc::clone(&host)));
    ready();

    host.stopping().await;
    for task in accepting {
        task.cancel().await;
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
                    task::spawn(read(Arc::clone(&host), port, reader));
                }
                task::yield_now().await;
            }
            Err(error) => task::sleep(host.accept_failed(&error)).await,
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
    task::yield_now().await;
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
        // What the core wants while it walks its table.
        let mut rest = pin!(rest(Duration::ZERO, pending()));
        let mut context = Context::from_waker(Waker::noop());
        assert!(rest.as_mut().poll(&mut context).is_pending());

        let mut hurried = pin!(super::rest(Duration::MAX, async {}));
        assert!(hurried.as_mut().poll(&mut context).is_pending());
        assert!(hurried.as_mut().poll(&mut context).is_ready());
    }
}
