//! What an OwnTracks application is told of the others: their last locations.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use herd_core::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::answer::number;
use crate::fix::Fix;
use crate::formats::Format;

/// The most that one is told of: those who have reported last.
const MAX_FRIENDS: usize = 50;

/// Who reports by OwnTracks to this gateway. As long as nobody is told apart by a token, all are friends.
#[derive(Debug)]
pub(super) struct Friends(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    all: BTreeMap<String, Friend>,
    /// Counts reports.
    clock: u64,
}

#[derive(Clone, Debug)]
struct Friend {
    tid: String,
    location: [String; 2],
    time: Timestamp,
    /// When it has reported, in reports.
    seen: u64,
}

/// A location as the application reads it.
#[derive(Debug, Serialize)]
pub(super) struct Location {
    #[serde(rename = "_type")]
    kind: &'static str,
    tid: String,
    topic: String,
    lat: Box<RawValue>,
    lon: Box<RawValue>,
    tst: i64,
}

impl Friends {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    /// A fix was taken.
    pub(super) fn saw(&self, format: Format, fix: &Fix, time: Timestamp) {
        if format != Format::OwnTracks {
            return;
        }
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.clock += 1;
        let seen = state.clock;
        let id = fix.client.as_str();
        if let Some(friend) = state.all.get_mut(id) {
            friend.seen = seen;
            // A late fix is not where it is now.
            if friend.time > time {
                return;
            }
        }
        // The application's own default: the last two characters of the device.
        let tid = fix.attributes.tid.clone().unwrap_or_else(|| {
            let count = id.chars().count();
            id.chars().skip(count.saturating_sub(2)).collect()
        });
        let friend = Friend { tid, location: fix.position.coordinates(), time, seen };
        state.all.insert(id.to_owned(), friend);
        if state.all.len() > MAX_FRIENDS {
            let longest_ago = state.all.iter().min_by_key(|(_, friend)| friend.seen);
            if let Some(id) = longest_ago.map(|(id, _)| id.clone()) {
                state.all.remove(&id);
            }
        }
    }

    /// What the client `own` is told: locations of the others.
    pub(super) fn of(&self, own: Option<&str>) -> Vec<Location> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let others = state.all.iter().filter(|(id, _)| Some(id.as_str()) != own);
        let shown = others.map(|(id, friend)| {
            let [lat, lon] = friend.location.each_ref().map(|text| number(text));
            Location {
                kind: "location",
                tid: friend.tid.clone(),
                topic: format!("owntracks/{id}"),
                lat,
                lon,
                tst: friend.time.nanos().div_euclid(1_000_000_000),
            }
        });
        shown.collect()
    }
}
