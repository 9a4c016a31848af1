//! A server's certificate, its key and its herd's authority: read, and held against each other and against
//! the names in the configuration, so that what is wrong is said before the server starts.

use core::time::Duration;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, DnsName, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{
    NoServerSessionStorage, ParsedCertificate, VerifierBuilderError, WebPkiClientVerifier,
};
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, Error, RootCertStore, ServerConfig,
    ServerConnection,
};

use super::server::Tls;
use herd_config::Failure;
use herd_config::address::Address;
use herd_config::roster::{self, Place, Roster};
use herd_config::secret::{self, Environment};
use herd_core::LinkKind;

/// Reads what the server at position `at` needs to secure its connections.
///
/// # Errors
///
/// What is wrong with one of the files, or that they do not belong together or to this server.
pub fn load(
    roster: &Roster,
    at: usize,
    env: Environment<'_>,
    warnings: &mut Vec<String>,
) -> Result<Tls, Failure> {
    let Some(tls) = roster.tls.as_ref().filter(|tls| tls.clients || tls.links) else {
        return Ok(Tls::default());
    };
    let server = &roster.servers[at];
    let identity = Identity::read(tls, &server.name, env, warnings)?;
    if tls.clients
        && let Some(warning) = identity.wrong_host(server)
    {
        warnings.push(warning);
    }
    let wrong = |error: Error| identity.wrong(&error);
    let clients = || identity.accepting(None).map_err(wrong);
    if !tls.links {
        return Ok(Tls { clients: Some(clients()?), ..Tls::default() });
    }
    let (path, place) = tls.authority.as_ref().expect("links have an authority");
    let roots = authorities(path).map_err(|error| Failure::wrong(format!("{place}: {error}")))?;
    let roots = Arc::new(roots);
    identity.check_for_links(&server.name, &roots, warnings)?;
    let names = server.talks_with.iter().map(|other| match roster.link_kind(at, *other) {
        LinkKind::Herd => Some(name_of(&roster.servers[*other].name)),
        LinkKind::Plain => None,
    });
    let is_shared = server.link.is_none();
    let links = identity.accepting(Some((&roots, is_shared))).map_err(wrong)?;
    Ok(Tls {
        clients: match (tls.clients, is_shared) {
            (true, true) => Some(Arc::clone(&links)),
            (true, false) => Some(clients()?),
            (false, _) => None,
        },
        links: Some(links),
        dialling: Some(identity.dialling(&roots).map_err(wrong)?),
        names: names.collect(),
    })
}

/// The cryptography that everything here uses.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The certificates of authorities in a file.
pub(super) fn authorities(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let failed = |error: pem::Error| unreadable(path, &error);
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(failed)?.collect();
    let found = found.map_err(failed)?;
    if found.is_empty() {
        return Err(format!("there is no certificate in {}", path.display()));
    }
    Ok(found)
}

fn unreadable(path: &Path, error: &pem::Error) -> String {
    let path = path.display();
    if let pem::Error::Io(error) = error {
        return format!("cannot read {path}: {error}");
    }
    if matches!(error, pem::Error::NoItemsFound) {
        return format!("there is no private key in {path}");
    }
    format!("{path} is not PEM: {error}")
}

/// The host of an address as a certificate names it, if it can.
pub fn host(address: &Address) -> Option<ServerName<'static>> {
    ServerName::try_from(address.host()).ok()
}

/// What a server is called in certificates.
fn name_of(server: &str) -> ServerName<'static> {
    let name = DnsName::try_from(server.to_owned());
    ServerName::DnsName(name.expect("the configuration was read"))
}

/// What a server shows who it is by.
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    path: String,
    place: Place,
}

impl Identity {
    fn read(
        tls: &roster::Tls,
        name: &str,
        env: Environment<'_>,
        warnings: &mut Vec<String>,
    ) -> Result<Self, Failure> {
        let (path, place) = (tls.certificate_of(name), &tls.certificate.1);
        let (key_path, key_place) = (tls.key_of(name), &tls.key.1);
        let wrong = |place: &Place, error: String| Failure::wrong(format!("{place}: {error}"));
        let chain = certificates(&path).map_err(|error| wrong(place, error))?;
        let key = PrivateKeyDer::from_pem_file(&key_path)
            .map_err(|error| wrong(key_place, unreadable(&key_path, &error)))?;
        secret::warn_if_others_can_read("key", &key_path, env, warnings);
        let path = path.display().to_string();
        let identity = Self { chain, key, path, place: place.clone() };
        match identity.accepting(None) {
            Ok(_) => Ok(identity),
            Err(Error::InconsistentKeys(_)) => {
                let (key, path) = (key_path.display(), &identity.path);
                Err(wrong(key_place, format!("the key in {key} is not that of {path}")))
            }
            Err(error) => Err(identity.wrong(&error)),
        }
    }

    fn wrong(&self, error: &Error) -> Failure {
        Failure::wrong(format!("{}: {}: {error}", self.place, self.path))
    }

    /// How connections are accepted: from who can show a certificate by one of the authorities, where
    /// there are any, and from others too, where that is said with them.
    fn accepting(
        &self,
        authorities: Option<(&Arc<RootCertStore>, bool)>,
    ) -> Result<Arc<ServerConfig>, Error> {
        let versions = match authorities {
            Some((_, false)) => &[&TLS13][..],
            Some((_, true)) | None => rustls::DEFAULT_VERSIONS,
        };
        let builder =
            ServerConfig::builder_with_provider(provider()).with_protocol_versions(versions)?;
        let builder = match authorities {
            None => builder.with_no_client_auth(),
            Some((roots, others_too)) => {
                builder.with_client_cert_verifier(verifier(roots, others_too)?)
            }
        };
        let mut config = builder.with_single_cert(self.chain.clone(), self.key.clone_key())?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        let config = Arc::new(config);
        ServerConnection::new(Arc::clone(&config))?;
        Ok(config)
    }

    fn dialling(&self, roots: &Arc<RootCertStore>) -> Result<Arc<ClientConfig>, Error> {
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])?
            .with_root_certificates(Arc::clone(roots))
            .with_client_auth_cert(self.chain.clone(), self.key.clone_key())?;
        // The names of servers are nobody's business on the way.
        config.enable_sni = false;
        config.resumption = rustls::client::Resumption::disabled();
        let config = Arc::new(config);
        let anybody = ServerName::try_from("anybody").expect("this is a name");
        ClientConnection::new(Arc::clone(&config), anybody)?;
        Ok(config)
    }

    /// Whether neighbours will let this server in.
    fn check_for_links(
        &self,
        name: &str,
        roots: &Arc<RootCertStore>,
        warnings: &mut Vec<String>,
    ) -> Result<(), Failure> {
        let (name, now) = (name_of(name), UnixTime::now());
        match check(&self.chain, now, &name, roots) {
            Ok(()) => {}
            Err(error) if is_about_time(&error) => {
                let Self { path, place, .. } = self;
                warnings.push(format!("{place}: {path}: no neighbour takes it now: {error}"));
                return Ok(());
            }
            Err(error) => return Err(self.wrong(&error)),
        }
        let soon = UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs()) + SOON);
        if check(&self.chain, soon, &name, roots).is_err_and(|error| is_about_time(&error)) {
            let Self { path, place, .. } = self;
            warnings.push(format!("{place}: {path} expires within 30 days"));
        }
        Ok(())
    }

    /// What to say of a certificate that clients will not take for the server's address.
    fn wrong_host(&self, server: &roster::Server) -> Option<String> {
        let certificate = ParsedCertificate::try_from(&self.chain[0]).ok()?;
        let fits = host(&server.address)
            .is_some_and(|host| rustls::client::verify_server_name(&certificate, &host).is_ok());
        let Self { path, place, .. } = self;
        let host = server.address.host();
        (!fits).then(|| {
            format!("{place}: {path} is not for {host}: clients that look will not take it")
        })
    }
}

/// Whether servers would let in the one called `name` with a certificate, in PEM, if the authorities were those in
/// the file at `authority`.
///
/// # Errors
///
/// Why they would not.
pub fn verify(certificate: &str, name: &str, authority: &Path) -> Result<(), String> {
    let roots = Arc::new(authorities(authority)?);
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect();
    let chain = chain.map_err(|error| error.to_string())?;
    let name = DnsName::try_from(name.to_owned()).map_err(|error| error.to_string())?;
    check(&chain, UnixTime::now(), &ServerName::DnsName(name), &roots)
        .map_err(|error| error.to_string())
}

/// Looks at a certificate as a neighbour sees it that dials, and one that is dialled.
fn check(
    chain: &[CertificateDer<'_>],
    now: UnixTime,
    name: &ServerName<'_>,
    roots: &Arc<RootCertStore>,
) -> Result<(), Error> {
    let (certificate, chain) =
        chain.split_first().ok_or_else(|| Error::General("there is no certificate".to_owned()))?;
    WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), provider())
        .build()
        .map_err(general)?
        .verify_server_cert(certificate, chain, name, &[], now)?;
    verifier(roots, false)?.verify_client_cert(certificate, chain, now).map(drop)
}

/// How certificates of those who connect are verified; `others_too` lets in who shows none.
fn verifier(
    roots: &Arc<RootCertStore>,
    others_too: bool,
) -> Result<Arc<dyn ClientCertVerifier>, Error> {
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), provider());
    let builder = if others_too { builder.allow_unauthenticated() } else { builder };
    builder.build().map_err(general)
}

fn general(error: VerifierBuilderError) -> Error {
    Error::General(error.to_string())
}

/// Whether a certificate would do, only not now.
fn is_about_time(error: &Error) -> bool {
    use CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
    matches!(
        error,
        Error::InvalidCertificate(
            Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. }
        )
    )
}

/// How long before its certificate expires a server warns of it.
const SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);
