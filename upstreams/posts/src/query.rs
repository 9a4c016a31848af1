//! What people type into a search, in the language of the Twitter search of 2012.
//!
//! | typed | finds posts |
//! |---|---|
//! | `kiwi bird` | with both words |
//! | `"kiwi bird"` | with these words next to each other, in this order |
//! | `kiwi OR emu bird` | with one of the first two words, and the last |
//! | `-kiwi`, `-"kiwi bird"`, `-from:ann` | without |
//! | `#kiwi`, `@ann` | with this hashtag, that mention her |
//! | `from:ann`, `to:ann` | that she wrote, that begin with `@ann` |
//! | `since:2012-10-06`, `until:2012-10-07` | not before this day, before this day (UTC) |
//! | `filter:links` | with a link |
//!
//! Nothing that can be typed is an error: what can not be used is left out, with a warning.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::text::{self, Analysis, Piece};

/// The most characters of a query, wherever somebody types one.
pub(crate) const MAX_QUERY_CHARS: usize = 1000;

/// The most conditions that a query may have; the rest is left out.
pub const MAX_CONDITIONS: usize = 32;

/// A query that was understood, as far as it could be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// Of each of these lists one condition must hold.
    pub(crate) needed: Vec<Vec<Condition>>,
    /// None of these may hold.
    pub(crate) excluded: Vec<Condition>,
    /// The first moment that counts, in milliseconds since 1970.
    pub(crate) since_ms: Option<i64>,
    /// The first moment that no longer counts, likewise.
    pub(crate) until_ms: Option<i64>,
    /// What was left out.
    pub(crate) warnings: Vec<String>,
}

/// Something that a post fulfils or not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Condition {
    /// These words, folded, next to each other; at least one.
    Words(Vec<String>),
    /// A folded hashtag or name with its sign.
    Term(String),
    /// Written by the one with this folded name.
    From(String),
    /// Begins with this folded name, which has its `@`.
    To(String),
    /// With a link.
    Link,
}

/// What conditions look at in a post.
#[derive(Debug)]
pub(crate) struct Subject {
    author: String,
    words: Vec<String>,
    terms: Vec<String>,
    /// Whom it is to, as a term.
    to: Option<String>,
    has_link: bool,
}

impl Query {
    /// Reads what somebody typed.
    pub fn parse(typed: &str) -> Self {
        let mut query = Self::default();
        let mut conditions = 0;
        let mut is_or = false;
        for token in tokens(typed) {
            if token == Token::OR {
                is_or = true;
                continue;
            }
            let was_or = core::mem::take(&mut is_or);
            let Some(condition) = query.read(&token) else { continue };
            conditions += 1;
            if conditions > MAX_CONDITIONS {
                query.warn(format!("only the first {MAX_CONDITIONS} terms of q are used"));
                break;
            }
            if token.is_negated {
                query.excluded.push(condition);
            } else if was_or && let Some(last) = query.needed.last_mut() {
                last.push(condition);
            } else {
                query.needed.push(vec![condition]);
            }
        }
        query
    }

    /// What finds the posts with a hashtag, given without its sign, as it was written or folded.
    pub(crate) fn tagged(tag: &str) -> Self {
        let tagged = Condition::Term(text::tag_term(&format!("#{tag}")));
        Self { needed: vec![vec![tagged]], ..Self::default() }
    }

    /// Whether every post matches.
    pub fn is_empty(&self) -> bool {
        self.is_about_time_alone() && self.since_ms.is_none() && self.until_ms.is_none()
    }

    /// Whether posts match whatever is in them.
    pub(crate) fn is_about_time_alone(&self) -> bool {
        self.needed.is_empty() && self.excluded.is_empty()
    }

    /// Whether a post matches in all but its time.
    pub(crate) fn matches(&self, subject: &Subject) -> bool {
        let holds = |condition: &Condition| condition.holds(subject);
        self.needed.iter().all(|one_of| one_of.iter().any(holds))
            && !self.excluded.iter().any(holds)
    }

    /// Turns a token into a condition, or keeps what it says about the time.
    fn read(&mut self, token: &Token<'_>) -> Option<Condition> {
        if let Some((operator, value)) = token.operator() {
            let name = || Some(text::fold(value.trim_start_matches('@'))).filter(|n| is_name(n));
            match operator {
                "from" | "to" => {
                    let Some(name) = name() else {
                        return self.leave_out(token, "is not followed by a name");
                    };
                    return Some(match operator {
                        "from" => Condition::From(name),
                        _ => Condition::To(format!("@{name}")),
                    });
                }
                "since" | "until" if token.is_negated => {
                    return self.leave_out(token, "can not be negated");
                }
                "since" | "until" => {
                    let Some(day_ms) = start_of_day_ms(value) else {
                        return self.leave_out(token, "is not followed by a day as in 2012-10-06");
                    };
                    let side =
                        if operator == "since" { &mut self.since_ms } else { &mut self.until_ms };
                    *side = Some(day_ms);
                    return None;
                }
                "filter" if value.eq_ignore_ascii_case("links") => return Some(Condition::Link),
                "near" | "within" => {
                    return self.leave_out(token, "is not supported: use geocode");
                }
                "filter" | "source" | "lang" | "place" => {
                    return self.leave_out(token, "is not supported");
                }
                _ => {}
            }
        }
        if let [piece @ (Piece::Hashtag(_) | Piece::Mention(_))] = *solid(token.text)
            && !token.is_quoted
        {
            return Some(Condition::Term(match piece {
                Piece::Hashtag(tag) => text::tag_term(tag),
                Piece::Mention(text) | Piece::Plain(text) | Piece::Url(text) => {
                    text::name_term(text)
                }
            }));
        }
        let words = text::words(token.text);
        if words.is_empty() {
            return self.leave_out(token, "has no word in it");
        }
        Some(Condition::Words(words))
    }

    fn leave_out(&mut self, token: &Token<'_>, why: &str) -> Option<Condition> {
        let start: String = token.text.chars().take(40).collect();
        self.warn(format!("{start} {why}, and was left out"));
        None
    }

    fn warn(&mut self, warning: String) {
        // Some are as good as all.
        if self.warnings.len() < 3 {
            self.warnings.push(warning);
        }
    }
}

impl Condition {
    fn holds(&self, subject: &Subject) -> bool {
        match self {
            Self::Words(words) => {
                subject.words.windows(words.len()).any(|window| window == words.as_slice())
            }
            Self::Term(term) => subject.terms.contains(term),
            Self::From(name) => subject.author == *name,
            Self::To(name) => subject.to.as_ref() == Some(name),
            Self::Link => subject.has_link,
        }
    }

    /// The terms that a post must have for this to hold, the longest word first; none if it needs none.
    pub(crate) fn term(&self) -> Option<&str> {
        match self {
            Self::Words(words) => {
                words.iter().max_by_key(|word| word.chars().count()).map(String::as_str)
            }
            Self::Term(term) | Self::To(term) => Some(term),
            Self::From(_) | Self::Link => None,
        }
    }
}

impl Subject {
    pub(crate) fn new(author: &str, text: &str) -> Self {
        let Analysis { parts, words, to, has_link } = Analysis::of(text);
        Self { author: text::fold(author), words, terms: parts.terms, to, has_link }
    }
}

/// A piece of a query between spaces.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Token<'a> {
    text: &'a str,
    is_quoted: bool,
    is_negated: bool,
}

impl<'a> Token<'a> {
    const OR: Token<'static> = Token { text: "OR", is_quoted: false, is_negated: false };

    /// `from` and `ann` of `from:ann`.
    fn operator(&self) -> Option<(&'a str, &'a str)> {
        if self.is_quoted { None } else { self.text.split_once(':') }
    }
}

fn tokens(typed: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = typed.trim_start();
    while !rest.is_empty() {
        let after_sign =
            rest.strip_prefix('-').filter(|after| !after.starts_with(char::is_whitespace));
        let is_negated = after_sign.is_some_and(|after| !after.is_empty());
        if is_negated {
            rest = &rest[1..];
        }
        let (text, is_quoted, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (text, after) = quoted.split_once('"').unwrap_or((quoted, ""));
                (text, true, after)
            }
            None => {
                let end = rest.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(rest.len());
                (&rest[..end], false, &rest[end..])
            }
        };
        if !text.is_empty() {
            tokens.push(Token { text, is_quoted, is_negated });
        }
        rest = after.trim_start();
    }
    tokens
}

/// The pieces of a token without the marks around it.
fn solid(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = text::pieces(text);
    pieces.retain(|piece| !is_blank(piece));
    pieces
}

/// Whether there is no word in a piece.
fn is_blank(piece: &Piece<'_>) -> bool {
    matches!(piece, Piece::Plain(text) if !text.chars().any(char::is_alphanumeric))
}

fn is_name(folded: &str) -> bool {
    (1..=text::MAX_NAME_CHARS).contains(&folded.len())
        && folded.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn start_of_day_ms(day: &str) -> Option<i64> {
    let date: Date = day.parse().ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(typed: &str, text: &str) -> bool {
        Query::parse(typed).matches(&Subject::new("Ann", text))
    }

    #[test]
    fn every_word_is_needed_in_any_order() {
        assert!(matches("bird KIWI", "A kiwi is a bird"));
        assert!(matches("café", "CAFE!"));
        assert!(!matches("bird emu", "A kiwi is a bird"));
        assert!(!matches("kiw", "A kiwi is a bird"));
        assert!(matches("東京", "今日は東京タワー"));
        assert!(!matches("京東", "今日は東京タワー"));
    }

    #[test]
    fn a_phrase_is_in_order_and_together() {
        assert!(matches("\"is a\"", "A kiwi is a bird"));
        assert!(!matches("\"a is\"", "A kiwi is a bird"));
        assert!(!matches("\"kiwi bird\"", "A kiwi is a bird"));
        assert!(matches("\"is a bird", "A kiwi is a bird"), "a quotation mark that is not closed");
        assert!(matches("well-known", "a well known bird"));
    }

    #[test]
    fn or_binds_its_neighbours() {
        assert!(matches("emu OR kiwi bird", "A kiwi is a bird"));
        assert!(!matches("emu OR kiwi fish", "A kiwi is a bird"));
        assert!(matches("emu OR \"ostrich x\" OR kiwi", "A kiwi"));
        assert!(matches("OR kiwi OR", "A kiwi"), "one without a neighbour is nothing");
        assert!(!matches("kiwi or emu", "A kiwi"), "a word");
    }

    #[test]
    fn a_minus_excludes() {
        assert!(!matches("-kiwi", "A kiwi is a bird"));
        assert!(matches("-emu", "A kiwi is a bird"));
        assert!(!matches("bird -\"is a\"", "A kiwi is a bird"));
        assert!(!matches("-from:ann", "anything"));
        assert!(matches("- kiwi", "A kiwi"), "a minus alone is nothing");
    }

    #[test]
    fn tags_names_and_links_are_found_as_such() {
        assert!(matches("#kiwi", "a #Kiwi!"));
        assert!(!matches("#kiwi", "a kiwi"));
        assert!(matches("kiwi", "a #Kiwi!"));
        assert!(matches("(#kiwi),", "a #Kiwi!"));
        assert!(matches("@bob", "for @Bob"));
        assert!(!matches("@bob", "bob"));
        assert!(matches("from:ANN", "x") && matches("from:@ann", "x") && !matches("from:bob", "x"));
        assert!(matches("to:bob", " @bob hello") && !matches("to:bob", "hello @bob"));
        assert!(!matches("to:bob", ".@bob hello"), "it is for everybody");
        assert!(matches("filter:links", "see http://a.b") && !matches("filter:links", "see a.b"));
        assert!(matches("http://a.b/c?d=1", "see http://A.b/c?d=1."));
    }

    #[test]
    fn days_are_moments() {
        let query = Query::parse("since:2012-10-06 until:2012-10-07");
        assert_eq!(query.since_ms, Some(1_349_481_600_000));
        assert_eq!(query.until_ms, Some(1_349_481_600_000 + 86_400_000));
        assert!(query.warnings.is_empty() && !query.is_empty());
    }

    #[test]
    fn what_can_not_be_used_is_left_out_with_a_warning() {
        for typed in [
            "near:LA",
            "since:yesterday",
            "-until:2012-10-06",
            "from:",
            "from:a-b",
            ":-)",
            "!!!",
            "-",
        ] {
            let query = Query::parse(typed);
            assert!(query.is_empty(), "{typed}: {query:?}");
            assert_eq!(query.warnings.len(), 1, "{typed}");
        }
        let many: String = (0..100).map(|n| format!("w{n} ")).collect();
        let query = Query::parse(&many);
        assert_eq!((query.needed.len(), query.warnings.len()), (MAX_CONDITIONS, 1));
        assert!(Query::parse(" ").is_empty() && Query::parse("").warnings.is_empty());
    }

    proptest! {
        #[test]
        fn everything_can_be_typed(
            typed in "([-\"#@:a-c ]|from:|OR |since:|http://|日|\\PC){0,24}",
            text in "([#@a-c ]|http://|日|\\PC){0,24}",
        ) {
            let query = Query::parse(&typed);
            let subject = Subject::new("ann", &text);
            // What the index finds a post by is among the terms of each post that matches.
            for condition in query.needed.iter().flatten().filter(|one| one.holds(&subject)) {
                if let Some(term) = condition.term() {
                    prop_assert!(subject.terms.iter().any(|t| t == term), "{condition:?} {text}");
                }
            }
        }

        #[test]
        fn a_text_without_operators_finds_itself(text in "[a-zé日 ]{1,40}") {
            prop_assert!(matches(&text, &text));
        }
    }
}
