//! What cases are written in: escapes, things in braces, and answers in angle brackets.

use std::collections::BTreeMap;
use std::time::SystemTime;

/// What the things in braces stand for while one case is played.
pub(super) struct Words {
    /// Tells the client IDs of this case from all others.
    tag: String,
    /// Nanoseconds since 1970.
    now: i128,
    /// The server IDs seen, by the server that gave them.
    servers: BTreeMap<char, Vec<u8>>,
}

impl Words {
    pub(super) fn new(tag: String) -> Self {
        #[expect(clippy::disallowed_methods, reason = "a client reads the clock of its own")]
        let now = SystemTime::now();
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            tag,
            now: i128::try_from(since.as_nanos()).unwrap_or_default(),
            servers: BTreeMap::new(),
        }
    }

    /// The bytes that `text` stands for; what only an answer can fill in stays in its braces.
    pub(super) fn bytes(&self, text: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let (piece, behind) = match next {
                '\\' => escaped(rest),
                '{' => {
                    let (word, behind) = rest[1..].split_once('}').expect("braces are closed");
                    (self.word(word), behind)
                }
                other => (other.to_string().into_bytes(), &rest[other.len_utf8()..]),
            };
            bytes.extend(piece);
            rest = behind;
        }
        bytes
    }

    fn word(&self, word: &str) -> Vec<u8> {
        if let Some(shift) = word.strip_prefix("now") {
            let shift: i128 =
                if shift.is_empty() { 0 } else { shift.parse().expect("a shift in seconds") };
            let nanos = self.now + shift * 1_000_000_000;
            return format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000).into_bytes();
        }
        match word.split_once(' ') {
            Some((count, character)) if count != "server" => {
                character.repeat(count.parse().expect("a count")).into_bytes()
            }
            _ if matches!(word, "kiwi" | "lime" | "fig") => {
                format!("{word}.{}", self.tag).into_bytes()
            }
            _ => format!("{{{word}}}").into_bytes(),
        }
    }

    /// Whether a line that server `on` said is as expected. Fields in braces are held against what stands
    /// there, and the IDs of servers remembered. `lenient`: a time difference may have any number of decimals.
    pub(super) fn fits(&mut self, expected: &[u8], line: &[u8], on: char, lenient: bool) -> bool {
        if !expected.contains(&b'{') {
            return expected == line;
        }
        let (expected, fields): (Vec<_>, Vec<_>) = (
            // `{server B}` has a blank of its own.
            expected.split(|byte| *byte == b' ').collect(),
            line.split(|byte| *byte == b' ').collect(),
        );
        let mut fields = fields.into_iter();
        let mut expected = expected.into_iter();
        while let Some(wanted) = expected.next() {
            let Some(field) = fields.next() else { return false };
            let fits = match wanted {
                b"{skew}" => is_skew(field, lenient),
                wanted if wanted.starts_with(b"{skew-") => {
                    is_skew(field, lenient) && self.is_since(wanted, field)
                }
                b"{server}" => self.is_server(on, field),
                b"{server" => {
                    let of = expected.next().and_then(|name| name.first()).copied();
                    self.is_server(char::from(of.unwrap_or_default()), field)
                }
                literal => literal == field,
            };
            if !fits {
                return false;
            }
        }
        fields.next().is_none()
    }

    /// Whether a time difference is about the time since a moment: `{skew-SECONDS}`.
    fn is_since(&self, wanted: &[u8], field: &[u8]) -> bool {
        let number = |bytes: &[u8]| str::from_utf8(bytes).ok()?.parse::<f64>().ok();
        let moment = wanted.strip_prefix(b"{skew-").and_then(|rest| rest.strip_suffix(b"}"));
        let (Some(moment), Some(skew)) = (moment.and_then(number), number(field)) else {
            return false;
        };
        let since = self.now as f64 / 1e9 - moment;
        (skew - since).abs() <= CLOCKS_APART_S
    }

    fn is_server(&mut self, on: char, field: &[u8]) -> bool {
        let known = self.servers.entry(on).or_insert_with(|| field.to_vec());
        !field.is_empty() && known == field
    }
}

/// How far the clock of a server may be from ours.
const CLOCKS_APART_S: f64 = 600.0;

/// A sign, digits, a point and nine digits; `lenient`: or any number of digits, and no point where there are none.
fn is_skew(field: &[u8], lenient: bool) -> bool {
    let Some((b'+' | b'-', number)) = field.split_first() else { return false };
    let mut parts = number.split(|byte| *byte == b'.');
    let is_digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(seconds), None, None) => lenient && is_digits(seconds),
        (Some(seconds), Some(fraction), None) => {
            is_digits(seconds) && is_digits(fraction) && (lenient || fraction.len() == 9)
        }
        _ => false,
    }
}

/// The byte that an escape stands for, and what follows it.
fn escaped(text: &str) -> (Vec<u8>, &str) {
    let (name, behind) = text[1..].split_at(1);
    let byte = match name {
        "n" => b'\n',
        "r" => b'\r',
        "t" => b'\t',
        "v" => 0x0b,
        "f" => 0x0c,
        "\\" => b'\\',
        "x" => {
            let (digits, behind) = behind.split_at(2);
            let byte = u8::from_str_radix(digits, 16).expect("two hexadecimal digits");
            return (vec![byte], behind);
        }
        other => panic!("\\{other} is no escape"),
    };
    (vec![byte], behind)
}

/// An answer of the provider that a case expects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Body {
    /// With so many results.
    Places(usize),
    /// With any.
    SomePlaces,
    /// The provider's own error format.
    Error,
}

impl Body {
    /// What an expectation in angle brackets says; `None` where it is a line.
    pub(super) fn parse(expected: &str) -> Option<Self> {
        let inside = expected.strip_prefix('<')?.strip_suffix('>')?;
        Some(match inside {
            "error" => Self::Error,
            "places ?" => Self::SomePlaces,
            _ => {
                let count = inside.strip_prefix("places ").expect("an answer that is known");
                Self::Places(count.parse().expect("a count"))
            }
        })
    }

    /// Whether a text, its last two newlines cut off, is this answer.
    pub(super) fn fits(self, text: &[u8]) -> bool {
        let Ok(value) = serde_json::from_slice::<serde_json::Value>(text) else { return false };
        let results = value["results"].as_array().map(Vec::len);
        match self {
            Self::Places(count) => results == Some(count) && value["status"] == "OK",
            Self::SomePlaces => {
                results.is_some_and(|count| count <= 20) && value["status"].is_string()
            }
            Self::Error => results == Some(0) && value["status"] == "UNKNOWN_ERROR",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        Words { tag: "7".into(), now: 1_520_023_934_918_963_997, servers: BTreeMap::new() }
    }

    #[test]
    fn words_and_escapes_become_bytes() {
        let words = words();
        assert_eq!(words.bytes(r"a\n\x00\\{3 x}"), b"a\n\0\\xxx");
        assert_eq!(
            words.bytes("{kiwi} {now-100} {now}"),
            b"kiwi.7 1520023834.918963997 1520023934.918963997"
        );
    }

    #[test]
    fn fields_in_braces_are_held_against_what_they_mean() {
        let mut words = words();
        let at = words.bytes("AT {server} {skew} k");

        assert!(words.fits(&at, b"AT Hill +0.000000001 k", 'A', false));
        assert!(!words.fits(&at, b"AT Ball +0.000000001 k", 'A', false), "another server");
        assert!(words.fits(&at, b"AT Ball -0.000000001 k", 'B', false));
        assert!(words.fits(b"AT {server B} {skew} k", b"AT Ball -0.000000001 k", 'A', false));
        for bad in
            ["AT Hill +0.1 k", "AT Hill 0.000000001 k", "AT Hill +0.000000001 k x", "AT Hill"]
        {
            assert!(!words.fits(&at, bad.as_bytes(), 'A', false), "{bad}");
        }
    }

    #[test]
    fn where_the_assignment_is_all_a_time_difference_has_a_sign_and_any_decimals() {
        for good in ["+0", "-1", "+0.26387", "+275208534.3440294240001"] {
            assert!(is_skew(good.as_bytes(), true), "{good}");
        }
        for bad in ["0.5", "+", "+1.", "+.5", "+1e-05", "+-1", "+1.2.3", "+nan", "1", ""] {
            assert!(!is_skew(bad.as_bytes(), true), "{bad}");
        }
    }

    #[test]
    fn a_time_difference_is_the_time_since_the_report() {
        let mut words = words();
        let at = b"AT {server} {skew-1520023000} k";

        assert!(words.fits(at, b"AT Hill +934.9 k", 'A', true));
        assert!(words.fits(at, b"AT Hill +1200 k", 'A', true), "clocks differ");
        for bad in ["-934.9", "+0.5", "+1520023934.9", "+29734.9"] {
            let line = format!("AT Hill {bad} k");
            assert!(!words.fits(at, line.as_bytes(), 'A', true), "{bad}");
        }
    }

    #[test]
    fn answers_are_counted() {
        let two = br#"{"results":[1,2],"status":"OK"}"#;
        assert!(Body::parse("<places 2>").unwrap().fits(two));
        assert!(!Body::parse("<places 1>").unwrap().fits(two));
        assert!(Body::parse("<places ?>").unwrap().fits(two));
        assert!(!Body::Error.fits(two));
        assert!(Body::Error.fits(br#"{"results":[],"status":"UNKNOWN_ERROR"}"#));
        assert_eq!(Body::parse("? <"), None);
    }
}
