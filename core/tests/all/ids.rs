//! Ids as integers, as a program in another language holds them: what names nothing is ignored everywhere.

use herd_core::{ConnId, Dialled, LookupError, LookupId, PeerId};
use proptest::prelude::*;

use crate::support::{Server, Stranger, config};

/// A server with a client, a link, a handshake, a lookup under way, and connections that are gone.
fn busy() -> (Server, Vec<ConnId>) {
    let mut hill = Server::new(config("Hill", &["Adams", "Jaquez"]));
    let gone: Vec<_> = (0..3).map(|_| hill.client()).collect();
    for conn in &gone {
        hill.breaks(*conn);
    }
    let client = hill.client();
    hill.says(client, "IAMAT kiwi +1-2 1520023935");
    hill.says(client, "WHATSAT kiwi 1 1");
    let link = hill.links(&Stranger::named("Adams"));
    let (dialled, _) = hill.dials("Jaquez");
    hill.did();
    (hill, vec![client, link, dialled])
}

#[test]
fn an_id_is_the_same_after_it_was_a_number() {
    let (hill, open) = busy();
    for id in open {
        assert_eq!(ConnId::from_bits(id.to_bits()), Some(id));
    }
    for peer in [0, 1].map(PeerId::at) {
        assert_eq!(peer.map(|peer| PeerId::from_bits(peer.to_bits())), peer);
    }
    assert_eq!(LookupId::from_bits(7).number(), LookupId::from_bits(7).to_bits());
    assert_eq!(ConnId::from_bits(5), None, "no generation is none");
    assert_eq!(hill.herd.records(), 1);
}

proptest! {
    /// Small numbers name places that have been used, of generations that are gone or have not been.
    #[test]
    fn an_id_that_names_nothing_is_ignored(
        index in prop_oneof![0..8_u32, any::<u32>()],
        generation in prop_oneof![1..6_u32, any::<u32>()],
        peer in 2..=u16::MAX,
        lookup in prop_oneof![2..5_u64, any::<u64>()],
    ) {
        let (mut hill, open) = busy();
        let id = ConnId::from_bits(u64::from(generation) << 32 | u64::from(index));
        prop_assume!(id.is_none_or(|id| !open.contains(&id)));
        prop_assume!(lookup != 1);
        let before = (hill.herd.status(), hill.table());
        if let Some(id) = id {
            let binding = herd_core::Binding([0; 32]);
            hill.act(|herd, now, out| {
                herd.handle_input(now, id, b"IAMAT emu +1-2 1520023935\n", out);
                herd.handle_secured(now, id, binding, &[], out);
                herd.handle_insecure(now, id, out);
                herd.handle_drained(now, id, 100, out);
                herd.handle_eof(now, id, out);
                herd.handle_close(now, id, out);
            });
            prop_assert!(!hill.herd.is_quiet(id) && hill.herd.follower_name(id).is_none());
        }
        let peer = PeerId::from_bits(peer);
        for outcome in [Dialled::Connected, Dialled::Failed] {
            prop_assert_eq!(hill.act(|herd, now, out| herd.handle_dial(now, peer, outcome, out)), None);
        }
        hill.lookup_ends(LookupId::from_bits(lookup), Err(LookupError::TimedOut));
        prop_assert_eq!(hill.did(), []);
        prop_assert_eq!((hill.herd.status(), hill.table()), before);
    }
}
