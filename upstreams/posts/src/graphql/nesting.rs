//! How deep a request may nest, found before it is parsed.
//!
//! The parser of the library descends by recursion and knows no limit but the stack; its limits on depth apply
//! to what it has parsed.

/// The deepest nesting of brackets of any kind: more than any query within the limits on depth needs.
pub(crate) const MAX_NESTING: usize = 64;

/// Whether the brackets of a GraphQL document nest deeper than [`MAX_NESTING`], other than in strings and
/// comments.
pub(crate) fn is_too_deep(document: &str) -> bool {
    let mut rest = document.as_bytes();
    let mut depth = 0_usize;
    while let [first, after @ ..] = rest {
        rest = match first {
            b'{' | b'[' | b'(' => {
                depth += 1;
                if depth > MAX_NESTING {
                    return true;
                }
                after
            }
            b'}' | b']' | b')' => {
                depth = depth.saturating_sub(1);
                after
            }
            b'"' if after.starts_with(b"\"\"") => after_block_string(&after[2..]),
            b'"' => after_string(after),
            b'#' => after_line(after),
            _ => after,
        };
    }
    false
}

fn after_block_string(text: &[u8]) -> &[u8] {
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with(b"\\\"\"\"") {
            at += 4;
        } else if text[at..].starts_with(b"\"\"\"") {
            return &text[at + 3..];
        } else {
            at += 1;
        }
    }
    &[]
}

/// A string ends with its line at the latest.
fn after_string(text: &[u8]) -> &[u8] {
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            b'"' | b'\n' | b'\r' => return &text[at + 1..],
            _ => at += 1,
        }
    }
    &[]
}

fn after_line(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(text.len());
    &text[end..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_nest_up_to_a_limit() {
        for (open, close) in [("{a", "}"), ("[", "]"), ("(a:{", "})"), ("{a(b:[", "])}")] {
            let nested = |n: usize| format!("{}{}", open.repeat(n), close.repeat(n));
            assert!(is_too_deep(&nested(MAX_NESTING + 1)), "{open}");
            assert!(!is_too_deep(&nested(MAX_NESTING / 4)), "{open}");
        }
        assert!(!is_too_deep(&"{a}".repeat(1000)), "one after the other");
        assert!(is_too_deep(&format!("{}{}", "}".repeat(99), "{".repeat(65))));
    }

    #[test]
    fn brackets_in_strings_and_comments_are_text() {
        let brackets = "{".repeat(100);
        for document in [
            format!("\"{brackets}\""),
            format!("\"\\\"{brackets}\""),
            format!("\"\"\"{brackets} \" \\\"\"\" {brackets}\"\"\""),
            format!("# {brackets}\n{{a}}"),
            format!("\"\" \"{brackets}\""),
        ] {
            assert!(!is_too_deep(&document), "{document}");
        }
    }

    #[test]
    fn nothing_hides_behind_a_string_that_ended() {
        let brackets = "{".repeat(100);
        for document in [
            format!("\"\" {brackets}"),
            format!("\"\\\\\" {brackets}"),
            format!("\"\"\"\"\"\" {brackets}"),
            format!("\"\"\" \\\\\"\"\"\"\"\" {brackets}"),
            format!("\"open\n{brackets}"),
            format!("# comment\r{brackets}"),
        ] {
            assert!(is_too_deep(&document), "{document}");
        }
    }
}
