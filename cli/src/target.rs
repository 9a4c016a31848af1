//! A server that is named on the command line: by its address, or by its name in a roster.

use crate::output::{program, quoted};
use crate::wire::Wire;
use core::time::Duration;
use herd_config::address::Address;
use herd_config::args::HerdArgs;
use herd_config::{Failure, Roster, builtin};
use herd_core::Dialect;
use herd_tls as tls;
use std::io;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::{Path, PathBuf};

/// A server to speak to.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Target {
    address: Address,
    tls: Option<Trust>,
    known: Option<Known>,
}

/// By whom the certificate of a server must be: an authority in this file, if it is known.
type Trust = Option<PathBuf>;

/// What a roster says of a server.
#[derive(Debug, Eq, PartialEq)]
struct Known {
    name: String,
    dialect: Dialect,
    /// The arguments that choose its herd.
    chosen: Vec<String>,
}

impl Target {
    /// The server that `name` stands for: in the herd that `herd` chooses, or else an address, or else in
    /// any roster, the default first.
    pub(crate) fn find(name: &str, herd: &HerdArgs) -> Result<Self, Failure> {
        if herd.config.is_some() || herd.roster.is_some() {
            let roster = herd.chosen()?;
            return match (roster.find(name), Address::parse(name)) {
                (Ok(at), _) => Ok(Self::known(&roster, at, chosen_by(herd))),
                (Err(_), Some(address)) => Ok(Self::unknown(&address)),
                (Err(failure), None) => Err(failure),
            };
        }
        if let Some(address) = Address::parse(name) {
            return Ok(Self::unknown(&address));
        }
        for roster in builtin::names().into_iter().filter_map(Roster::builtin) {
            if let Ok(at) = roster.find(name) {
                let is_default = roster.name == builtin::DEFAULT;
                let chosen = if is_default {
                    Vec::new()
                } else {
                    vec!["--roster".to_owned(), roster.name.clone()]
                };
                return Ok(Self::known(&roster, at, chosen));
            }
        }
        Err(Failure::wrong(format!(
            "no roster has a server {name}: give HOST:PORT, or the herd's file with --config; `{} send --help` lists the rosters",
            program()
        )))
    }

    fn known(roster: &Roster, at: usize, chosen: Vec<String>) -> Self {
        let server = &roster.servers[at];
        let dialect = roster.upstream.dialect.provider();
        let known = Known { name: server.name.clone(), dialect, chosen };
        let tls = roster.tls.as_ref().filter(|tls| tls.clients);
        Self {
            address: server.address.clone(),
            tls: tls.map(|tls| tls.authority.as_ref().map(|(path, _)| path.clone())),
            known: Some(known),
        }
    }

    fn unknown(address: &Address) -> Self {
        Self { address: address.clone(), tls: None, known: None }
    }

    /// Its server ID, where a roster says so.
    pub(crate) fn name(&self) -> Option<&str> {
        self.known.as_ref().map(|known| known.name.as_str())
    }

    /// The dialect of its provider, where a roster says so.
    pub(crate) fn dialect(&self) -> Option<Dialect> {
        self.known.as_ref().map(|known| known.dialect)
    }

    /// Its name and address, for the user.
    pub(crate) fn described(&self) -> String {
        match self.name() {
            Some(name) => format!("{name} ({})", self.address),
            None => self.address.to_string(),
        }
    }

    /// The same, with TLS by an authority in this file, if one is given.
    pub(crate) fn by_authority(mut self, authority: Option<&Path>) -> Self {
        if let Some(file) = authority {
            self.tls = Some(Some(file.to_owned()));
        }
        self
    }

    /// Whether it is known to speak TLS.
    pub(crate) fn is_secured(&self) -> bool {
        self.tls.is_some()
    }

    /// A connection to it, secured where it speaks TLS.
    pub(crate) fn open(&self) -> Result<Wire, Failure> {
        let described = self.described();
        let session = match &self.tls {
            None => None,
            Some(None) => {
                return Err(Failure::wrong(format!(
                    "{described} speaks TLS, and its herd names no authority: give one with --tls"
                )));
            }
            Some(Some(authority)) => Some(tls::trusting(authority, &self.address)?),
        };
        Wire::open(self.connect()?, session, CONNECT_TIMEOUT)
            .map_err(|error| Failure::unable(format!("no TLS with {described}: {error}")))
    }

    /// A connection to it in the clear.
    pub(crate) fn connect(&self) -> Result<TcpStream, Failure> {
        let described = self.described();
        let places = self
            .address
            .to_string()
            .to_socket_addrs()
            .map_err(|error| Failure::unable(format!("can not find {described}: {error}")))?;
        let mut last = None;
        for place in places {
            match TcpStream::connect_timeout(&place, CONNECT_TIMEOUT) {
                Ok(stream) => {
                    // What is sent is small and wanted now. One that is gone already will say so itself.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(error) => last = Some(error),
            }
        }
        Err(Failure::unable(match last {
            Some(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                format!("{described} is not running: {}", self.hint())
            }
            Some(error) => format!("can not connect to {described}: {error}"),
            None => format!("{described} has no address"),
        }))
    }

    /// What to do when nobody listens there.
    fn hint(&self) -> String {
        match &self.known {
            Some(Known { chosen, .. }) => {
                let up: Vec<_> = [program(), "up".to_owned()]
                    .into_iter()
                    .chain(chosen.iter().cloned())
                    .collect();
                format!("start the herd with `{}`", up.join(" "))
            }
            None => format!("`{} up` starts a herd on this machine", program()),
        }
    }
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The arguments that choose a herd, to be typed again.
pub(crate) fn chosen_by(args: &HerdArgs) -> Vec<String> {
    match (&args.config, args.roster.as_deref()) {
        (Some(path), _) => vec!["--config".to_owned(), quoted(path.display())],
        (None, Some(name)) if name != builtin::DEFAULT => {
            vec!["--roster".to_owned(), name.to_owned()]
        }
        (None, _) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(server: &str, roster: Option<&str>) -> Result<Target, Failure> {
        let herd = HerdArgs { config: None, roster: roster.map(str::to_owned) };
        Target::find(server, &herd)
    }

    #[test]
    fn a_name_is_looked_for_in_the_default_roster_first() {
        assert_eq!(found("Hill", None).unwrap().address.to_string(), "127.0.0.1:12001");
        assert_eq!(
            found("Hill", Some("posts-2013")).unwrap().address.to_string(),
            "127.0.0.1:12023"
        );
        assert_eq!(found("Alford", None).unwrap().address.to_string(), "127.0.0.1:12011");
    }

    #[test]
    fn an_address_is_taken_as_it_is() {
        for roster in [None, Some("posts-2013")] {
            assert_eq!(
                found("[::1]:5", roster).unwrap(),
                Target { address: Address::parse("[::1]:5").unwrap(), tls: None, known: None }
            );
        }
    }

    #[test]
    fn a_name_that_nobody_has_is_an_error() {
        let failure = found("Nobody", None).unwrap_err();
        assert_eq!(failure.code, 2);
        assert!(failure.message.starts_with("no roster has a server Nobody: "), "{failure}");

        let failure = found("Alford", Some("places-2020")).unwrap_err();
        assert!(failure.message.contains("Alford is in --roster places-2016"), "{failure}");
    }

    #[test]
    fn the_hint_starts_the_herd_the_server_is_in() {
        assert!(found("Alford", None).unwrap().hint().ends_with(" up --roster places-2016`"));
        assert!(found("Hill", None).unwrap().hint().ends_with(" up`"));
    }
}
