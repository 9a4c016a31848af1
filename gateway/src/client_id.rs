//! Client IDs made from the names that applications give.

use core::fmt::{self, Write as _};

/// The most bytes of a client ID in the herd protocol.
pub const MAX_BYTES: usize = 255;

/// A client's ID: 1 to 255 bytes without white space.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClientId(String);

/// Why a name cannot become a client ID.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NoId {
    /// There is nothing in it.
    Empty,
    /// It has more than [`MAX_BYTES`] once it is encoded.
    TooLong,
}

impl ClientId {
    /// The ID of a device. White space and control characters are percent-encoded, all else stays, so that an ID
    /// becomes itself.
    ///
    /// # Errors
    ///
    /// Where the name is empty or too long.
    pub fn new(device: &str) -> Result<Self, NoId> {
        Self::checked(encoded(device.trim(), |_| false))
    }

    /// The ID of a device that belongs to a user: `user/device`.
    ///
    /// # Errors
    ///
    /// Where one of them is empty, or both together are too long.
    pub fn of_user(user: &str, device: &str) -> Result<Self, NoId> {
        let (user, device) = (user.trim(), device.trim());
        if user.is_empty() || device.is_empty() {
            return Err(NoId::Empty);
        }
        let part = |text| encoded(text, |character| character == '/');
        Self::checked(part(user) + "/" + &part(device))
    }

    fn checked(id: String) -> Result<Self, NoId> {
        match id.len() {
            0 => Err(NoId::Empty),
            1..=MAX_BYTES => Ok(Self(id)),
            _ => Err(NoId::TooLong),
        }
    }

    /// As it stands on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Percent-encodes what ends a field of the herd protocol, control characters, and `more`.
fn encoded(text: &str, more: fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character == ' ' || character.is_ascii_control() || more(character) {
            _ = write!(out, "%{:02X}", u32::from(character));
        } else {
            out.push(character);
        }
    }
    out
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_an_id_may_not_hold_is_encoded() {
        for (device, id) in [
            ("48241179", "48241179"),
            ("my phone", "my%20phone"),
            ("my%20phone", "my%20phone"),
            (" a\tb\n", "a%09b"),
            ("a\u{b}b\u{c}c\u{0}d", "a%0Bb%0Cc%00d"),
            ("Jürgen", "Jürgen"),
            ("van/1", "van/1"),
        ] {
            assert_eq!(ClientId::new(device).unwrap().as_str(), id, "{device:?}");
        }
        assert_eq!(ClientId::of_user("jane", "my phone").unwrap().as_str(), "jane/my%20phone");
        assert_eq!(ClientId::of_user("a/b", "c").unwrap().as_str(), "a%2Fb/c");
    }

    #[test]
    fn an_id_is_neither_empty_nor_too_long() {
        assert_eq!(ClientId::new("  "), Err(NoId::Empty));
        assert_eq!(ClientId::of_user("", "phone"), Err(NoId::Empty));
        assert_eq!(ClientId::of_user("jane", " "), Err(NoId::Empty));
        assert!(ClientId::new(&"a".repeat(255)).is_ok());
        assert_eq!(ClientId::new(&"a".repeat(256)), Err(NoId::TooLong));
        assert_eq!(ClientId::new(&"a b".repeat(80)), Err(NoId::TooLong));
    }

    proptest! {
        #[test]
        fn an_id_is_a_field_of_the_protocol_and_becomes_itself(device in ".{0,80}") {
            let Ok(id) = ClientId::new(&device) else { return Ok(()) };
            prop_assert!(id.as_str().bytes().all(|byte| byte > b' ' && byte != 0x7f));
            prop_assert_eq!(ClientId::new(id.as_str()), Ok(id));
        }
    }
}
