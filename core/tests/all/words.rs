//! Notices in words: sentences for whoever reads a log.

use core::time::Duration;

use herd_core::{Goodbye, Malformed, Names, Notice, PeerId, Refusal};

use crate::support::{Server, config};

fn peer() -> PeerId {
    PeerId::at(1).unwrap()
}

#[test]
fn a_notice_says_what_happened_and_why() {
    let mut hill = Server::new(config("Hill", &["Jaquez", "Smith"]));
    let conn = hill.client();
    let second = Duration::from_millis(1500);
    for (notice, words) in [
        (Notice::Opened { conn }, "connected"),
        (Notice::Closed { conn, why: Goodbye::Lost }, "closed: connection lost"),
        (
            Notice::LinkRefused { conn, why: Refusal::NotMe },
            "link refused: meant for a server of another name",
        ),
        (
            Notice::Dropped { conn, why: Malformed::UnknownCommand },
            "line dropped: its first word is not a command here",
        ),
        (
            Notice::UpdateRefused { conn, why: Malformed::BadTime },
            "update refused: the time is not a valid number of seconds",
        ),
        (
            Notice::DialFailed { peer: peer(), retry_in: second, down: second, attempts: 1 },
            "cannot reach neighbour 1, again in 1.500000 s",
        ),
        (
            Notice::LinkUp { peer: peer(), conn, resumed: true, down: second },
            "link with neighbour 1 is up again, resumed",
        ),
        (
            Notice::LinkDown { peer: peer(), conn, why: Goodbye::Silent },
            "link with neighbour 1 is down: nothing heard for 15 s",
        ),
        (Notice::Forgotten { records: 40 }, "40 records forgotten for their age"),
    ] {
        assert_eq!(notice.to_string(), words);
    }
}

#[test]
fn a_driver_adds_the_names() {
    let mut hill = Server::new(config("Hill", &["Jaquez", "Smith"]));
    let (link, other) = (hill.client(), hill.client());
    let names = Names {
        server: Some("Hill"),
        neighbour: Some("Smith"),
        address: Some("192.0.2.9:12101"),
        reason: Some("connection refused"),
        addresses: Some(["192.0.2.1:1", "192.0.2.2:2"]),
    };
    let address = [192, 0, 2, 3].into();
    let hour = Duration::from_secs(3600);
    for (notice, words) in [
        (
            Notice::LinkUp { peer: peer(), conn: link, resumed: false, down: hour },
            "link with Smith is up, after 3600 s without",
        ),
        (
            Notice::DialFailed { peer: peer(), retry_in: hour, down: hour, attempts: 7 },
            "cannot reach Smith at 192.0.2.9:12101: connection refused, 7 attempts in 3600 s, again in 3600.000000 s",
        ),
        (
            Notice::Unlinked { peer: peer(), down: hour, attempts: 7 },
            "no link with Smith for 3600 s, 7 attempts at 192.0.2.9:12101 have failed",
        ),
        (
            Notice::NameTwice { peer: peer(), link, other },
            "two servers call themselves Smith: 192.0.2.1:1 and 192.0.2.2:2",
        ),
        (
            Notice::OwnNameTwice { peer: peer(), conn: link, address },
            "two servers call themselves Hill: this one, and one at 192.0.2.3 that has a link with Smith",
        ),
    ] {
        assert_eq!(notice.with(names).to_string(), words);
    }
}
