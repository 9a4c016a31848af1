//! What can be watched of a server: metrics and health, over HTTP.
//!
//! Everything told here comes from the server's own loop: a page is made of a
//! [`Status`](herd_core::Status) that the loop has handed out when it was asked, so a loop that does not
//! go on shows. Pages are made and sent by threads that the server never waits for.

mod http;
mod pages;
mod subject;
mod text;

use core::net::SocketAddr;
use std::io;
use std::net::TcpListener;

pub use subject::Subject;

/// Serves the pages to whoever connects to `listener`, for as long as the process lives; the address it is at.
///
/// # Errors
///
/// When the system has no thread for it.
pub fn serve(listener: TcpListener, subject: Subject) -> io::Result<SocketAddr> {
    let address = listener.local_addr()?;
    listener.set_nonblocking(false)?;
    http::serve(listener, move |path| pages::page(&subject, path))?;
    Ok(address)
}
