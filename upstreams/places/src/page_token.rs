//! The token that asks for the next page of an answer.
//!
//! It holds the whole search and where the page begins, so that nothing is remembered between requests,
//! and a code made with a key, so that only a token of ours is taken for one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Bytes of the code in front of a token: enough against guessing, short enough to look at.
const CODE_BYTES: usize = 12;

/// The most characters of a token that are looked at. Ours are shorter: what a search may hold is limited.
const MAX_CHARS: usize = 4096;

/// Writes tokens and reads them back.
#[derive(Clone)]
pub(crate) struct PageTokens {
    mac: Hmac<Sha256>,
}

impl PageTokens {
    /// Tokens are good wherever the same `key` is, also after a restart.
    pub(crate) fn new(key: &str) -> Self {
        let key = format!("herd-places page token 1\n{key}");
        let mac = Hmac::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length");
        Self { mac }
    }

    /// A token for the results of `query` from number `offset` on.
    pub(crate) fn write(&self, offset: usize, query: &str) -> String {
        let text = format!("{offset} {query}");
        let code = self.mac.clone().chain_update(&text).finalize().into_bytes();
        URL_SAFE_NO_PAD.encode([&code[..CODE_BYTES], text.as_bytes()].concat())
    }

    /// The offset and the query of a token, if it is one of ours.
    pub(crate) fn read(&self, token: &str) -> Option<(usize, String)> {
        if token.len() > MAX_CHARS {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (code, text) = bytes.split_at_checked(CODE_BYTES)?;
        self.mac.clone().chain_update(text).verify_truncated_left(code).ok()?;
        let (offset, query) = str::from_utf8(text).ok()?.split_once(' ')?;
        Some((offset.parse().ok()?, query.to_owned()))
    }
}

impl core::fmt::Debug for PageTokens {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PageTokens").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_of_another_key_is_none_of_ours() {
        let token = PageTokens::new("a").write(20, "location=1,2");

        assert_eq!(PageTokens::new("a").read(&token), Some((20, "location=1,2".into())));
        assert_eq!(PageTokens::new("b").read(&token), None);
    }

    proptest! {
        #[test]
        fn what_is_written_can_be_read(offset in any::<usize>(), query in any::<String>()) {
            let tokens = PageTokens::new("");
            prop_assert_eq!(tokens.read(&tokens.write(offset, &query)), Some((offset, query)));
        }

        #[test]
        fn a_token_with_a_character_changed_is_none(at in any::<prop::sample::Index>(), to in "[a-zA-Z0-9_-]") {
            let tokens = PageTokens::new("");
            let token = tokens.write(20, "location=1,2&radius=50");
            let at = at.index(token.len());
            let changed = format!("{}{to}{}", &token[..at], &token[at + 1..]);
            prop_assert_eq!(tokens.read(&changed).is_some(), changed == token);
        }

        #[test]
        fn garbage_is_no_token(garbage in any::<String>()) {
            prop_assert_eq!(PageTokens::new("").read(&garbage), None);
        }
    }
}
