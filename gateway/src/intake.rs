//! Reports that come in over HTTP: read, handed to the herd, and answered as the application expects.
//!
//! A phone deletes its copy when it is told that all is well. So that is only said once a server has answered each
//! fix, or once nothing can ever be made of it.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request as HttpRequest, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use herd_clock as clock;
use herd_core::{Limits, Timestamp};
use serde_json::{Value, json};

use crate::answer::{self, error};
use crate::counts::{Counts, Outcome};
use crate::fix::Fix;
use crate::formats::objects::MAX_ITEMS;
use crate::formats::{Format, Parsed, Reason, Request, Useless};
use crate::replica::{Record, Replica};
use crate::reporter::{Answer, Reporter, Unavailable};

pub use self::devices::{Device, Devices};
use self::friends::Friends;
pub use self::target::Target;

mod devices;
mod friends;
mod target;

/// The most bytes of a report.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// How many of the rejected reports of a request an answer names.
const MAX_LISTED: usize = 50;

/// What the routes share.
#[derive(Debug)]
pub struct Intake {
    reporter: Reporter,
    replica: Arc<Replica>,
    devices: Devices,
    friends: Friends,
    counts: Arc<Counts>,
    /// How far ahead a time may be that the herd keeps, in seconds; 0 is any.
    ahead_s: u32,
    /// How long ago it may be, in seconds; 0 is any.
    record_age_s: u32,
}

/// What came of a request that the herd has answered.
#[derive(Clone, Debug, Default)]
struct Taken {
    accepted: usize,
    useless: Vec<Useless>,
}

impl Intake {
    /// Takes reports for a herd that keeps what these limits allow.
    pub fn new(
        reporter: Reporter,
        replica: Arc<Replica>,
        counts: Arc<Counts>,
        limits: &Limits,
    ) -> Self {
        let (devices, friends) = (Devices::new(), Friends::new());
        let &Limits { ahead_s, record_age_s, .. } = limits;
        Self { reporter, replica, devices, friends, counts, ahead_s, record_age_s }
    }

    /// What became of the last reports of each device.
    pub fn devices(&self) -> &Devices {
        &self.devices
    }

    /// How many reports wait for a server.
    pub fn waiting(&self) -> usize {
        self.reporter.waiting()
    }

    /// Hands the fixes to the herd and waits for its answers.
    async fn take(&self, format: Format, parsed: Parsed) -> Result<Taken, Unavailable> {
        let now = clock::now().wall;
        let Parsed { fixes, mut useless } = parsed;
        let (fixes, ahead): (Vec<_>, Vec<_>) =
            fixes.into_iter().partition(|fix| !self.is_ahead(fix, now));
        useless.extend(ahead.into_iter().map(|fix| Useless {
            reason: Reason::Ahead,
            detail: format!("{} is ahead of the gateway's clock", fix.line(now)),
            client: Some(fix.client),
        }));
        let timed: Vec<_> = fixes.into_iter().map(|fix| (fix.time.unwrap_or(now), fix)).collect();
        let lines = timed.iter().map(|(time, fix)| fix.line(*time)).collect();
        let answers =
            if timed.is_empty() { Vec::new() } else { self.reporter.report(lines).await? };
        let (mut accepted, mut heard) = (0, Vec::new());
        for ((time, fix), answer) in timed.into_iter().zip(answers) {
            match answer {
                Answer::Heard(server, line) => {
                    accepted += 1;
                    // Servers answer what is too old, and do not keep it.
                    heard.extend(Record::of_line(&line).filter(|_| !self.is_too_old(time, now)));
                    self.friends.saw(format, &fix, time);
                    self.devices.accepted(format, fix, time, &server, now);
                }
                Answer::Refused => useless.push(Useless {
                    reason: Reason::Refused,
                    detail: fix.line(time),
                    client: Some(fix.client),
                }),
            }
        }
        // Whoever has reported finds it at once, before a server has sent the record.
        self.replica.apply_later(heard);
        self.counts.add(format, Outcome::Accepted, accepted);
        for useless in &useless {
            self.counts.add(format, Outcome::Useless(useless.reason), 1);
            self.devices.rejected(format, useless, now);
        }
        Ok(Taken { accepted, useless })
    }

    fn is_ahead(&self, fix: &Fix, now: Timestamp) -> bool {
        self.ahead_s > 0 && fix.time.is_some_and(|time| time > now.plus_seconds(self.ahead_s))
    }

    fn is_too_old(&self, time: Timestamp, now: Timestamp) -> bool {
        self.record_age_s > 0 && time < now.minus_seconds(self.record_age_s)
    }
}

/// The routes.
pub fn router(intake: Arc<Intake>) -> Router {
    Router::new()
        .route("/in/{*path}", any(report))
        .route("/v1/reports", any(reports))
        .route("/v1/devices", axum::routing::get(all_devices))
        .route("/v1/devices/{*id}", axum::routing::get(device))
        .with_state(intake)
}

async fn report(State(intake): State<Arc<Intake>>, request: HttpRequest) -> Response {
    let Some(target) = Target::of_path(request.uri().path()) else {
        let names = Format::ALL.map(Format::name).join(", ");
        let words =
            format!("reports go to /in/FORMAT or /in/FORMAT/DEVICE: FORMAT is one of {names}");
        return error(StatusCode::NOT_FOUND, &words);
    };
    take(&intake, target.format, target.device.as_deref(), request).await
}

/// Reports of programs, the plain form of them.
async fn reports(State(intake): State<Arc<Intake>>, request: HttpRequest) -> Response {
    if request.method() != Method::POST {
        return error(StatusCode::METHOD_NOT_ALLOWED, "reports are sent by POST");
    }
    take(&intake, Format::Json, None, request).await
}

async fn take(
    intake: &Intake,
    format: Format,
    device: Option<&str>,
    request: HttpRequest,
) -> Response {
    let is_sent = matches!(*request.method(), Method::GET | Method::POST | Method::PUT);
    if !is_sent {
        return error(StatusCode::METHOD_NOT_ALLOWED, "reports are sent by GET or POST");
    }
    let (head, body) = request.into_parts();
    let body = match read(body).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let basic_user = basic_user(&head.headers);
    let parsed = format.parse(&Request {
        device,
        query: head.uri.query().unwrap_or_default(),
        content_type: text("content-type"),
        user: text("x-limit-u").or(basic_user.as_deref()),
        user_device: text("x-limit-d"),
        body: &body,
    });
    if parsed.fixes.len() + parsed.useless.len() > MAX_ITEMS {
        let words = format!("a request has at most {MAX_ITEMS} reports");
        return error(StatusCode::PAYLOAD_TOO_LARGE, &words);
    }
    let reporting = parsed.fixes.last().map(|fix| fix.client.clone());
    match intake.take(format, parsed).await {
        Ok(taken) => answered(intake, format, &taken, reporting.as_ref().map(|id| id.as_str())),
        Err(Unavailable) => {
            intake.counts.add(format, Outcome::Unavailable, 1);
            let words = "no server of the herd has answered: send this again";
            let mut answer = error(StatusCode::SERVICE_UNAVAILABLE, words);
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
            answer
        }
    }
}

async fn read(body: Body) -> Result<Vec<u8>, Response> {
    match to_bytes(body, MAX_BODY_BYTES).await {
        Ok(bytes) => Ok(bytes.into()),
        Err(failed) if is_too_long(&failed) => {
            let words = format!("a request has at most {MAX_BODY_BYTES} bytes");
            Err(error(StatusCode::PAYLOAD_TOO_LARGE, &words))
        }
        Err(_) => Err(error(StatusCode::BAD_REQUEST, "the request is not complete")),
    }
}

fn is_too_long(failed: &axum::Error) -> bool {
    use core::error::Error as _;
    failed.source().is_some_and(|source| source.is::<http_body_util::LengthLimitError>())
}

/// The name that Basic authentication gives.
fn basic_user(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (how, encoded) = value.split_once(' ')?;
    if !how.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    Some(decoded.split_once(':')?.0.to_owned())
}

/// What the application wants to read.
fn answered(intake: &Intake, format: Format, taken: &Taken, reporting: Option<&str>) -> Response {
    let refused = taken.useless.iter().find(|useless| format.is_retried_for(useless.reason));
    if let (0, Some(useless)) = (taken.accepted, refused) {
        let words = format!("{}: {}", useless.reason.name(), useless.detail);
        return error(StatusCode::BAD_REQUEST, &words);
    }
    match format {
        Format::OwnTracks => answer::json(StatusCode::OK, &intake.friends.of(reporting)),
        Format::Overland => answer::json(StatusCode::OK, &json!({"result": "ok"})),
        Format::OsmAnd | Format::Traccar | Format::GpsLogger => {
            (StatusCode::OK, [(CONTENT_TYPE, "text/plain; charset=utf-8")]).into_response()
        }
        Format::Json | Format::GeoJson => {
            let rejected = taken.useless.iter().take(MAX_LISTED).map(|useless| {
                let client = useless.client.as_ref().map(|client| client.as_str());
                json!({"client": client, "reason": useless.reason.name(), "detail": useless.detail})
            });
            let rejected: Vec<Value> = rejected.collect();
            let mut told = json!({"accepted": taken.accepted, "rejected": rejected});
            if taken.useless.len() > MAX_LISTED {
                told["rejected_in_all"] = taken.useless.len().into();
            }
            answer::json(StatusCode::OK, &told)
        }
    }
}

async fn device(State(intake): State<Arc<Intake>>, request: HttpRequest) -> Response {
    let id = answer::rest(request.uri().path(), "/v1/devices/");
    match intake.devices.of(&id) {
        Some(device) => answer::json(StatusCode::OK, &device),
        None => error(StatusCode::NOT_FOUND, "this gateway has had nothing from this device"),
    }
}

async fn all_devices(State(intake): State<Arc<Intake>>) -> Response {
    answer::json(StatusCode::OK, &intake.devices.last_rejected())
}
