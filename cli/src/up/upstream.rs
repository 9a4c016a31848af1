//! The upstream that a herd needs: whether to start one, and which.

use crate::child::{self, Program};
use crate::output::say;
use core::time::Duration;
use herd_config::address::Address;
use herd_config::roster::{self, UpstreamDialect};
use herd_config::{Failure, Roster};
use herd_core::Dialect;
use std::env;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};

/// An upstream to start.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) name: &'static str,
    pub(super) program: Program,
    pub(super) args: Vec<OsString>,
}

/// The upstream to start for a herd; `None` when it asks one elsewhere, or one that runs already.
pub(super) fn needed(roster: &Roster) -> Result<Option<Upstream>, Failure> {
    let Some(address) = ours(&roster.upstream) else {
        let mut url = roster.upstream.url.clone();
        // Who may ask it is nobody else's business.
        let _ = url.set_username("").and_then(|()| url.set_password(None));
        say(format_args!("herd: the upstream is {url}"));
        return Ok(None);
    };
    match occupant(&address) {
        Occupant::Nobody => {}
        Occupant::Http => {
            say(format_args!(
                "herd: something answers on {address} already: it is used as the upstream"
            ));
            return Ok(None);
        }
        Occupant::Other => {
            let message = format!(
                "the upstream's port is taken: what listens on {address} does not speak HTTP"
            );
            return Err(Failure::unable(message));
        }
    }
    let mut args = vec!["--listen".into(), address.into()];
    Ok(Some(match roster.upstream.dialect.provider() {
        Dialect::Places | Dialect::PlacesNew => {
            Upstream { name: "herd-places", program: Program::Places, args }
        }
        Dialect::Posts => {
            args.extend(["--demo".into(), "--database".into(), demo_database()?]);
            Upstream { name: "herd-posts", program: child::beside("herd-posts")?, args }
        }
    }))
}

/// Where the posts of the demo are kept: apart from those that people wrote on purpose.
fn demo_database() -> Result<OsString, Failure> {
    let dir = herd_service::state_dir(&|name| env::var_os(name)).ok_or_else(|| {
        Failure::unable("there is nowhere to keep the posts: set HOME or XDG_STATE_HOME")
    })?;
    let mut url = OsString::from("sqlite:");
    url.push(dir.join("herd").join("posts-demo.sqlite"));
    Ok(url)
}

/// Where an upstream of ours would listen, if the URL is one of this machine that it would answer.
fn ours(upstream: &roster::Upstream) -> Option<String> {
    let path = match upstream.dialect {
        UpstreamDialect::PlacesLegacy => "/maps/api/place/nearbysearch/json",
        UpstreamDialect::Posts => "/search.json",
        // Google's alone.
        UpstreamDialect::PlacesNew => return None,
    };
    let url = &upstream.url;
    let listen = format!("{}:{}", url.host_str()?, url.port_or_known_default()?);
    if url.scheme() != "http" || url.path() != path || !Address::parse(&listen)?.is_loopback() {
        return None;
    }
    // A name such as localhost may be one of several addresses: listen on the one that is tried first.
    let mut found = listen.to_socket_addrs().ok()?;
    found.next().map(|first| first.to_string())
}

/// Who listens on the upstream's address.
enum Occupant {
    Nobody,
    Http,
    Other,
}

fn occupant(address: &str) -> Occupant {
    let Some(Ok(mut stream)) =
        address.parse().ok().map(|address| TcpStream::connect_timeout(&address, PATIENCE))
    else {
        return Occupant::Nobody;
    };
    let mut answer = [0; 5];
    let asked = stream
        .set_read_timeout(Some(PATIENCE))
        .and_then(|()| {
            stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        })
        .and_then(|()| stream.read_exact(&mut answer));
    if asked.is_ok() && answer == *b"HTTP/" { Occupant::Http } else { Occupant::Other }
}

const PATIENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upstream_of_the_built_in_rosters_is_ours() {
        let listen = |roster: &str| {
            let roster = Roster::builtin(roster).unwrap();
            ours(&roster.upstream)
        };
        assert_eq!(listen("places-2020").as_deref(), Some("127.0.0.1:12000"));
        assert_eq!(listen("posts-2013").as_deref(), Some("127.0.0.1:12020"));
    }

    #[test]
    fn an_upstream_elsewhere_or_with_another_path_is_not_ours() {
        let places = || Roster::builtin("places-2020").unwrap().upstream;
        let mut upstream = places();
        for url in [
            "https://maps.googleapis.com/maps/api/place/nearbysearch/json",
            "http://10.0.0.1:12000/maps/api/place/nearbysearch/json",
            "http://127.0.0.1:12000/other",
        ] {
            upstream.url = url.parse().unwrap();
            assert_eq!(ours(&upstream), None, "{url}");
        }
        let dialect = UpstreamDialect::PlacesNew;
        assert_eq!(ours(&roster::Upstream { dialect, ..places() }), None);
    }
}
