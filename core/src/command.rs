//! What a line says: the commands of clients, and the updates that servers send one another.
//!
//! A line is parsed where it lies; everything here borrows from it. Once a [`Command`] or an
//! [`Update`] exists it is well formed, and nobody checks it again.

use crate::config::{Dialect, MAX_CLIENT_BYTES, MAX_SERVER_BYTES};
use crate::decimal::{Decimal, bytes};
use crate::location::Location;
use crate::time::Timestamp;

/// A line that a client may write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Command<'a> {
    /// `IAMAT`: where a client is.
    Iamat(Report<'a>),
    /// `WHATSAT`: what is near a client.
    Whatsat(Query<'a>),
}

/// Where a client was, and when, in its own words.
///
/// Well formed: one is made by [`Command::parse`] or [`Report::new`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Report<'a> {
    /// The client's ID.
    pub client: &'a [u8],
    /// A well-formed [`Location`], as it was written.
    pub location: &'a [u8],
    /// The time as it was written.
    pub time: &'a [u8],
    /// The same time as a number.
    pub stamp: Timestamp,
}

/// What is asked about a client.
///
/// Well formed: one is made by [`Command::parse`] or [`Herd::query`](crate::Herd::query).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Query<'a> {
    /// The client's ID.
    pub client: &'a [u8],
    /// How far around it to look, in kilometres.
    pub radius_km: Decimal<'a>,
    /// At most so many items are wanted.
    pub bound: u32,
}

/// What one server tells another: the `AT` line of a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Update<'a> {
    /// The ID of the server that heard the report.
    pub server: &'a [u8],
    /// The time difference that server saw, as it was written.
    pub skew: &'a [u8],
    /// What the client said.
    pub report: Report<'a>,
    /// Whether nothing but a single space is between the fields, and nothing around them.
    is_spaced: bool,
}

/// What a command is held against: the provider's limits and the server's own.
#[derive(Clone, Copy, Debug)]
pub struct Grammar {
    /// Decides how large a radius and a bound may be.
    pub dialect: Dialect,
    /// The longest client ID, in bytes.
    pub client_id_bytes: usize,
}

/// Why a line is not a command, or not an update.
///
/// A client sees none of this: every malformed line is answered by `? ` and a copy of itself. The
/// reason is for tests and for the log of a link.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Malformed {
    /// The first field is no command's name, or there is none.
    UnknownCommand,
    /// Fewer fields than the command takes.
    MissingField,
    /// More fields than the command takes.
    ExtraField,
    /// A client ID that is too long.
    LongClient,
    /// Not a location, or one outside the Earth.
    BadLocation,
    /// Not a time, or one that does not fit.
    BadTime,
    /// A radius or a bound that is not a number.
    BadNumber,
    /// A radius or a bound beyond the provider's limit.
    OutOfRange,
    /// A server ID that is too long.
    LongServer,
    /// A time difference with other than digits, signs, point and exponent in it.
    BadSkew,
}

impl<'a> Command<'a> {
    /// Parses a client's line, given without its line end. Of reports that are written as they usually are a server
    /// reads no more than it needs, in a way of its own.
    ///
    /// # Errors
    ///
    /// The first check that the line fails.
    pub fn parse(line: &'a [u8], grammar: &Grammar) -> Result<Self, Malformed> {
        let mut fields = Fields { rest: line };
        match fields.next() {
            Some(b"IAMAT") => {
                let report = Report::parse(&mut fields, grammar.client_id_bytes)?;
                fields.end()?;
                Ok(Self::Iamat(report))
            }
            Some(b"WHATSAT") => Query::parse(&mut fields, grammar).map(Self::Whatsat),
            _ => Err(Malformed::UnknownCommand),
        }
    }

    /// The ID of the client that the command is about.
    pub fn client(&self) -> &'a [u8] {
        match self {
            Self::Iamat(report) => report.client,
            Self::Whatsat(query) => query.client,
        }
    }

    /// The client that a line names if it begins as commands usually do. Whether it is one, [`Command::parse`]
    /// says.
    #[inline]
    pub(crate) fn client_of(line: &'a [u8]) -> Option<&'a [u8]> {
        let rest = line.strip_prefix(b"IAMAT ").or_else(|| line.strip_prefix(b"WHATSAT "))?;
        Some(&rest[..length(rest)])
    }
}

impl<'a> Update<'a> {
    /// Parses an `AT` line, given without its line end.
    ///
    /// A seventh field, in which some implementations name the last hop, is dropped. The limits are
    /// those that every server shares: a server's own would make tables differ.
    ///
    /// # Errors
    ///
    /// The first check that the line fails.
    #[inline]
    pub fn parse(line: &'a [u8]) -> Result<Self, Malformed> {
        match Self::spaced(line) {
            Some(update) => Ok(update),
            None => Self::parse_fields(line),
        }
    }

    fn parse_fields(line: &'a [u8]) -> Result<Self, Malformed> {
        let mut fields = Fields { rest: line };
        if fields.next() != Some(b"AT") {
            return Err(Malformed::UnknownCommand);
        }
        let server = fields.next().ok_or(Malformed::MissingField)?;
        if server.len() > MAX_SERVER_BYTES {
            return Err(Malformed::LongServer);
        }
        let skew = fields.next().ok_or(Malformed::MissingField)?;
        if !is_skew(skew) {
            return Err(Malformed::BadSkew);
        }
        let report = Report::parse(&mut fields, MAX_CLIENT_BYTES)?;
        let _last_hop = fields.next();
        fields.end()?;
        Ok(Self { server, skew, report, is_spaced: false })
    }

    /// The update that `line` is, if it is written as herd servers write it.
    #[inline]
    fn spaced(line: &'a [u8]) -> Option<Self> {
        let rest = line.strip_prefix(b"AT ")?;
        let (server, rest) = rest.split_at(length(rest));
        if server.is_empty() || server.len() > MAX_SERVER_BYTES {
            return None;
        }
        let rest = rest.strip_prefix(b" ")?;
        let (skew, rest) = rest.split_at(length(rest));
        if skew.is_empty() || !is_skew(skew) {
            return None;
        }
        let client = rest.strip_prefix(b" ")?;
        let client = &client[..length(client)];
        if client.is_empty() || client.len() > MAX_CLIENT_BYTES {
            return None;
        }
        let report = Report::spaced(client, rest)?;
        Some(Self { server, skew, report, is_spaced: true })
    }

    /// The client that a line names if it is an `AT` line with its fields one space apart. Whether it is one,
    /// [`Update::parse`] says.
    pub(crate) fn client_of(line: &'a [u8]) -> Option<&'a [u8]> {
        let mut rest = line.strip_prefix(b"AT ")?;
        for _ in ["server", "skew"] {
            rest = rest.get(length(rest) + 1..)?;
        }
        Some(&rest[..length(rest)])
    }

    /// Whether the line is written as herd servers write it, its fields one space apart.
    pub(crate) fn is_spaced(&self) -> bool {
        self.is_spaced
    }
}

impl<'a> Report<'a> {
    /// A report of its three fields, written as they stand in an `IAMAT` line: for programs that do not speak
    /// in lines.
    ///
    /// # Errors
    ///
    /// The first field that is missing, too long, or not what it should be. White space in a client's ID is
    /// an [`ExtraField`](Malformed::ExtraField).
    pub fn new(client: &'a [u8], location: &'a [u8], time: &'a [u8]) -> Result<Self, Malformed> {
        if [client, location, time].iter().any(|field| field.is_empty()) {
            return Err(Malformed::MissingField);
        }
        if client.iter().copied().any(is_space) {
            return Err(Malformed::ExtraField);
        }
        Self::check(client, location, time, MAX_CLIENT_BYTES)
    }

    /// The next three of `fields`.
    fn parse(fields: &mut Fields<'a>, client_bytes: usize) -> Result<Self, Malformed> {
        let client = fields.next().ok_or(Malformed::MissingField)?;
        let location = fields.next().ok_or(Malformed::MissingField)?;
        let time = fields.next().ok_or(Malformed::MissingField)?;
        Self::check(client, location, time, client_bytes)
    }

    fn check(
        client: &'a [u8],
        location: &'a [u8],
        time: &'a [u8],
        client_bytes: usize,
    ) -> Result<Self, Malformed> {
        if client.len() > client_bytes {
            return Err(Malformed::LongClient);
        }
        if Location::parse(location).is_none() {
            return Err(Malformed::BadLocation);
        }
        let stamp = Timestamp::parse(time).ok_or(Malformed::BadTime)?;
        Ok(Self { client, location, time, stamp })
    }

    /// The report that `text` is if its fields have a single space before each and nothing behind them. The first
    /// of them is `client`.
    #[inline]
    fn spaced(client: &'a [u8], text: &'a [u8]) -> Option<Self> {
        let rest = &text[1 + client.len()..];
        let (location_len, stamp) = Self::read_spaced(rest)?;
        let location = &rest[1..][..location_len];
        Some(Self { client, location, time: &rest[location_len + 2..], stamp })
    }

    /// The time stamp of the same.
    #[inline]
    pub(crate) fn stamp_of_spaced(client: &[u8], text: &[u8]) -> Option<Timestamp> {
        Self::read_spaced(&text[1 + client.len()..]).map(|(_, stamp)| stamp)
    }

    /// A location, by its length, and a time, of which `text` is made with a space before each.
    fn read_spaced(text: &[u8]) -> Option<(usize, Timestamp)> {
        let location = text.strip_prefix(b" ")?;
        let (_, rest) = Location::split_from(location)?;
        let length = location.len() - rest.len();
        let (stamp, rest) = Timestamp::split_from(rest.strip_prefix(b" ")?)?;
        rest.is_empty().then_some((length, stamp))
    }
}

impl<'a> Query<'a> {
    /// A question of its fields.
    pub(crate) fn new(
        client: &'a [u8],
        radius_km: &'a [u8],
        bound: u32,
        dialect: Dialect,
    ) -> Result<Self, Malformed> {
        let radius_km = Decimal::parse(radius_km).ok_or(Malformed::BadNumber)?;
        let (most_km, most_items) = dialect_bounds(dialect);
        if most_km.is_some_and(|most| radius_km.exceeds(most)) || bound > most_items {
            return Err(Malformed::OutOfRange);
        }
        Ok(Self { client, radius_km, bound })
    }

    fn parse(fields: &mut Fields<'a>, grammar: &Grammar) -> Result<Self, Malformed> {
        let client = fields.next().ok_or(Malformed::MissingField)?;
        let radius = fields.next().ok_or(Malformed::MissingField)?;
        let bound = fields.next().ok_or(Malformed::MissingField)?;
        fields.end()?;
        let radius_km = Decimal::parse(radius).ok_or(Malformed::BadNumber)?;
        if !bound.iter().all(u8::is_ascii_digit) {
            return Err(Malformed::BadNumber);
        }
        let (most_km, most_items) = dialect_bounds(grammar.dialect);
        if most_km.is_some_and(|most| radius_km.exceeds(most)) {
            return Err(Malformed::OutOfRange);
        }
        let bound = Decimal::parse(bound).and_then(|number| number.integer());
        match bound {
            Some(bound) if bound <= most_items => Ok(Self { client, radius_km, bound }),
            _ => Err(Malformed::OutOfRange),
        }
    }
}

/// The largest radius in kilometres, if there is one, and the most items.
const fn dialect_bounds(dialect: Dialect) -> (Option<u32>, u32) {
    match dialect {
        Dialect::Places | Dialect::PlacesNew => (Some(50), 20),
        Dialect::Posts => (None, 100),
    }
}

/// Whether `text` may be a time difference.
#[inline]
fn is_skew(text: &[u8]) -> bool {
    text.len() <= MAX_SKEW_BYTES
        && (is_signed_decimal(text) || text.iter().all(|byte| is_of_skew(*byte)))
}

/// Whether `text` is what herd servers write a time difference as: what all are made of, found out in less time.
#[inline]
fn is_signed_decimal(text: &[u8]) -> bool {
    let [b'+' | b'-', number @ ..] = text else { return false };
    matches!(Decimal::split_from(number), Some((_, [])))
}

/// A time difference has at most this many bytes; ours have 22.
const MAX_SKEW_BYTES: usize = 64;
/// What other implementations print a time difference with: Python's floats may have an exponent.
fn is_of_skew(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
}

/// The fields of a line, one after the other.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn end(&mut self) -> Result<(), Malformed> {
        match self.next() {
            Some(_) => Err(Malformed::ExtraField),
            None => Ok(()),
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let start = self.rest.iter().position(|byte| !is_space(*byte))?;
        let field = &self.rest[start..];
        let (field, rest) = field.split_at(length(field));
        self.rest = rest;
        Some(field)
    }
}

/// How many bytes come before white space: eight at a time, as long as there are so many.
fn length(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(eight) = text[at..].first_chunk() {
        // In a byte up to a space the highest bit is set; those behind the first such may be wrong.
        let word = u64::from_le_bytes(*eight);
        let low = word.wrapping_sub(bytes(b' ' + 1)) & !word & bytes(0x80);
        if low == 0 {
            at += 8;
            continue;
        }
        at += low.trailing_zeros() as usize / 8;
        if is_space(text[at]) {
            return at;
        }
        at += 1;
    }
    at + text[at..].iter().position(|byte| is_space(*byte)).unwrap_or(text.len() - at)
}

/// The white space of C's `isspace` in the POSIX locale.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLACES: Grammar = Grammar { dialect: Dialect::Places, client_id_bytes: 255 };
    const POSTS: Grammar = Grammar { dialect: Dialect::Posts, client_id_bytes: 255 };

    fn flaw(line: &str) -> Option<Malformed> {
        Command::parse(line.as_bytes(), &PLACES).err()
    }

    #[test]
    fn white_space_of_any_kind_and_amount_separates_fields() {
        let line = b" \t\x0b\x0cIAMAT\tki\xffwi  +1-2\x0b\r1.5 \r";
        let Ok(Command::Iamat(report)) = Command::parse(line, &PLACES) else {
            panic!("not a report")
        };
        assert_eq!(
            (report.client, report.location, report.time),
            (&b"ki\xffwi"[..], &b"+1-2"[..], &b"1.5"[..])
        );
    }

    #[test]
    fn a_field_ends_at_white_space_alone() {
        for byte in 0..=u8::MAX {
            for at in 0..20 {
                let mut text = [b'x'; 30];
                text[at] = byte;
                text[at + 3] = b'\t';
                let expected = if is_space(byte) { at } else { at + 3 };
                assert_eq!(length(&text), expected, "{byte}");
                assert_eq!(length(&text[..at]), at);
            }
        }
    }

    #[test]
    fn each_flaw_of_a_line_has_its_reason() {
        use Malformed::*;
        for (line, reason) in [
            ("", UnknownCommand),
            ("iamat kiwi +1-2 3", UnknownCommand),
            ("AT Hill +0.1 kiwi +1-2 3", UnknownCommand),
            ("IAMAT kiwi +1-2", MissingField),
            ("IAMAT kiwi +1-2 3 4", ExtraField),
            ("IAMAT kiwi +91-2 3", BadLocation),
            ("IAMAT kiwi +1-2 3e4", BadTime),
            ("WHATSAT kiwi 10", MissingField),
            ("WHATSAT kiwi 10 5 6", ExtraField),
            ("WHATSAT kiwi -1 5", BadNumber),
            ("WHATSAT kiwi 1 5.0", BadNumber),
            ("WHATSAT kiwi +1 5", BadNumber),
            ("WHATSAT kiwi 50.1 5", OutOfRange),
            ("WHATSAT kiwi 50 21", OutOfRange),
            ("WHATSAT kiwi 50 99999999999999999999", OutOfRange),
        ] {
            assert_eq!(flaw(line), Some(reason), "{line:?}");
        }
        assert_eq!(flaw("WHATSAT kiwi 0 0"), None);
        assert_eq!(flaw("WHATSAT kiwi 050.000 0020"), None);
    }

    proptest! {
        /// Reports with one space between their fields are read in a way of their own.
        #[test]
        fn a_report_says_the_same_whatever_the_space_in_it(
            fields in prop::collection::vec("[+-][0-9.]{0,12}([+-][0-9.]{0,12})?|[0-9.]{1,12}|[^ \\t-\\r]{1,20}", 2..4),
        ) {
            let usual = " kiwi +34.068930-118.445127 ";
            let text = alloc::format!(" kiwi {}", fields.join(" "));
            for text in [text, alloc::format!("{usual}{}", fields[0]), usual.replace("+34", &fields[1]) + "1.5"] {
                let wide = alloc::format!("IAMAT{}", text.replace(' ', "\t "));
                let parsed = match Command::parse(wide.as_bytes(), &PLACES) {
                    Ok(Command::Iamat(report)) => Some(report),
                    _ => None,
                };
                let stamp = parsed.map(|report| report.stamp);
                prop_assert_eq!(Report::spaced(b"kiwi", text.as_bytes()), parsed, "{}", text);
                prop_assert_eq!(Report::stamp_of_spaced(b"kiwi", text.as_bytes()), stamp);
            }
        }
    }

    #[test]
    fn a_report_with_a_field_of_nothing_is_not_spaced() {
        for text in [
            " kiwi  +1-2 3",
            " kiwi +1-2  3",
            " kiwi +1-2 3 ",
            " kiwi +1-2 ",
            " kiwi +1-2",
            " kiwi ",
            " kiwi",
        ] {
            assert_eq!(Report::spaced(b"kiwi", text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn posts_have_no_limit_on_the_radius() {
        assert!(Command::parse(b"WHATSAT kiwi 99999999999999 100", &POSTS).is_ok());
        assert_eq!(Command::parse(b"WHATSAT kiwi 1 101", &POSTS), Err(Malformed::OutOfRange));
    }

    #[test]
    fn a_client_id_has_the_configured_length_at_most() {
        let tight = Grammar { client_id_bytes: 4, ..PLACES };
        assert!(Command::parse(b"IAMAT kiwi +1-2 3", &tight).is_ok());
        assert_eq!(Command::parse(b"IAMAT kiwis +1-2 3", &tight), Err(Malformed::LongClient));
    }

    #[test]
    fn an_update_may_name_its_last_hop() {
        let update = Update::parse(b"AT Hill +0.1 kiwi +1-2 3 Ball").unwrap();
        assert_eq!(update.report.time, b"3");
        assert_eq!(Update::parse(b"AT Hill +0.1 kiwi +1-2 3 Ball x"), Err(Malformed::ExtraField));
    }

    #[test]
    fn the_client_of_a_command_is_found_without_parsing_it() {
        assert_eq!(Command::client_of(b"IAMAT kiwi +1-2 3"), Some(&b"kiwi"[..]));
        assert_eq!(Command::client_of(b"WHATSAT kiwi"), Some(&b"kiwi"[..]));
        for other in
            [&b""[..], b"IAMAT", b"IAMAT\tkiwi +1-2 3", b" IAMAT kiwi +1-2 3", b"AT kiwi +1-2 3"]
        {
            assert_eq!(Command::client_of(other), None);
        }
    }

    #[test]
    fn an_update_is_spaced_where_its_fields_are_one_space_apart() {
        let is_spaced = |line: &str| Update::parse(line.as_bytes()).unwrap().is_spaced();
        for line in
            ["AT Hill +0.1 kiwi +1-2 3", "AT Hill 1e-5 kiwi +1-2 3.5", "AT Hill + kiwi +1-2 3"]
        {
            assert!(is_spaced(line), "{line}");
            assert!(!is_spaced(&alloc::format!("{line} Ball")), "{line}");
            for other in [line.replacen(' ', "  ", 1), line.replace(" +1-2 ", "\t+1-2 ")] {
                assert!(!is_spaced(&other), "{other}");
            }
            for other in [alloc::format!(" {line}"), alloc::format!("{line}\r")] {
                assert!(!is_spaced(&other), "{other}");
            }
        }
    }

    #[test]
    fn the_client_of_a_canonical_line_is_found_without_parsing_it() {
        let line = b"AT Hill +0.1 kiwi.cs.ucla.edu +1-2 3";
        assert_eq!(Update::client_of(line), Some(&b"kiwi.cs.ucla.edu"[..]));
        assert_eq!(Update::client_of(b"AT Hill +0.1 kiwi"), Some(&b"kiwi"[..]));
        for other in [&b""[..], b"AT", b"AT Hill", b"AT Hill +0.1", b"MARK 5", b"IAMAT a b c"] {
            assert_eq!(Update::client_of(other), None);
        }
    }

    #[test]
    fn an_update_with_a_strange_difference_is_none() {
        assert!(Update::parse(b"AT Hill -1.2e-05 kiwi +1-2 3").is_ok());
        assert_eq!(Update::parse(b"AT Hill soon kiwi +1-2 3"), Err(Malformed::BadSkew));
    }
}
