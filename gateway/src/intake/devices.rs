//! What became of the last reports of each device, for who wonders why one is not on the map.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use herd_core::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::answer::{iso, seconds_number};
use crate::fix::{Attributes, Fix};
use crate::formats::{Format, Useless};

/// The most devices that are remembered, less or more by half: the least recent are forgotten, half of them at a time.
const MAX_DEVICES: usize = 100_000;

/// The most rejections that are shown of all devices together.
const MAX_REJECTIONS: usize = 50;

/// What became of the last reports of each device.
#[derive(Debug)]
pub struct Devices(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    recent: HashMap<String, Device>,
    /// Those that were recent before these; one that reports again becomes recent.
    older: HashMap<String, Device>,
    rejections: VecDeque<Rejected>,
}

/// What became of the last reports of one device.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Device {
    accepted: u64,
    rejected: u64,
    last_accepted: Option<Accepted>,
    last_rejected: Option<Rejected>,
    /// Of the latest fix by its time, which need not be the last that came.
    #[serde(skip)]
    latest: Option<(Timestamp, Attributes)>,
}

#[derive(Clone, Debug, Serialize)]
struct Accepted {
    #[serde(serialize_with = "iso")]
    received: Timestamp,
    format: Format,
    /// The server that has answered.
    server: String,
    location: String,
    #[serde(serialize_with = "seconds_number")]
    time: Timestamp,
    #[serde(flatten)]
    attributes: Attributes,
}

#[derive(Clone, Debug, Serialize)]
struct Rejected {
    #[serde(serialize_with = "iso")]
    received: Timestamp,
    format: Format,
    client: Option<String>,
    reason: &'static str,
    detail: String,
}

impl Devices {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    pub(super) fn accepted(
        &self,
        format: Format,
        fix: Fix,
        time: Timestamp,
        server: &str,
        received: Timestamp,
    ) {
        let Fix { client, position, attributes, .. } = fix;
        let (server, location) = (server.to_owned(), position.as_str().to_owned());
        let last = Accepted { received, format, server, location, time, attributes };
        self.change(client.as_str(), |device| {
            device.accepted += 1;
            if device.latest.as_ref().is_none_or(|(latest, _)| *latest < time) {
                device.latest = Some((time, last.attributes.clone()));
            }
            device.last_accepted = Some(last);
        });
    }

    pub(super) fn rejected(&self, format: Format, useless: &Useless, received: Timestamp) {
        let Useless { reason, client, detail } = useless;
        let (reason, detail) = (reason.name(), detail.clone());
        let client = client.as_ref().map(ToString::to_string);
        let last = Rejected { received, format, client, reason, detail };
        let shown = last.clone();
        if let Some(client) = last.client.clone() {
            self.change(&client, |device| {
                device.rejected += 1;
                device.last_rejected = Some(last);
            });
        }
        let mut state = self.locked();
        state.rejections.push_front(shown);
        state.rejections.truncate(MAX_REJECTIONS);
    }

    /// What became of the last reports of this one.
    pub fn of(&self, client: &str) -> Option<Device> {
        let state = self.locked();
        state.recent.get(client).or_else(|| state.older.get(client)).cloned()
    }

    /// What was said besides where, if it was said with the report of this very time.
    pub fn attributes(&self, client: &str, time: Timestamp) -> Option<Attributes> {
        let state = self.locked();
        let device = state.recent.get(client).or_else(|| state.older.get(client))?;
        let (_, attributes) = device.latest.as_ref().filter(|(latest, _)| *latest == time)?;
        Some(attributes.clone())
    }

    /// The last rejections, whosever they were, the latest first.
    pub(super) fn last_rejected(&self) -> Value {
        json!({"last_rejected": self.locked().rejections})
    }

    fn change(&self, client: &str, change: impl FnOnce(&mut Device)) {
        let mut state = self.locked();
        if let Some(device) = state.recent.get_mut(client) {
            return change(device);
        }
        let mut device = state.older.remove(client).unwrap_or_default();
        change(&mut device);
        if state.recent.len() >= MAX_DEVICES / 2 {
            state.older = core::mem::take(&mut state.recent);
        }
        state.recent.insert(client.to_owned(), device);
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
