//! Values by their names, from a query, a form or an object of JSON, and what most applications agree on.

use std::borrow::Cow;

use herd_core::Timestamp;

use super::objects::Object;
use super::parsed::{Reason, Useless};
use crate::client_id::ClientId;
use crate::fix::{Attributes, Fix, Position};
use crate::number::Number;
use crate::time::{self, Unit};

/// More names than this are not looked at: applications send some thirty.
const MAX_FIELDS: usize = 256;

/// Names and values, in the order they were sent.
#[derive(Debug, Default)]
pub(super) struct Fields<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

/// The names that a value goes by.
pub(super) type Names = &'static [&'static str];

const LATITUDE: Names = &["lat", "latitude"];
const LONGITUDE: Names = &["lon", "lng", "long", "longitude"];
pub(super) const TIME: Names = &["timestamp", "time", "tst", "ts"];
const ACCURACY: Names = &["accuracy", "acc", "accuracy_m", "horizontal_accuracy"];
const ALTITUDE: Names = &["altitude", "alt", "altitude_m", "ele"];
const SPEED: Names = &["speed", "spd", "speed_mps"];
const COURSE: Names = &["bearing", "heading", "course", "direction", "dir", "cog", "course_deg"];
const BATTERY: Names = &["batt", "battery", "battery_percent"];

impl<'a> Fields<'a> {
    /// Those of a query or of a form.
    pub(super) fn of_form(text: &'a [u8]) -> Self {
        Self(form_urlencoded::parse(text).take(MAX_FIELDS).collect())
    }

    /// Those of an object whose values are texts, numbers, true or false.
    pub(super) fn of_object(object: &Object<'a>) -> Self {
        let scalars = object.scalars().take(MAX_FIELDS);
        Self(scalars.map(|(name, value)| (Cow::Owned(name), value)).collect())
    }

    /// With those of another behind.
    pub(super) fn and(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }

    /// Whether there is any.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of the first of `names` that has one. An empty value is none: applications leave place-holders
    /// empty.
    pub(super) fn first(&self, names: Names) -> Option<&str> {
        names.iter().find_map(|wanted| {
            let mut values = self.0.iter().filter(|(name, _)| name == wanted);
            values.find_map(|(_, value)| Some(value.trim()).filter(|value| !value.is_empty()))
        })
    }

    /// The position that `lat` and `lon` are, by whatever names.
    pub(super) fn position(&self) -> Result<Position, Useless> {
        position(self.first(LATITUDE), self.first(LONGITUDE))
    }

    /// The time, where there is one.
    pub(super) fn time(&self, unit: Unit) -> Result<Option<Timestamp>, Useless> {
        self.first(TIME).map(|text| parse_time(text, unit)).transpose()
    }

    /// What else is said, with the speed in metres per second.
    pub(super) fn attributes(&self) -> Attributes {
        let number = |names| self.first(names).and_then(number);
        Attributes {
            accuracy_m: number(ACCURACY).filter(is_known),
            altitude_m: number(ALTITUDE),
            speed_mps: number(SPEED).filter(is_known),
            course_deg: number(COURSE).filter(is_known),
            battery_percent: number(BATTERY).filter(is_known),
            tid: None,
        }
    }

    /// The fix of this client that these fields are.
    pub(super) fn fix(&self, client: ClientId, unit: Unit) -> Result<Fix, Useless> {
        let of = |useless: Useless| useless.of(&client);
        let position = self.position().map_err(of)?;
        let time = self.time(unit).map_err(of)?;
        Ok(Fix { position, time, attributes: self.attributes(), client })
    }
}

/// The position of two texts.
pub(super) fn position(
    latitude: Option<&str>,
    longitude: Option<&str>,
) -> Result<Position, Useless> {
    let (Some(latitude), Some(longitude)) = (latitude, longitude) else {
        return Err(Useless::new(Reason::NoPosition, "there is no latitude and longitude"));
    };
    Position::parse(latitude, longitude)
        .map_err(|error| Useless::new(error.into(), format!("{latitude}, {longitude}")))
}

/// The time that a text is.
pub(super) fn parse_time(text: &str, unit: Unit) -> Result<Timestamp, Useless> {
    time::parse(text, unit).ok_or_else(|| Useless::new(Reason::BadTime, text))
}

/// The client that one of these names stands for.
pub(super) fn client(names: &[Option<&str>]) -> Result<ClientId, Useless> {
    let name = names.iter().flatten().find(|name| !name.trim().is_empty());
    let name = name.ok_or_else(|| {
        Useless::new(Reason::NoDevice, "neither the address nor the request names a device")
    })?;
    ClientId::new(name).map_err(|error| Useless::new(error.into(), *name))
}

pub(super) fn number(text: &str) -> Option<f64> {
    Number::parse(text).map(|number| number.to_f64())
}

/// Below zero stands for unknown.
pub(super) fn is_known(value: &f64) -> bool {
    *value >= 0.0
}
