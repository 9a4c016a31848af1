//! Where connections come from, and what each of these addresses takes for itself.
//!
//! An address is let have so many connections at once, and so many bytes read a second. The second is
//! averaged: a bucket holds what an address may send at once, and fills up again as time passes. It is
//! kept as the time at which it will be full, so nothing has to be done while it fills.

use alloc::collections::BTreeMap;
use core::net::IpAddr;
use core::time::Duration;

use crate::config::Limits;
use crate::time::Instant;

/// Who is counted as one: an IPv4 address, or the network of an IPv6 address, since whoever has one
/// address of a /64 has them all.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Source {
    V4([u8; 4]),
    V6([u8; 8]),
}

/// What the addresses of clients have taken. One is here while it has a connection or its bucket is not
/// full, or not long after.
#[derive(Debug)]
pub(crate) struct Sources {
    usages: BTreeMap<Source, Usage>,
    most_connections: u32,
    bytes_s: u32,
    counts_loopback: bool,
    /// The number of addresses at which those are dropped that mean nothing any more.
    sweep_at: usize,
}

#[derive(Debug, Default)]
struct Usage {
    connections: u32,
    /// When its bucket will be full.
    full_at: Instant,
}

/// What a bucket holds, as the time it takes to fill.
const BURST: Duration = Duration::from_secs(4);
/// Addresses that may lie around for nothing.
const SPARE: usize = 64;

impl Source {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

impl Sources {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            usages: BTreeMap::new(),
            most_connections: limits.address_connections,
            bytes_s: limits.address_bytes_s,
            counts_loopback: limits.address_loopback,
            sweep_at: SPARE,
        }
    }

    /// What `address` is counted as, if it is.
    pub(crate) fn source(&self, address: IpAddr) -> Option<Source> {
        let is_limited = self.most_connections > 0 || self.bytes_s > 0;
        let is_exempt = address.to_canonical().is_loopback() && !self.counts_loopback;
        (is_limited && !is_exempt).then(|| Source::of(address))
    }

    /// Whether it may have no further connection: it has all it may have, or has sent so much on them that
    /// it would only be waiting.
    pub(crate) fn is_full(&self, now: Instant, source: Source) -> bool {
        let connections = self.usages.get(&source).map_or(0, |usage| usage.connections);
        let has_all = self.most_connections > 0 && connections >= self.most_connections;
        has_all || self.overdrawn(now, source).is_some()
    }

    /// It has one connection more.
    pub(crate) fn enter(&mut self, now: Instant, source: Source) {
        if self.usages.len() >= self.sweep_at {
            self.usages.retain(|_, usage| usage.connections > 0 || usage.full_at > now);
            self.sweep_at = SPARE + 2 * self.usages.len();
        }
        self.usages.entry(source).or_default().connections += 1;
    }

    /// It has one connection less.
    pub(crate) fn leave(&mut self, source: Source) {
        if let Some(usage) = self.usages.get_mut(&source) {
            usage.connections -= 1;
        }
    }

    /// Takes note of bytes read from it; how long to read no more of it, if it has had its share.
    pub(crate) fn spend(&mut self, now: Instant, source: Source, bytes: usize) -> Option<Duration> {
        if self.bytes_s == 0 {
            return None;
        }
        let usage = self.usages.get_mut(&source)?;
        let nanos = (bytes as u64).saturating_mul(1_000_000_000) / u64::from(self.bytes_s);
        usage.full_at = usage.full_at.max(now).after(Duration::from_nanos(nanos));
        self.overdrawn(now, source)
    }

    /// How long until it has made up for what it had beyond its share.
    pub(crate) fn overdrawn(&self, now: Instant, source: Source) -> Option<Duration> {
        let wait = self.usages.get(&source)?.full_at.since(now).checked_sub(BURST)?;
        (!wait.is_zero()).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv6Addr;

    fn at(seconds: u64) -> Instant {
        Instant::default().after(Duration::from_secs(seconds))
    }

    #[test]
    fn addresses_that_are_done_with_are_forgotten() {
        let mut sources = Sources::new(&Limits { address_bytes_s: 100, ..Limits::default() });
        for n in 0..100_000_u32 {
            let address = Ipv6Addr::from(u128::from(n) << 64 | 1 << 127);
            let source = sources.source(address.into()).unwrap();
            let now = at(u64::from(n));
            sources.enter(now, source);
            sources.spend(now, source, 1000);
            sources.leave(source);
            assert!(sources.usages.len() < 200, "{} addresses", sources.usages.len());
        }
    }

    #[test]
    fn an_address_that_comes_back_soon_has_not_been_forgiven() {
        let mut sources = Sources::new(&Limits { address_bytes_s: 100, ..Limits::default() });
        let source = sources.source([192, 0, 2, 1].into()).unwrap();
        sources.enter(at(0), source);
        assert_eq!(sources.spend(at(0), source, 400), None);
        assert_eq!(sources.spend(at(0), source, 1000), Some(Duration::from_secs(10)));
        sources.leave(source);
        sources.enter(at(3), source);
        assert_eq!(sources.overdrawn(at(3), source), Some(Duration::from_secs(7)));
        assert_eq!(sources.overdrawn(at(10), source), None);
    }
}
