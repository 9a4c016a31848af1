//! The core at work: what every adapter would otherwise write again.
//!
//! Nothing here knows an async runtime. A [`Host`] performs what the core decides, as far as that takes no waiting,
//! and hands its adapter a [`Job`] where it does.

pub mod host;
mod inquiry;
mod notices;
mod port;
mod settings;
pub mod upstream;

pub use host::{Door, Host, Job, Perform};
pub use inquiry::Inquiry;
pub use port::Port;
pub use settings::HostSettings;
pub use upstream::{HttpRequest, HttpResponse, Provider, Upstream, UpstreamSettings};
