//! GeoJSON (RFC 7946): a `FeatureCollection` of `Point` features, a single `Feature`, or several of either one after
//! the other, as in a text sequence (RFC 8142).

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::fault::{Fault, Spot};
use super::intake::{Intake, OwnPlace, joined};
use crate::sphere::LatLng;

/// The outer object, its features still text: a file of them need not fit into memory twice.
#[derive(Deserialize)]
struct Collection<'a> {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(borrow)]
    features: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Feature<'a> {
    id: Option<Value>,
    #[serde(borrow)]
    geometry: Option<Geometry<'a>>,
    properties: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Geometry<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    coordinates: Option<&'a RawValue>,
}

pub(super) fn load(text: &str, intake: &mut Intake<'_>) -> Result<(), Fault> {
    let fault = |error: serde_json::Error| Fault::new(Spot::Line(error.line()), error.to_string());
    let mut number = 0;
    // A record separator may come before each.
    for text in text.split('\x1e') {
        for outer in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
            let outer = outer.map_err(fault)?;
            let collection: Collection<'_> = serde_json::from_str(outer.get()).map_err(fault)?;
            let kind = collection.kind.unwrap_or_default();
            let features = match kind.as_str() {
                "Feature" => vec![outer],
                "FeatureCollection" => collection
                    .features
                    .ok_or_else(|| Fault::new(Spot::Whole, "the collection has no `features`"))?,
                _ => {
                    let what = format!(
                        "JSON, but not GeoJSON: `type` is `{kind}`, not `FeatureCollection` or `Feature`"
                    );
                    return Err(Fault::new(Spot::Whole, what));
                }
            };
            for feature in features {
                number += 1;
                if let Err(what) = take(feature, intake) {
                    intake.leave_out(Spot::Feature(number), what);
                }
            }
        }
    }
    Ok(())
}

/// Takes the place of a feature, unless it is none.
fn take(feature: &RawValue, intake: &mut Intake<'_>) -> Result<(), String> {
    let feature: Feature<'_> =
        serde_json::from_str(feature.get()).map_err(|error| without_spot(&error))?;
    feature.place()?.push_to(intake.builder).map_err(|unfit| unfit.to_string())
}

impl Feature<'_> {
    fn place(&self) -> Result<OwnPlace<'_>, String> {
        let properties = self.properties.as_ref().ok_or("it has no `properties`")?;
        let property = |names: &[&str]| {
            names.iter().filter_map(|&name| properties.get(name)).find(|value| !value.is_null())
        };
        let text = |names: &[&str]| match property(names) {
            None => Ok(""),
            Some(Value::String(text)) => Ok(text.trim()),
            Some(other) => Err(format!("`{}` is {other}, which is not a text", names[0])),
        };

        Ok(OwnPlace {
            name: text(&["name"])?,
            location: self.location()?,
            types: types(property(&["types", "type"]))?,
            vicinity: text(&["vicinity", "address"])?,
            prominence: prominence(property(&["population", "prominence"]))?,
            id: match self.id.as_ref().or_else(|| property(&["id"])) {
                None => None,
                Some(Value::String(id)) => Some(id.clone()),
                Some(Value::Number(id)) => Some(id.to_string()),
                Some(other) => return Err(format!("`id` is {other}, not a text or a number")),
            },
        })
    }

    fn location(&self) -> Result<LatLng, String> {
        let geometry = self.geometry.as_ref().ok_or("it has no `geometry`")?;
        if geometry.kind != "Point" {
            return Err(format!("its geometry is a `{}`, not a `Point`", geometry.kind));
        }
        // Parsed from their text: serde_json may be off by the last digit.
        let coordinates: Option<Vec<&RawValue>> =
            geometry.coordinates.and_then(|list| serde_json::from_str(list.get()).ok());
        let coordinate = |n: usize| coordinates.as_ref()?.get(n)?.get().parse::<f64>().ok();
        let (Some(lng), Some(lat)) = (coordinate(0), coordinate(1)) else {
            return Err("its `coordinates` are not two numbers, longitude and latitude".into());
        };
        LatLng::new(lat, lng).ok_or_else(|| {
            format!(
                "its coordinates `{lng}, {lat}` are outside ±180, ±90 degrees (longitude first)"
            )
        })
    }
}

fn types(property: Option<&Value>) -> Result<String, String> {
    let wrong = || "`types` is not a text or a list of texts".to_owned();
    match property {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(joined([text.as_str()])),
        Some(Value::Array(items)) => {
            let items: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            Ok(joined(items.ok_or_else(wrong)?))
        }
        Some(_) => Err(wrong()),
    }
}

/// A number, or the text of one, as GIS programs like to write it.
fn prominence(property: Option<&Value>) -> Result<f64, String> {
    let Some(value) = property else { return Ok(0.0) };
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    number.ok_or_else(|| format!("`population` is {value}, which is not a number"))
}

/// What an error says, less the line and column, which here count from the start of the feature.
fn without_spot(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split_once(" at line ").map_or(text.as_str(), |(what, _)| what).to_owned()
}
