//! `GET /v1/stream?bbox=&ids=`: who is where as it changes, by server-sent events or by a WebSocket.
//!
//! First a snapshot, then changes, at most a few a second. A reader that is slow is told less often. What is much is
//! told in parts, each when it is asked for, so that no stream ever has more than one part of text.

use core::convert::Infallible;
use core::time::Duration;
use std::sync::Arc;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts as _, Query, Request, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use herd_clock as clock;
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until, timeout};

use super::shown::{Shown, name};
use super::state::Out;
use super::watch::{Interest, Watch};
use crate::answer::error;
use crate::replica::{Bounds, Handle};

/// The most clients that one stream tells of.
const MAX_CLIENTS: usize = 20_000;

/// The most clients that are told of in one event.
const PART: usize = 1000;

/// The most IDs that one stream can be for.
const MAX_IDS: usize = 1000;

/// How long a stream waits at least before it tells more.
const PAUSE: Duration = Duration::from_millis(200);

/// How often a silent stream shows that it is alive.
const ALIVE: Duration = Duration::from_secs(15);

/// How long a WebSocket may take nothing of what is sent to it.
const STALLED: Duration = Duration::from_secs(30);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    bbox: Option<String>,
    ids: Option<String>,
}

/// What a stream tells at a time.
#[derive(Debug, Serialize)]
struct Told {
    #[serde(rename = "type")]
    kind: &'static str,
    clients: Vec<Shown>,
    /// Those that have left the box, or that the herd has forgotten.
    gone: Vec<String>,
    /// Whether there are clients that are not told of, as there are too many.
    more: bool,
}

/// A stream on its way.
struct Telling {
    out: Arc<Out>,
    watch: Watch<String>,
    /// Whether the snapshot is still to come.
    is_first: bool,
    /// Those it is still to be told of, of what was news last.
    rest: Vec<Handle>,
    /// Whether there are clients that it is not told of.
    more: bool,
    not_before: Instant,
    _place: OwnedSemaphorePermit,
}

pub(super) async fn open(State(out): State<Arc<Out>>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let interest = match Query::<Asked>::try_from_uri(&parts.uri) {
        Ok(Query(asked)) => interest(&asked),
        Err(rejection) => Err(rejection.body_text()),
    };
    let interest = match interest {
        Ok(interest) => interest,
        Err(words) => return error(StatusCode::BAD_REQUEST, &words),
    };
    let Ok(place) = Arc::clone(&out.places).try_acquire_owned() else {
        return error(StatusCode::SERVICE_UNAVAILABLE, "there are too many streams already");
    };
    let last = parts.headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let seen = last.and_then(|last| out.version_of(last));
    let telling = Telling {
        watch: Watch::new(interest, MAX_CLIENTS, seen.unwrap_or_default()),
        out,
        is_first: seen.is_none(),
        rest: Vec::new(),
        more: false,
        not_before: Instant::now(),
        _place: place,
    };
    if !parts.headers.contains_key("upgrade") {
        let events = stream::unfold(telling, async |mut telling| {
            let told = telling.next().await;
            let text = serde_json::to_string(&told).unwrap_or_default();
            let mut event = Event::default().event(told.kind);
            // Who comes back with an ID has been told everything up to it.
            if telling.rest.is_empty() {
                event = event.id(format!("{:x}-{}", telling.out.run, telling.watch.seen()));
            }
            let event = event.data(text);
            Some((Ok::<_, Infallible>(event), telling))
        });
        let alive = KeepAlive::new().interval(ALIVE);
        let mut response = Sse::new(events).keep_alive(alive).into_response();
        response
            .headers_mut()
            .insert("cache-control", axum::http::HeaderValue::from_static("no-store"));
        return response;
    }
    match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade
            .max_message_size(MAX_MESSAGE_BYTES)
            .max_frame_size(MAX_MESSAGE_BYTES)
            .on_upgrade(move |socket| tell(socket, telling))
            .into_response(),
        Err(rejection) => rejection.into_response(),
    }
}

/// Nothing is expected from the other side.
const MAX_MESSAGE_BYTES: usize = 4096;

impl Out {
    /// The version that the ID of an event stands for, if it is one of this run.
    fn version_of(&self, id: &str) -> Option<u64> {
        let (run, version) = id.split_once('-')?;
        let version = version.parse().ok()?;
        let is_ours = u64::from_str_radix(run, 16) == Ok(self.run);
        (is_ours && version <= self.replica.read(crate::replica::Table::version)).then_some(version)
    }
}

impl Telling {
    /// What is to be told next, once there is something.
    async fn next(&mut self) -> Told {
        let mut versions = self.out.replica.versions();
        loop {
            while !self.rest.is_empty() {
                let told = self.part(Vec::new());
                if !told.clients.is_empty() {
                    return told;
                }
            }
            sleep_until(self.not_before).await;
            versions.mark_unchanged();
            let gone = self.news();
            let told = self.part(gone);
            self.not_before = Instant::now() + PAUSE;
            if self.is_first || !told.clients.is_empty() || !told.gone.is_empty() {
                self.is_first = false;
                return told;
            }
            if versions.changed().await.is_err() {
                // The copy lives as long as the program.
                core::future::pending::<()>().await;
            }
        }
    }

    /// Looks at what is news: it remembers who has changed, and says who is gone.
    fn news(&mut self) -> Vec<String> {
        let Self { out, watch, rest, more, .. } = self;
        out.replica.read(|table| {
            let news = watch.news(table, |found| name(found.record.client()));
            *rest = news.changed.iter().map(|found| found.handle).collect();
            *more = news.more;
            news.gone
        })
    }

    /// Takes a part of the rest, each client as it is now.
    fn part(&mut self, gone: Vec<String>) -> Told {
        let now = clock::now().wall;
        let Self { out, rest, more, is_first, .. } = self;
        let part = rest.split_off(rest.len().saturating_sub(PART));
        let devices = out.intake.devices();
        let clients = out.replica.read(|table| {
            let found = part.iter().filter_map(|handle| table.by_handle(*handle));
            found.map(|found| Shown::new(&found, devices, now)).collect()
        });
        Told { kind: if *is_first { "snapshot" } else { "changes" }, clients, gone, more: *more }
    }
}

fn interest(asked: &Asked) -> Result<Interest, String> {
    match (&asked.bbox, &asked.ids) {
        (Some(_), Some(_)) => Err("a stream is for a bbox or for ids, not for both".to_owned()),
        (None, Some(ids)) => {
            let ids: Vec<_> = ids.split(',').filter(|id| !id.is_empty()).collect();
            if ids.is_empty() || ids.len() > MAX_IDS {
                return Err(format!("ids are 1 to {MAX_IDS} of them, with commas between"));
            }
            Ok(Interest::Of(ids.into_iter().map(|id| id.as_bytes().to_vec()).collect()))
        }
        (bbox, None) => {
            let bounds = bbox.as_deref().map_or(Ok(Bounds::WORLD), Bounds::parse)?;
            Ok(Interest::Within(bounds))
        }
    }
}

/// Tells over a WebSocket until it is closed.
async fn tell(mut socket: WebSocket, mut telling: Telling) {
    loop {
        let message = tokio::select! {
            told = telling.next() => {
                Message::Text(serde_json::to_string(&told).unwrap_or_default().into())
            }
            received = socket.recv() => match received {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(Message::Text(_) | Message::Binary(_) | Message::Ping(_) | Message::Pong(_))) => continue,
            },
            () = tokio::time::sleep(ALIVE) => Message::Ping(bytes::Bytes::new()),
        };
        match timeout(STALLED, socket.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
}
