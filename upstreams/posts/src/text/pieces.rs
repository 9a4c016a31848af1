//! Where hashtags, mentions and links begin and end in a text.
//!
//! What a hashtag and a mention are is decided by the rules of twitter-text; a link has a scheme, and a host with a
//! dot in it, for which no list of domains is kept. `web/text.js` has the same rules.

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory as _};

/// The most characters of a hashtag, without its sign; a longer one is none.
pub const MAX_TAG_CHARS: usize = 100;

/// The most characters of a name, without the `@`; a longer one is none.
pub const MAX_NAME_CHARS: usize = 30;

/// How far back the beginning of an address is looked for, which is done for each sign that follows one.
const MAX_ADDRESS_BYTES: usize = 512;

/// The most bytes of a host.
const MAX_HOST_BYTES: usize = 253;

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

/// Cuts a text into its pieces.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut plain_from = 0;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if let Some(piece) = piece_at(text, at, c) {
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
        } else {
            at += c.len_utf8();
        }
    }
    if plain_from < text.len() {
        pieces.push(Piece::Plain(&text[plain_from..]));
    }
    pieces
}

/// What begins at this place of a text, if it is more than plain text; `first` is its first character.
fn piece_at(text: &str, at: usize, first: char) -> Option<Piece<'_>> {
    let (before, rest) = text.split_at(at);
    match first {
        '#' | '＃' if may_precede_tag(before) => hashtag(rest),
        '@' | '＠' if may_precede_name(before) => mention(rest),
        'h' | 'H' if may_precede_url(before) => url(rest),
        _ => None,
    }
}

/// Whether a hashtag may follow this.
fn may_precede_tag(before: &str) -> bool {
    let Some(last) = before.chars().next_back() else { return true };
    match last {
        // They tell how the emoji in front of them is shown.
        '\u{fe0e}' | '\u{fe0f}' => true,
        '&' => false,
        // What looks like the end of an address is part of it.
        '/' => {
            let from = before.floor_char_boundary(before.len().saturating_sub(MAX_ADDRESS_BYTES));
            let word = before[from..].rsplit(char::is_whitespace).next();
            !word.is_some_and(|word| word.contains('.'))
        }
        last => !is_tag_char(last),
    }
}

/// Whether a mention may follow this: nothing of which an address of e-mail is made, unless it is `RT`.
fn may_precede_name(before: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_!#$%&*@＠".contains(c);
    let mut last = before.chars().rev();
    let Some(first) = last.next() else { return true };
    if !is_part(first) {
        return true;
    }
    let is_rt = first.eq_ignore_ascii_case(&'t')
        && last.next().is_some_and(|c| c.eq_ignore_ascii_case(&'r'));
    is_rt && !last.next().is_some_and(|c| c.is_ascii_alphanumeric() || "_+~.-".contains(c))
}

/// Whether a link may follow this.
fn may_precede_url(before: &str) -> bool {
    let last = before.chars().next_back();
    !last.is_some_and(|c| c.is_ascii_alphanumeric() || "@＠$#＃".contains(c))
}

/// A sign and letters, marks, digits and some signs, of which one is a letter or a mark.
fn hashtag(text: &str) -> Option<Piece<'_>> {
    let tag = bare(text);
    // These make an emoji of the sign.
    if tag.starts_with(['\u{fe0f}', '\u{20e3}']) {
        return None;
    }
    let bytes = tag.find(|c| !is_tag_char(c)).unwrap_or(tag.len());
    let (tag, rest) = tag.split_at(bytes);
    let is_tag = tag.chars().any(is_letter)
        && tag.chars().count() <= MAX_TAG_CHARS
        && !rest.starts_with(['#', '＃'])
        && !rest.starts_with("://");
    is_tag.then(|| Piece::Hashtag(&text[..text.len() - rest.len()]))
}

/// A sign and plain letters, digits and underscores.
fn mention(text: &str) -> Option<Piece<'_>> {
    let name = bare(text);
    let bytes = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
    let rest = &name[bytes..];
    let is_name = (1..=MAX_NAME_CHARS).contains(&bytes)
        && !rest.starts_with(|c: char| c == '@' || c == '＠' || is_accented(c))
        && !rest.starts_with("://");
    is_name.then(|| Piece::Mention(&text[..text.len() - rest.len()]))
}

/// An address with a scheme, without what ends the sentence around it.
fn url(text: &str) -> Option<Piece<'_>> {
    let has =
        |scheme: &str| text.get(..scheme.len()).is_some_and(|t| t.eq_ignore_ascii_case(scheme));
    let scheme = ["https://", "http://"].into_iter().find(|scheme| has(scheme))?;
    let host = host(&text[scheme.len()..])?;
    let mut end = scheme.len() + host.len();
    end += port(&text[end..]);
    end += path(&text[end..]);
    Some(Piece::Url(&text[..end]))
}

/// The host that a text begins with: labels with dots between, the last of which is a word.
fn host(text: &str) -> Option<&str> {
    let is_label = |c: char| {
        c == '_'
            || c == '-'
            || !(c.is_ascii_punctuation()
                || c.is_whitespace()
                || c.is_control()
                || is_mark_of_a_sentence(c))
    };
    let mut end = 0;
    let mut labels: Vec<&str> = Vec::new();
    let beginning = &text[..text.floor_char_boundary(MAX_HOST_BYTES + 4)];
    for label in beginning.split('.') {
        let length = label.find(|c| !is_label(c)).unwrap_or(label.len());
        // Behind the last label something else may follow at once: `example.comだよ`.
        let plain = label.find(|c: char| !c.is_ascii()).filter(|at| {
            !labels.is_empty()
                && *at >= 2
                && label.as_bytes()[..*at].iter().all(u8::is_ascii_alphabetic)
        });
        let length = plain.unwrap_or(length).min(length);
        if length == 0 {
            break;
        }
        end += length + usize::from(!labels.is_empty());
        labels.push(&label[..length]);
        if length < label.len() {
            break;
        }
    }
    let [.., domain, top] = labels[..] else { return None };
    let is_top = !top.starts_with("xn--") && top.chars().all(char::is_alphabetic)
        || top
            .strip_prefix("xn--")
            .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_alphanumeric()));
    let is_host = is_top
        && end <= MAX_HOST_BYTES
        && !domain.contains('_')
        && labels.iter().all(|label| {
            !label.starts_with(['-', '_'])
                && !label.ends_with(['-', '_'])
                && (label.is_ascii() || !label.starts_with("xn--"))
        });
    is_host.then_some(&text[..end])
}

/// How long the port is that a text begins with.
fn port(text: &str) -> usize {
    let Some(digits) = text.strip_prefix(':') else { return 0 };
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    if length == 0 { 0 } else { 1 + length }
}

/// How long the path and the query are that a text begins with.
fn path(text: &str) -> usize {
    if !text.starts_with(['/', '?']) {
        return 0;
    }
    let is_in = |c: char| {
        c.is_ascii_alphanumeric()
            || "!*';:=+,.$/%#[]-–_~@|&()?".contains(c)
            || is_accented(c)
            || is_cyrillic(c)
    };
    let all = &text[..text.find(|c| !is_in(c)).unwrap_or(text.len())];
    let is_end = |c: char| {
        c.is_ascii_alphanumeric() || "=_#/+-&".contains(c) || is_accented(c) || is_cyrillic(c)
    };
    let opened = all.matches('(').count();
    let mut closed = all.matches(')').count();
    let mut path = all;
    while let Some(last) = path.chars().next_back() {
        if is_end(last) || last == ')' && closed <= opened {
            break;
        }
        closed -= usize::from(last == ')');
        path = &path[..path.len() - last.len_utf8()];
    }
    // A question mark that asks nothing ends a sentence.
    path.len()
}

/// What stands between words and ends sentences, beyond ASCII.
fn is_mark_of_a_sentence(c: char) -> bool {
    use GeneralCategoryGroup::{Punctuation, Separator};
    matches!(c.general_category_group(), Punctuation | Separator)
        || c.general_category() == GeneralCategory::Format
}

/// A letter or a mark, as a hashtag needs one.
fn is_letter(c: char) -> bool {
    use GeneralCategoryGroup::{Letter, Mark};
    c.is_ascii_alphabetic() || !c.is_ascii() && matches!(c.general_category_group(), Letter | Mark)
}

fn is_tag_char(c: char) -> bool {
    // Marks that stand inside words of Hebrew, Japanese, Catalan, Tibetan and others.
    const INSIDE_WORDS: &str = "_\u{200c}\u{200d}\u{a67e}\u{5be}\u{5f3}\u{5f4}\u{ff5e}\u{301c}\u{309b}\u{309c}\
                                \u{30a0}\u{30fb}\u{3003}\u{f0b}\u{f0c}\u{b7}";
    is_letter(c)
        || c.is_ascii_digit()
        || INSIDE_WORDS.contains(c)
        || !c.is_ascii() && c.general_category_group() == GeneralCategoryGroup::Number
}

/// A Latin letter with an accent, or an accent.
fn is_accented(c: char) -> bool {
    matches!(c,
        '\u{c0}'..='\u{24f}' if c != '×' && c != '÷')
        || matches!(c, '\u{253}' | '\u{254}' | '\u{256}' | '\u{257}' | '\u{259}' | '\u{25b}' | '\u{263}'
            | '\u{268}' | '\u{26f}' | '\u{272}' | '\u{289}' | '\u{2bb}'
            | '\u{300}'..='\u{36f}' | '\u{1e00}'..='\u{1eff}')
}

fn is_cyrillic(c: char) -> bool {
    matches!(c, '\u{400}'..='\u{4ff}')
}

/// Without the sign in front.
pub(super) fn bare(text: &str) -> &str {
    text.strip_prefix(['#', '＃', '@', '＠']).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mentions(text: &str) -> Vec<&str> {
        pieces(text)
            .into_iter()
            .filter_map(|piece| match piece {
                Piece::Mention(name) => Some(bare(name)),
                Piece::Plain(_) | Piece::Url(_) | Piece::Hashtag(_) => None,
            })
            .collect()
    }

    #[test]
    fn hashtags_are_those_of_every_script() {
        for (text, want) in [
            ("\u{2764}\u{fe0f}#kiwi", &["kiwi"][..]),
            ("\u{2764}\u{fe0e}#kiwi \u{1f468}\u{200d}\u{1f467}#emu", &["kiwi", "emu"]),
            ("#\u{fe0f}\u{20e3}abc", &[]),
            ("#\u{20e3}abc", &[]),
            ("#gel·lat", &["gel·lat"]),
            ("#メ〜ル #メ～ル #サ・ン #各〃", &["メ〜ル", "メ～ル", "サ・ン", "各〃"]),
            ("#〃 #_ #1_2 #٤٥ #½", &[]),
            ("#بي\u{200c}إم #٤abc #１２a", &["بي\u{200c}إم", "٤abc", "１２a"]),
            ("#http://x.org/ #https://x.org", &[]),
            ("http://x.org/#a x.org/#b and/#c &#d", &["c"]),
            ("日本#日本 日本。#日本 ！＃日本", &["日本", "日本"]),
            ("(#a )#b [#c ’#d’#e :#f", &["a", "b", "c", "d", "e", "f"]),
            ("#מ״כ #ב־ב", &["מ״כ", "ב־ב"]),
            ("#Ⅷ #Ⅷa #½price", &["Ⅷa", "½price"]),
        ] {
            let found: Vec<_> = pieces(text)
                .into_iter()
                .filter_map(|piece| match piece {
                    Piece::Hashtag(tag) => Some(bare(tag)),
                    Piece::Plain(_) | Piece::Url(_) | Piece::Mention(_) => None,
                })
                .collect();
            assert_eq!(found, want, "{text}");
        }
    }

    #[test]
    fn names_need_no_blank_before_them_but_are_no_addresses() {
        for (text, want) in [
            ("の@bobに着く", &["bob"][..]),
            ("RT@bob rt@ann Rt:@cat rT @dan", &["bob", "ann", "cat", "dan"]),
            ("art@bob +rt@bob b.rt@bob _rt@bob", &[]),
            ("日rt@bob", &["bob"]),
            ("a@bob 1@bob _@bob !@bob #@bob $@bob %@bob &@bob *@bob @@bob", &[]),
            ("-@bob /@ann .@cat é@dan", &["bob", "ann", "cat", "dan"]),
            ("@bobé @bob@ann @bob＠ann @http://x.org", &[]),
            ("@ſam \u{212a}@bob", &["bob"]),
            ("＠bob", &["bob"]),
        ] {
            assert_eq!(mentions(text), want, "{text}");
        }
    }

    #[test]
    fn links_have_a_host_and_end_before_the_sentence_does() {
        for (text, want) in [
            ("text http://x.org/a?b=c&d=e. more", &["http://x.org/a?b=c&d=e"][..]),
            ("中国語http://t.co/abcde한국", &["http://t.co/abcde"]),
            ("http://x.org/これは。http://y.org、", &["http://x.org/", "http://y.org"]),
            (
                "http://ああ.com http://あ-あ.com/Русские_слова",
                &["http://ああ.com", "http://あ-あ.com/Русские_слова"],
            ),
            ("http://example.comだよね", &["http://example.com"]),
            ("http://localhost http://no-dot/x http:// x", &[]),
            ("@http://x.org $http://x.org #http://x.org xhttp://x.org", &[]),
            ("http://a_b.c-d.com http://a-b_c.d-e_f.com", &["http://a_b.c-d.com"]),
            ("http://x.com-that-is-none", &[]),
            (
                "(http://x.org) (see http://x.org/a_(b)) http://x.org/(a",
                &["http://x.org", "http://x.org/a_(b)", "http://x.org/(a"],
            ),
            (
                "http://x.org:3000/a+ http://x.org/a- http://x.org?#a",
                &["http://x.org:3000/a+", "http://x.org/a-", "http://x.org?#a"],
            ),
            (
                "is it http://x.org/? http://x.org/a!? \"http://x.org/b\"",
                &["http://x.org/", "http://x.org/a", "http://x.org/b"],
            ),
            ("HTTP://X.ORG", &["HTTP://X.ORG"]),
            ("http://x..org http://.org http://-x.org http://x_.org.com http://xn--é.com", &[]),
        ] {
            let found: Vec<_> = pieces(text)
                .into_iter()
                .filter_map(|piece| match piece {
                    Piece::Url(url) => Some(url),
                    Piece::Plain(_) | Piece::Hashtag(_) | Piece::Mention(_) => None,
                })
                .collect();
            assert_eq!(found, want, "{text}");
        }
    }

    /// Looking through all of it for each of its pieces would take minutes.
    #[test]
    fn a_long_text_takes_no_longer_than_its_length() {
        let brackets = format!("http://a.b/{}", ")".repeat(2_000_000));
        assert_eq!(pieces(&brackets)[0], Piece::Url("http://a.b/"));
        assert_eq!(pieces(&"http://-".repeat(200_000)).len(), 1);
        assert_eq!(pieces(&format!("x.org{}", "/#".repeat(200_000))).len(), 1);
    }
}
