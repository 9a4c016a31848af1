//! What is in the text of a post: hashtags, mentions, links, and the words it can be found by.
//!
//! Words are those of Unicode's rules for text segmentation (UAX #29): scripts that are written without
//! spaces fall into single characters, which a search then wants next to each other. Case and accents do not
//! count. Which posts match a search is left to `query.rs`.

use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation as _;

mod pieces;

use self::pieces::bare;
pub use self::pieces::{MAX_NAME_CHARS, MAX_TAG_CHARS, Piece, pieces};

/// The most terms that a post can be found by; the rest of its words find nothing.
pub const MAX_TERMS: usize = 400;

/// The most characters of a term; a longer word is cut, in a post and in a search alike.
pub const MAX_TERM_CHARS: usize = 64;

/// What is in a text.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Parts {
    /// The hashtags as they are written, without the sign; of those that fold to the same the first.
    pub hashtags: Vec<String>,
    /// The names after an `@`, likewise.
    pub mentions: Vec<String>,
    /// What the text can be found by, each once: folded words (those of hashtags and names as well), folded
    /// `#hashtags` and `@names`, and links as one term.
    pub terms: Vec<String>,
}

/// What is in this text.
pub fn parts(text: &str) -> Parts {
    Analysis::of(text).parts
}

/// All that can be asked of a text, found in one pass.
#[derive(Clone, Debug, Default)]
pub(crate) struct Analysis {
    pub(crate) parts: Parts,
    /// As [`words`] has them.
    pub(crate) words: Vec<String>,
    /// The term of whom the text is to.
    pub(crate) to: Option<String>,
    pub(crate) has_link: bool,
}

impl Analysis {
    pub(crate) fn of(text: &str) -> Self {
        let mut this = Self::default();
        let Parts { hashtags, mentions, terms } = &mut this.parts;
        let mut seen = HashSet::new();
        let mut is_new = |term: &str| seen.insert(term.to_owned());
        let mut is_start = true;
        for piece in pieces(text) {
            add_words(piece, &mut this.words);
            match piece {
                Piece::Hashtag(tag) => {
                    let (tag, term) = (bare(tag), tag_term(tag));
                    if is_new(&term) {
                        hashtags.push(tag.into());
                        terms.push(term);
                    }
                }
                Piece::Mention(name) => {
                    let (name, term) = (bare(name), name_term(name));
                    if is_start {
                        this.to = Some(term.clone());
                    }
                    if is_new(&term) {
                        mentions.push(name.into());
                        terms.push(term);
                    }
                }
                Piece::Url(_) => this.has_link = true,
                Piece::Plain(_) => {}
            }
            is_start &= matches!(piece, Piece::Plain(text) if text.trim().is_empty());
        }
        terms.extend(this.words.iter().filter(|word| is_new(word)).cloned());
        terms.truncate(MAX_TERMS);
        this
    }
}

/// The folded words of a text in their order, a link being one.
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for piece in pieces(text) {
        add_words(piece, &mut words);
    }
    words
}

fn add_words(piece: Piece<'_>, words: &mut Vec<String>) {
    match piece {
        Piece::Url(url) => words.push(cut(&fold(url))),
        Piece::Plain(text) | Piece::Hashtag(text) | Piece::Mention(text) => {
            words.extend(fold(text).unicode_words().map(cut));
        }
    }
}

/// The term of a hashtag, given with or without its sign. It is whole: two tags are the same or not.
pub fn tag_term(tag: &str) -> String {
    format!("#{}", fold(bare(tag)))
}

/// The term of a name, given with or without the `@`.
pub fn name_term(name: &str) -> String {
    cut(&format!("@{}", fold(bare(name))))
}

/// A text in lower case and without accents, in which texts that read the same are the same.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.nfkd().filter(|&c| !is_combining_mark(c)).flat_map(char::to_lowercase) {
        match c {
            'ß' => folded.push_str("ss"),
            'ς' => folded.push('σ'),
            c => folded.push(c),
        }
    }
    folded
}

/// The beginning that counts as a term.
fn cut(term: &str) -> String {
    term.chars().take(MAX_TERM_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hashtags_and_mentions_are_as_written_but_once() {
        let found = parts("#Kiwi and #kiwi, @Ann @ann: #München #munchen (#日本) ＃full");

        assert_eq!(found.hashtags, ["Kiwi", "München", "日本", "full"]);
        assert_eq!(found.mentions, ["Ann"]);
        for term in ["#kiwi", "@ann", "#munchen", "munchen", "kiwi", "and", "#日本", "日", "本"]
        {
            assert!(found.terms.iter().any(|found| found == term), "{term}: {:?}", found.terms);
        }
    }

    #[test]
    fn not_everything_with_a_sign_is_one() {
        let found = parts(
            "#1 a#b &#39; # ## ann@example.org @ @@x @日本 #a#b @a_name_that_is_really_too_long_",
        );
        assert_eq!(found.hashtags, Vec::<String>::new());
        assert_eq!(found.mentions, Vec::<String>::new());
    }

    #[test]
    fn a_text_is_to_whom_it_begins_with() {
        for (text, want) in [
            ("@bob hi", Some("@bob")),
            (" \u{3000}\n@Bob", Some("@bob")),
            (".@bob hi", None),
            ("hi @bob", None),
            ("\u{200b}@bob", None),
            ("-@bob", None),
            ("@bob@ann", None),
            ("#a @bob", None),
        ] {
            assert_eq!(Analysis::of(text).to.as_deref(), want, "{text}");
        }
    }

    #[test]
    fn long_tags_are_told_apart_to_their_ends() {
        let [a, b] = ["A", "B"].map(|end| format!("#{}{end}", "x".repeat(90)));
        assert_ne!(tag_term(&a), tag_term(&b));
        assert!(parts(&a).terms.contains(&tag_term(&a)));
    }

    #[test]
    fn the_sentence_around_a_tag_or_a_name_is_not_part_of_it() {
        let found = parts("(#2013_ucla), .@kiwi's RT @bob: #C'est \u{201c}#x\u{201d}");
        assert_eq!(found.hashtags, ["2013_ucla", "C", "x"]);
        assert_eq!(found.mentions, ["kiwi", "bob"]);
    }

    #[test]
    fn a_link_is_one_term_and_nothing_in_it_is_another() {
        let found = parts("See (http://Example.com/a_(b)#tag/@me?x=1). https://x.org/.");
        assert_eq!(found.terms, ["see", "http://example.com/a_(b)#tag/@me?x=1", "https://x.org/"]);
        assert_eq!(found.hashtags, Vec::<String>::new());
        assert_eq!(words("http:// https://- xhttp://a"), ["http", "https", "xhttp", "a"]);
    }

    #[test]
    fn words_are_those_of_every_script() {
        assert_eq!(words("Don't stop: 3.14 naïve_x"), ["don't", "stop", "3.14", "naive_x"]);
        assert_eq!(words("ΟΔΟΣ οδος Straße STRASSE"), ["οδοσ", "οδοσ", "strasse", "strasse"]);
        assert_eq!(words("東京タワー"), ["東", "京", "タワー"]);
        assert_eq!(words("ﬁne Ｗide 🙂 — ..."), ["fine", "wide"]);
        assert_eq!(words("İstanbul istanbul"), ["istanbul", "istanbul"]);
    }

    #[test]
    fn terms_have_limits() {
        let long = "x".repeat(1000);
        assert_eq!(parts(&long).terms, ["x".repeat(MAX_TERM_CHARS)]);
        let many: String = (0..1000).map(|n| format!("w{n} ")).collect();
        assert_eq!(parts(&many).terms.len(), MAX_TERMS);
        assert_eq!(parts(&format!("#{}", "t".repeat(MAX_TAG_CHARS + 1))).hashtags.len(), 0);
    }

    proptest! {
        #[test]
        fn pieces_together_are_the_text(text in any_text()) {
            let whole: String = pieces(&text)
                .into_iter()
                .map(|piece| {
                    let (Piece::Plain(text)
                    | Piece::Url(text)
                    | Piece::Hashtag(text)
                    | Piece::Mention(text)) = piece;
                    text
                })
                .collect();
            prop_assert_eq!(whole, text);
        }

        #[test]
        fn every_text_has_parts(text in any_text()) {
            let parts = parts(&text);
            for term in &parts.terms {
                let most = if term.starts_with('#') { 1 + 18 * MAX_TAG_CHARS } else { MAX_TERM_CHARS };
                prop_assert!((1..=most).contains(&term.chars().count()));
            }
            for tag in &parts.hashtags {
                prop_assert_eq!(super::parts(&format!("#{tag}")).hashtags, [tag.clone()]);
            }
        }
    }

    fn any_text() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            any::<String>(),
            "[#@ a-c1_.]{0,6}",
            prop::sample::select(vec![
                "http://",
                "https://a.b/c",
                "#",
                "＃",
                "@",
                "ß",
                "日本",
                " "
            ])
            .prop_map(str::to_owned),
        ];
        prop::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
    }
}
