//! The configuration file of a herd, `herd.toml`.
//!
//! What is wrong is said with the file and the line, and with what was probably meant. What comes out
//! is a [`Roster`], like the built-in ones. The keys:
//!
//! ```toml
//! provider = "places"                # or "posts"
//! secret_env = "HERD_SECRET"         # or secret_file = "herd.secret"; without, herds on loopback
//!                                    # share a random one
//! [upstream]                         # all of it may be left out: the one that `herd up` starts
//! url = "http://127.0.0.1:12000/maps/api/place/nearbysearch/json"
//! key_env = "GOOGLE_PLACES_API_KEY"
//! timeout_ms = 10000
//! dialect = "places-legacy"          # or "places-new", "posts"
//!
//! [tls]                              # connections are in the clear without it
//! certificate = "tls/{name}.pem"     # of each server
//! key = "tls/{name}.key"
//! authority = "tls/ca.pem"           # who the certificates are by: for links
//! clients = true
//! links = true
//!
//! [limits]                           # the fields of herd_core::Limits
//!
//! [log]
//! level = "lines"                    # or "events", "off"
//! dir = "logs"
//! rotate_mib = 100
//! keep = 5
//!
//! [gateway]                          # herd-gateway; servers do not look at it
//! listen = "127.0.0.1:12080"
//!
//! [[server]]
//! name = "Hill"
//! address = "127.0.0.1:12001"
//! listen = "0.0.0.0:12001"           # when it is not `address`
//! link_address = "127.0.0.1:12101"   # when neighbours do not use `address`
//! link_listen = "0.0.0.0:12101"      # when it is not `link_address`
//! links = "plain"                    # for another implementation of the protocol
//! metrics = "127.0.0.1:12291"        # where it serves metrics and health, if at all
//! talks_with = ["Jaquez", "Smith"]   # one side is enough
//! ```
//!
//! Paths are relative to the file.

use crate::address::Address;
use crate::failure::Failure;
use crate::logging::LogSettings;
use crate::roster::{Roster, SecretSource, Upstream, UpstreamDialect};
use file::{File, Gateway, Limits, Log, Provider};
use source::Source;
use std::fs;
use std::path::Path;
use toml::Spanned;
use url::Url;

mod file;
mod servers;
mod source;
mod tls;

/// Reads the herd that a file describes.
///
/// # Errors
///
/// The first thing that is wrong, with file and line, or that the file cannot be read.
pub fn read(path: &Path) -> Result<Roster, Failure> {
    let name = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::wrong(format!("cannot read {name}: {error}")))?;
    parse(path, &text)
}

/// Reads the herd that `text` describes, as if it stood in the file `path`.
///
/// # Errors
///
/// The first thing that is wrong, with file and line.
pub fn parse(path: &Path, text: &str) -> Result<Roster, Failure> {
    let source = Source::new(path, text);
    let file: File = source.parse(File::KEYS)?;
    let servers = servers::servers(&source, &file.server)?;
    Ok(Roster {
        name: path.display().to_string(),
        secret: secret(&source, &file)?,
        tls: tls::tls(&source, &file, &servers)?,
        servers,
        upstream: upstream(&source, &file)?,
        limits: limits(&source, &file.limits)?,
        log: log(&source, &file.log)?,
        gateway: gateway(&source, &file.gateway)?,
    })
}

fn secret(source: &Source<'_>, file: &File) -> Result<SecretSource, Failure> {
    match (&file.secret_env, &file.secret_file) {
        (None, None) => Ok(SecretSource::Unsaid),
        (Some(name), None) => {
            Ok(SecretSource::Env(variable(source, name)?, source.place(&name.span())))
        }
        (None, Some(file)) => {
            Ok(SecretSource::File(source.relative(file.get_ref()), source.place(&file.span())))
        }
        (Some(env), Some(file)) => {
            let later = if env.span().start > file.span().start { env.span() } else { file.span() };
            Err(source.wrong(&later, "give secret_env or secret_file, not both"))
        }
    }
}

fn upstream(source: &Source<'_>, file: &File) -> Result<Upstream, Failure> {
    let raw = &file.upstream;
    let provider = file.provider.as_ref().map_or(Provider::Places, |provider| *provider.get_ref());
    let (mut dialect, others) = match provider {
        Provider::Places => (UpstreamDialect::PlacesLegacy, "\"places-legacy\" or \"places-new\""),
        Provider::Posts => (UpstreamDialect::Posts, "\"posts\""),
    };
    if let Some(chosen) = &raw.dialect {
        dialect = *chosen.get_ref();
        let right = match dialect {
            UpstreamDialect::PlacesLegacy | UpstreamDialect::PlacesNew => Provider::Places,
            UpstreamDialect::Posts => Provider::Posts,
        };
        if right != provider {
            let message = format!(
                "this dialect is for provider = \"{right}\": for \"{provider}\" it is {others}"
            );
            return Err(source.wrong(&chosen.span(), message));
        }
    }
    let mut upstream = Upstream::usual(dialect);
    if let Some(url) = &raw.url {
        upstream.url =
            base_url(url.get_ref()).map_err(|message| source.wrong(&url.span(), message))?;
    }
    if let Some(key) = &raw.key_env {
        upstream.key_env = Some((variable(source, key)?, source.place(&key.span())));
    }
    if let Some(timeout) = &raw.timeout_ms {
        if *timeout.get_ref() == 0 {
            return Err(source.wrong(&timeout.span(), "`timeout_ms` cannot be 0"));
        }
        upstream.timeout = core::time::Duration::from_millis(u64::from(*timeout.get_ref()));
    }
    Ok(upstream)
}

/// The server may add `?location=...` to the URL.
fn base_url(url: &str) -> Result<Url, String> {
    let Some(rest) = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")) else {
        return Err("a URL starts with http:// or https://".to_owned());
    };
    let wrong = if rest.is_empty() || rest.starts_with(['/', ':', '?', '#']) {
        "there is no host in this URL"
    } else if rest.contains(['?', '#']) {
        "the URL ends where the query starts: leave out the `?` or `#` and what follows"
    } else if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
        "a URL has neither spaces nor other than ASCII characters in it: write them as %20"
    } else {
        let url = Url::parse(url).map_err(|error| format!("this is no URL: {error}"))?;
        if url.username().is_empty() && url.password().is_none() {
            return Ok(url);
        }
        "a user name or a password is not sent to the provider: leave out what stands before the `@`"
    };
    Err(wrong.to_owned())
}

/// The name of an environment variable, such as the operating system can take.
fn variable(source: &Source<'_>, name: &Spanned<String>) -> Result<String, Failure> {
    if name.get_ref().is_empty() || name.get_ref().contains(['=', '\0']) {
        return Err(
            source.wrong(&name.span(), "this cannot be the name of an environment variable")
        );
    }
    Ok(name.get_ref().clone())
}

fn limits(source: &Source<'_>, raw: &Limits) -> Result<herd_core::Limits, Failure> {
    let mut limits = raw.over(herd_core::Limits::default());
    if raw.span("answers_bytes").is_none() {
        // Who lets the provider's answers be larger has not said that fewer of them find room.
        limits.answers_bytes = limits.answers_bytes.max(limits.least_answers_bytes());
    }
    let Err(error) = limits.check() else {
        return Ok(limits);
    };
    use herd_core::ConfigError::{LimitTooLarge, LimitTooSmall, ZeroLimit};
    if let ZeroLimit(key) | LimitTooLarge(key, _) | LimitTooSmall(key, _) = error
        && let Some(span) = raw.span(key)
    {
        return Err(source.wrong(&span, error));
    }
    Err(source.wrong_file(error))
}

fn log(source: &Source<'_>, raw: &Log) -> Result<LogSettings, Failure> {
    let usual = LogSettings::default();
    let rotate_bytes = match &raw.rotate_mib {
        None => usual.rotate_bytes,
        Some(mib) if *mib.get_ref() == 0 => {
            return Err(source.wrong(&mib.span(), "`rotate_mib` cannot be 0"));
        }
        Some(mib) => u64::from(*mib.get_ref()) << 20,
    };
    let keep = match &raw.keep {
        None => usual.keep,
        Some(keep) if *keep.get_ref() > MAX_KEEP => {
            return Err(source.wrong(&keep.span(), format!("`keep` can be {MAX_KEEP} at most")));
        }
        Some(keep) => *keep.get_ref(),
    };
    Ok(LogSettings {
        level: raw.level.unwrap_or(usual.level),
        dir: source.relative(raw.dir.as_ref().unwrap_or(&usual.dir)),
        rotate_bytes,
        keep,
    })
}

fn gateway(source: &Source<'_>, raw: &Gateway) -> Result<Option<Address>, Failure> {
    let Some(listen) = &raw.listen else { return Ok(None) };
    let address = Address::parse_to_listen(listen.get_ref());
    let message = "write HOST:PORT, such as \"127.0.0.1:12080\"";
    Ok(Some(address.ok_or_else(|| source.wrong(&listen.span(), message))?))
}

/// Rotating renames them all.
const MAX_KEEP: u32 = 1000;

#[cfg(test)]
mod tests;
