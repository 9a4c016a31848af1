//! What a provider is asked, and how its answer becomes a client's.
//!
//! Here are the dialects whose bodies are passed on as they come. The one that is translated has a file
//! of its own.

mod places_new;
mod response;

use alloc::format;
use alloc::vec::Vec;

use memchr::memmem;

use crate::command::Query;
use crate::config::Dialect;
use crate::json;
use crate::location::Location;

pub use response::{LookupError, Response};

/// What to ask the provider: a request less its address and its key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Request<'a> {
    /// A GET.
    Get {
        /// The query string, to which a key may be added as `&key=`.
        query: &'a str,
    },
    /// A POST.
    Post {
        /// JSON.
        body: &'a str,
        /// What the answer is to hold: the header field `X-Goog-FieldMask`.
        fields: &'static str,
    },
}

impl<'a> Request<'a> {
    /// The request that [`write_request`] wrote.
    pub(crate) fn new(dialect: Dialect, text: &'a str) -> Self {
        match dialect {
            Dialect::Places | Dialect::Posts => Self::Get { query: text },
            Dialect::PlacesNew => Self::Post { body: text, fields: places_new::FIELDS },
        }
    }

    /// Whether a response with a status other than 200 has a body worth reading, which says what is
    /// wrong.
    pub fn has_error_bodies(&self) -> bool {
        matches!(self, Self::Post { .. })
    }
}

/// Appends the query string or the body, key left out, that asks for what is near `location`.
pub(crate) fn write_request(
    dialect: Dialect,
    location: &[u8],
    query: &Query<'_>,
    out: &mut Vec<u8>,
) {
    let location = Location::parse(location).expect("a record's location was checked when it came");
    match dialect {
        Dialect::Places => {
            out.extend_from_slice(b"location=");
            location.write_for_provider(out);
            out.extend_from_slice(b"&radius=");
            query.radius_km.write_thousandfold(out);
        }
        Dialect::PlacesNew => places_new::write_request(&location, query, out),
        Dialect::Posts => {
            out.extend_from_slice(b"q=&geocode=");
            location.write_for_provider(out);
            out.push(b',');
            query.radius_km.write(out);
            out.extend_from_slice(b"km&rpp=");
            out.extend_from_slice(itoa::Buffer::new().format(query.bound.max(1)).as_bytes());
        }
    }
}

/// Appends the provider's body as a client gets it: `bound` results at most, and the line ends that
/// the dialect has.
///
/// # Errors
///
/// Where it is not what was asked for; nothing is appended then.
pub(crate) fn write_answer(
    dialect: Dialect,
    response: Response<'_>,
    bound: u32,
    out: &mut Vec<u8>,
) -> Result<(), LookupError> {
    match dialect {
        Dialect::PlacesNew => places_new::write_answer(response, bound, out),
        Dialect::Places | Dialect::Posts if response.status != 200 => {
            Err(LookupError::Status(response.status))
        }
        Dialect::Places => write_cut(response.body, bound, out, write_paragraph),
        Dialect::Posts => write_cut(response.body, bound, out, write_line),
    }
}

/// Appends, through `write`, the parts of a body that are left when its results are cut.
fn write_cut(
    body: &[u8],
    bound: u32,
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut dyn Iterator<Item = &[u8]>, &mut Vec<u8>),
) -> Result<(), LookupError> {
    let cuts = json::cut_results(body, bound as usize).map_err(LookupError::NotJson)?;
    let gone: usize = cuts.iter().map(ExactSizeIterator::len).sum();
    out.reserve(body.len() - gone + LINE_ENDS);
    let mut ends = cuts.iter().map(|cut| cut.start).collect::<Vec<_>>();
    ends.push(body.len());
    let starts = core::iter::once(0).chain(cuts.iter().map(|cut| cut.end));
    write(&mut starts.zip(ends).map(|(start, end)| &body[start..end]), out);
    Ok(())
}

/// Appends a body in the provider's own error format, so that a client's parser works.
pub(crate) fn write_error(dialect: Dialect, error: &LookupError, out: &mut Vec<u8>) {
    let body = match dialect {
        Dialect::Places | Dialect::PlacesNew => format!(
            r#"{{"html_attributions":[],"results":[],"status":"UNKNOWN_ERROR","error_message":"{error}"}}{end}"#,
            end = "\n\n"
        ),
        Dialect::Posts => format!(r#"{{"results":[],"error":"{error}"}}{end}"#, end = "\n"),
    };
    out.extend_from_slice(body.as_bytes());
}

/// The most that is appended to what is left of a body.
const LINE_ENDS: usize = 2;

/// Line ends (LF, CR LF, CR) at both ends go, of a run of them the first one stays, and two LF follow.
fn write_paragraph(parts: &mut dyn Iterator<Item = &[u8]>, out: &mut Vec<u8>) {
    let start = out.len();
    let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    for mut rest in parts {
        // Most bodies have no CR. Then only runs are looked for, and the rest is copied as a whole.
        let has_cr = memchr::memchr(b'\r', rest).is_some();
        while !rest.is_empty() {
            if out.len() == start || out.last().is_some_and(is_end) {
                let ends = rest.iter().take_while(|byte| is_end(byte)).count();
                rest = &rest[ends..];
            }
            let line = if has_cr {
                let end = memchr::memchr2(b'\r', b'\n', rest);
                end.map(|at| at + if rest[at..].starts_with(b"\r\n") { 2 } else { 1 })
            } else {
                memmem::find(rest, b"\n\n").map(|at| at + 1)
            };
            let (line, behind) = rest.split_at(line.unwrap_or(rest.len()));
            out.extend_from_slice(line);
            rest = behind;
        }
    }
    while out.len() > start && out.last().is_some_and(is_end) {
        out.pop();
    }
    out.extend_from_slice(b"\n\n");
}

/// All on one line.
fn write_line(parts: &mut dyn Iterator<Item = &[u8]>, out: &mut Vec<u8>) {
    for piece in parts.flat_map(|part| part.split(|byte| matches!(byte, b'\r' | b'\n'))) {
        out.extend_from_slice(piece);
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decimal::Decimal;
    use alloc::string::String;
    use proptest::prelude::*;

    fn request(dialect: Dialect, radius: &str, bound: u32) -> String {
        let radius_km = Decimal::parse(radius.as_bytes()).unwrap();
        let query = Query { client: b"kiwi", radius_km, bound };
        let mut out = Vec::new();
        write_request(dialect, b"+34.068930-118.445127", &query, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn answer(dialect: Dialect, body: &str, bound: u32) -> String {
        let mut out = Vec::new();
        let response = Response { status: 200, body: body.as_bytes() };
        write_answer(dialect, response, bound, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn requests_read_as_the_providers_document_them() {
        assert_eq!(
            request(Dialect::Places, "10", 5),
            "location=34.068930,-118.445127&radius=10000"
        );
        assert_eq!(
            request(Dialect::Posts, "0100.50", 2),
            "q=&geocode=34.068930,-118.445127,100.50km&rpp=2"
        );
        assert_eq!(request(Dialect::Posts, "1", 0), "q=&geocode=34.068930,-118.445127,1km&rpp=1");
    }

    #[test]
    fn a_places_answer_is_a_paragraph() {
        let body = "\n\n{\n   \"results\" : [\n      1,\n\n\n      2\n   ]\n}\n\n\n";
        assert_eq!(
            answer(Dialect::Places, body, 2),
            "{\n   \"results\" : [\n      1,\n      2\n   ]\n}\n\n"
        );
        assert_eq!(answer(Dialect::Places, body, 1), "{\n   \"results\" : [\n      1\n   ]\n}\n\n");
        assert_eq!(answer(Dialect::Places, body, 0), "{\n   \"results\" : [\n   ]\n}\n\n");
        assert_eq!(answer(Dialect::Places, "{\n}", 0), "{\n}\n\n");
    }

    #[test]
    fn whatever_ends_lines_no_line_of_an_answer_is_empty() {
        let body = "{\r\n\r\n\"results\":[1],\r\n\"status\":\"OK\"}\r\n\r\n";
        let expected = |end: &str| format!("{{{end}\"results\":[1],{end}\"status\":\"OK\"}}\n\n");
        assert_eq!(answer(Dialect::Places, body, 1), expected("\r\n"));
        for (ends, kept) in [("\r", "\r"), ("\n\r", "\n"), ("\n", "\n")] {
            assert_eq!(answer(Dialect::Places, &body.replace("\r\n", ends), 1), expected(kept));
        }
        assert_eq!(
            answer(Dialect::Places, "\r\n{\"results\":[\r1,\r2\r]}\r", 1),
            "{\"results\":[\r1\r]}\n\n"
        );
    }

    proptest! {
        /// Whatever blanks stand between the parts, what the JSON says stays, and no line is empty, be its end LF, CR LF
        /// or CR.
        #[test]
        fn no_line_before_the_end_is_empty(
            blanks in prop::collection::vec("[ \t\r\n]{0,5}", 26), bound in 0..4_u32,
        ) {
            let parts = [
                "{", "\"html_attributions\"", ":", "[", "\"<a\\r\\n\\r\\n>\"", "]", ",", "\"results\"", ":", "[", "1", ",",
                "{", "\"a\"", ":", "2", "}", ",", "3", "]", ",", "\"places\"", ":", "[]", "}", "",
            ];
            let body: String = blanks.iter().zip(parts).flat_map(|(blank, part)| [blank, part]).collect();
            for dialect in [Dialect::Places, Dialect::PlacesNew, Dialect::Posts] {
                let text = answer(dialect, &body, bound);
                let end = if dialect == Dialect::Posts { "\n" } else { "\n\n" };
                let inside = text.strip_suffix(end).unwrap();
                let lines = inside.replace("\r\n", "\n");
                prop_assert!(lines.split(['\r', '\n']).all(|line| !line.is_empty()), "{dialect:?}: {text:?}");
                let value: serde_json::Value = serde_json::from_str(inside).unwrap();
                if dialect != Dialect::PlacesNew {
                    let mut expected: serde_json::Value = serde_json::from_str(&body).unwrap();
                    expected["results"].as_array_mut().unwrap().truncate(bound as usize);
                    prop_assert_eq!(value, expected);
                }
            }
        }
    }

    #[test]
    fn a_posts_answer_is_a_line() {
        assert_eq!(
            answer(Dialect::Posts, "{\r\n \"results\":[1,\n2]}\n", 1),
            "{ \"results\":[1]}\n"
        );
    }

    #[test]
    fn an_error_is_json_too() {
        let mut out = Vec::new();
        write_error(Dialect::Places, &LookupError::Status(500), &mut out);
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["status"], "UNKNOWN_ERROR");
        assert!(out.ends_with(b"}\n\n"));
    }
}
