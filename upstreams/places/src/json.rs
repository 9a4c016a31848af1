//! JSON as Google's web services print it.
//!
//! Three spaces a level, sorted keys, ` : ` after a key, short lists of texts on one line, and `<`, `>` and `&`
//! escaped. The print matters because a herd passes it on character by character, and people compare.

use std::collections::BTreeMap;

/// From this length on, a list of texts takes a line for each.
const LINE_CHARS: usize = 74;

/// A JSON value, for as much as an answer needs.
#[derive(Debug)]
pub(crate) enum Json {
    Number(f64),
    Text(String),
    List(Vec<Self>),
    Object(BTreeMap<&'static str, Self>),
}

impl Json {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    pub(crate) fn object<const N: usize>(members: [(&'static str, Self); N]) -> Self {
        Self::Object(BTreeMap::from(members))
    }

    /// The value as a document, with a newline at its end.
    pub(crate) fn print(&self) -> String {
        let mut out = String::new();
        self.print_at(0, &mut out);
        out.push('\n');
        out
    }

    fn print_at(&self, depth: usize, out: &mut String) {
        match self {
            Self::Number(number) => {
                let digits = number.to_string();
                out.push_str(&digits);
                if !digits.contains('.') {
                    out.push_str(".0");
                }
            }
            Self::Text(text) => print_text(text, out),
            Self::List(items) => {
                let Some(line) = short_line(items) else {
                    let print = |item: &Self, out: &mut String| item.print_at(depth + 1, out);
                    return print_block(['[', ']'], depth, items, print, out);
                };
                out.push_str(&line);
            }
            Self::Object(members) => {
                let print = |(key, value): (&&str, &Self), out: &mut String| {
                    print_text(key, out);
                    out.push_str(" : ");
                    value.print_at(depth + 1, out);
                };
                print_block(['{', '}'], depth, members, print, out);
            }
        }
    }
}

/// Prints each item on a line of its own, indented, between brackets.
fn print_block<T>(
    brackets: [char; 2],
    depth: usize,
    items: impl IntoIterator<Item = T>,
    mut print: impl FnMut(T, &mut String),
    out: &mut String,
) {
    let new_line = |depth: usize, out: &mut String| {
        out.push('\n');
        out.extend(core::iter::repeat_n("   ", depth));
    };
    out.push(brackets[0]);
    for (n, item) in items.into_iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        new_line(depth + 1, out);
        print(item, out);
    }
    new_line(depth, out);
    out.push(brackets[1]);
}

/// A list on one line, if it is empty or of texts and not too long.
fn short_line(items: &[Json]) -> Option<String> {
    if items.is_empty() {
        return Some("[]".into());
    }
    let mut line = String::new();
    for item in items {
        let Json::Text(text) = item else { return None };
        line.push_str(if line.is_empty() { "[ " } else { ", " });
        print_text(text, &mut line);
    }
    line.push_str(" ]");
    (line.chars().count() < LINE_CHARS).then_some(line)
}

fn print_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' | '\u{0}'..='\u{1f}' | '\u{7f}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn objects_and_lists_look_like_googles() {
        let value = Json::object([
            ("types", Json::texts(["locality", "political"])),
            (
                "location",
                Json::object([("lng", Json::Number(-118.24368)), ("lat", Json::Number(34.0))]),
            ),
            ("none", Json::texts([])),
            ("results", Json::List(vec![Json::object([("name", Json::text("A"))])])),
        ]);

        let expected = r#"{
   "location" : {
      "lat" : 34.0,
      "lng" : -118.24368
   },
   "none" : [],
   "results" : [
      {
         "name" : "A"
      }
   ],
   "types" : [ "locality", "political" ]
}
"#;
        assert_eq!(value.print(), expected);
    }

    #[test]
    fn a_long_list_takes_a_line_for_each_text() {
        let long = "x".repeat(LINE_CHARS);
        assert_eq!(Json::texts([long.as_str()]).print(), format!("[\n   \"{long}\"\n]\n"));
    }

    #[test]
    fn numbers_are_decimals_without_an_exponent() {
        assert_eq!(Json::Number(0.000_000_1).print(), "0.0000001\n");
        assert_eq!(Json::Number(-180.0).print(), "-180.0\n");
    }

    proptest! {
        #[test]
        fn any_text_can_be_read_back(text in any::<String>()) {
            let printed = Json::texts([text.as_str()]).print();
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&printed).unwrap(), [text]);
        }

        #[test]
        fn any_number_can_be_read_back(number in -1e9..1e9) {
            prop_assert_eq!(Json::Number(number).print().trim_end().parse::<f64>().unwrap(), number);
        }
    }
}
