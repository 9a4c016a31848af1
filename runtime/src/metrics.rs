//! What can be watched of a server: metrics and health, over HTTP.
//!
//! Everything told here comes from the server's own loop: a page is made of a
//! [`Status`](herd_core::Status) that the loop has handed out when it was asked, so a loop that does not
//! go on shows. Pages are made and sent by threads that the server never waits for.

mod http;
mod inquiry;
mod pages;
mod text;

use core::net::SocketAddr;
use std::io;

use herd_core::{Config, Timestamp};

use crate::clock;
use crate::failure::Failure;
use crate::listen::listen;
use crate::log::LogFile;

pub use inquiry::Inquiry;

/// What does not change while a server runs, and where the rest is found out.
#[derive(Debug)]
pub struct Subject {
    program: &'static str,
    server: String,
    neighbours: Vec<String>,
    started: Timestamp,
    log: LogFile,
    inquiry: Inquiry,
}

impl Subject {
    /// The server that `program` runs with `config`, which answers to `inquiry`; it starts now.
    pub fn new(program: &'static str, config: &Config, log: LogFile, inquiry: Inquiry) -> Self {
        let neighbours = config.neighbours.iter().map(|neighbour| neighbour.name.to_string());
        Self {
            program,
            server: config.name.to_string(),
            neighbours: neighbours.collect(),
            started: clock::now().wall,
            log,
            inquiry,
        }
    }
}

/// Serves the pages at `address`, `HOST:PORT`, for as long as the process lives; the address that was
/// taken, which is another where the port was 0.
///
/// # Errors
///
/// What to tell the user: the address is in use, or is none of this machine's.
pub fn serve(address: &str, subject: Subject) -> Result<SocketAddr, Failure> {
    let listener = listen(address)?;
    let begin = || {
        let taken = listener.local_addr()?;
        listener.set_nonblocking(false)?;
        http::serve(listener, move |path| pages::page(&subject, path))?;
        io::Result::Ok(taken)
    };
    begin().map_err(|error| Failure::unable(format!("can not serve {address}: {error}")))
}
