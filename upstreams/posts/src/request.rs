//! What is asked over GraphQL, from JSON, and made fit for the library that carries it out.

use async_graphql::{Request, ServerError};
use serde_json::Value;

/// A request in JSON.
///
/// # Errors
///
/// What is wrong with it, for whoever asked.
pub(crate) fn parse(json: Value) -> Result<Request, String> {
    // Left to itself, the library takes an array for an object with its fields in some order.
    let Value::Object(fields) = &json else { return Err(format!("it is {}", kind(&json))) };
    match fields.get("query") {
        None | Some(Value::Null) => return Err("there is no `query` in it".into()),
        Some(Value::String(query)) if query.trim().is_empty() => {
            return Err("its `query` is empty".into());
        }
        Some(Value::String(_)) => {}
        Some(other) => return Err(format!("its `query` is {} and no text", kind(other))),
    }
    for name in ["variables", "extensions"] {
        if let Some(other) = fields.get(name)
            && !matches!(other, Value::Object(_) | Value::Null)
        {
            return Err(format!("its `{name}` are {} and no object", kind(other)));
        }
    }
    if let Some(other) = fields.get("operationName")
        && !matches!(other, Value::String(_) | Value::Null)
    {
        return Err(format!("its `operationName` is {} and no text", kind(other)));
    }
    let mut request: Request = serde_json::from_value(json).map_err(|error| error.to_string())?;
    request.query = with_characters(&request.query);
    Ok(request)
}

/// An error of the parser in one sentence; its own are several lines with a drawing.
pub(crate) fn in_words(mut error: ServerError) -> ServerError {
    let why = error.message.lines().filter_map(|line| line.trim().strip_prefix("= ")).next_back();
    let Some(why) = why else { return error };
    let why = why
        .replace("executable_definition", "a query, a mutation, a subscription or a fragment")
        .replace("operation_definition", "a query, a mutation or a subscription")
        .replace("selection_set", "{")
        .replace("selection", "a field")
        .replace("EOI", "the end")
        .replace('_', " ");
    let place = error
        .locations
        .first()
        .map_or_else(String::new, |at| format!(" at line {}, column {}", at.line, at.column));
    error.message = format!("the query is not well formed{place}: {why}");
    error
}

fn kind(json: &Value) -> &'static str {
    match json {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A document in which pairs of surrogates (`\\uD83D\\uDE00`) in strings are the characters they stand for: the library
/// knows each half as an error alone.
fn with_characters(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    let mut rest = document;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = match pair(rest) {
            Some(character) => {
                out.push(character);
                12
            }
            None => {
                // With what it escapes, which may be another backslash.
                let taken = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..taken]);
                taken
            }
        };
        rest = &rest[taken..];
    }
    out.push_str(rest);
    out
}

/// The character of which this begins with a pair of surrogates.
fn pair(text: &str) -> Option<char> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(())?;
        u16::from_str_radix(digits, 16).ok()
    };
    let units = [unit(0)?, unit(6)?];
    let is_pair = (0xd800..0xdc00).contains(&units[0]) && (0xdc00..0xe000).contains(&units[1]);
    is_pair.then(|| char::decode_utf16(units).next()?.ok()).flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_array_is_no_object() {
        for bad in [
            json!([]),
            json!(["{me{id}}"]),
            json!(["{me{id}}", null, {}]),
            json!("{me{id}}"),
            json!({}),
            json!({"Mutation": 1}),
            json!({"query": null}),
            json!({"query": " \n"}),
            json!({"query": ["{me{id}}"]}),
            json!({"query": "{me{id}}", "variables": []}),
            json!({"query": "{me{id}}", "variables": "{}"}),
            json!({"query": "{me{id}}", "extensions": []}),
            json!({"query": "{me{id}}", "operationName": 1}),
        ] {
            assert!(parse(bad.clone()).is_err(), "{bad}");
        }
        let good = json!({"query": "{me{id}}", "variables": null, "operationName": null, "x": [1]});
        assert!(parse(good).is_ok());
        assert_eq!(parse(json!({"Mutation": 1})).unwrap_err(), "there is no `query` in it");
    }

    #[test]
    fn pairs_of_surrogates_are_characters() {
        for (written, want) in [
            (r#"a("\uD83D\uDE00")"#, r#"a("😀")"#),
            (r#"a("\ud83d\ude00!")"#, r#"a("😀!")"#),
            // Behind a backslash that is escaped itself.
            (r#"a("\\uD83D\uDE00")"#, r#"a("\\uD83D\uDE00")"#),
            (r#"a("\uD83D")"#, r#"a("\uD83D")"#),
            (r#"a("\uDE00\uD83D")"#, r#"a("\uDE00\uD83D")"#),
            (r#"a("\u00e9\n")"#, r#"a("\u00e9\n")"#),
            (r#"a("\uD83D\uDE0")"#, r#"a("\uD83D\uDE0")"#),
            (r#"a("\é\")"#, r#"a("\é\")"#),
        ] {
            assert_eq!(with_characters(written), want);
        }
    }

    #[test]
    fn errors_of_the_parser_are_sentences() {
        for (query, want) in [
            ("Mutation", "at line 1, column 1: expected a query"),
            ("{ me {\n id", "at line 2, column 4: expected"),
        ] {
            let error = Request::new(query).parsed_query().unwrap_err();
            let message = in_words(error).message;
            assert!(message.contains(want) && !message.contains('\n'), "{message}");
        }
    }
}
