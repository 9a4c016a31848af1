//! A neighbour that is down for long: it is said at once, and then more and more seldom.

use core::time::Duration;

use herd_core::{Notice, PeerId};

use crate::support::{Did, Server, Stranger, Talk, config};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// What is said of a time without a link: how long it has been, and after how many attempts.
fn said(logged: &[Notice]) -> Vec<(Duration, u32)> {
    let outage = |notice: &Notice| {
        if let Notice::DialFailed { down, attempts, .. } | Notice::Unlinked { down, attempts, .. } =
            notice
        {
            Some((*down, *attempts))
        } else {
            None
        }
    };
    logged.iter().filter_map(outage).collect()
}

#[test]
fn a_neighbour_that_is_down_for_a_day_is_mentioned_some_twenty_times() {
    let mut hill = Server::new(config("Hill", &["Jaquez"]));
    let mut logged = Vec::new();
    let began = hill.now.mono;
    while hill.now.mono.since(began) < 24 * HOUR {
        hill.waits_until_dialling("Jaquez");
        hill.fails_to_dial("Jaquez");
        logged.extend(hill.logged());
    }
    let said = said(&logged);
    assert!((3 + 23..=3 + 24).contains(&said.len()), "{said:?}");
    assert_eq!(said[0], (Duration::ZERO, 1));
    for ((down, attempts), due) in said[1..].iter().zip([MINUTE, 10 * MINUTE, HOUR, 2 * HOUR]) {
        assert!((due..due + Duration::from_secs(3)).contains(down), "{down:?} for {due:?}");
        // A pause is 1 to 2 s.
        assert!((due.as_secs() / 2..=due.as_secs() + 10).contains(&u64::from(*attempts)));
    }

    let link = hill.links(&Stranger::named("Jaquez"));
    let up = |notice: &Notice| {
        if let Notice::LinkUp { down, .. } = notice { Some(*down) } else { None }
    };
    assert!(hill.logged().iter().find_map(up) >= Some(24 * HOUR));
    hill.waits_s(3);
    hill.breaks(link);
    hill.waits_until_dialling("Jaquez");
    hill.fails_to_dial("Jaquez");
    assert_eq!(said_of(&mut hill).len(), 1, "this is another outage");
}

fn said_of(hill: &mut Server) -> Vec<(Duration, u32)> {
    said(&hill.logged())
}

#[test]
fn a_neighbour_that_does_not_dial_is_missed_after_a_minute() {
    let mut hill = Server::new(config("Hill", &["Adams"]));
    hill.waits(24 * HOUR + MINUTE);
    let first = said_of(&mut hill);
    assert_eq!(first[..3], [(MINUTE, 0), (10 * MINUTE, 0), (HOUR, 0)]);
    assert_eq!(first.len(), 2 + 24);

    let link = hill.links(&Stranger::named("Adams"));
    hill.breaks(link);
    hill.logged();
    hill.waits_s(59);
    assert_eq!(said_of(&mut hill), []);
    hill.waits_s(1);
    assert_eq!(said_of(&mut hill), [(MINUTE, 0)]);
}

#[test]
fn a_link_that_comes_back_is_not_missed() {
    let mut hill = Server::new(config("Hill", &["Adams"]));
    hill.waits_s(30);
    let link = hill.links(&Stranger::named("Adams"));
    for _ in 0..60 {
        hill.waits_s(2);
        hill.says(link, "ACK 0");
    }
    assert_eq!(said_of(&mut hill), []);
}

#[test]
fn of_many_handshakes_that_fail_most_may_be_left_out_of_a_log() {
    let mut hill = Server::new(config("Hill", &["Jaquez"]));
    let (mut loud, mut attempts) = (0, 0);
    let mut logged = Vec::new();
    let began = hill.now.mono;
    while hill.now.mono.since(began) < HOUR + MINUTE {
        let (conn, _) = hill.dials("Jaquez");
        attempts += 1;
        loud += u32::from(!hill.herd.is_quiet(conn));
        hill.ends(conn);
        logged.extend(hill.logged());
    }
    assert!(attempts > 1000, "{attempts}");
    assert_eq!(loud, 4);
    assert_eq!(said(&logged).len(), 3, "the first is said by its connection");

    // One that becomes a link is not left out.
    let jaquez = Stranger::named("Jaquez");
    let (conn, hello) = hill.dials("Jaquez");
    assert!(hill.herd.is_quiet(conn));
    hill.says(conn, &jaquez.challenge());
    let talk = Talk::accepted(&hello, &jaquez.challenge());
    hill.says(conn, &talk.proof("acceptor", &jaquez.secret));
    assert!(!hill.herd.is_quiet(conn));
}

#[test]
fn a_connection_is_known_as_a_link_before_any_record_goes_out_on_it() {
    for other in ["Adams", "Jaquez"] {
        let mut hill = Server::new(config("Hill", &["Adams", "Jaquez"]));
        let client = hill.client();
        hill.says(client, "IAMAT kiwi +1-2 1520023935");
        hill.did();
        let link = hill.links(&Stranger::named(other));
        let did = hill.did();
        let at = |what: &str, is: &dyn Fn(&Did) -> bool| {
            did.iter().position(is).unwrap_or_else(|| panic!("no {what} in {did:?}"))
        };
        let peer = PeerId::at(usize::from(other == "Jaquez")).unwrap();
        let linked = at("action", &|did| *did == Did::Linked(link, peer));
        let logged = at(
            "notice",
            &|did| matches!(did, Did::Log(Notice::LinkUp { conn, .. }) if *conn == link),
        );
        let record = at(
            "record",
            &|did| matches!(did, Did::Send(conn, bytes, _) if *conn == link && bytes.starts_with(b"AT ")),
        );
        assert!(linked < logged && logged < record, "{did:?}");
    }
}
