//! Two servers prove to each other who they are before a connection is a link.

use core::time::Duration;

use herd_core::{Config, Goodbye, Listener, Notice, Refusal};

use crate::support::{Did, FROM, Server, Stranger, Talk, config};

/// Hill, which Adams dials and which dials Jaquez.
fn hill() -> Server {
    Server::new(config("Hill", &["Adams", "Jaquez"]))
}

fn refused(server: &mut Server, conn: herd_core::ConnId, why: Refusal) {
    assert!(server.is_closed(conn));
    let logged = server.logged();
    assert!(logged.contains(&Notice::LinkRefused { conn, why }), "{logged:?}");
    assert_eq!((server.counters().links_refused, server.counters().links), (1, 0));
}

#[test]
fn a_neighbour_that_dials_is_accepted() {
    let mut hill = hill();
    let link = hill.links(&Stranger::named("Adams"));
    assert!(!hill.is_closed(link));
    assert_eq!((hill.counters().links, hill.counters().links_refused), (1, 0));
}

#[test]
fn a_neighbour_that_is_dialled_is_accepted() {
    let mut hill = hill();
    let link = hill.links(&Stranger::named("Jaquez"));
    assert!(!hill.is_closed(link));
    let logged = hill.logged();
    assert!(logged.iter().any(
        |notice| matches!(notice, Notice::LinkUp { conn, resumed: false, .. } if *conn == link)
    ));
}

#[test]
fn only_the_first_name_dials() {
    let mut hill = hill();
    hill.waits_s(10);
    let did = hill.did();
    let dials = did.iter().filter(|did| matches!(did, Did::Dial(..)));
    assert_eq!(dials.count(), 1);
}

#[test]
fn a_dialler_proves_itself_before_it_is_told_anything() {
    let mut hill = hill();
    let conn = hill.accept(Listener::Links { from: FROM });
    let client = hill.client();
    hill.says(client, "IAMAT kiwi +1-2 3");
    let adams = Stranger::named("Adams");
    let challenge = hill.asks(conn, &adams.hello("Hill"));
    assert_eq!(challenge.lines().count(), 1);
    hill.waits_s(4);
    assert_eq!(hill.heard(conn), "");
    let talk = Talk::accepted(&adams.hello("Hill"), &challenge);
    let answer = hill.asks(conn, &talk.proof("dialler", &adams.secret));
    assert!(answer.starts_with("PROOF "), "{answer}");
    assert!(answer.contains("AT Hill "), "{answer}");
}

#[test]
fn a_line_that_is_no_handshake_is_not_answered() {
    for line in ["hello", "", "AT Adams +1 kiwi +1-2 3", "LINK", "LINK 1 Adams Hill", "PROOF 00"] {
        let mut hill = hill();
        let conn = hill.accept(Listener::Links { from: FROM });
        assert_eq!(hill.asks(conn, line), "");
        refused(&mut hill, conn, Refusal::NotAHandshake);
    }
}

#[test]
fn a_line_without_end_is_no_handshake() {
    let mut hill = hill();
    let conn = hill.accept(Listener::Links { from: FROM });
    hill.types(conn, "LINK 1 ".repeat(2000).as_bytes());
    refused(&mut hill, conn, Refusal::NotAHandshake);
}

#[test]
fn another_version_is_refused() {
    let mut hill = hill();
    let conn = hill.accept(Listener::Links { from: FROM });
    assert_eq!(
        hill.asks(conn, &Stranger { version: 2, ..Stranger::named("Adams") }.hello("Hill")),
        ""
    );
    refused(&mut hill, conn, Refusal::Version);
}

#[test]
fn a_connection_meant_for_somebody_else_is_refused() {
    let mut hill = hill();
    let conn = hill.accept(Listener::Links { from: FROM });
    assert_eq!(hill.asks(conn, &Stranger::named("Adams").hello("Smith")), "");
    refused(&mut hill, conn, Refusal::NotMe);
}

#[test]
fn a_server_that_is_no_neighbour_is_refused() {
    let mut hill = hill();
    let conn = hill.accept(Listener::Links { from: FROM });
    assert_eq!(hill.asks(conn, &Stranger::named("Alford").hello("Hill")), "");
    refused(&mut hill, conn, Refusal::NotANeighbour);
}

#[test]
fn a_neighbour_that_has_to_be_dialled_is_refused_when_it_dials() {
    let mut hill = hill();
    let conn = hill.accept(Listener::Links { from: FROM });
    assert_eq!(hill.asks(conn, &Stranger::named("Jaquez").hello("Hill")), "");
    refused(&mut hill, conn, Refusal::Role);
}

#[test]
fn who_ended_a_handshake_is_said_on_both_sides() {
    let mut hill = hill();
    let refused = hill.accept(Listener::Links { from: FROM });
    hill.asks(refused, &Stranger::named("Jaquez").hello("Hill"));
    let silent = hill.accept(Listener::Links { from: FROM });
    hill.ends(silent);
    let (turned_away, _) = hill.dials("Jaquez");
    hill.asks(turned_away, &Stranger::named("Jaquez").challenge());
    hill.ends(turned_away);
    hill.waits_s(1);
    let (at_once, _) = hill.dials("Jaquez");
    hill.ends(at_once);

    let logged = hill.logged();
    for (conn, why) in [
        (refused, Goodbye::Refused),
        (silent, Goodbye::Ended),
        (turned_away, Goodbye::TurnedAway),
        (at_once, Goodbye::TurnedAway),
    ] {
        assert!(logged.contains(&Notice::Closed { conn, why }), "{logged:?}");
    }
}

#[test]
fn a_version_has_one_spelling() {
    for version in ["01", "+1"] {
        let mut hill = hill();
        let conn = hill.accept(Listener::Links { from: FROM });
        let hello = Stranger::named("Adams").hello("Hill");
        let other = hello.replacen("LINK 1 ", &format!("LINK {version} "), 1);
        assert_ne!(other, hello);
        assert_eq!(hill.asks(conn, &other), "");
        refused(&mut hill, conn, Refusal::NotAHandshake);
    }
}

#[test]
fn a_dialler_that_guesses_at_the_secret_is_refused() {
    for proof in [
        Talk::proof as fn(&Talk, &str, &str) -> String,
        |_, _, _| "PROOF ".to_string(),
        |_, _, _| format!("PROOF {}", "0".repeat(64)),
        |talk, _, _| talk.proof("acceptor", crate::support::SECRET),
        |talk, role, _| talk.proof(role, crate::support::SECRET).to_uppercase(),
        |_, _, _| "AT Adams +1 kiwi +1-2 3".to_string(),
    ] {
        let mut hill = hill();
        let conn = hill.accept(Listener::Links { from: FROM });
        let hello = Stranger::named("Adams").hello("Hill");
        let challenge = hill.asks(conn, &hello);
        let talk = Talk::accepted(&hello, &challenge);
        assert_eq!(hill.asks(conn, &proof(&talk, "dialler", "a guess at the secret")), "");
        refused(&mut hill, conn, Refusal::Proof);
    }
}

#[test]
fn an_acceptor_that_guesses_at_the_secret_is_refused() {
    for (role, secret) in
        [("acceptor", "a guess at the secret"), ("dialler", crate::support::SECRET)]
    {
        let mut hill = hill();
        let (conn, hello) = hill.dials("Jaquez");
        let challenge = Stranger::named("Jaquez").challenge();
        hill.asks(conn, &challenge);
        assert_eq!(hill.asks(conn, &Talk::accepted(&hello, &challenge).proof(role, secret)), "");
        refused(&mut hill, conn, Refusal::Proof);
    }
}

#[test]
fn an_acceptor_that_answers_with_something_else_is_refused() {
    let mut hill = hill();
    let (conn, hello) = hill.dials("Jaquez");
    hill.says(conn, &hello);
    refused(&mut hill, conn, Refusal::NotAHandshake);
}

#[test]
fn what_was_heard_once_proves_nothing_the_next_time() {
    let mut hill = hill();
    let adams = Stranger::named("Adams");
    let overheard = |hill: &mut Server, proof: Option<String>| {
        let conn = hill.accept(Listener::Links { from: FROM });
        let challenge = hill.asks(conn, &adams.hello("Hill"));
        let talk = Talk::accepted(&adams.hello("Hill"), &challenge);
        let proof = proof.unwrap_or_else(|| talk.proof("dialler", &adams.secret));
        hill.says(conn, &proof);
        (conn, proof)
    };
    let (link, proof) = overheard(&mut hill, None);
    let (replayed, _) = overheard(&mut hill, Some(proof));
    assert!(hill.is_closed(replayed));
    assert!(!hill.is_closed(link), "the link that is there stays");
}

#[test]
fn a_challenge_sent_back_proves_nothing() {
    // Two connections: on one Hill is the dialler, and what it says there is repeated on the other.
    let mut hill = Server::new(config("Hill", &["Adams", "Jaquez"]));
    let (dialled, hello) = hill.dials("Jaquez");
    let accepted = hill.accept(Listener::Links { from: FROM });
    let turned = hello.trim_end().replace("Hill Jaquez", "Adams Hill");
    let challenge = hill.asks(accepted, &turned);
    let proof = hill.asks(dialled, challenge.trim_end());
    assert!(proof.starts_with("PROOF "));
    hill.says(accepted, proof.trim_end());
    refused(&mut hill, accepted, Refusal::Proof);
}

#[test]
fn a_handshake_takes_five_seconds_at_most() {
    for lines in 0..2 {
        let mut hill = hill();
        let conn = hill.accept(Listener::Links { from: FROM });
        hill.waits_ms(2_500);
        if lines == 1 {
            hill.says(conn, &Stranger::named("Adams").hello("Hill"));
        }
        hill.waits_ms(2_499);
        assert!(!hill.is_closed(conn));
        hill.waits_ms(1);
        refused(&mut hill, conn, Refusal::TimedOut);
    }
    let mut hill = hill();
    let (conn, _) = hill.dials("Jaquez");
    hill.waits_s(5);
    refused(&mut hill, conn, Refusal::TimedOut);
}

#[test]
fn an_update_before_the_proof_is_not_taken() {
    let mut hill = hill();
    let conn = hill.accept(Listener::Links { from: FROM });
    hill.says(conn, &Stranger::named("Adams").hello("Hill"));
    hill.says(conn, "AT Adams +1 kiwi +1-2 3");
    refused(&mut hill, conn, Refusal::Proof);
    assert_eq!(hill.table(), [""; 0]);
}

#[test]
fn a_client_cannot_write_into_the_herd() {
    let mut hill = hill();
    let conn = hill.client();
    let hello = Stranger::named("Adams").hello("Hill");
    for line in ["AT Adams +1 kiwi +1-2 3", "MARK 1", "ACK 1", "LINK", &*hello] {
        assert_eq!(hill.asks(conn, line), format!("? {line}\n"));
    }
    assert_eq!(hill.table(), [""; 0]);
}

#[test]
fn a_handshake_may_come_byte_by_byte_and_with_the_first_updates() {
    let mut hill = hill();
    let conn = hill.accept(Listener::Links { from: FROM });
    let adams = Stranger::named("Adams");
    let hello = adams.hello("Hill");
    for byte in hello.bytes().chain([b'\n']) {
        hill.types(conn, &[byte]);
    }
    let challenge = hill.heard(conn);
    let proof = Talk::accepted(&hello, &challenge).proof("dialler", &adams.secret);
    hill.types(conn, format!("{proof}\nAT Adams +1 kiwi +1-2 3\nMARK 1\n").as_bytes());
    assert_eq!(hill.record("kiwi").as_deref(), Some("AT Adams +1 kiwi +1-2 3"));
    assert!(hill.heard(conn).ends_with("ACK 1\n"));
}

#[test]
fn a_new_link_takes_the_place_of_the_old() {
    let mut hill = hill();
    let adams = Stranger::named("Adams");
    let old = hill.links(&adams);
    let new = hill.links(&adams);
    assert!(hill.is_closed(old));
    assert!(!hill.is_closed(new));
    assert!(hill.logged().iter().any(|notice| {
        matches!(notice, Notice::LinkDown { conn, why: Goodbye::Replaced, .. } if *conn == old)
    }));
    let client = hill.client();
    hill.says(client, "IAMAT kiwi +1-2 1520023935");
    assert_eq!(hill.told(new).len(), 1);
}

#[test]
fn who_proves_nothing_takes_nobodys_place() {
    let mut hill = hill();
    let adams = Stranger::named("Adams");
    let link = hill.links(&adams);
    let impostor = hill.accept(Listener::Links { from: FROM });
    hill.says(impostor, &adams.hello("Hill"));
    hill.says(impostor, &format!("PROOF {}", "0".repeat(64)));
    assert!(hill.is_closed(impostor));
    let silent = hill.accept(Listener::Links { from: FROM });
    hill.says(silent, &adams.hello("Hill"));
    assert!(!hill.is_closed(link));
    let client = hill.client();
    hill.says(client, "IAMAT kiwi +1-2 1520023935");
    assert_eq!(hill.told(link).len(), 1);
    assert!(hill.told(silent).is_empty());
}

#[test]
fn a_link_that_ends_is_dialled_again() {
    let mut hill = hill();
    let link = hill.links(&Stranger::named("Jaquez"));
    hill.ends(link);
    assert!(hill.is_closed(link));
    hill.links(&Stranger::named("Jaquez"));
    assert_eq!(hill.counters().links, 2);
}

#[test]
fn a_link_that_took_long_to_come_up_and_broke_is_not_dialled_again_at_once() {
    let mut hill = hill();
    let jaquez = Stranger::named("Jaquez");
    for _ in 0..6 {
        hill.waits_until_dialling("Jaquez");
        hill.fails_to_dial("Jaquez");
    }
    let (conn, hello) = hill.dials("Jaquez");
    hill.waits_s(4);
    hill.says(conn, &jaquez.challenge());
    hill.heard(conn);
    let talk = Talk::accepted(&hello, &jaquez.challenge());
    hill.says(conn, &talk.proof("acceptor", &jaquez.secret));
    assert_eq!(hill.counters().links, 1);
    hill.ends(conn);
    assert!(hill.waits_until_dialling("Jaquez") > Duration::from_millis(500));

    // One that lasts is.
    hill.fails_to_dial("Jaquez");
    let link = hill.links(&jaquez);
    hill.waits_s(3);
    hill.ends(link);
    assert!(hill.waits_until_dialling("Jaquez") < Duration::from_millis(100));
}

#[test]
fn pauses_between_attempts_grow_and_differ() {
    let pauses = |seed: u8| -> Vec<_> {
        let config = config("Hill", &["Jaquez"]);
        let mut hill = Server::new(Config { seed: herd_core::Seed([seed; 32]), ..config });
        hill.waits_until_dialling("Jaquez");
        let next = |_| {
            hill.fails_to_dial("Jaquez");
            hill.waits_until_dialling("Jaquez").as_micros()
        };
        (0..12).map(next).collect()
    };
    let one = pauses(1);
    for (at, pause) in one.iter().enumerate() {
        let whole = (50_000 << at.min(10)).min(2_000_000);
        assert!((whole / 2..=whole).contains(pause), "pause {at} is {pause} µs");
    }
    assert_ne!(one, pauses(2));
}

#[test]
fn a_neighbour_that_was_well_is_dialled_again_soon() {
    let mut hill = Server::new(config("Hill", &["Jaquez"]));
    hill.waits_until_dialling("Jaquez");
    for _ in 0..10 {
        hill.fails_to_dial("Jaquez");
        hill.waits_until_dialling("Jaquez");
    }
    hill.fails_to_dial("Jaquez");
    let link = hill.links(&Stranger::named("Jaquez"));
    hill.waits_s(4);
    hill.says(link, "ACK 0");
    hill.breaks(link);
    assert!(hill.waits_until_dialling("Jaquez").as_millis() <= 50);
}

#[test]
fn a_connection_that_nobody_waits_for_is_not_taken() {
    use herd_core::{Dialled, PeerId};
    let mut hill = hill();
    for position in [0, 1, 2, 9] {
        let peer = PeerId::at(position).unwrap();
        let conn = hill.act(|herd, now, out| herd.handle_dial(now, peer, Dialled::Connected, out));
        assert_eq!(conn, None);
    }
}
