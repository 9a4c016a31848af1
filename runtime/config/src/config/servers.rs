//! The servers of a configuration file: names, addresses and who talks with whom.

use super::file;
use super::source::Source;
use crate::address::Address;
use crate::failure::Failure;
use crate::roster::{LinkAddress, Server, both_ways};
use crate::words::similar;
use core::ops::Range;
use herd_core::{LinkKind, MAX_SERVER_BYTES};
use toml::Spanned;

pub(super) fn servers(source: &Source<'_>, raw: &[file::Server]) -> Result<Vec<Server>, Failure> {
    if raw.is_empty() {
        return Err(source.wrong_file("there is no [[server]] in it"));
    }
    check_names(source, raw)?;
    let mut taken = Taken { source, addresses: Vec::new() };
    let mut servers = Vec::new();
    for (server, talks_with) in raw.iter().zip(talks_with(source, raw)?) {
        servers.push(Server { talks_with, ..taken.server(server)? });
    }
    Ok(servers)
}

fn check_names(source: &Source<'_>, raw: &[file::Server]) -> Result<(), Failure> {
    for (at, server) in raw.iter().enumerate() {
        let name = server.name.get_ref();
        let fits = (1..=MAX_SERVER_BYTES).contains(&name.len());
        // A slash would lead the log file elsewhere.
        if !fits || !name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/') {
            let message = format!(
                "a server's name is 1 to {MAX_SERVER_BYTES} printable ASCII characters without spaces and slashes"
            );
            return Err(source.wrong(&server.name.span(), message));
        }
        if let Some(first) = raw[..at].iter().find(|other| other.name.get_ref() == name) {
            let line = source.line(&first.name.span());
            return Err(source.wrong(
                &server.name.span(),
                format!("there is a server {name} on line {line} already"),
            ));
        }
    }
    Ok(())
}

/// Positions of each server's neighbours, as both sides name them.
fn talks_with(source: &Source<'_>, raw: &[file::Server]) -> Result<Vec<Vec<usize>>, Failure> {
    let mut talks_with = vec![Vec::new(); raw.len()];
    for (one, server) in raw.iter().enumerate() {
        for neighbour in &server.talks_with {
            let name = neighbour.get_ref();
            let wrong = |message: String| source.wrong(&neighbour.span(), message);
            let Some(other) = raw.iter().position(|other| other.name.get_ref() == name) else {
                return Err(wrong(nobody(server, name, raw)));
            };
            if other == one {
                return Err(wrong(format!("{name} cannot talk with itself")));
            }
            if talks_with[one].contains(&other) {
                return Err(wrong(format!("{name} is named twice")));
            }
            talks_with[one].push(other);
        }
    }
    both_ways(&mut talks_with);
    Ok(talks_with)
}

fn nobody(server: &file::Server, name: &str, raw: &[file::Server]) -> String {
    let there = || raw.iter().map(|server| server.name.get_ref().as_str());
    let hint = match similar(name, there()) {
        Some(meant) => format!("did you mean {meant}?"),
        None => format!("there are {}", there().collect::<Vec<_>>().join(", ")),
    };
    format!("{} talks with {name}, but there is no such server: {hint}", server.name.get_ref())
}

/// The addresses that servers are reached at, so far.
struct Taken<'s> {
    source: &'s Source<'s>,
    addresses: Vec<(Address, Range<usize>, &'s str)>,
}

impl<'s> Taken<'s> {
    /// All of a server but its neighbours.
    fn server(&mut self, raw: &'s file::Server) -> Result<Server, Failure> {
        let source = self.source;
        let name = raw.name.get_ref();
        let links = raw.links.map_or(LinkKind::Herd, LinkKind::from);
        let address = self.take(&raw.address, name)?;
        let listen = raw.listen.as_ref().map(|listen| parse(source, listen)).transpose()?;
        let link_listen =
            raw.link_listen.as_ref().map(|listen| parse(source, listen)).transpose()?;
        if links == LinkKind::Plain
            && let Some(link) = &raw.link_address
        {
            let message =
                "plain links come to `address`: leave out link_address, or links = \"plain\"";
            return Err(source.wrong(&link.span(), message));
        }
        let link = match &raw.link_address {
            Some(link) if parse(source, link)? != address => {
                Some(LinkAddress { address: self.take(link, name)?, listen: link_listen })
            }
            _ => {
                if let Some(listen) = &raw.link_listen {
                    let message = "link_listen needs a link_address other than `address`, where neighbours connect to";
                    return Err(source.wrong(&listen.span(), message));
                }
                None
            }
        };
        if let Some(link) = &link
            && link.listen.as_ref().unwrap_or(&link.address) == listen.as_ref().unwrap_or(&address)
        {
            let span = raw
                .link_listen
                .as_ref()
                .or(raw.listen.as_ref())
                .map_or_else(|| raw.address.span(), Spanned::span);
            return Err(source.wrong(
                &span,
                "clients and neighbours have different addresses, but one to listen on",
            ));
        }
        let metrics = raw.metrics.as_ref().map(|metrics| parse(source, metrics)).transpose()?;
        Ok(Server {
            name: name.clone(),
            address,
            listen,
            link,
            links,
            metrics,
            talks_with: Vec::new(),
        })
    }

    fn take(&mut self, text: &Spanned<String>, name: &'s str) -> Result<Address, Failure> {
        let address = parse(self.source, text)?;
        if let Some((_, span, other)) = self.addresses.iter().find(|(taken, ..)| *taken == address)
        {
            let line = self.source.line(span);
            return Err(self.source.wrong(
                &text.span(),
                format!("{address} is the address of {other}, on line {line}, already"),
            ));
        }
        self.addresses.push((address.clone(), text.span(), name));
        Ok(address)
    }
}

fn parse(source: &Source<'_>, text: &Spanned<String>) -> Result<Address, Failure> {
    Address::parse(text.get_ref()).ok_or_else(|| {
        let message = format!(
            "`{}` is not an address: write HOST:PORT, such as 127.0.0.1:12001 or [::1]:12001",
            text.get_ref()
        );
        source.wrong(&text.span(), message)
    })
}
