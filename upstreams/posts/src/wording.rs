//! What users write, made fit to be kept: normalized, cut, and of a limited length.

use unicode_normalization::UnicodeNormalization as _;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

use crate::Error;

/// The most characters of a displayed name.
const MAX_DISPLAY_NAME: usize = 50;

/// The most characters of what somebody says about themselves.
const MAX_BIO: usize = 160;

/// The text of a post of at most `max` characters.
pub(crate) fn post_text(text: &str, max: usize) -> Result<String, Error> {
    let text = clean(text, "a post", max)?;
    if !text.contains(is_seen) {
        return Err(Error::Invalid("a post needs a text".into()));
    }
    Ok(text)
}

pub(crate) fn display_name(text: &str) -> Result<String, Error> {
    let text = clean(text, "a displayed name", MAX_DISPLAY_NAME)?;
    if !text.contains(is_seen) || text.contains('\n') {
        return Err(Error::Invalid("a displayed name is one line, and not empty".into()));
    }
    // Letters of Persian and parts of emoji are joined, or not, by the first two.
    let is_hidden =
        |c| !is_seen(c) && !matches!(c, ' ' | '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}');
    if text.contains(is_hidden) {
        return Err(Error::Invalid("a displayed name has no characters that are not seen".into()));
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
    if text.contains(turns_text) {
        let why = format!("{what} has no characters that turn the direction of the text");
        return Err(Error::Invalid(why));
    }
    Ok(text)
}

/// Whether a character shows a text in another order than it is written; those that isolate a part are no harm.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}')
}

/// Whether there is something to see of a character.
fn is_seen(c: char) -> bool {
    // Fillers and blanks that Unicode counts among letters and symbols, and selectors of variants.
    let is_blank = matches!(c,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}');
    let is_mark = matches!(
        c.general_category(),
        GeneralCategory::Format | GeneralCategory::Unassigned | GeneralCategory::PrivateUse
    );
    !(is_blank || is_mark || c.is_whitespace() || c.is_control())
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
        for blank in
            ["\u{200b}", "\u{2060}\u{feff}", "\u{3164} \u{ffa0}", "\u{2800}\n\u{200d}", "\u{ad}"]
        {
            assert!(post_text(blank, 280).is_err(), "{blank:?}");
            assert!(display_name(blank).is_err(), "{blank:?}");
        }
        for turned in ["\u{202e}nna", "a\u{202d}b", "\u{202a}a"] {
            assert!(post_text(turned, 280).is_err(), "{turned:?}");
            assert!(display_name(turned).is_err(), "{turned:?}");
            assert!(bio(turned).is_err(), "{turned:?}");
        }
        for hidden in ["An\u{200b}n", "Ann\u{2066}", "Ann\u{ad}", "\u{feff}Ann", "A\tn"] {
            assert!(display_name(hidden).is_err(), "{hidden:?}");
        }
        for shown in ["👩\u{200d}🚀 \u{2764}\u{fe0f}", "می\u{200c}خواهم", "Zoë", "🙂"]
        {
            assert_eq!(display_name(shown).unwrap(), shown);
            assert_eq!(post_text(shown, 280).unwrap(), shown);
        }
        assert_eq!(post_text("two\r\nlines", 280).unwrap(), "two\nlines");
        assert!(display_name("two\nlines").is_err());
        assert!(display_name("").is_err());
        assert_eq!(bio("").unwrap(), "");
    }
}
