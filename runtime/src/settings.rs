//! Everything one server is told before it starts, from its arguments, its herd and the environment.

use herd_config::address::Address;
use herd_config::logging::LogSettings;
use herd_config::roster::{Roster, SecretSource, Upstream, UpstreamDialect};
use herd_config::secret::{self, Environment, Mode};
use herd_config::{Args, Failure};
use herd_core::{Config, LinkKind, Neighbour, Secret, Secured, Seed};
use herd_driver::HostSettings;
use herd_driver::upstream::{Key, UpstreamSettings};
use herd_tls::{self as tls, Tls};
use std::env;

/// What one server needs to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the core is told. Its seed is fresh.
    pub core: Config,
    /// `HOST:PORT` to listen on for clients.
    pub listen: String,
    /// `HOST:PORT` to listen on for neighbours; `None` when they use the address for clients.
    pub link_listen: Option<String>,
    /// Where clients reach the server: what the ready line says.
    pub advertised: String,
    /// Where to reach each neighbour, in the order of `core.neighbours`.
    pub dial: Vec<String>,
    /// What secures its connections.
    pub tls: Tls,
    /// The provider to ask.
    pub upstream: UpstreamSettings,
    /// What is logged, and where.
    pub log: LogSettings,
    /// Where metrics and health are served, if they are; with port 0 at any that is free.
    pub metrics: Option<Address>,
    /// How many threads serve connections.
    pub workers: usize,
    /// What the user should know, though the server starts.
    pub warnings: Vec<String>,
}

impl Settings {
    /// What of this the host is told.
    pub fn host(&self) -> HostSettings {
        HostSettings {
            core: self.core.clone(),
            dial: self.dial.clone(),
            tls: self.tls.clone(),
            upstream: self.upstream.clone(),
            reads_links_ahead: true,
        }
    }
}

/// Turns a server's arguments into its settings.
///
/// With `--check-config` nothing is written anywhere, and a herd that falls into parts is an error.
///
/// # Errors
///
/// What is wrong with the arguments, the configuration file or the secret.
pub fn load(args: &Args) -> Result<Settings, Failure> {
    load_from(args, &|name| env::var_os(name))
}

fn load_from(args: &Args, env: Environment<'_>) -> Result<Settings, Failure> {
    let roster = args.herd.chosen()?;
    let at = roster.find(&args.name)?;
    let server = &roster.servers[at];
    let mut warnings = Vec::new();

    if let Some(parts) = apart(&roster) {
        if args.check_config {
            return Err(Failure::wrong(parts));
        }
        warnings.push(parts);
    }
    let neighbours: Vec<_> =
        server.talks_with.iter().map(|other| neighbour(&roster, at, *other)).collect();
    for plain in neighbours.iter().filter(|neighbour| neighbour.kind == LinkKind::Plain) {
        warnings.push(format!(
            "the link with {} is plain: whoever connects from its address can write into the herd",
            plain.name
        ));
    }
    let has_links = roster.servers.iter().enumerate().any(|(one, server)| {
        server.talks_with.iter().any(|other| roster.link_kind(one, *other) == LinkKind::Herd)
    });
    let secret = if has_links || roster.secret != SecretSource::Unsaid {
        let mode = if args.check_config { Mode::Check } else { Mode::Start };
        secret::find(&roster, env, mode, &mut warnings)?
    } else {
        Secret::new([])
    };
    let core = Config {
        name: server.name.as_str().into(),
        neighbours,
        secret,
        dialect: roster.upstream.dialect.provider(),
        lookup_timeout: roster.upstream.timeout,
        shared_address: server.link.is_none(),
        secured: roster.tls.as_ref().map_or_else(Secured::default, |tls| Secured {
            clients: tls.clients,
            links: tls.links,
        }),
        limits: roster.limits,
        ring: herd_core::DEFAULT_RING,
        seed: Seed(seed()?),
    };
    core.check().map_err(|error| Failure::wrong(format!("{}: {error}", roster.name)))?;
    Ok(Settings {
        core,
        listen: server.listen.as_ref().unwrap_or(&server.address).to_string(),
        link_listen: server
            .link
            .as_ref()
            .map(|link| link.listen.as_ref().unwrap_or(&link.address).to_string()),
        advertised: server.address.to_string(),
        dial: server.talks_with.iter().map(|other| dial(&roster, at, *other)).collect(),
        tls: tls::load(&roster, at, env, &mut warnings)?,
        upstream: upstream(&roster.upstream, env, &mut warnings)?,
        log: args.log.over(&roster.log),
        metrics: args.metrics.as_ref().or(server.metrics.as_ref()).cloned(),
        workers: args.workers.map_or(1, usize::from),
        warnings,
    })
}

/// What to say of a herd that falls into parts.
fn apart(roster: &Roster) -> Option<String> {
    let unreached = roster.unreached();
    let first = &roster.servers.first()?.name;
    if unreached.is_empty() {
        return None;
    }
    let names = unreached.join(", ");
    Some(format!(
        "{}: the herd falls into parts: nothing leads from {first} to {names}",
        roster.name
    ))
}

fn neighbour(roster: &Roster, at: usize, other: usize) -> Neighbour {
    Neighbour {
        name: roster.servers[other].name.as_str().into(),
        kind: roster.link_kind(at, other),
    }
}

/// Where a server reaches its neighbour.
fn dial(roster: &Roster, at: usize, other: usize) -> String {
    let server = &roster.servers[other];
    match (roster.link_kind(at, other), &server.link) {
        (LinkKind::Herd, Some(link)) => link.address.to_string(),
        (LinkKind::Herd, None) | (LinkKind::Plain, _) => server.address.to_string(),
    }
}

fn upstream(
    upstream: &Upstream,
    env: Environment<'_>,
    warnings: &mut Vec<String>,
) -> Result<UpstreamSettings, Failure> {
    let mut key = None;
    if let Some((name, place)) = &upstream.key_env {
        let value = env(name).and_then(|value| value.into_string().ok()).unwrap_or_default();
        let value = value.trim();
        if value.is_empty() {
            warnings
                .push(format!("{place}: {name} holds no key: the provider is asked without one"));
        } else if upstream.dialect == UpstreamDialect::PlacesNew && !is_visible(value) {
            return Err(Failure::wrong(format!(
                "{place}: the key in {name} goes into a header, which takes printable ASCII characters only"
            )));
        } else {
            key = Some(Key::new(value));
        }
    }
    let Upstream { ref url, timeout, dialect, .. } = *upstream;
    Ok(UpstreamSettings { url: url.clone(), key, timeout, dialect })
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn seed() -> Result<[u8; 32], Failure> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| Failure::unable(format!("cannot get random bytes: {error}")))?;
    Ok(seed)
}

#[cfg(test)]
mod tests;
