//! Cutting a list inside a JSON text without building anything from it.
//!
//! The text is held against the grammar of RFC 8259, token by token; what is kept stays as it was to the last
//! blank.

mod tokens;

use alloc::vec::Vec;
use core::ops::Range;

use tokens::Tokens;

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
    let mut scanner = Scanner::new(text);
    if scanner.next != b'{' {
        let whole = scanner.value(0).is_some() && scanner.is_at_end();
        return Err(if whole { NotJson::NotAnObject } else { NotJson::Syntax });
    }
    let mut cuts = Vec::new();
    let object = scanner.object(1, |scanner, key| {
        if !is_key(key, b"results") || scanner.next != b'[' {
            return scanner.value(1);
        }
        let mut items = 0;
        let mut kept = scanner.at + 1;
        let mut last = kept;
        scanner.array(2, |scanner| {
            scanner.value(2)?;
            items += 1;
            last = scanner.end;
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
    let mut scanner = Scanner::new(text);
    // Where the text ends too soon, what came before stands: the caller has checked the whole.
    let _ = scanner.object(1, |scanner, key| {
        let start = scanner.at;
        scanner.value(1)?;
        if let Some(at) = names.iter().position(|name| is_key(key, name.as_bytes())) {
            found[at] = Some(&text[start..scanner.end]);
        }
        Some(())
    });
    found
}

/// The items of the array `text`, as they are written, unless it is no array.
pub(crate) fn items(text: &[u8]) -> Option<Vec<&[u8]>> {
    let mut items = Vec::new();
    Scanner::new(text).array(1, |scanner| {
        let start = scanner.at;
        scanner.value(1)?;
        items.push(&text[start..scanner.end]);
        Some(())
    })?;
    Some(items)
}

/// Appends a JSON text less the blanks between its parts.
pub(crate) fn write_without_blanks(text: &[u8], out: &mut Vec<u8>) {
    let mut scanner = Scanner::new(text);
    while scanner.next != NONE {
        let start = scanner.at;
        let is_whole = match scanner.next {
            b'"' => scanner.string().map(drop),
            byte @ (b'{' | b'}' | b'[' | b']' | b',' | b':') => scanner.expect(byte),
            _ => scanner.value(0),
        };
        if is_whole.is_none() {
            return;
        }
        out.extend_from_slice(&text[start..scanner.end]);
    }
}

/// A place in a JSON text. Each method moves over one thing, or is `None` where the grammar wants something else.
#[derive(Clone, Copy)]
struct Scanner<'a> {
    text: &'a [u8],
    /// What follows the next token.
    tokens: Tokens<'a>,
    /// The next token's first character, and where it is; at the end of the text a character that no token
    /// begins with.
    next: u8,
    at: usize,
    /// Where the thing ends that was moved over last.
    end: usize,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a [u8]) -> Self {
        let mut scanner = Self { text, tokens: Tokens::new(text), next: NONE, at: 0, end: 0 };
        scanner.advance();
        scanner
    }

    #[inline(always)]
    fn advance(&mut self) {
        let at = self.tokens.next().unwrap_or(self.text.len());
        self.at = at;
        self.next = self.text.get(at).copied().unwrap_or(NONE);
    }

    fn is_at_end(&self) -> bool {
        self.next == NONE && self.tokens.is_sound()
    }

    #[inline(always)]
    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next == byte).then(|| {
            self.end = self.at + 1;
            self.advance();
        })
    }

    /// A value inside `depth` arrays and objects, none of whose parts anybody wants to know of.
    fn value(&mut self, depth: usize) -> Option<()> {
        // In registers instead of behind a pointer.
        let mut here = *self;
        here.nested(depth)?;
        *self = here;
        Some(())
    }

    /// What [`Scanner::object`] and [`Scanner::array`] do, all in one loop.
    #[inline(always)]
    fn nested(&mut self, depth: usize) -> Option<()> {
        let mut open = Open::default();
        loop {
            match self.next {
                b'"' => drop(self.string()?),
                b'-' | b'0'..=b'9' => self.scalar(number)?,
                b't' => self.scalar(|text| text.strip_prefix(b"true"))?,
                b'f' => self.scalar(|text| text.strip_prefix(b"false"))?,
                b'n' => self.scalar(|text| text.strip_prefix(b"null"))?,
                first @ (b'{' | b'[') => {
                    open.push(first == b'{');
                    if depth + open.count > MAX_DEPTH {
                        return None;
                    }
                    self.advance();
                    if first == b'{' && self.next != b'}' {
                        self.key()?;
                        continue;
                    }
                    if first == b'[' && self.next != b']' {
                        continue;
                    }
                }
                _ => return None,
            }
            loop {
                if open.count == 0 {
                    return Some(());
                }
                if self.next == b',' {
                    self.advance();
                    if open.is_object() {
                        self.key()?;
                    }
                    break;
                }
                self.expect(if open.is_object() { b'}' } else { b']' })?;
                open.pop();
            }
        }
    }

    /// The key of a member and its colon.
    #[inline(always)]
    fn key(&mut self) -> Option<&'a [u8]> {
        let key = self.string()?;
        self.expect(b':')?;
        Some(key)
    }

    fn object(
        &mut self,
        depth: usize,
        mut member: impl FnMut(&mut Self, &'a [u8]) -> Option<()>,
    ) -> Option<()> {
        self.sequence(depth, b'{', b'}', |scanner| {
            let key = scanner.key()?;
            member(scanner, key)
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
        if self.expect(close).is_some() {
            return Some(());
        }
        loop {
            element(self)?;
            if self.expect(close).is_some() {
                return Some(());
            }
            self.expect(b',')?;
        }
    }

    /// What stands between the quotes.
    #[inline(always)]
    fn string(&mut self) -> Option<&'a [u8]> {
        self.expect(b'"')?;
        let start = self.end;
        // Nothing inside of a string is a token.
        self.expect(b'"')?;
        Some(&self.text[start..self.end - 1])
    }

    /// A number or a word, which `read` gives what follows of.
    #[inline(always)]
    fn scalar(&mut self, read: impl FnOnce(&[u8]) -> Option<&[u8]>) -> Option<()> {
        let rest = read(&self.text[self.at..])?;
        self.end = self.text.len() - rest.len();
        self.advance();
        let ends = matches!(rest, [] | [b' ' | b'\t' | b'\n' | b'\r' | b',' | b']' | b'}', ..]);
        ends.then_some(())
    }
}

/// The arrays and objects that are open, the innermost first: which of them are objects.
#[derive(Clone, Copy, Default)]
struct Open {
    objects: u128,
    count: usize,
}

const _: () = assert!(MAX_DEPTH < u128::BITS as usize);

impl Open {
    fn push(&mut self, object: bool) {
        self.objects = self.objects << 1 | u128::from(object);
        self.count += 1;
    }

    fn pop(&mut self) {
        self.objects >>= 1;
        self.count -= 1;
    }

    fn is_object(&self) -> bool {
        self.objects & 1 == 1
    }
}

/// No token begins with it.
const NONE: u8 = b' ';

/// What follows the number that `text` begins with.
fn number(text: &[u8]) -> Option<&[u8]> {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let mut rest = match text {
        [b'0', rest @ ..] => rest,
        _ => digits(text)?,
    };
    if let [b'.', fraction @ ..] = rest {
        rest = digits(fraction)?;
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let unsigned = match exponent {
            [b'+' | b'-', unsigned @ ..] => unsigned,
            _ => exponent,
        };
        rest = digits(unsigned)?;
    }
    Some(rest)
}

/// What follows the digits, at least one, that `text` begins with.
fn digits(text: &[u8]) -> Option<&[u8]> {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count > 0).then(|| &text[count..])
}

/// Whether `key`, as it is written, is `name`.
fn is_key(key: &[u8], name: &[u8]) -> bool {
    key == name || key.contains(&b'\\') && unescaped(key) == name
}

/// A key without its escapes, as far as ASCII goes: enough to tell whether it is one of ours.
fn unescaped(key: &[u8]) -> Vec<u8> {
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
    plain
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
    }

    #[test]
    fn nesting_has_a_limit_wherever_it_is() {
        let nested = |key: &str, depth: usize| {
            let (open, close) = ("[{\"a\":".repeat(depth / 2), "}]".repeat(depth / 2));
            let (first, last) = if depth % 2 == 1 { ("[", "]") } else { ("", "") };
            alloc::format!("{{\"{key}\":{first}{open}1{close}{last}}}")
        };
        for key in ["a", "results"] {
            assert!(cut(&nested(key, MAX_DEPTH - 1), 1).is_ok());
            for depth in [MAX_DEPTH, MAX_DEPTH + 1, 10_000] {
                assert_eq!(cut(&nested(key, depth), 1), Err(NotJson::Syntax), "{key} {depth}");
            }
        }
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
        fn damage_is_seen_as_a_parser_sees_it(
            value in json(), pretty in any::<bool>(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) };
            let mut text = text.unwrap();
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
