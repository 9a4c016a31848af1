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
    /// there, and the IDs of servers remembered.
    pub(super) fn fits(&mut self, expected: &[u8], line: &[u8], on: char) -> bool {
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
                b"{skew}" => is_skew(field),
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

    fn is_server(&mut self, on: char, field: &[u8]) -> bool {
        let known = self.servers.entry(on).or_insert_with(|| field.to_vec());
        !field.is_empty() && known == field
    }
}

/// A sign, digits, a point and nine digits.
fn is_skew(field: &[u8]) -> bool {
    let Some((b'+' | b'-', number)) = field.split_first() else { return false };
    let mut parts = number.split(|byte| *byte == b'.');
    let (Some(seconds), Some(fraction), None) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let is_digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    is_digits(seconds) && is_digits(fraction) && fraction.len() == 9
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

        assert!(words.fits(&at, b"AT Hill +0.000000001 k", 'A'));
        assert!(!words.fits(&at, b"AT Ball +0.000000001 k", 'A'), "another server");
        assert!(words.fits(&at, b"AT Ball -0.000000001 k", 'B'));
        assert!(words.fits(b"AT {server B} {skew} k", b"AT Ball -0.000000001 k", 'A'));
        for bad in
            ["AT Hill +0.1 k", "AT Hill 0.000000001 k", "AT Hill +0.000000001 k x", "AT Hill"]
        {
            assert!(!words.fits(&at, bad.as_bytes(), 'A'), "{bad}");
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
