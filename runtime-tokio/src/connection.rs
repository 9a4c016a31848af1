//! Reading from a socket and writing to it.

use core::future::poll_fn;
use core::pin::Pin;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use herd_runtime::{Host, Port};
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::yield_now;

/// The writing end of a connection.
pub(crate) struct Writer(OwnedWriteHalf);

impl AsFd for Writer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        let stream: &TcpStream = self.0.as_ref();
        stream.as_fd()
    }
}

/// The two ends of a connection. Answers are small and wanted now.
pub(crate) fn split(stream: TcpStream) -> (OwnedReadHalf, Writer) {
    // A connection that is gone already will say so when it is read.
    let _ = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    (reader, Writer(writer))
}

/// Hands everything that is read to the core, until the connection ends.
pub(crate) async fn read(
    host: Arc<Host<Writer>>,
    port: Arc<Port<Writer>>,
    mut reader: OwnedReadHalf,
) {
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
    reader: &mut OwnedReadHalf,
) -> io::Result<bool> {
    let mut waited = false;
    let more = poll_fn(|context| {
        let more = host.read(port, |buffer| {
            let mut buffer = ReadBuf::new(buffer);
            let read = Pin::new(&mut *reader).poll_read(context, &mut buffer);
            read.map_ok(|()| buffer.filled().len())
        });
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

async fn send(writer: &Writer, bytes: &[u8]) -> io::Result<usize> {
    let stream: &TcpStream = writer.0.as_ref();
    loop {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            outcome => return outcome,
        }
    }
}
