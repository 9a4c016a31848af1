//! The least that a server on tokio can do, on one thread: `herd-echo-tokio PORT` sends back what it reads, and
//! `herd-echo-tokio PORT TO` sends it on to port TO.

use core::error::Error;
use std::io::{self, Write as _};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().ok_or("arguments: PORT [TO]")?.parse()?;
    let to = arguments.next().map(|port| port.parse()).transpose()?;
    tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(serve(port, to))
}

async fn serve(port: u16, to: Option<u16>) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind((HOST, port)).await?;
    writeln!(io::stdout().lock(), "herd-echo-tokio: listens on {}", listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        // A connection that breaks is over; the others go on.
        match to {
            None => tokio::spawn(async move { drop(echo(stream).await) }),
            Some(to) => tokio::spawn(async move { drop(relay(stream, to).await) }),
        };
    }
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (reader, writer) = stream.split();
    pass_on(reader, writer).await
}

async fn relay(stream: TcpStream, to: u16) -> io::Result<()> {
    let next = TcpStream::connect((HOST, to)).await?;
    next.set_nodelay(true)?;
    pass_on(stream, next).await
}

async fn pass_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..count]).await?;
    }
}

const HOST: &str = "127.0.0.1";
