//! The formats that applications report in: pure functions from a request to the fixes in it.
//!
//! A phone deletes its copy of a fix when the answer says that all is well, and sends it again, often at once and for
//! ever, when it does not. So whatever can never be used is not an error of the request: it is told apart by its
//! [`Reason`], and what to answer is decided by [`Format::is_retried_for`].

mod fields;
mod geojson;
mod gpslogger;
mod json;
mod objects;
mod osmand;
mod overland;
mod owntracks;
mod traccar;

use core::fmt;

use fields::Fields;
use serde::Serialize;

use crate::client_id::{ClientId, NoId};
use crate::fix::{Fix, NoPosition};

/// What an application speaks.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// OwnTracks in HTTP mode.
    OwnTracks,
    /// OsmAnd's online tracking.
    OsmAnd,
    /// What Traccar calls its OsmAnd protocol, and all generations of Traccar Client.
    Traccar,
    /// GPSLogger's custom URL.
    GpsLogger,
    /// Overland on iOS and Android.
    Overland,
    /// Objects of JSON, for programs.
    Json,
    /// Features with a point.
    GeoJson,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::OwnTracks,
        Self::OsmAnd,
        Self::Traccar,
        Self::GpsLogger,
        Self::Overland,
        Self::Json,
        Self::GeoJson,
    ];

    /// As it stands in a path: `/in/owntracks`.
    pub fn name(self) -> &'static str {
        match self {
            Self::OwnTracks => "owntracks",
            Self::OsmAnd => "osmand",
            Self::Traccar => "traccar",
            Self::GpsLogger => "gpslogger",
            Self::Overland => "overland",
            Self::Json => "json",
            Self::GeoJson => "geojson",
        }
    }

    /// The format of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Reads a request. Nothing in it is an error: what is no fix is among [`Parsed::useless`].
    pub fn parse(self, request: &Request<'_>) -> Parsed {
        match self {
            Self::OwnTracks => owntracks::parse(request),
            Self::OsmAnd => osmand::parse(request),
            Self::Traccar => traccar::parse(request),
            Self::GpsLogger => gpslogger::parse(request),
            Self::Overland => overland::parse(request),
            Self::Json => json::parse(request),
            Self::GeoJson => geojson::parse(request),
        }
    }

    /// Whether a request that held nothing but what is useless for this reason is refused, so that whoever sent it
    /// notices and does not delete its copy.
    ///
    /// OwnTracks and Overland would never get past it, and OsmAnd sends it again without a pause: they are told that
    /// all is well. The other applications retry a few times or at intervals, and programs show the error to somebody.
    pub fn is_retried_for(self, reason: Reason) -> bool {
        match self {
            Self::OwnTracks | Self::OsmAnd | Self::Overland => false,
            Self::Traccar | Self::GpsLogger | Self::Json | Self::GeoJson => {
                matches!(reason, Reason::NotReadable | Reason::UnknownShape | Reason::NoDevice)
            }
        }
    }
}

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
    fn useless(&mut self, reason: Reason, client: Option<ClientId>, detail: impl fmt::Display) {
        let mut detail = detail.to_string();
        if let Some((end, _)) = detail.char_indices().nth(MAX_DETAIL_CHARACTERS) {
            detail.truncate(end);
            detail.push('…');
        }
        self.useless.push(Useless { reason, client, detail });
    }

    fn take(&mut self, fix: Result<Fix, Useless>) {
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
    fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, client: None, detail: detail.into() }
    }

    fn of(self, client: &ClientId) -> Self {
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
