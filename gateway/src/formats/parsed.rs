//! What a format is given, and what it finds in it.

use core::fmt;

use serde::Serialize;

use crate::client_id::{ClientId, NoId};
use crate::fix::{Fix, NoPosition};

/// A request as far as the formats look at it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// The device that the path names, decoded.
    pub device: Option<&'a str>,
    /// What follows the `?` of the address.
    pub query: &'a str,
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// The user that the headers name: `X-Limit-U`, or else the name of Basic authentication.
    pub user: Option<&'a str>,
    /// The device that the headers name: `X-Limit-D`.
    pub user_device: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// What was in a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// What the herd is to be told, in the order it was sent.
    pub fixes: Vec<Fix>,
    /// What no retry will make useful.
    pub useless: Vec<Useless>,
}

impl Parsed {
    pub(super) fn useless(
        &mut self,
        reason: Reason,
        client: Option<ClientId>,
        detail: impl fmt::Display,
    ) {
        let mut detail = detail.to_string();
        if let Some((end, _)) = detail.char_indices().nth(MAX_DETAIL_CHARACTERS) {
            detail.truncate(end);
            detail.push('…');
        }
        self.useless.push(Useless { reason, client, detail });
    }

    pub(super) fn take(&mut self, fix: Result<Fix, Useless>) {
        match fix {
            Ok(fix) => self.fixes.push(fix),
            Err(useless) => self.useless(useless.reason, useless.client, useless.detail),
        }
    }
}

/// So much of what was sent is repeated in a message.
const MAX_DETAIL_CHARACTERS: usize = 120;

/// A part of a request that no retry will make useful.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Useless {
    /// Why.
    pub reason: Reason,
    /// Whose it is, as far as that is known.
    pub client: Option<ClientId>,
    /// What was wrong, for a person to read.
    pub detail: String,
}

impl Useless {
    pub(super) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, client: None, detail: detail.into() }
    }

    pub(super) fn of(self, client: &ClientId) -> Self {
        Self { client: Some(client.clone()), ..self }
    }
}

/// Why something in a request is no fix.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It is not JSON, or not UTF-8.
    NotReadable,
    /// It is readable, and like nothing that the application sends.
    UnknownShape,
    /// Something that is no report of a position, such as a waypoint or a last will.
    OtherKind,
    /// It has no position.
    NoPosition,
    /// Its position is no number.
    BadPosition,
    /// Its position is not on earth.
    OutOfRange,
    /// Its time is none.
    BadTime,
    /// Its time is so far ahead that the herd does not keep it.
    Ahead,
    /// Nothing says whose it is.
    NoDevice,
    /// The name of its device has more than 255 bytes.
    DeviceTooLong,
    /// The server has refused it.
    Refused,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::NotReadable,
        Self::UnknownShape,
        Self::OtherKind,
        Self::NoPosition,
        Self::BadPosition,
        Self::OutOfRange,
        Self::BadTime,
        Self::Ahead,
        Self::NoDevice,
        Self::DeviceTooLong,
        Self::Refused,
    ];

    /// As metrics and answers call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotReadable => "not_readable",
            Self::UnknownShape => "unknown_shape",
            Self::OtherKind => "other_kind",
            Self::NoPosition => "no_position",
            Self::BadPosition => "bad_position",
            Self::OutOfRange => "out_of_range",
            Self::BadTime => "bad_time",
            Self::Ahead => "ahead",
            Self::NoDevice => "no_device",
            Self::DeviceTooLong => "device_too_long",
            Self::Refused => "refused",
        }
    }
}

impl From<NoPosition> for Reason {
    fn from(error: NoPosition) -> Self {
        match error {
            NoPosition::NotANumber => Self::BadPosition,
            NoPosition::OutOfRange => Self::OutOfRange,
        }
    }
}

impl From<NoId> for Reason {
    fn from(error: NoId) -> Self {
        match error {
            NoId::Empty => Self::NoDevice,
            NoId::TooLong => Self::DeviceTooLong,
        }
    }
}
