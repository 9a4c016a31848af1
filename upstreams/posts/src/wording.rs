//! What users write, made fit to be kept: normalized, cut, and of a limited length.

use unicode_normalization::UnicodeNormalization as _;

use crate::Error;

/// The most characters of a displayed name.
const MAX_DISPLAY_NAME: usize = 50;

/// The most characters of what somebody says about themselves.
const MAX_BIO: usize = 160;

/// The text of a post of at most `max` characters.
pub(crate) fn post_text(text: &str, max: usize) -> Result<String, Error> {
    let text = clean(text, "a post", max)?;
    if text.is_empty() {
        return Err(Error::Invalid("a post needs a text".into()));
    }
    Ok(text)
}

pub(crate) fn display_name(text: &str) -> Result<String, Error> {
    let text = clean(text, "a displayed name", MAX_DISPLAY_NAME)?;
    if text.is_empty() || text.contains('\n') {
        return Err(Error::Invalid("a displayed name is one line, and not empty".into()));
    }
    Ok(text)
}

pub(crate) fn bio(text: &str) -> Result<String, Error> {
    clean(text, "a bio", MAX_BIO)
}

/// In Unicode's normal form C, without white space around it and without control characters.
///
/// Length is counted in Unicode scalar values.
fn clean(text: &str, what: &str, max: usize) -> Result<String, Error> {
    let text: String = text.trim().nfc().collect();
    let length = text.chars().count();
    if length > max {
        return Err(Error::Invalid(format!("{what} has at most {max} characters, not {length}")));
    }
    let text = text.replace("\r\n", "\n");
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(Error::Invalid(format!("{what} has no control characters")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_counted_after_normalization() {
        let decomposed = "e\u{301}".repeat(280);
        assert_eq!(post_text(&decomposed, 280).unwrap(), "é".repeat(280));
        assert_eq!(post_text(&format!(" {} \n", "🙂".repeat(280)), 280).unwrap().len(), 1120);

        let error = post_text(&"x".repeat(281), 280).unwrap_err();
        assert_eq!(error.to_string(), "a post has at most 280 characters, not 281");
    }

    #[test]
    fn what_could_not_be_shown_or_kept_is_refused() {
        for text in ["", " \n\t ", "a\0b", "a\u{1b}[31m", "\u{85}x\u{9b}"] {
            assert!(post_text(text, 280).is_err(), "{text:?}");
        }
        assert_eq!(post_text("two\r\nlines", 280).unwrap(), "two\nlines");
        assert!(display_name("two\nlines").is_err());
        assert!(display_name("").is_err());
        assert_eq!(bio("").unwrap(), "");
    }
}
