//! The least that a server takes whose answers are a provider's.

use core::error::Error;
use std::io::{self, Write as _};
use std::sync::Arc;

use herd_load::Canned;
use reqwest::Client;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::provider::{client, look_up};

/// Serves clients who wait for each answer, so that what is read is one line.
pub(crate) async fn serve(port: u16, url: String, answer: Vec<u8>) -> Result<(), Box<dyn Error>> {
    let shared = Arc::new((client()?, url, Canned::new(answer)));
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    writeln!(io::stdout().lock(), "herd-lookup-tokio: listens on {}", listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        let shared = Arc::clone(&shared);
        // A connection that breaks is over; the others go on.
        tokio::spawn(async move {
            let (client, url, canned) = &*shared;
            drop(converse(stream, client, url, canned).await);
        });
    }
}

async fn converse(
    mut stream: TcpStream,
    client: &Client,
    url: &str,
    canned: &Canned,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        let reply = match canned.report(&buffer[..count]) {
            Some(reply) => reply,
            None => {
                look_up(client, url).await?;
                canned.answer()
            }
        };
        stream.write_all(&reply).await?;
    }
}
