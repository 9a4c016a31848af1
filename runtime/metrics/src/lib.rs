//! What can be watched of a server: metrics and health, over HTTP.
//!
//! Everything told here comes from the server's own loop: a page is made of a
//! [`Status`](herd_core::Status) that the loop has handed out when it was asked, so a loop that does not
//! go on shows. Pages are made and sent by threads that the server never waits for.

mod http;
mod pages;
mod process;
mod subject;
mod text;

use core::net::SocketAddr;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;

pub use subject::Subject;

/// Serves the pages to whoever connects to one of `listeners`, for as long as the process lives; the addresses they are
/// at.
///
/// # Errors
///
/// When the system has no thread for it.
pub fn serve(listeners: Vec<TcpListener>, subject: Subject) -> io::Result<Vec<SocketAddr>> {
    let subject = Arc::new(subject);
    let serve = |listener: TcpListener| {
        let address = listener.local_addr()?;
        listener.set_nonblocking(false)?;
        let subject = Arc::clone(&subject);
        http::serve(listener, move |wanted| pages::page(&subject, wanted))?;
        Ok(address)
    };
    listeners.into_iter().map(serve).collect()
}
