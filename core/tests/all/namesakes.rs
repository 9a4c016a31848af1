//! Two servers that have one name, and one server that was started again while its old connection looks alive.

use core::time::Duration;

use herd_core::{ConnId, Goodbye, Listener, Notice, PeerId, Refusal};

use crate::support::{FROM, SECRET, Server, Stranger, Talk, config};

/// Hill, which Adams dials and which dials Jaquez.
fn hill() -> Server {
    Server::new(config("Hill", &["Adams", "Jaquez"]))
}

const A_MINUTE: Duration = Duration::from_secs(61);

/// The start of Adams that has this number.
fn adams(incarnation: u64) -> Stranger {
    Stranger { incarnation, ..Stranger::named("Adams") }
}

/// Adams dials and proves itself, whatever comes of it.
fn proves(hill: &mut Server, adams: &Stranger) -> (ConnId, Talk) {
    let conn = hill.accept(Listener::Links { from: FROM });
    let hello = adams.hello("Hill");
    let challenge = hill.asks(conn, &hello);
    let talk = Talk::accepted(&hello, &challenge);
    hill.says(conn, &talk.proof("dialler", SECRET));
    (conn, talk)
}

/// Answers every `MARK` on a link for so long.
fn answers(hill: &mut Server, link: ConnId, wait: Duration) {
    for _ in 0..wait.as_millis() / 100 {
        hill.waits_ms(100);
        for line in hill.heard(link).lines() {
            if let Some(number) = line.strip_prefix("MARK ") {
                hill.says(link, &format!("ACK {number}"));
            }
        }
    }
}

fn twice(logged: &[Notice]) -> usize {
    logged.iter().filter(|notice| matches!(notice, Notice::NameTwice { .. })).count()
}

#[test]
fn a_second_server_of_the_same_name_is_refused_while_the_first_lives() {
    let mut hill = hill();
    let first = hill.links(&adams(1));
    hill.logged();
    for attempt in 0..3 {
        let (second, talk) = proves(&mut hill, &adams(2));
        assert_eq!(hill.heard(second), "", "it is not known yet whether the first lives");
        answers(&mut hill, first, Duration::from_secs(2));
        assert!(hill.is_closed(second) && !hill.is_closed(first));
        let proof = talk.proof("taken 127.0.0.1", SECRET);
        assert_eq!(hill.heard(second), format!("{proof} TAKEN 127.0.0.1\n"));
        let logged = hill.logged();
        assert!(logged.contains(&Notice::LinkRefused { conn: second, why: Refusal::Taken }));
        assert_eq!(twice(&logged), usize::from(attempt == 0), "it is said once: {logged:?}");
    }
    assert_eq!(hill.counters().links, 1);

    // Another is another matter.
    proves(&mut hill, &adams(3));
    answers(&mut hill, first, Duration::from_secs(2));
    assert_eq!(twice(&hill.logged()), 1);
}

#[test]
fn the_first_is_asked_at_once_whether_it_lives() {
    let mut hill = hill();
    let first = hill.links(&adams(1));
    hill.heard(first);
    proves(&mut hill, &adams(2));
    assert_eq!(hill.heard(first), "MARK 0\n");
}

#[test]
fn a_server_that_was_started_again_takes_the_place_of_a_connection_that_says_nothing() {
    let mut hill = hill();
    let old = hill.links(&adams(1));
    hill.says(old, "AT Adams +1 kiwi +1-2 3");
    let (new, talk) = proves(&mut hill, &adams(2));
    hill.waits_ms(1_999);
    assert!(!hill.is_closed(old) && hill.heard(new).is_empty());
    hill.waits_ms(1);
    assert!(hill.is_closed(old) && !hill.is_closed(new));
    assert!(hill.heard(new).starts_with(&talk.proof("acceptor", SECRET)));
    let logged = hill.logged();
    assert!(logged.contains(&Notice::LinkDown {
        peer: PeerId::at(0).unwrap(),
        conn: old,
        why: Goodbye::Replaced
    }));
    assert_eq!(twice(&logged), 0);
    hill.says(new, "AT Adams +1 kiwi +1-2 4");
    assert_eq!(hill.record("kiwi").as_deref(), Some("AT Adams +1 kiwi +1-2 4"));
}

#[test]
fn a_server_that_was_started_again_is_let_in_when_its_old_connection_ends() {
    for breaks in [true, false] {
        let mut hill = hill();
        let old = hill.links(&adams(1));
        let (new, talk) = proves(&mut hill, &adams(2));
        answers(&mut hill, old, Duration::from_millis(500));
        if breaks {
            hill.breaks(old);
        } else {
            hill.ends(old);
        }
        assert!(hill.heard(new).starts_with(&talk.proof("acceptor", SECRET)));
        hill.waits_s(3);
        assert!(!hill.is_closed(new));
        assert_eq!((twice(&hill.logged()), hill.counters().links), (0, 2));
    }
}

#[test]
fn the_first_may_dial_again_while_the_second_waits() {
    let mut hill = hill();
    let old = hill.links(&adams(1));
    let (second, _) = proves(&mut hill, &adams(2));
    let first = hill.links(&adams(1));
    assert!(hill.is_closed(old));
    answers(&mut hill, first, Duration::from_secs(2));
    assert!(hill.is_closed(second) && !hill.is_closed(first));
    let client = hill.client();
    hill.says(client, "IAMAT kiwi +1-2 1520023935");
    assert_eq!(hill.told(first).len(), 1);
}

#[test]
fn one_waits_at_a_time() {
    let mut hill = hill();
    let first = hill.links(&adams(1));
    let (second, _) = proves(&mut hill, &adams(2));
    let (third, talk) = proves(&mut hill, &adams(3));
    assert!(hill.is_closed(second));
    hill.says(third, "AT Adams +1 kiwi +1-2 3");
    assert!(hill.is_closed(third), "nothing is taken from it yet");
    let (fourth, _) = proves(&mut hill, &adams(4));
    hill.breaks(fourth);
    answers(&mut hill, first, Duration::from_secs(3));
    assert!(!hill.is_closed(first));
    assert_eq!((hill.table(), hill.record("kiwi")), (vec![], None));
    assert!(!hill.heard(third).contains(&talk.proof("acceptor", SECRET)));
}

#[test]
fn who_waits_does_not_keep_a_server_from_stopping() {
    let mut hill = hill();
    hill.links(&adams(1));
    let (second, _) = proves(&mut hill, &adams(2));
    hill.stops();
    assert!(hill.is_closed(second));
    assert!(hill.herd.has_stopped());
}

/// Hill dials Jaquez, which has a link with another Hill at this address; how long Hill has waited.
fn is_refused(hill: &mut Server, secret: &str, address: &str) -> (ConnId, Duration) {
    let jaquez = Stranger::named("Jaquez");
    let pause = hill.waits_until_dialling_within("Jaquez", A_MINUTE);
    let (conn, hello) = hill.connects("Jaquez");
    hill.says(conn, &jaquez.challenge());
    let talk = Talk::accepted(&hello, &jaquez.challenge());
    hill.says(conn, &format!("{} TAKEN {address}", talk.proof("taken 192.0.2.7", secret)));
    assert!(hill.is_closed(conn));
    (conn, pause)
}

#[test]
fn a_server_that_is_refused_for_its_name_says_so_once_and_comes_back_less_and_less_often() {
    let mut hill = hill();
    let peer = PeerId::at(1).unwrap();
    let mut pauses = Vec::new();
    for attempt in 0..8 {
        let (conn, pause) = is_refused(&mut hill, SECRET, "192.0.2.7");
        pauses.push(pause.as_secs_f32());
        let address = "192.0.2.7".parse().unwrap();
        let said = Notice::OwnNameTwice { peer, conn, address };
        let logged = hill.logged();
        assert!(logged.contains(&Notice::LinkRefused { conn, why: Refusal::Taken }));
        assert_eq!(logged.contains(&said), attempt == 0, "{logged:?}");
    }
    for (attempt, pause) in (1..).zip(&pauses[1..]) {
        let whole = 2.0_f32.powi(attempt).min(60.0);
        assert!((whole / 2.0..=whole).contains(pause), "pause {attempt} is {pause} s");
    }

    // A link makes up for all that.
    hill.waits_until_dialling_within("Jaquez", A_MINUTE);
    let (conn, hello) = hill.connects("Jaquez");
    let jaquez = Stranger::named("Jaquez");
    hill.says(conn, &jaquez.challenge());
    let talk = Talk::accepted(&hello, &jaquez.challenge());
    hill.says(conn, &talk.proof("acceptor", SECRET));
    hill.waits_s(3);
    hill.breaks(conn);
    assert!(hill.waits_until_dialling("Jaquez") < Duration::from_millis(100));
}

#[test]
fn who_does_not_hold_the_secret_cannot_say_that_a_name_is_taken() {
    for (secret, address) in
        [("a guess at the secret", "192.0.2.7"), (SECRET, "192.0.2.8"), (SECRET, "x\u{1b}[2J")]
    {
        let mut hill = hill();
        let (conn, _) = is_refused(&mut hill, secret, address);
        let logged = hill.logged();
        assert!(logged.contains(&Notice::LinkRefused { conn, why: Refusal::Proof }), "{logged:?}");
    }
}
