//! Bytes become lines, however they arrive, and every line gets its answer.

use herd_core::Limits;
use proptest::prelude::*;

use crate::support::{Did, Server, limited};

const KIWI: &str = "IAMAT kiwi +34.068930-118.445127 1520023934.918963997";
const KIWI_AT: &str = "AT Hill +0.263873386 kiwi +34.068930-118.445127 1520023934.918963997\n";

fn short_lines() -> Server {
    Server::new(limited(Limits { line_bytes: 8, ..Limits::default() }))
}

#[test]
fn many_commands_may_come_in_one_segment() {
    let mut hill = Server::hill();
    let conn = hill.client();
    hill.types(conn, format!("{KIWI}\nhello\n{KIWI}\n").as_bytes());
    assert_eq!(hill.heard(conn), format!("{KIWI_AT}? hello\n{KIWI_AT}"));
}

#[test]
fn one_command_may_come_in_many_segments() {
    let mut hill = Server::hill();
    let conn = hill.client();
    for byte in KIWI.bytes() {
        hill.types(conn, &[byte]);
        assert_eq!(hill.heard(conn), "");
    }
    assert_eq!(hill.asks(conn, ""), KIWI_AT);
}

#[test]
fn answers_to_lines_of_one_segment_leave_in_one_write() {
    let mut hill = Server::hill();
    let conn = hill.client();
    hill.did();
    hill.types(conn, "hello\n".repeat(100).as_bytes());
    let sends = hill.did().into_iter().filter(|did| matches!(did, Did::Send(..)));
    assert_eq!(sends.count(), 1);
}

#[test]
fn two_clients_do_not_share_a_line() {
    let mut hill = Server::hill();
    let (one, two) = (hill.client(), hill.client());
    hill.types(one, b"hel");
    hill.types(two, b"goodbye\n");
    hill.types(one, b"lo\n");
    assert_eq!(hill.heard(one), "? hello\n");
    assert_eq!(hill.heard(two), "? goodbye\n");
}

#[test]
fn a_line_without_anything_in_it_is_answered_too() {
    let mut hill = Server::hill();
    let conn = hill.client();
    assert_eq!(hill.asks(conn, ""), "? \n");
    assert_eq!(hill.asks(conn, "  \t"), "?   \t\n");
    assert_eq!(hill.asks(conn, "\r"), "? \n");
}

#[test]
fn a_copy_of_a_line_is_a_copy_but_for_one_cr_at_its_end() {
    let mut hill = Server::hill();
    let conn = hill.client();
    assert_eq!(hill.asks(conn, " a \rb\x0b \r"), "?  a \rb\x0b \n");
    assert_eq!(hill.asks(conn, "a\r\r"), "? a\r\n");
    hill.types(conn, b"\xff\0\xfe\n");
    assert_eq!(hill.heard_bytes(conn), b"? \xff\0\xfe\n");
}

#[test]
fn a_command_may_end_in_cr_lf_and_stand_among_blanks() {
    let mut hill = Server::hill();
    let conn = hill.client();
    assert_eq!(hill.asks(conn, &format!("{KIWI}\r")), KIWI_AT);
    let spaced = KIWI.replace(' ', " \t\x0b\x0c\r ");
    assert_eq!(hill.asks(conn, &format!("\t {spaced} ")), KIWI_AT);
}

#[test]
fn a_client_id_is_any_bytes_that_are_no_blanks() {
    let mut hill = Server::hill();
    let conn = hill.client();
    hill.types(conn, b"IAMAT k\xc3\xff\0wi +1-2 1520023935.182837383\n");
    assert_eq!(
        hill.heard_bytes(conn),
        b"AT Hill +0.000000000 k\xc3\xff\0wi +1-2 1520023935.182837383\n"
    );
    assert!(hill.herd.record(b"k\xc3\xff\0wi").is_some());
}

#[test]
fn a_line_of_the_limit_is_a_line() {
    let mut hill = short_lines();
    let conn = hill.client();
    assert_eq!(hill.asks(conn, "12345678"), "? 12345678\n");
    assert_eq!(hill.counters().long_lines, 0);
}

#[test]
fn a_line_too_long_is_answered_as_soon_as_it_is_and_only_once() {
    let mut hill = short_lines();
    let conn = hill.client();
    hill.types(conn, b"12345678");
    assert_eq!(hill.heard(conn), "");
    hill.types(conn, b"9");
    assert_eq!(hill.heard(conn), "? 12345678\n");
    hill.types(conn, b"0123456789012345678901234567890123456789");
    hill.types(conn, b"0123456789012345678901234567890123456789\n");
    assert_eq!(hill.heard(conn), "");
    assert_eq!((hill.counters().long_lines, hill.counters().invalid), (1, 1));
}

#[test]
fn after_a_line_too_long_comes_the_next() {
    let mut hill = short_lines();
    let conn = hill.client();
    hill.types(conn, b"123456789 and more\nhello\n123456789\n\nbye\n");
    assert_eq!(hill.heard(conn), "? 12345678\n? hello\n? 12345678\n? \n? bye\n");
}

#[test]
fn a_cr_is_a_byte_of_its_line() {
    let mut hill = short_lines();
    let conn = hill.client();
    assert_eq!(hill.asks(conn, "1234567\r"), "? 1234567\n");
    assert_eq!(hill.asks(conn, "12345678\r"), "? 12345678\n");
    assert_eq!(hill.counters().long_lines, 1);
}

#[test]
fn what_might_have_been_a_handshake_is_cut_like_any_line() {
    let mut hill = short_lines();
    let conn = hill.client();
    let line = format!("LINK {}", "x".repeat(8188));
    assert_eq!(hill.asks(conn, &line), "? LINK xxx\n");
}

#[test]
fn a_long_line_is_invalid_even_where_its_beginning_is_a_command() {
    let mut hill = Server::hill();
    let conn = hill.client();
    let line = format!("{KIWI}{}", " ".repeat(8192));
    assert_eq!(hill.asks(conn, &line), format!("? {}\n", &line[..8192]));
    assert_eq!(hill.record("kiwi"), None);
}

#[test]
fn a_last_line_needs_no_end() {
    let mut hill = Server::hill();
    let conn = hill.client();
    hill.types(conn, format!("hello\n{KIWI}").as_bytes());
    hill.ends(conn);
    assert_eq!(hill.heard(conn), format!("? hello\n{KIWI_AT}"));
    assert!(hill.is_closed(conn));
}

#[test]
fn a_cr_at_the_very_end_is_not_copied() {
    let mut hill = Server::hill();
    let conn = hill.client();
    hill.types(conn, b"hello\r");
    hill.ends(conn);
    assert_eq!(hill.heard(conn), "? hello\n");
}

#[test]
fn nothing_behind_the_last_line_end_is_no_line() {
    let mut hill = Server::hill();
    let conn = hill.client();
    hill.types(conn, b"hello\n");
    hill.ends(conn);
    assert_eq!(hill.heard(conn), "? hello\n");
    assert!(hill.is_closed(conn));
}

#[test]
fn the_rest_of_a_line_too_long_is_no_last_line() {
    let mut hill = short_lines();
    let conn = hill.client();
    hill.types(conn, b"123456789 and more");
    hill.ends(conn);
    assert_eq!(hill.heard(conn), "? 12345678\n");
    assert!(hill.is_closed(conn));
}

#[test]
fn a_last_line_of_the_limit_is_a_line() {
    let mut hill = short_lines();
    let conn = hill.client();
    hill.types(conn, b"12345678");
    hill.ends(conn);
    assert_eq!(hill.heard(conn), "? 12345678\n");
}

#[test]
fn after_a_half_close_everything_is_answered_before_the_other_half_closes() {
    let mut hill = Server::hill();
    let conn = hill.client();
    hill.types(conn, format!("{KIWI}\nWHATSAT kiwi 10 5\nhello\nWHATSAT kiwi 10 5").as_bytes());
    hill.heard(conn);
    hill.ends(conn);
    let requests = hill.requests();
    assert_eq!(requests.len(), 2);
    hill.answers(requests[1].0, "{\"n\":2}");
    assert!(!hill.is_closed(conn));
    hill.answers(requests[0].0, "{\"n\":1}");
    assert_eq!(
        hill.heard(conn),
        format!("{KIWI_AT}{{\"n\":1}}\n\n? hello\n{KIWI_AT}{{\"n\":2}}\n\n")
    );
    assert!(hill.is_closed(conn));
}

#[test]
fn after_a_half_close_everything_is_taken_before_the_other_half_closes() {
    let mut hill = Server::hill();
    let conn = hill.client();
    hill.stick(conn);
    hill.types(conn, b"hello");
    hill.ends(conn);
    hill.takes(conn, 5);
    assert!(!hill.is_closed(conn));
    hill.takes(conn, 5);
    assert!(hill.is_closed(conn));
}

#[test]
fn what_comes_behind_the_end_is_ignored() {
    let mut hill = Server::hill();
    let conn = hill.client();
    hill.stick(conn);
    hill.says(conn, "hello");
    hill.ends(conn);
    hill.says(conn, "goodbye");
    hill.ends(conn);
    assert_eq!(hill.heard(conn), "? hello\n");
}

#[test]
fn a_connection_that_is_gone_is_not_mistaken_for_the_next() {
    let mut hill = Server::hill();
    let old = hill.client();
    hill.types(old, b"half a li");
    hill.breaks(old);
    let new = hill.client();
    hill.says(old, "ne");
    hill.ends(old);
    hill.takes(old, 5);
    assert_eq!(hill.asks(new, "hello"), "? hello\n");
    assert!(!hill.is_closed(new));
}

/// Pieces that streams are made of.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "\n",
        "\r\n",
        "\r",
        " ",
        "IAMAT kiwi +1-2 1520023930\n",
        "IAMAT ki",
        "wi +1-2 1520023931",
        "IAMAT emu +1-2 1520023932\r\n",
        "WHATSAT kiwi 10 5\n",
        "WHATSAT emu 0 0\n",
        "WHATSAT nobody 1 1\n",
        "a line that is too long for the limit that it has here, and some more\n",
        "and another one that does not even have an end, as long as nothing else gives it one",
        "AT Hill +1 kiwi +1-2 3\n",
        "LINK\n",
        "?",
    ];
    let word = prop::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec());
    prop_oneof![8 => word, 1 => prop::collection::vec(any::<u8>(), 0..60)]
}

/// Everything one connection hears, when its bytes arrive as `cuts` say.
fn story(stream: &[u8], cuts: &[usize], pipeline: u32) -> (Vec<u8>, Vec<String>) {
    let limits = Limits { line_bytes: 50, pipeline, ..Limits::default() };
    let mut hill = Server::new(limited(limits));
    let conn = hill.client();
    let mut rest = stream;
    for cut in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (now, later) = rest.split_at((*cut).min(rest.len()));
        hill.types(conn, now);
        rest = later;
    }
    hill.ends(conn);
    loop {
        let requests = hill.requests();
        if requests.is_empty() {
            break;
        }
        for (id, request) in requests {
            hill.answers(id, &format!("{{\"results\":[\"{request}\"]}}"));
        }
    }
    assert!(hill.is_closed(conn));
    (hill.heard_bytes(conn), hill.table())
}

proptest! {
    #[test]
    fn however_a_stream_is_cut_the_answers_are_the_same(
        pieces in prop::collection::vec(piece(), 0..40),
        cuts in prop::collection::vec(1..40_usize, 1..8),
        pipeline in 1..5_u32,
    ) {
        let stream = pieces.concat();
        let whole = story(&stream, &[usize::MAX], 1000);
        prop_assert_eq!(&story(&stream, &[1], 1000), &whole);
        prop_assert_eq!(&story(&stream, &cuts, 1000), &whole);
        prop_assert_eq!(&story(&stream, &cuts, pipeline), &whole);
    }

    #[test]
    fn no_bytes_upset_a_server(pieces in prop::collection::vec(piece(), 0..20), body in any::<Vec<u8>>()) {
        let mut hill = Server::hill();
        let conn = hill.client();
        hill.types(conn, &pieces.concat());
        for (id, _) in hill.requests() {
            hill.lookup_ends(id, Ok(&body));
        }
        hill.ends(conn);
    }
}
