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
    /// Whether it may be another program than a server of ours.
    is_foreign: bool,
}

/// How servers are looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search<'a> {
    /// The arguments that choose a herd.
    pub(crate) herd: &'a HerdArgs,
    /// Speak TLS by an authority in this file, whatever is known of a server.
    pub(crate) authority: Option<&'a Path>,
    /// Whether a server at an address may be another program than one of ours.
    pub(crate) may_be_foreign: bool,
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
    /// The server that `name` stands for, and a connection to it. A name that several rosters have is that of the first
    /// herd that runs, the default before the others.
    pub(crate) fn reach(name: &str, search: Search<'_>) -> Result<(Self, Wire), Failure> {
        let mut candidates = Self::candidates(name, search.herd)?;
        let count = candidates.len();
        for at in 0..count {
            candidates[at].fit(search);
            match candidates[at].open() {
                Ok(wire) => return Ok((candidates.swap_remove(at), wire)),
                Err(Unreached::NotRunning) => {}
                Err(Unreached::Other(failure)) => return Err(failure),
            }
        }
        let first = candidates.swap_remove(0);
        if count == 1 {
            return Err(Unreached::NotRunning.failure(&first));
        }
        Err(Failure::unable(format!(
            "{name} is in {count} rosters, and none of those herds is running: {}",
            first.hint()
        )))
    }

    /// All servers of the herd that `herd` chooses, and a connection to each: first one and a neighbour of its own.
    pub(crate) fn reach_all(search: Search<'_>) -> Result<Vec<(Self, Wire)>, Failure> {
        let roster = search.herd.chosen()?;
        let mut order: Vec<_> = (0..roster.servers.len()).collect();
        if let Some(second) = roster.servers.first().and_then(|first| first.talks_with.first()) {
            order.swap(1, *second);
        }
        let target = |at| {
            let mut target = Self::known(&roster, at, chosen_by(search.herd));
            target.fit(search);
            let wire = target.open().map_err(|unreached| unreached.failure(&target))?;
            Ok((target, wire))
        };
        order.into_iter().map(target).collect()
    }

    /// The servers that `name` may stand for: one in the herd that `herd` chooses, or else at an address, or else any
    /// of that name in a roster, the default first. There is at least one.
    fn candidates(name: &str, herd: &HerdArgs) -> Result<Vec<Self>, Failure> {
        if herd.config.is_some() || herd.roster.is_some() {
            let roster = herd.chosen()?;
            return match (roster.find(name), Address::parse(name)) {
                (Ok(at), _) => Ok(vec![Self::known(&roster, at, chosen_by(herd))]),
                (Err(_), Some(address)) => Ok(vec![Self::unknown(&address)]),
                (Err(mut failure), None) => {
                    failure.message += &did_you_mean(name, [&roster].into_iter());
                    Err(failure)
                }
            };
        }
        if let Some(address) = Address::parse(name) {
            return Ok(vec![Self::unknown(&address)]);
        }
        let rosters: Vec<_> = builtin::names().into_iter().filter_map(Roster::builtin).collect();
        let mut candidates = Vec::new();
        for roster in &rosters {
            if let Ok(at) = roster.find(name) {
                let is_default = roster.name == builtin::DEFAULT;
                let chosen = if is_default {
                    Vec::new()
                } else {
                    vec!["--roster".to_owned(), roster.name.clone()]
                };
                candidates.push(Self::known(roster, at, chosen));
            }
        }
        if !candidates.is_empty() {
            return Ok(candidates);
        }
        if name.contains(':') {
            return Err(Failure::wrong(format!(
                "{name} is no address: HOST:PORT has a port from 1 to 65535, and an IPv6 address in brackets"
            )));
        }
        let is_command = |word| name.split_whitespace().next() == Some(word);
        if ["IAMAT", "WHATSAT"].into_iter().any(is_command) {
            return Err(Failure::wrong(format!(
                "{name:?} stands where the server has to be: `{} send Hill {}`",
                program(),
                quoted(name)
            )));
        }
        Err(Failure::wrong(format!(
            "no roster has a server {name}{}: give HOST:PORT, or the herd's file with --config; `{} send --help` lists the rosters",
            did_you_mean(name, rosters.iter()),
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
            is_foreign: false,
        }
    }

    fn unknown(address: &Address) -> Self {
        Self { address: address.clone(), tls: None, known: None, is_foreign: false }
    }

    fn fit(&mut self, search: Search<'_>) {
        if let Some(file) = search.authority {
            self.tls = Some(Some(file.to_owned()));
        }
        self.is_foreign = search.may_be_foreign && self.known.is_none();
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

    /// Whether it is known to speak TLS.
    pub(crate) fn is_secured(&self) -> bool {
        self.tls.is_some()
    }

    /// A connection to it, secured where it speaks TLS.
    pub(crate) fn open(&self) -> Result<Wire, Unreached> {
        let described = self.described();
        let session = match &self.tls {
            None => None,
            Some(None) => {
                return Err(Unreached::Other(Failure::wrong(format!(
                    "{described} speaks TLS, and its herd names no authority: give one with --tls"
                ))));
            }
            Some(Some(authority)) => {
                Some(tls::trusting(authority, &self.address).map_err(Unreached::Other)?)
            }
        };
        let stream = self.connect()?;
        Wire::open(stream, session, CONNECT_TIMEOUT).map_err(|error| {
            Unreached::Other(Failure::unable(format!("no TLS with {described}: {error}")))
        })
    }

    /// A connection to it in the clear.
    fn connect(&self) -> Result<TcpStream, Unreached> {
        let described = self.described();
        let unable = |message| Unreached::Other(Failure::unable(message));
        let places = self
            .address
            .to_string()
            .to_socket_addrs()
            .map_err(|error| unable(format!("cannot find {described}: {error}")))?;
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
        Err(match last {
            Some(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Unreached::NotRunning
            }
            Some(error) => unable(format!("cannot connect to {described}: {error}")),
            None => unable(format!("{described} has no address")),
        })
    }

    /// What to do when nobody listens there.
    fn hint(&self) -> String {
        let up = |chosen: &[String]| {
            let up: Vec<_> =
                [program(), "up".to_owned()].into_iter().chain(chosen.iter().cloned()).collect();
            up.join(" ")
        };
        match &self.known {
            Some(Known { chosen, .. }) => format!("start the herd with `{}`", up(chosen)),
            None if self.is_foreign => "nothing listens there".to_owned(),
            None => format!("`{}` starts a herd on this machine", up(&[])),
        }
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum Unreached {
    /// Nobody listens there.
    NotRunning,
    Other(Failure),
}

impl Unreached {
    pub(crate) fn failure(self, target: &Target) -> Failure {
        match self {
            Self::NotRunning => {
                Failure::unable(format!("{} is not running: {}", target.described(), target.hint()))
            }
            Self::Other(failure) => failure,
        }
    }
}

/// The name that was meant, if one is near, as the end of a sentence.
fn did_you_mean<'r>(name: &str, rosters: impl Iterator<Item = &'r Roster>) -> String {
    let names = rosters.flat_map(|roster| roster.servers.iter().map(|server| &server.name));
    let distance =
        |other: &String| strsim::damerau_levenshtein(&name.to_lowercase(), &other.to_lowercase());
    let nearest = names.map(|other| (distance(other), other)).min();
    match nearest {
        Some((distance, other)) if distance * 3 <= other.len() => {
            format!(" (did you mean {other}?)")
        }
        _ => String::new(),
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
        Target::candidates(server, &herd).map(|mut all| all.swap_remove(0))
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
                Target::unknown(&Address::parse("[::1]:5").unwrap())
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
    fn a_name_may_be_in_several_rosters() {
        let all = Target::candidates("Alford", &HerdArgs::default()).unwrap();
        let ports: Vec<_> = all.iter().map(|target| target.address.port()).collect();
        assert_eq!(ports, [12011, 12031, 12041]);
    }

    #[test]
    fn what_was_meant_is_said_where_it_is_near() {
        for (name, meant) in [("hill", "Hill"), ("Cambell", "Campbell"), ("JAQUEZ", "Jaquez")] {
            let failure = found(name, None).unwrap_err();
            assert!(failure.message.contains(&format!("(did you mean {meant}?)")), "{failure}");
            let failure = found(name, Some("places-2020")).unwrap_err();
            assert!(failure.message.ends_with(&format!("(did you mean {meant}?)")), "{failure}");
        }
        assert!(!found("Nobody", None).unwrap_err().message.contains("did you mean"));
    }

    #[test]
    fn what_cannot_be_a_server_is_said_to_be_none() {
        for address in ["127.0.0.1:99999", "127.0.0.1:0", "::1:5", "localhost:http"] {
            let failure = found(address, None).unwrap_err();
            assert_eq!(failure.code, 2);
            assert!(
                failure.message.starts_with(&format!("{address} is no address: ")),
                "{failure}"
            );
        }
        let failure = found("IAMAT kiwi +1-1 100", None).unwrap_err();
        assert!(failure.message.ends_with(" send Hill 'IAMAT kiwi +1-1 100'`"), "{failure}");
    }

    #[test]
    fn the_hint_starts_the_herd_the_server_is_in() {
        assert!(found("Alford", None).unwrap().hint().ends_with(" up --roster places-2016`"));
        assert!(found("Hill", None).unwrap().hint().ends_with(" up`"));
        assert!(
            found("[::1]:5", None).unwrap().hint().ends_with(" up` starts a herd on this machine")
        );
    }
}
