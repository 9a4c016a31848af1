//! What is in the text of a post: hashtags, mentions, links, and the words it can be found by.
//!
//! Words are those of Unicode's rules for text segmentation (UAX #29): scripts that are written without
//! spaces fall into single characters, which a search then wants next to each other. Case and accents do not
//! count. Which posts match a search is left to `query.rs`.

use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation as _;

/// The most terms that a post can be found by; the rest of its words find nothing.
pub const MAX_TERMS: usize = 400;

/// The most characters of a term; a longer word is cut, in a post and in a search alike.
pub const MAX_TERM_CHARS: usize = 64;

/// The most characters of a hashtag, without its sign; a longer one is none.
pub const MAX_TAG_CHARS: usize = 100;

/// The most characters of a name, without the `@`; a longer one is none.
pub const MAX_NAME_CHARS: usize = 30;

/// A part of a text. All parts together, in their order, are the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Piece<'a> {
    /// Text and nothing else.
    Plain(&'a str),
    /// A web address, with `http://` or `https://`.
    Url(&'a str),
    /// A hashtag, with its sign.
    Hashtag(&'a str),
    /// A name, with the `@`.
    Mention(&'a str),
}

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
    let mut parts = Parts::default();
    let mut seen = HashSet::new();
    let mut is_new = |term: &str| seen.insert(term.to_owned());
    let mut terms = Vec::new();
    for piece in pieces(text) {
        match piece {
            Piece::Hashtag(tag) => {
                let (tag, term) = (bare(tag), tag_term(tag));
                if is_new(&term) {
                    parts.hashtags.push(tag.into());
                    terms.push(term);
                }
            }
            Piece::Mention(name) => {
                let (name, term) = (bare(name), name_term(name));
                if is_new(&term) {
                    parts.mentions.push(name.into());
                    terms.push(term);
                }
            }
            Piece::Plain(_) | Piece::Url(_) => {}
        }
    }
    terms.extend(words(text).into_iter().filter(|word| is_new(word)));
    terms.truncate(MAX_TERMS);
    parts.terms = terms;
    parts
}

/// The folded words of a text in their order, a link being one.
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for piece in pieces(text) {
        match piece {
            Piece::Url(url) => words.push(cut(&fold(url))),
            Piece::Plain(text) | Piece::Hashtag(text) | Piece::Mention(text) => {
                words.extend(fold(text).unicode_words().map(cut));
            }
        }
    }
    words
}

/// The term of a hashtag, given with or without its sign.
pub fn tag_term(tag: &str) -> String {
    cut(&format!("#{}", fold(bare(tag))))
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

/// Cuts a text into its pieces.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut plain_from = 0;
    let mut before = None;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if let Some(piece) = piece_at(&text[at..], c, before) {
            if plain_from < at {
                pieces.push(Piece::Plain(&text[plain_from..at]));
            }
            pieces.push(piece);
            let (Piece::Plain(text)
            | Piece::Url(text)
            | Piece::Hashtag(text)
            | Piece::Mention(text)) = piece;
            at += text.len();
            plain_from = at;
            before = text.chars().next_back();
        } else {
            at += c.len_utf8();
            before = Some(c);
        }
    }
    if plain_from < text.len() {
        pieces.push(Piece::Plain(&text[plain_from..]));
    }
    pieces
}

/// What `text` begins with, if it is more than plain text; `first` is its first character, `before` the
/// one in front of it.
fn piece_at(text: &str, first: char, before: Option<char>) -> Option<Piece<'_>> {
    let follows = |is_wrong: fn(char) -> bool| before.is_some_and(is_wrong);
    match first {
        '#' | '＃' if !follows(|c| is_tag_char(c) || c == '&' || c == '/') => hashtag(text),
        '@' | '＠' if !follows(|c| is_tag_char(c) || "!#$%&*@＠".contains(c)) => mention(text),
        'h' | 'H' if !follows(char::is_alphanumeric) => url(text),
        _ => None,
    }
}

/// A sign and letters, digits and underscores, not digits alone.
fn hashtag(text: &str) -> Option<Piece<'_>> {
    let tag = bare(text);
    let bytes = tag.find(|c| !is_tag_char(c)).unwrap_or(tag.len());
    let (tag, rest) = tag.split_at(bytes);
    let is_tag = tag.chars().any(char::is_alphabetic)
        && tag.chars().count() <= MAX_TAG_CHARS
        && !rest.starts_with(['#', '＃']);
    is_tag.then(|| Piece::Hashtag(&text[..text.len() - rest.len()]))
}

/// A sign and plain letters, digits and underscores.
fn mention(text: &str) -> Option<Piece<'_>> {
    let name = bare(text);
    let bytes = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
    let rest = &name[bytes..];
    let is_name = (1..=MAX_NAME_CHARS).contains(&bytes)
        && !rest.starts_with(|c: char| c == '@' || c == '＠' || is_tag_char(c));
    is_name.then(|| Piece::Mention(&text[..text.len() - rest.len()]))
}

/// An address up to the next space, without what ends the sentence around it.
fn url(text: &str) -> Option<Piece<'_>> {
    let has =
        |scheme: &str| text.get(..scheme.len()).is_some_and(|t| t.eq_ignore_ascii_case(scheme));
    let scheme = ["https://", "http://"].into_iter().find(|scheme| has(scheme))?;
    if !text[scheme.len()..].starts_with(char::is_alphanumeric) {
        return None;
    }
    let is_end = |c: char| c.is_whitespace() || c.is_control() || "<>\"“”「」。、，".contains(c);
    let url = &text[..text.find(is_end).unwrap_or(text.len())];
    let mut url = url.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '…']);
    // A closing bracket belongs to the address if it closes one in there.
    let opened = url.matches('(').count();
    let mut closed = url.matches(')').count();
    while url.ends_with(')') && closed > opened {
        url = url[..url.len() - 1].trim_end_matches(['.', ',', ';', ':', '!', '?', '\'']);
        closed -= 1;
    }
    Some(Piece::Url(url))
}

fn is_tag_char(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c) || matches!(c, '_' | '\u{200c}' | '\u{200d}')
}

/// Without the sign in front.
fn bare(text: &str) -> &str {
    text.strip_prefix(['#', '＃', '@', '＠']).unwrap_or(text)
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

    /// Looking through all of it for each of its pieces would take minutes.
    #[test]
    fn a_long_text_takes_no_longer_than_its_length() {
        let brackets = format!("http://a.b/{}", ")".repeat(2_000_000));
        assert_eq!(pieces(&brackets)[0], Piece::Url("http://a.b/"));
        assert_eq!(pieces(&"http://-".repeat(200_000)).len(), 1);
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
                prop_assert!((1..=MAX_TERM_CHARS).contains(&term.chars().count()));
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
