//! Clients by ID, in a box, and near a point.

use std::sync::Arc;

use axum::extract::{Query, Request, State};
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use herd_clock as clock;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use super::shown::{Feature, Shown};
use super::state::Out;
use crate::answer::{self, error};
use crate::client_id::ClientId;
use crate::replica::Bounds;

/// How many clients an answer has unless it is said otherwise, and at most.
const USUAL_IN_BOX: usize = 1000;
const MOST_IN_BOX: usize = 10_000;
const USUAL_NEARBY: usize = 20;
const MOST_NEARBY: usize = 1000;

/// How many clients a search looks at, so that nobody waits long for the table.
const MOST_SEARCHED: usize = 200_000;

/// Farther than any two points of the earth are apart.
const ALL_AROUND_KM: f64 = 20_100.0;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InBox {
    bbox: Option<String>,
    /// Only IDs with this in them.
    search: Option<String>,
    limit: Option<usize>,
    format: Option<Kind>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Near {
    lat: f64,
    lon: f64,
    radius_km: Option<f64>,
    limit: Option<usize>,
    format: Option<Kind>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct One {
    format: Option<Kind>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Json,
    GeoJson,
}

#[derive(Debug, Serialize)]
struct Clients {
    clients: Vec<Shown>,
    /// Whether there are others for which there was no room.
    more: bool,
}

#[derive(Debug, Serialize)]
struct Features {
    #[serde(rename = "type")]
    kind: &'static str,
    features: Vec<Feature>,
    more: bool,
}

/// What is wrong with a query, for a person to read.
type Asked<T> = Result<Query<T>, axum::extract::rejection::QueryRejection>;

fn wrong(words: &str) -> Response {
    error(StatusCode::BAD_REQUEST, words)
}

/// Whether an ID has this text in it.
fn has(id: &[u8], text: &[u8]) -> bool {
    text.is_empty() || id.windows(text.len()).any(|part| part == text)
}

/// `GET /v1/clients/ID`.
pub(super) async fn one(
    State(out): State<Arc<Out>>,
    asked: Asked<One>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let asked = match asked {
        Ok(Query(asked)) => asked,
        Err(rejection) => return wrong(&rejection.body_text()),
    };
    let id = answer::rest(request.uri().path(), "/v1/clients/");
    let now = clock::now().wall;
    // As it is, as the gateway would have made an ID of it, and as it shows one that is not UTF-8.
    let as_made = ClientId::new(&id).map(|id| id.to_string()).unwrap_or_default();
    let as_bytes: Vec<u8> = percent_decode_str(&id).collect();
    let shown = out.replica.read(|table| {
        let found = [id.as_bytes(), as_made.as_bytes(), &as_bytes];
        let found = found.into_iter().find_map(|id| table.client(id))?;
        Some(Shown::new(&found, out.intake.devices(), now))
    });
    match shown {
        None => error(StatusCode::NOT_FOUND, "the herd knows no client of this ID"),
        Some(shown) if is_geojson(asked.format, &headers) => answer::geojson(&shown.feature()),
        Some(shown) => answer::json(StatusCode::OK, &shown),
    }
}

/// `GET /v1/clients?bbox=west,south,east,north`, by their IDs.
pub(super) async fn within(
    State(out): State<Arc<Out>>,
    asked: Asked<InBox>,
    headers: HeaderMap,
) -> Response {
    let asked = match asked {
        Ok(Query(asked)) => asked,
        Err(rejection) => return wrong(&rejection.body_text()),
    };
    let bounds = match asked.bbox.as_deref().map_or(Ok(Bounds::WORLD), Bounds::parse) {
        Ok(bounds) => bounds,
        Err(words) => return wrong(&words),
    };
    let limit = asked.limit.unwrap_or(USUAL_IN_BOX);
    if limit > MOST_IN_BOX {
        return wrong(&format!("an answer has at most {MOST_IN_BOX} clients"));
    }
    let now = clock::now().wall;
    let (mut clients, mut more) = (Vec::new(), false);
    let mut looked_at = 0;
    out.replica.read(|table| {
        table.within(bounds, 0, |found| {
            if let Some(text) = &asked.search {
                looked_at += 1;
                more = looked_at > MOST_SEARCHED;
                if !has(found.record.client(), text.as_bytes()) {
                    return !more;
                }
            }
            more |= clients.len() >= limit;
            if !more {
                clients.push(Shown::new(&found, out.intake.devices(), now));
            }
            !more
        });
    });
    clients.sort_by(|one, other| one.client.cmp(&other.client));
    shown(clients, more, is_geojson(asked.format, &headers))
}

/// `GET /v1/nearby?lat=&lon=&radius_km=&limit=`, the nearest first.
pub(super) async fn nearby(
    State(out): State<Arc<Out>>,
    asked: Asked<Near>,
    headers: HeaderMap,
) -> Response {
    let asked = match asked {
        Ok(Query(asked)) => asked,
        Err(rejection) => return wrong(&rejection.body_text()),
    };
    let Near { lat, lon, .. } = asked;
    if !(-90.0..=90.0).contains(&lat) || !(-180.0..=180.0).contains(&lon) {
        return wrong("lat is within 90 degrees and lon within 180");
    }
    let radius_km = asked.radius_km.unwrap_or(ALL_AROUND_KM);
    if !radius_km.is_finite() || radius_km < 0.0 {
        return wrong("radius_km is a number of kilometres");
    }
    let limit = asked.limit.unwrap_or(USUAL_NEARBY);
    if limit > MOST_NEARBY {
        return wrong(&format!("an answer has at most {MOST_NEARBY} clients"));
    }
    let now = clock::now().wall;
    let (clients, more) = out.replica.read(|table| {
        let mut near = table.nearest((lat, lon), radius_km * 1000.0, limit + 1);
        let more = near.len() > limit;
        near.truncate(limit);
        let shown = near.iter().map(|(metres, found)| {
            Shown::new(found, out.intake.devices(), now).at_distance(*metres)
        });
        (shown.collect(), more)
    });
    shown(clients, more, is_geojson(asked.format, &headers))
}

fn shown(clients: Vec<Shown>, more: bool, as_geojson: bool) -> Response {
    if as_geojson {
        let features = clients.into_iter().map(Shown::feature).collect();
        return answer::geojson(&Features { kind: "FeatureCollection", features, more });
    }
    answer::json(StatusCode::OK, &Clients { clients, more })
}

fn is_geojson(asked: Option<Kind>, headers: &HeaderMap) -> bool {
    match asked {
        Some(kind) => kind == Kind::GeoJson,
        None => headers
            .get_all(ACCEPT)
            .iter()
            .any(|value| value.to_str().is_ok_and(|kinds| kinds.contains("application/geo+json"))),
    }
}
