//! Reading from a socket and writing to it.

use core::future::poll_fn;
use core::pin::Pin;
use std::io;
use std::sync::Arc;

use async_std::net::TcpStream;
use async_std::task::yield_now;
use futures_util::{AsyncRead as _, AsyncWriteExt as _};
use herd_runtime::{Host, Port};

/// The writing end of a connection.
pub(crate) type Writer = TcpStream;

/// The two ends of a connection. Answers are small and wanted now.
pub(crate) fn split(stream: TcpStream) -> (TcpStream, Writer) {
    // A connection that is gone already will say so when it is read.
    let _ = stream.set_nodelay(true);
    (stream.clone(), stream)
}

/// Hands everything that is read to the core, until the connection ends.
pub(crate) async fn read(host: Arc<Host<Writer>>, port: Arc<Port<Writer>>, mut reader: TcpStream) {
    while port.may_read().await {
        match receive(&host, &port, &mut reader).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) => return host.lost(&port),
        }
    }
}

/// Reads once. Whether there may be more. Where nothing had to be waited for, others have their turn
/// first.
async fn receive(
    host: &Host<Writer>,
    port: &Port<Writer>,
    reader: &mut TcpStream,
) -> io::Result<bool> {
    let mut waited = false;
    let more = poll_fn(|context| {
        let more = host.read(port, |buffer| Pin::new(&mut *reader).poll_read(context, buffer));
        waited |= more.is_pending();
        more
    })
    .await?;
    if !waited {
        yield_now().await;
    }
    Ok(more)
}

/// Writes what the kernel did not take at once.
pub(crate) async fn write(host: Arc<Host<Writer>>, port: Arc<Port<Writer>>) {
    while let Some(bytes) = host.unsent(&port) {
        match send(&port.stream, &bytes).await {
            Ok(count) => host.wrote(&port, bytes, count),
            Err(_) => return host.lost(&port),
        }
        // Who takes everything at once must not keep others from their turn.
        yield_now().await;
    }
}

async fn send(mut writer: &Writer, bytes: &[u8]) -> io::Result<usize> {
    writer.write(bytes).await
}
