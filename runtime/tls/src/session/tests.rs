use super::*;
use crate::{Tls, load};
use core::net::{IpAddr, Ipv4Addr};
use herd_config::roster::{LinkAddress, Roster, Server, Tls as Files};
use herd_core::Listener;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::fs;

/// Hill and Jaquez, who trust one authority: what each has to speak TLS, Hill's first.
fn servers() -> [Tls; 2] {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    fs::write(file("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(params, key);
    for name in ["Hill", "Jaquez"] {
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        fs::write(file(&format!("{name}.pem")), params.signed_by(&key, &issuer).unwrap().pem())
            .unwrap();
        fs::write(file(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }
    let mut roster = Roster::builtin("places-2020").unwrap();
    roster.servers.truncate(2);
    for (at, server) in roster.servers.iter_mut().enumerate() {
        *server = Server { talks_with: vec![1 - at], ..server.clone() };
        assert!(matches!(server.link, Some(LinkAddress { .. })));
    }
    let named = |name: &str| (file(name), String::new());
    roster.tls = Some(Files {
        certificate: named("{name}.pem"),
        key: named("{name}.key"),
        authority: Some(named("ca.pem")),
        clients: true,
        links: true,
    });
    [0, 1].map(|at| load(&roster, at, &|_| None, &mut Vec::new()).unwrap())
}

/// Hill dials Jaquez: the two ends of the connection.
fn ends(listener: Listener) -> (Session, Session) {
    let [hill, jaquez] = servers();
    let peer = PeerId::at(0).unwrap();
    (hill.dialled(peer).unwrap(), jaquez.accepted(listener).unwrap())
}

/// Where a plain server connects, which may go without TLS.
const PLAIN: Listener = Listener::Clients { from: IpAddr::V4(Ipv4Addr::LOCALHOST), plain: true };

/// Where neighbours connect.
const LINKS: Listener = Listener::Links { from: IpAddr::V4(Ipv4Addr::LOCALHOST) };

/// Passes on what each has to say until both are secured: what the two then share.
fn shake_hands(one: &mut Session, other: &mut Session) -> [(Binding, Vec<PeerId>); 2] {
    let (mut first, mut second) = (None, None);
    while first.is_none() || second.is_none() {
        second = other.open(&one.seal(b"")).secured.or(second);
        first = one.open(&other.seal(b"")).secured.or(first);
    }
    [first, second].map(Option::unwrap)
}

#[test]
fn both_ends_know_each_other_and_what_they_share() {
    let (mut hill, mut jaquez) = ends(LINKS);
    let [(ours, them), (theirs, us)] = shake_hands(&mut hill, &mut jaquez);
    assert!(ours == theirs && ours != Binding([0; 32]));
    assert_eq!((&*them, &*us), (&[PeerId::at(0).unwrap()][..], &[PeerId::at(0).unwrap()][..]));

    let (mut hill, mut jaquez) = ends(LINKS);
    assert!(shake_hands(&mut hill, &mut jaquez)[0].0 != ours);
}

#[test]
fn what_is_said_early_arrives_once_the_connection_is_secured() {
    let (mut hill, mut jaquez) = ends(LINKS);
    let mut said = hill.seal(b"LINK 1 Hill Jaquez");
    assert!(!said.windows(4).any(|window| window == b"LINK"));
    let opened = loop {
        let opened = jaquez.open(&said);
        if opened.secured.is_some() {
            break opened;
        }
        hill.open(&jaquez.seal(b""));
        said = hill.seal(b"");
    };
    assert_eq!(opened.plain, b"LINK 1 Hill Jaquez");
}

#[test]
fn however_the_bytes_are_cut_the_same_arrives() {
    let (mut hill, mut jaquez) = ends(LINKS);
    shake_hands(&mut hill, &mut jaquez);
    let text: Vec<_> = (0..200_000_u32).flat_map(u32::to_be_bytes).collect();
    let sealed = hill.seal(&text);
    let mut arrived = Vec::new();
    for (number, piece) in sealed.chunks(4093).enumerate() {
        // Some of it byte by byte.
        let pieces = if number % 50 == 0 { piece.chunks(1) } else { piece.chunks(4093) };
        pieces.for_each(|piece| arrived.extend_from_slice(&jaquez.open(piece).plain));
    }
    assert!(arrived == text);
}

#[test]
fn what_the_kernel_took_is_counted_in_bytes_of_the_core() {
    let (mut hill, mut jaquez) = ends(LINKS);
    shake_hands(&mut hill, &mut jaquez);
    hill.drained(usize::MAX);
    let sealed = hill.seal(&[7; 100_000]).len();
    assert!(sealed > 100_000);
    let mut counted = 0;
    for taken in 1..=sealed {
        let plain = hill.drained(1);
        counted += plain;
        // Never all of it before the kernel has all.
        assert!(plain <= 1 && (counted == 100_000) == (taken == sealed), "{taken}: {counted}");
    }
    assert_eq!(hill.drained(1000), 0);
}

#[test]
fn an_end_that_was_said_is_none_that_was_cut() {
    for is_said in [true, false] {
        let (mut hill, mut jaquez) = ends(LINKS);
        shake_hands(&mut hill, &mut jaquez);
        let mut last = hill.seal(b"the last line");
        if is_said {
            last.extend_from_slice(&hill.close());
        }
        let opened = jaquez.open(&last);
        assert_eq!(opened.plain, b"the last line");
        assert_eq!(opened.end, is_said.then_some(End::Closed));
        assert_eq!(jaquez.open(b"").end, Some(if is_said { End::Closed } else { End::Torn }));
        // The other half goes on.
        assert_eq!(hill.open(&jaquez.seal(b"an answer")).plain, b"an answer");
    }
}

#[test]
fn who_speaks_no_tls_is_let_in_only_where_that_is_in_order() {
    let (_, mut strict) = ends(LINKS);
    assert_eq!(strict.open(b"IAMAT kiwi").end, Some(End::Clear));
    assert!(strict.seal(b"").is_empty() && strict.close().is_empty());

    let (_, mut lenient) = ends(PLAIN);
    let opened = lenient.open(b"AT Hill");
    assert_eq!((&opened.plain[..], opened.end, opened.secured), (&b"AT Hill"[..], None, None));
    assert_eq!(lenient.seal(b"? AT Hill\n"), b"? AT Hill\n");
    assert_eq!(lenient.drained(4), 4);
    assert!(lenient.close().is_empty());
    assert_eq!(lenient.open(b"").end, Some(End::Closed));

    let (mut hill, mut lenient) = ends(PLAIN);
    shake_hands(&mut hill, &mut lenient);
}

#[test]
fn what_only_begins_like_tls_fails() {
    let (_, mut jaquez) = ends(LINKS);
    let opened = jaquez.open(b"\x16\x03\x01\x00\x05hello and more");
    assert!(matches!(opened.end, Some(End::Failed(_))), "{opened:?}");
    assert_eq!((&*opened.plain, opened.secured), (&b""[..], None));
}
