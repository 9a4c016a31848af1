//! The cookie by which browsers stay logged in.

use crate::sessions::SESSION_MS;

const NAME: &str = "herd_session";

/// The cookie that carries this token.
pub(crate) fn with(token: &str, is_https: bool) -> String {
    cookie(token, SESSION_MS / 1000, is_https)
}

/// What takes the cookie away.
pub(crate) fn none(is_https: bool) -> String {
    cookie("", 0, is_https)
}

/// The token in the value of a `Cookie` header.
pub(crate) fn token(header: &str) -> Option<&str> {
    let mut pairs = header.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == NAME).map(|(_, token)| token).filter(|token| !token.is_empty())
}

fn cookie(token: &str, max_age: i64, is_https: bool) -> String {
    let secure = if is_https { "; Secure" } else { "" };
    format!("{NAME}={token}; HttpOnly; SameSite=Lax; Path=/; Max-Age={max_age}{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_among_other_cookies() {
        assert_eq!(token("a=b; herd_session=T; c"), Some("T"));
        assert_eq!(token("herd_session=T"), Some("T"));
        for none in ["", "a=b", "herd_session=", "xherd_session=T"] {
            assert_eq!(token(none), None, "{none}");
        }
    }

    #[test]
    fn scripts_never_see_the_cookie() {
        let plain = "herd_session=T; HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000";
        assert_eq!(with("T", false), plain);
        assert_eq!(with("T", true), format!("{plain}; Secure"));
        assert_eq!(none(false), "herd_session=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0");
    }
}
