//! Matching a keyword against what is known of a place.
//!
//! Letters are compared without their case and their accents, so that `zurich` finds Zürich.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// The words of a keyword; a text matches when it holds each of them, in any order.
#[derive(Clone, Debug)]
pub(crate) struct Words {
    folded: Vec<String>,
}

impl Words {
    /// Splits a keyword at its white space.
    pub(crate) fn of(keyword: &str) -> Self {
        let mut folded = String::new();
        fold(keyword, &mut folded);
        Self { folded: folded.split_whitespace().map(str::to_owned).collect() }
    }

    /// Whether every text matches.
    pub(crate) fn is_empty(&self) -> bool {
        self.folded.is_empty()
    }

    /// Whether `texts`, taken together, hold every word. `scratch` is any string, for its memory.
    pub(crate) fn are_in(&self, texts: &[&str], scratch: &mut String) -> bool {
        scratch.clear();
        for text in texts {
            fold(text, scratch);
            scratch.push('\n');
        }
        self.folded.iter().all(|word| scratch.contains(word.as_str()))
    }
}

/// Appends `text` in lower case and without accents.
fn fold(text: &str, out: &mut String) {
    if text.is_ascii() {
        out.extend(text.bytes().map(|byte| char::from(byte.to_ascii_lowercase())));
    } else {
        let bare = text.nfkd().filter(|&c| !is_combining_mark(c));
        out.extend(bare.flat_map(char::to_lowercase));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(keyword: &str, texts: &[&str]) -> bool {
        Words::of(keyword).are_in(texts, &mut String::from("left over"))
    }

    #[test]
    fn case_and_accents_do_not_count() {
        assert!(matches("zurich", &["Zürich"]));
        assert!(matches("SÃO paulo", &["Sao Paulo"]));
        assert!(matches("ΑΘΗΝΑ", &["Αθήνα"]));
        assert!(!matches("zurich", &["Zug"]));
    }

    #[test]
    fn every_word_must_be_there_in_any_of_the_texts() {
        assert!(matches("california angeles", &["Los Angeles", "California, United States"]));
        assert!(!matches("texas angeles", &["Los Angeles", "California, United States"]));
        assert!(!matches("over", &["Los Angeles"]));
    }

    #[test]
    fn no_word_is_in_everything() {
        assert!(Words::of(" \t").is_empty());
        assert!(matches(" ", &[""]));
    }
}
