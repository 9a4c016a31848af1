//! The least that a server takes whose answers are a provider's.

use core::error::Error;
use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use async_std::io::{ReadExt as _, WriteExt as _};
use async_std::net::{TcpListener, TcpStream};
use async_std::task;
use surf::Client;

use crate::look_up;

/// What all connections share.
struct Asker {
    client: Client,
    url: String,
    /// The answer to the newest report.
    record: Mutex<Vec<u8>>,
    /// What follows the record where the provider was asked, whatever it said.
    answer: Vec<u8>,
}

/// Serves clients who wait for each answer, so that what is read is one line.
pub(crate) async fn serve(port: u16, url: String, answer: Vec<u8>) -> Result<(), Box<dyn Error>> {
    let asker = Arc::new(Asker { client: Client::new(), url, record: Mutex::default(), answer });
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    writeln!(io::stdout().lock(), "herd-lookup-async-std: listens on {}", listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        let asker = Arc::clone(&asker);
        // A connection that breaks is over; the others go on.
        task::spawn(async move { drop(asker.converse(stream).await) });
    }
}

impl Asker {
    async fn converse(&self, mut stream: TcpStream) -> Result<(), Box<dyn Error + Send + Sync>> {
        stream.set_nodelay(true)?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let count = stream.read(&mut buffer).await?;
            if count == 0 {
                return Ok(());
            }
            let reply = match buffer[..count].strip_prefix(b"IAMAT ") {
                Some(report) => self.keep(report),
                None => {
                    look_up(&self.client, &self.url).await?;
                    [self.record().as_slice(), &self.answer].concat()
                }
            };
            stream.write_all(&reply).await?;
        }
    }

    fn keep(&self, report: &[u8]) -> Vec<u8> {
        let record = [b"AT Hill +0.000000000 ", report].concat();
        *self.record.lock().unwrap_or_else(PoisonError::into_inner) = record.clone();
        record
    }

    fn record(&self) -> Vec<u8> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
