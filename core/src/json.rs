//! Cutting a list inside a JSON text without building anything from it.
//!
//! The text is scanned once, byte by byte, and held against the grammar of RFC 8259; what is kept stays
//! as it was to the last blank.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::ops::Range;

use crate::decimal::bytes;

/// Why a body is not an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum NotJson {
    /// Not valid UTF-8.
    Encoding,
    /// Not JSON, or nested deeper than [`MAX_DEPTH`].
    Syntax,
    /// JSON, but not an object.
    NotAnObject,
}

/// Arrays and objects inside one another, at most; `serde_json` draws the same line.
pub const MAX_DEPTH: usize = 127;

/// The parts of `text` that stay when every array named `results` in the object is cut to its first
/// `bound` items: everything but the ranges returned, which are in order.
///
/// What goes is the text from the end of the last item kept, or from the `[`, to the end of the last item.
///
/// # Errors
///
/// Where `text` is no JSON object.
pub fn cut_results(text: &[u8], bound: usize) -> Result<Vec<Range<usize>>, NotJson> {
    if core::str::from_utf8(text).is_err() {
        return Err(NotJson::Encoding);
    }
    let mut scanner = Scanner::at_first(text);
    if scanner.peek() != Some(b'{') {
        let whole = scanner.value(0).is_some() && scanner.is_at_end();
        return Err(if whole { NotJson::NotAnObject } else { NotJson::Syntax });
    }
    let mut cuts = Vec::new();
    let object = scanner.object(1, |scanner, key| {
        if key.as_ref() != b"results" || scanner.peek() != Some(b'[') {
            return scanner.value(1);
        }
        let mut items = 0;
        let mut kept = scanner.at + 1;
        let mut last = kept;
        scanner.array(2, |scanner| {
            scanner.value(2)?;
            items += 1;
            last = scanner.at;
            if items <= bound {
                kept = last;
            }
            Some(())
        })?;
        if kept < last {
            cuts.push(kept..last);
        }
        Some(())
    });
    match object {
        Some(()) if scanner.is_at_end() => Ok(cuts),
        _ => Err(NotJson::Syntax),
    }
}

/// The members of the object `text` that have these names, as they are written; of one that is there
/// twice the last. None of anything that is no object.
pub(crate) fn members<'a, const N: usize>(
    text: &'a [u8],
    names: [&str; N],
) -> [Option<&'a [u8]>; N] {
    let mut found = [None; N];
    let mut scanner = Scanner::at_first(text);
    // Where the text ends too soon, what came before stands: the caller has checked the whole.
    let _ = scanner.object(1, |scanner, key| {
        let start = scanner.at;
        scanner.value(1)?;
        if let Some(at) = names.iter().position(|name| name.as_bytes() == key.as_ref()) {
            found[at] = Some(&text[start..scanner.at]);
        }
        Some(())
    });
    found
}

/// The items of the array `text`, as they are written, unless it is no array.
pub(crate) fn items(text: &[u8]) -> Option<Vec<&[u8]>> {
    let mut items = Vec::new();
    Scanner::at_first(text).array(1, |scanner| {
        let start = scanner.at;
        scanner.value(1)?;
        items.push(&text[start..scanner.at]);
        Some(())
    })?;
    Some(items)
}

/// Appends a JSON text less the blanks between its parts.
pub(crate) fn write_without_blanks(text: &[u8], out: &mut Vec<u8>) {
    let mut scanner = Scanner { text, at: 0 };
    while let Some(byte) = scanner.peek() {
        let start = scanner.at;
        if byte != b'"' || scanner.string().is_none() {
            scanner.at = start + 1;
        }
        if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            out.extend_from_slice(&text[start..scanner.at]);
        }
    }
}

/// A place in a JSON text. Each method moves over one thing and the blanks it needs, or is `None` where
/// the grammar wants something else.
struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    /// At the first byte of `text` that is no blank.
    fn at_first(text: &'a [u8]) -> Self {
        let mut scanner = Self { text, at: 0 };
        scanner.blanks();
        scanner
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
            self.at += indentation(&self.text[self.at..]);
        }
    }

    fn is_at_end(&mut self) -> bool {
        self.blanks();
        self.at == self.text.len()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// A value inside `depth` arrays and objects, at its first byte.
    fn value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'{' => self.object(depth + 1, |scanner, _| scanner.value(depth + 1)),
            b'[' => self.array(depth + 1, |scanner| scanner.value(depth + 1)),
            b'"' => self.string().map(drop),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => None,
        }
    }

    fn object(
        &mut self,
        depth: usize,
        mut member: impl FnMut(&mut Self, Cow<'a, [u8]>) -> Option<()>,
    ) -> Option<()> {
        self.sequence(depth, b'{', b'}', |scanner| {
            let key = scanner.string()?;
            scanner.blanks();
            scanner.expect(b':')?;
            scanner.blanks();
            member(scanner, unescaped(key))
        })
    }

    fn array(&mut self, depth: usize, item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.sequence(depth, b'[', b']', item)
    }

    fn sequence(
        &mut self,
        depth: usize,
        open: u8,
        close: u8,
        mut element: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.expect(open)?;
        self.blanks();
        if self.expect(close).is_some() {
            return Some(());
        }
        loop {
            element(self)?;
            self.blanks();
            if self.expect(close).is_some() {
                return Some(());
            }
            self.expect(b',')?;
            self.blanks();
        }
    }

    /// What stands between the quotes.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            self.at += plain(&self.text[self.at..]);
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 1,
                _ => return None,
            }
            match self.peek()? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
                b'u' => self.escape()?,
                _ => return None,
            }
        }
        let inside = &self.text[start..self.at];
        self.at += 1;
        Some(inside)
    }

    /// The `u` of an escape and its four digits. Half a surrogate pair is grammatical: a provider that
    /// cuts its texts short may cut one in two.
    fn escape(&mut self) -> Option<()> {
        self.expect(b'u')?;
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        digits.iter().all(u8::is_ascii_hexdigit).then_some(())
    }

    fn number(&mut self) -> Option<()> {
        let _sign = self.expect(b'-');
        if self.expect(b'0').is_none() {
            self.digits()?;
        }
        if self.expect(b'.').is_some() {
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            let _sign = self.expect(b'+').or_else(|| self.expect(b'-'));
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let count = self.text[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        (count > 0).then_some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.text[self.at..].starts_with(word).then(|| self.at += word.len())
    }
}

/// How many spaces come first: eight at a time, as long as there are so many bytes.
fn indentation(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(eight) = text[at..].first_chunk() {
        let others = u64::from_le_bytes(*eight) ^ bytes(b' ');
        let spaces = others.trailing_zeros() as usize / 8;
        at += spaces;
        if spaces < 8 {
            break;
        }
    }
    at
}

/// How many bytes come before a quote, a backslash or a control character: eight at a time, as long as there are
/// so many. Strings are mostly too short for it to pay to prepare for more.
fn plain(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(eight) = text[at..].first_chunk() {
        // The highest bit is set in a byte that is looked for; above the first such it may be set in others.
        let word = u64::from_le_bytes(*eight);
        let zero = |word: u64| word.wrapping_sub(bytes(1)) & !word;
        let quote = zero(word ^ bytes(b'"'));
        let backslash = zero(word ^ bytes(b'\\'));
        let control = word.wrapping_sub(bytes(0x20)) & !word;
        let found = (quote | backslash | control) & bytes(0x80);
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let is_plain = |byte: &&u8| !matches!(**byte, b'"' | b'\\' | 0..0x20);
    at + text[at..].iter().take_while(is_plain).count()
}

/// A key without its escapes, as far as ASCII goes: enough to tell whether it is one of ours.
fn unescaped(key: &[u8]) -> Cow<'_, [u8]> {
    if !key.contains(&b'\\') {
        return Cow::Borrowed(key);
    }
    let mut plain = Vec::with_capacity(key.len());
    let mut rest = key;
    while let [first, behind @ ..] = rest {
        rest = behind;
        match (first, behind) {
            (b'\\', [b'u', a, b, c, d, behind @ ..]) => {
                let digits = [*a, *b, *c, *d];
                let code = core::str::from_utf8(&digits)
                    .ok()
                    .and_then(|hex| u8::from_str_radix(hex, 16).ok());
                plain.push(code.unwrap_or(b'?'));
                rest = behind;
            }
            (b'\\', [_, behind @ ..]) => {
                plain.push(b'?');
                rest = behind;
            }
            _ => plain.push(*first),
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use proptest::prelude::*;
    use serde::de::IgnoredAny;
    use serde_json::Value;

    fn cut(text: &str, bound: usize) -> Result<String, NotJson> {
        let cuts = cut_results(text.as_bytes(), bound)?;
        let mut kept = String::new();
        let mut at = 0;
        for range in cuts {
            kept.push_str(&text[at..range.start]);
            at = range.end;
        }
        kept.push_str(&text[at..]);
        Ok(kept)
    }

    #[test]
    fn items_are_cut_and_every_blank_stays() {
        let text =
            "{ \"a\" : 1.50,\n \"results\" : [ {\"x\":[1,2]} , 2 ,3\n ], \"z\":\"results\" }";
        assert_eq!(cut(text, 5).unwrap(), text);
        assert_eq!(
            cut(text, 1).unwrap(),
            "{ \"a\" : 1.50,\n \"results\" : [ {\"x\":[1,2]}\n ], \"z\":\"results\" }"
        );
        assert_eq!(
            cut(text, 0).unwrap(),
            "{ \"a\" : 1.50,\n \"results\" : [\n ], \"z\":\"results\" }"
        );
    }

    #[test]
    fn only_the_outermost_results_are_cut_and_in_any_spelling() {
        let text = r#"{"in":{"results":[1,2]},"r\u0065sults":[1,2],"results":{"results":[1]}}"#;
        assert_eq!(
            cut(text, 1).unwrap(),
            r#"{"in":{"results":[1,2]},"r\u0065sults":[1],"results":{"results":[1]}}"#
        );
    }

    #[test]
    fn a_string_ends_where_it_does_wherever_that_is() {
        for byte in 0..=u8::MAX {
            let is_plain = !matches!(byte, b'"' | b'\\' | 0..0x20);
            for at in 0..20 {
                let mut text = [b'x'; 30];
                text[at] = byte;
                text[at + 3] = b'"';
                assert_eq!(plain(&text), if is_plain { at + 3 } else { at }, "{byte}");
                assert_eq!(plain(&text[..at]), at);
            }
        }
    }

    #[test]
    fn half_a_surrogate_pair_passes_through() {
        assert_eq!(cut(r#"{"results":["\ud83d"]}"#, 1).unwrap(), r#"{"results":["\ud83d"]}"#);
        assert_eq!(cut(r#"{"results":["\ud83"]}"#, 1), Err(NotJson::Syntax));
    }

    #[test]
    fn members_and_items_are_found_as_they_are_written() {
        let text =
            br#" { "a" : [ 1.50 , {"b":2} ] , "in":{"b":3}, "\u0062" :"x", "a":[] ,"b": "y"}"#;
        let [a, b, c] = members(text, ["a", "b", "c"]);
        assert_eq!((a, b, c), (Some(&b"[]"[..]), Some(&br#""y""#[..]), None));
        assert_eq!(members(b"[1]", ["a"]), [None]);
        assert_eq!(items(b" [ 1.50 , {\"b\":2} ] "), Some(Vec::from([&b"1.50"[..], b"{\"b\":2}"])));
        assert_eq!(items(b"[]"), Some(Vec::new()));
        assert_eq!(items(b"{}"), None);
    }

    #[test]
    fn only_blanks_between_the_parts_go() {
        let mut out = Vec::new();
        write_without_blanks(b"[\n  \"a \\\" b\" ,\t1.50 ,\r\n{ \"c\" : null } ]", &mut out);
        assert_eq!(out, b"[\"a \\\" b\",1.50,{\"c\":null}]");
    }

    #[test]
    fn what_is_no_object_is_told_apart() {
        assert_eq!(cut("[1]", 1), Err(NotJson::NotAnObject));
        assert_eq!(cut("", 1), Err(NotJson::Syntax));
        assert_eq!(cut("{\"a\":1} x", 1), Err(NotJson::Syntax));
        assert_eq!(cut_results(b"{\"a\":\"\xff\"}", 1), Err(NotJson::Encoding));
        assert_eq!(
            cut(&alloc::format!("{}{}", "{\"a\":".repeat(128), "}".repeat(128)), 1),
            Err(NotJson::Syntax)
        );
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<i32>().prop_map(|quarters| Value::from(f64::from(quarters) / 4.0)),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec(
                    (prop_oneof![Just(String::from("results")), ".*"], inner),
                    0..6
                )
                .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn cutting_agrees_with_a_parser(mut value in json(), bound in 0..4_usize, pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let text = text.unwrap();
            if let Some(Value::Array(results)) = value.get_mut("results") {
                results.truncate(bound);
            }
            match cut(&text, bound) {
                Ok(kept) => prop_assert_eq!(serde_json::from_str::<Value>(&kept).unwrap(), value),
                Err(reason) => {
                    prop_assert_eq!(reason, NotJson::NotAnObject);
                    prop_assert!(!value.is_object());
                }
            }
        }

        /// One byte is put somewhere else: the scanner and the parser still agree on what is JSON.
        #[test]
        fn damage_is_seen_as_a_parser_sees_it(value in json(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut text = serde_json::to_vec(&value).unwrap();
            let at = at.index(text.len());
            text[at] = byte;
            // Only the grammar is asked for: a number may be too large, a surrogate alone.
            let is_json = core::str::from_utf8(&text)
                .is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
            let is_object = is_json && text.trim_ascii_start().starts_with(b"{");
            prop_assert_eq!(cut_results(&text, 1).is_ok(), is_object);
        }
    }
}
