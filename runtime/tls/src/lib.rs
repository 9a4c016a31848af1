//! TLS for clients and between servers: what a server needs for it, and a [`Session`] for each connection.
//!
//! rustls does no input and output of its own. A session stands between the bytes of a socket and those
//! of the core, on both runtimes alike: the core is told when a connection is secured, what it is bound to
//! and whom the other side's certificate is for, and knows nothing else of TLS.
//!
//! Between servers both sides show a certificate, for the name of the server, and TLS is 1.3: the keying
//! material that a handshake is bound to means less in older versions. Clients show none and may speak
//! 1.2. Nothing is resumed, so that a certificate is looked at whenever there is a new connection.

mod client;
mod files;
mod server;
mod session;

pub use client::{client_config, server_name, trusting};
pub use files::{host, load, verify};
pub use server::Tls;
pub use session::{End, Opened, Session};
