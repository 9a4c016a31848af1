//! Events that clients can bring about, rationed: no client may push the history out of the log.
//!
//! Of each kind an address has so many lines of the log within a while; the others are counted, and one line says how
//! many they were. What happens to links is not among these events. What they say is others' to know.

use core::net::{IpAddr, Ipv6Addr};
use core::time::Duration;
use std::collections::BTreeMap;

use herd_core::Instant;

/// What an address has had since the while began.
#[derive(Debug, Default)]
pub(super) struct Rations {
    begun: Instant,
    counts: BTreeMap<(Option<IpAddr>, Kind), u64>,
    /// Whether there is something to say at the end.
    is_exceeded: bool,
}

/// A kind of event, and how much there may be of it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Kind {
    /// What happened, in words.
    pub(crate) what: &'static str,
    /// Lines for an address within [`WHILE`].
    pub(crate) limit: u64,
}

/// Events of one kind that were left out.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct LeftOut {
    pub(super) count: u64,
    /// Whose; of any address that is not counted by itself where there is none.
    pub(super) from: Option<IpAddr>,
    pub(super) what: &'static str,
}

impl Rations {
    /// Whether an event is to be logged, of a client at `from` or of no client.
    pub(super) fn admit(&mut self, now: Instant, from: Option<IpAddr>, kind: Kind) -> bool {
        if self.counts.is_empty() {
            self.begun = now;
        }
        let mut key = (from.map(source), kind);
        if self.counts.len() >= ADDRESSES && !self.counts.contains_key(&key) {
            key.0 = None;
        }
        let count = self.counts.entry(key).or_default();
        *count += 1;
        self.is_exceeded |= *count > kind.limit;
        *count <= kind.limit
    }

    /// When [`Rations::end`] has something to say, if it will.
    pub(super) fn due(&self) -> Option<Instant> {
        self.is_exceeded.then(|| self.begun.after(WHILE))
    }

    /// Ends the while where it is over: what was left out in it.
    pub(super) fn end(&mut self, now: Instant) -> Vec<LeftOut> {
        if now.since(self.begun) < WHILE { Vec::new() } else { self.end_now() }
    }

    /// Ends the while before its time.
    pub(super) fn end_now(&mut self) -> Vec<LeftOut> {
        self.is_exceeded = false;
        let counts = core::mem::take(&mut self.counts).into_iter();
        counts
            .filter(|((_, kind), count)| *count > kind.limit)
            .map(|((from, kind), count)| LeftOut {
                count: count - kind.limit,
                from,
                what: kind.what,
            })
            .collect()
    }
}

/// Who is counted as one: whoever has one IPv6 address of a /64 has them all.
fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (!0 << 64)).into(),
    }
}

/// How long events are counted together.
pub(super) const WHILE: Duration = Duration::from_secs(10);
/// Addresses and kinds that are counted by themselves; what comes from others is counted together.
const ADDRESSES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind { what: "report not kept", limit: 100 };

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    fn address(number: u32) -> Option<IpAddr> {
        Some(IpAddr::from(number.to_be_bytes()))
    }

    #[test]
    fn the_first_of_an_address_are_logged_and_the_others_counted() {
        let mut rations = Rations::default();
        let said = (0..400_000).filter(|_| rations.admit(at(1), address(1), KIND)).count();
        assert_eq!(said, 100);
        assert!(rations.admit(at(2), address(2), KIND), "another address has its own");
        assert!(rations.admit(at(2), address(1), Kind { what: "connected", ..KIND }));

        assert_eq!(rations.due(), Some(at(10_001)));
        assert_eq!(rations.end(at(10_000)), []);
        let left_out = LeftOut { count: 399_900, from: address(1), what: KIND.what };
        assert_eq!(rations.end(at(10_001)), [left_out]);
        assert_eq!(rations.due(), None);
        assert!(rations.admit(at(10_002), address(1), KIND), "a new while has begun");
    }

    #[test]
    fn many_addresses_take_no_more_memory_than_a_few() {
        let mut rations = Rations::default();
        let said = (0..1_000_000).filter(|one| rations.admit(at(1), address(*one), KIND)).count();
        assert_eq!(said, ADDRESSES + 100);
        assert_eq!(rations.counts.len(), ADDRESSES + 1);
        let left_out = rations.end(at(20_000));
        assert_eq!(left_out.len(), 1);
        assert_eq!((left_out[0].from, left_out[0].count), (None, 1_000_000 - said as u64));
    }

    #[test]
    fn the_addresses_of_one_network_are_one() {
        let mut rations = Rations::default();
        let address =
            |low: u64| Some(IpAddr::from(Ipv6Addr::from_bits(1 << 100 | u128::from(low))));
        let said = (0..1000).filter(|low| rations.admit(at(1), address(*low), KIND)).count();
        assert_eq!(said, 100);
    }
}
