//! `[tls]`: which files, what is secured by them, and whether certificates can tell the servers apart.

use super::file;
use super::source::Source;
use crate::address::Address;
use crate::failure::Failure;
use crate::roster::{Server, Tls};
use herd_core::LinkKind;
use rustls_pki_types::DnsName;
use std::path::PathBuf;
use toml::Spanned;

pub(super) fn tls(
    source: &Source<'_>,
    file: &file::File,
    servers: &[Server],
) -> Result<Option<Tls>, Failure> {
    let Some(table) = &file.tls else { return Ok(None) };
    let raw = table.get_ref();
    let path =
        |path: &Spanned<PathBuf>| (source.relative(path.get_ref()), source.place(&path.span()));
    let tls = Tls {
        certificate: path(&raw.certificate),
        key: path(&raw.key),
        authority: raw.authority.as_ref().map(path),
        clients: raw.clients.unwrap_or(true),
        links: raw.links.unwrap_or(true),
    };
    if tls.links && tls.authority.is_none() {
        let message = "links need an `authority`, the file with who the certificates are by: name it, or say links = false";
        return Err(source.wrong(&table.span(), message));
    }
    if tls.links {
        check_names(source, &file.server)?;
    }
    if tls.links != tls.clients {
        check_addresses(source, &file.server, servers)?;
    }
    Ok(Some(tls))
}

/// Neighbours know each other by the names in certificates, which are as those of hosts are: in them case
/// makes no difference, and a certificate may well name the host that its server is on, which may have the
/// server's own name but no other's.
fn check_names(source: &Source<'_>, servers: &[file::Server]) -> Result<(), Failure> {
    let secured = || servers.iter().filter(|server| !is_plain(server));
    for (at, server) in secured().enumerate() {
        let name = server.name.get_ref();
        let wrong = |message: String| source.wrong(&server.name.span(), message);
        // A certificate with a wildcard in it is for many names with a dot, and for none without.
        if !is_name(name) || name.contains('.') {
            return Err(wrong(format!(
                "no certificate can be for a server called {name}: with TLS for links a name is letters, digits and hyphens, 63 at most"
            )));
        }
        if let Some(other) = secured().take(at).find(|other| is_same(other, name)) {
            let other = other.name.get_ref();
            return Err(wrong(format!("certificates cannot tell {name} from {other}")));
        }
        let mut others = servers.iter().filter(|other| !is_same(other, name));
        if let Some(other) = others.find(|other| is_host_of(other, name)) {
            let other = other.name.get_ref();
            return Err(wrong(format!(
                "certificates cannot tell the server {name} from the host of {other}"
            )));
        }
    }
    Ok(())
}

/// Who connects to an address that clients and neighbours share either speaks TLS there or does not.
fn check_addresses(
    source: &Source<'_>,
    raw: &[file::Server],
    servers: &[Server],
) -> Result<(), Failure> {
    let is_herd = |server: &Server| server.links == LinkKind::Herd;
    let mut shared = raw.iter().zip(servers).filter(|(_, server)| {
        let has_links = server.talks_with.iter().any(|other| is_herd(&servers[*other]));
        is_herd(server) && server.link.is_none() && has_links
    });
    shared.next().map_or(Ok(()), |(server, _)| {
        let message = "[tls] is for one of clients and links only, and here they share an address: give a link_address";
        Err(source.wrong(&server.address.span(), message))
    })
}

/// Whether a certificate can be for a server of this name.
fn is_name(server: &str) -> bool {
    DnsName::try_from(server).is_ok()
}

fn is_plain(server: &file::Server) -> bool {
    matches!(server.links, Some(file::Links::Plain))
}

fn is_same(server: &file::Server, name: &str) -> bool {
    server.name.get_ref().eq_ignore_ascii_case(name)
}

fn is_host_of(server: &file::Server, name: &str) -> bool {
    let addresses = [Some(&server.address), server.link_address.as_ref()];
    let hosts = addresses.into_iter().flatten().filter_map(|text| Address::parse(text.get_ref()));
    hosts.into_iter().any(|address| address.host().eq_ignore_ascii_case(name))
}
