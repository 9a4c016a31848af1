//! Lines that are requests of HTTP.
//!
//! A browser sends what a web page tells it to, to any address that it reaches: the lines of a form's body would
//! be commands like any others. A connection whose first line is a request of HTTP is a browser's, or of another
//! program that has the wrong port.

/// Whether a line is `METHOD target HTTP/x.y`.
pub(crate) fn is_request(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let Some(target) = behind_method(line) else { return false };
    let Some(space) = memchr::memrchr(b' ', target) else { return false };
    space > 0 && is_version(&target[space + 1..])
}

/// Whether a line that is longer than a line may be, and begins like this, may be one: what is too long is then a
/// path or a URL.
pub(crate) fn may_be_request(begin: &[u8]) -> bool {
    let Some(target) = behind_method(begin) else { return false };
    if !target.starts_with(b"/") && !target.starts_with(b"http") {
        return false;
    }
    match memchr::memchr(b' ', target) {
        None => true,
        Some(space) => VERSION.iter().zip(&target[space + 1..]).all(|(a, b)| a == b),
    }
}

const VERSION: &[u8] = b"HTTP/";

/// What follows a method and a space.
fn behind_method(line: &[u8]) -> Option<&[u8]> {
    let space = memchr::memchr(b' ', line)?;
    let is_method = space > 0 && line[..space].iter().copied().all(is_token);
    is_method.then(|| &line[space + 1..])
}

/// Whether a byte may stand in a method: `tchar` of RFC 9110.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_version(text: &[u8]) -> bool {
    let Some(number) = text.strip_prefix(VERSION) else { return false };
    let Some(point) = memchr::memchr(b'.', number) else { return false };
    let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    is_number(&number[..point]) && is_number(&number[point + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_known_by_their_version() {
        for line in [
            "GET / HTTP/1.1",
            "POST /a?b=c HTTP/1.0\r",
            "OPTIONS * HTTP/1.1",
            "CONNECT example.org:443 HTTP/1.1",
            "m-search * HTTP/1.1",
            "PRI * HTTP/2.0\r",
            "GET /with blanks HTTP/1.1",
        ] {
            assert!(is_request(line.as_bytes()), "{line}");
        }
        for line in [
            "",
            "GET /",
            "GET  HTTP/1.1",
            " GET / HTTP/1.1",
            "GET / HTTP/1",
            "GET / http/1.1",
            "GET / HTTP/1.1 ",
            "G(T / HTTP/1.1",
            "WHATSAT kiwi 10 5",
            "IAMAT kiwi +34-118 1",
        ] {
            assert!(!is_request(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn of_a_line_that_is_too_long_the_begin_tells() {
        for begin in
            ["GET /aaaa", "GET http://a", "POST /aaaa ", "POST /aaaa HT", "POST /aaaa HTTP/1.1"]
        {
            assert!(may_be_request(begin.as_bytes()), "{begin}");
        }
        for begin in ["aaaaaaaa", "GET ", "IAMAT kiwikiwi", "nonsense and more", "(a) /b"] {
            assert!(!may_be_request(begin.as_bytes()), "{begin}");
        }
    }
}
