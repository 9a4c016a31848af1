//! The formats that applications report in: pure functions from a request to the fixes in it.
//!
//! A phone deletes its copy of a fix when the answer says that all is well, and sends it again, often at once and for
//! ever, when it does not. So whatever can never be used is not an error of the request: it is told apart by its
//! [`Reason`], and what to answer is decided by [`Format::is_retried_for`].

mod fields;
mod geojson;
mod gpslogger;
mod json;
pub(crate) mod objects;
mod osmand;
mod overland;
mod owntracks;
mod parsed;
mod traccar;

use serde::Serialize;

pub use parsed::{Parsed, Reason, Request, Useless};

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

    /// Reads a request. Nothing in it is an error: what is no fix is among `Parsed::useless`.
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
