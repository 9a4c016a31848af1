//! The rosters that are built in, as one table, all on 127.0.0.1; a server's neighbours connect to its port + 100.
//!
//! | roster | ports | servers, in the order of their ports | provider |
//! |---|---|---|---|
//! | `places-2020` (default) | 12001 to 12005 | Hill Jaquez Smith Campbell Singleton | places |
//! | `places-2016` | 12011 to 12015 | Alford Ball Hamilton Holiday Welsh | places |
//! | `posts-2013` | 12021 to 12025 | Farmar Gasol Hill Meeks Young | posts |
//! | `places-2014` | 12031 to 12035 | Alford Bolden Hamilton Parker Powell | places |
//! | `places-2016-spring` | 12041 to 12045 | Alford Bolden Hamilton Parker Welsh | places |
//! | `places-2018` | 12051 to 12055 | Goloman Hands Holiday Welsh Wilkes | places |
//! | `places-2021` | 12061 to 12065 | Bernard Campbell Jaquez Juzang Riley | places |
//! | `places-2022` | 12071 to 12075 | Bernard Clark Jaquez Johnson Juzang | places |
//! | `places-2023` | 12081 to 12085 | Bailey Bona Campbell Clark Jaquez | places |

use crate::address::Address;
use crate::failure::Failure;
use crate::logging::LogSettings;
use crate::roster::{
    LinkAddress, Roster, SecretSource, Server, Upstream, UpstreamDialect, both_ways,
};
use core::time::Duration;
use herd_core::{Limits, LinkKind};
use url::Url;

/// The roster that is meant when none is named.
pub const DEFAULT: &str = "places-2020";

struct Builtin {
    name: &'static str,
    /// The first server's; the others follow in order.
    port: u16,
    upstream: UpstreamDialect,
    /// Names, and with whom each talks; one side is enough.
    servers: [(&'static str, &'static [&'static str]); 5],
}

/// The default first, then in the order of their ports.
const ROSTERS: [Builtin; 9] = [
    Builtin {
        name: "places-2020",
        port: 12001,
        upstream: UpstreamDialect::PlacesLegacy,
        servers: [
            ("Hill", &["Jaquez", "Smith"]),
            ("Jaquez", &[]),
            ("Smith", &["Campbell"]),
            ("Campbell", &[]),
            ("Singleton", &["Jaquez", "Smith", "Campbell"]),
        ],
    },
    Builtin {
        name: "places-2016",
        port: 12011,
        upstream: UpstreamDialect::PlacesLegacy,
        servers: [
            ("Alford", &["Hamilton", "Welsh"]),
            ("Ball", &["Holiday", "Welsh"]),
            ("Hamilton", &["Holiday"]),
            ("Holiday", &[]),
            ("Welsh", &[]),
        ],
    },
    Builtin {
        name: "posts-2013",
        port: 12021,
        upstream: UpstreamDialect::Posts,
        servers: [
            ("Farmar", &["Meeks", "Young"]),
            ("Gasol", &["Meeks", "Young"]),
            ("Hill", &["Meeks"]),
            ("Meeks", &[]),
            ("Young", &[]),
        ],
    },
    Builtin {
        name: "places-2014",
        port: 12031,
        upstream: UpstreamDialect::PlacesLegacy,
        servers: [
            ("Alford", &["Parker", "Powell"]),
            ("Bolden", &["Parker", "Powell"]),
            ("Hamilton", &["Parker"]),
            ("Parker", &[]),
            ("Powell", &[]),
        ],
    },
    Builtin {
        name: "places-2016-spring",
        port: 12041,
        upstream: UpstreamDialect::PlacesLegacy,
        servers: [
            ("Alford", &["Parker", "Welsh"]),
            ("Bolden", &["Parker", "Welsh"]),
            ("Hamilton", &["Parker"]),
            ("Parker", &[]),
            ("Welsh", &[]),
        ],
    },
    Builtin {
        name: "places-2018",
        port: 12051,
        upstream: UpstreamDialect::PlacesLegacy,
        servers: [
            ("Goloman", &["Hands", "Holiday", "Wilkes"]),
            ("Hands", &["Wilkes"]),
            ("Holiday", &["Welsh", "Wilkes"]),
            ("Welsh", &[]),
            ("Wilkes", &[]),
        ],
    },
    Builtin {
        name: "places-2021",
        port: 12061,
        upstream: UpstreamDialect::PlacesLegacy,
        servers: [
            ("Bernard", &["Jaquez", "Juzang", "Campbell"]),
            ("Campbell", &[]),
            ("Jaquez", &[]),
            ("Juzang", &["Campbell"]),
            ("Riley", &["Jaquez", "Juzang"]),
        ],
    },
    Builtin {
        name: "places-2022",
        port: 12071,
        upstream: UpstreamDialect::PlacesLegacy,
        servers: [
            ("Bernard", &["Juzang", "Jaquez", "Johnson"]),
            ("Clark", &["Jaquez", "Juzang"]),
            ("Jaquez", &[]),
            ("Johnson", &[]),
            ("Juzang", &["Johnson"]),
        ],
    },
    Builtin {
        name: "places-2023",
        port: 12081,
        upstream: UpstreamDialect::PlacesLegacy,
        servers: [
            ("Bailey", &[]),
            ("Bona", &["Bailey"]),
            ("Campbell", &["Bailey", "Bona", "Jaquez"]),
            ("Clark", &["Jaquez", "Bona"]),
            ("Jaquez", &[]),
        ],
    },
];

/// From a server's port for clients to the one for links.
const LINK_PORT: u16 = 100;

/// The names of the built-in rosters, the default first.
pub fn names() -> Vec<&'static str> {
    ROSTERS.iter().map(|builtin| builtin.name).collect()
}

impl Roster {
    /// The roster built in as `name`.
    pub fn builtin(name: &str) -> Option<Self> {
        roster(name)
    }

    /// The position of the server called `name`.
    ///
    /// # Errors
    ///
    /// When there is none: a message with the names there are, and the rosters that have it.
    pub fn find(&self, name: &str) -> Result<usize, Failure> {
        if let Some(at) = self.position(name) {
            return Ok(at);
        }
        let there =
            self.servers.iter().map(|server| server.name.as_str()).collect::<Vec<_>>().join(", ");
        let mut message = format!("there is no server {name} in {}: there are {there}", self.name);
        let others: Vec<_> = names()
            .into_iter()
            .filter(|other| {
                Self::builtin(other).is_some_and(|roster| roster.position(name).is_some())
            })
            .map(|other| format!("--roster {other}"))
            .collect();
        if !others.is_empty() {
            message += &format!("; {name} is in {}", others.join(", "));
        }
        Err(Failure::wrong(message))
    }
}

fn roster(name: &str) -> Option<Roster> {
    let builtin = ROSTERS.iter().find(|builtin| builtin.name == name)?;
    let position = |wanted: &&str| {
        builtin.servers.iter().position(|(name, _)| name == wanted).expect("a neighbour is there")
    };
    let mut talks_with = builtin.servers.map(|(_, others)| others.iter().map(position).collect());
    both_ways(&mut talks_with);
    let servers = builtin.servers.iter().zip(talks_with).zip(builtin.port..);
    Some(Roster {
        name: name.to_owned(),
        servers: servers
            .map(|(((name, _), talks_with), port)| Server {
                name: (*name).to_owned(),
                address: loopback(port),
                listen: None,
                link: Some(LinkAddress { address: loopback(port + LINK_PORT), listen: None }),
                links: LinkKind::Herd,
                metrics: None,
                talks_with,
            })
            .collect(),
        secret: SecretSource::Unsaid,
        tls: None,
        upstream: Upstream::usual(builtin.upstream),
        limits: Limits::default(),
        log: LogSettings::default(),
        gateway: None,
    })
}

fn loopback(port: u16) -> Address {
    Address::parse(&format!("127.0.0.1:{port}")).expect("an address in the table is well formed")
}

impl Upstream {
    /// The upstream that comes with the herd, on this machine; Google's for a dialect that none of
    /// the herd's own speaks.
    pub fn usual(dialect: UpstreamDialect) -> Self {
        let url = match dialect {
            UpstreamDialect::PlacesLegacy => {
                "http://127.0.0.1:12000/maps/api/place/nearbysearch/json"
            }
            UpstreamDialect::PlacesNew => "https://places.googleapis.com/v1/places:searchNearby",
            UpstreamDialect::Posts => "http://127.0.0.1:12020/search.json",
        };
        let url = Url::parse(url).expect("a URL in the table is well formed");
        Self { url, key_env: None, timeout: TIMEOUT, dialect }
    }
}

const TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn neighbours(roster: &str, server: &str) -> Vec<String> {
        let roster = Roster::builtin(roster).unwrap();
        let at = roster.find(server).unwrap();
        roster.servers[at]
            .talks_with
            .iter()
            .map(|other| roster.servers[*other].name.clone())
            .collect()
    }

    #[test]
    fn neighbours_are_those_of_the_assignment_on_either_side() {
        assert_eq!(neighbours("places-2020", "Smith"), ["Hill", "Campbell", "Singleton"]);
        assert_eq!(neighbours("places-2020", "Jaquez"), ["Hill", "Singleton"]);
        assert_eq!(neighbours("places-2016", "Welsh"), ["Alford", "Ball"]);
        assert_eq!(neighbours("posts-2013", "Meeks"), ["Farmar", "Gasol", "Hill"]);
        assert_eq!(neighbours("places-2023", "Clark"), ["Bona", "Jaquez"]);
    }

    #[test]
    fn no_two_rosters_share_a_port() {
        let mut ports = BTreeSet::from([12000, 12020]);
        for roster in names().into_iter().map(|name| Roster::builtin(name).unwrap()) {
            for server in &roster.servers {
                let link = server.link.as_ref().unwrap().address.port();
                assert_eq!(link, server.address.port() + 100);
                assert!(ports.insert(server.address.port()), "{}", server.address);
                assert!(ports.insert(link), "{link}");
            }
        }
    }

    #[test]
    fn every_roster_is_one_herd_on_loopback() {
        for roster in names().into_iter().map(|name| Roster::builtin(name).unwrap()) {
            assert!(roster.is_loopback());
            assert!(roster.unreached().is_empty(), "{}", roster.name);
        }
    }

    #[test]
    fn the_ports_of_the_contract() {
        let address = |roster, server| {
            let roster = Roster::builtin(roster).unwrap();
            roster.servers[roster.find(server).unwrap()].address.to_string()
        };

        assert_eq!(address("places-2020", "Hill"), "127.0.0.1:12001");
        assert_eq!(address("places-2020", "Singleton"), "127.0.0.1:12005");
        assert_eq!(address("places-2016", "Welsh"), "127.0.0.1:12015");
        assert_eq!(address("posts-2013", "Farmar"), "127.0.0.1:12021");
    }

    #[test]
    fn a_name_of_another_roster_is_looked_for_there() {
        let failure = Roster::builtin("places-2020").unwrap().find("Ball").unwrap_err();

        assert_eq!(failure.code, 2);
        assert_eq!(
            failure.message,
            "there is no server Ball in places-2020: there are Hill, Jaquez, Smith, Campbell, Singleton; \
             Ball is in --roster places-2016"
        );
    }
}
