//! What was not as a case expects it, and how that is written down.

/// What was not as it should be.
#[derive(Debug)]
pub(super) struct Mismatch {
    /// The step of the case, counted from 1.
    pub(super) step: usize,
    pub(super) expected: Vec<u8>,
    pub(super) got: Got,
}

/// What came instead.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) what: Vec<u8>,
    /// Whether the server gave no answer at all that could be held against the case: a few in a row, and there is no
    /// point in going on.
    pub(super) is_hopeless: bool,
}

impl Got {
    /// Bytes of the server's.
    pub(super) fn bytes(bytes: &[u8]) -> Self {
        Self { what: shortened(bytes), is_hopeless: false }
    }

    /// Words about it.
    pub(super) fn words(what: impl Into<Vec<u8>>) -> Self {
        Self { what: what.into(), is_hopeless: false }
    }

    /// Words about a server that does not answer.
    pub(super) fn hopeless(what: impl Into<Vec<u8>>) -> Self {
        Self { what: what.into(), is_hopeless: true }
    }

    /// The end of the connection, after these bytes.
    pub(super) fn end(after: &[u8]) -> Self {
        Self::words(if after.is_empty() {
            "the end of the connection, and nothing before it".to_owned()
        } else {
            format!("the end of the connection, after {}", quoted(after))
        })
    }
}

/// The most of an answer that is shown when it is wrong.
const SHOWN: usize = 300;

/// Bytes for people to read, not too many.
pub(super) fn shortened(bytes: &[u8]) -> Vec<u8> {
    if bytes.len() <= SHOWN {
        return bytes.to_vec();
    }
    [&bytes[..SHOWN], format!("... ({} bytes)", bytes.len()).as_bytes()].concat()
}

/// The same in words around them.
pub(super) fn quoted(bytes: &[u8]) -> String {
    format!("`{}`", String::from_utf8_lossy(&shortened(bytes)))
}

/// Bytes in double quotes, as YAML reads them.
pub(super) fn yaml(bytes: &[u8]) -> String {
    let escaped = bytes.escape_ascii().to_string().replace("\\'", "'");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_escaped_once() {
        assert_eq!(yaml(b"? it's \"x\\y\"\t\xff"), r#""? it's \"x\\y\"\t\xff""#);
        assert_eq!(
            yaml(&Got::end(b"? x\ty").what),
            r#""the end of the connection, after `? x\ty`""#
        );
    }
}
