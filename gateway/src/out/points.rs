//! `GET /v1/points`: the points of the map's visible box, in binary over a WebSocket.
//!
//! The page says which box it shows, `{"box":[west,south,east,north]}`, whenever that changes, and is sent what is in
//! it and what changes there. A connection that asks for no box is closed. Numbers are little-endian. The first byte of a message is its kind:
//!
//! | kind | then, repeated |
//! |---|---|
//! | 1, names | handle `u32`, length `u16`, the client's ID |
//! | 2, points | handle `u32`, latitude and longitude `i32` in ten-millionths of a degree, age `u32` in tenths of a second |
//! | 3, gone | handle `u32` |
//! | 4, state | clients of the herd `u32`, clients sent `u32`, whether there are more in the box `u8` |
//!
//! A name is sent once, before the first point of its handle.

use core::time::Duration;
use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use herd_clock as clock;
use serde::Deserialize;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::shown::{age_ms, name};
use super::state::Out;
use super::watch::{Interest, News, Watch};
use crate::answer::error;
use crate::replica::{Bounds, Found};

/// The most points that one map is sent.
const MAX_POINTS: usize = 50_000;

/// How long a map waits at least for the next points, and how much longer for each thousand of those it has.
const PAUSE: Duration = Duration::from_millis(200);
const PAUSE_PER_THOUSAND: Duration = Duration::from_millis(20);

/// How long a map may take nothing of what is sent to it, and how often a silent one is asked whether it is there.
const STALLED: Duration = Duration::from_secs(30);
const ALIVE: Duration = Duration::from_secs(15);

/// How long a connection may say nothing of what it shows before it is closed.
const SILENT: Duration = Duration::from_secs(10);

const MAX_MESSAGE_BYTES: usize = 1024;

const NAMES: u8 = 1;
const POINTS: u8 = 2;
const GONE: u8 = 3;
const STATE: u8 = 4;

#[derive(Debug, Deserialize)]
struct Wanted {
    #[serde(rename = "box")]
    bounds: [f64; 4],
}

pub(super) async fn open(State(out): State<Arc<Out>>, upgrade: WebSocketUpgrade) -> Response {
    let Ok(place) = Arc::clone(&out.places).try_acquire_owned() else {
        return error(StatusCode::SERVICE_UNAVAILABLE, "there are too many maps already");
    };
    upgrade.max_message_size(MAX_MESSAGE_BYTES).max_frame_size(MAX_MESSAGE_BYTES).on_upgrade(
        async move |socket| {
            show(socket, &out).await;
            drop(place);
        },
    )
}

/// Sends points until the page is gone.
async fn show(mut socket: WebSocket, out: &Out) {
    let mut versions = out.replica.versions();
    let mut watch: Option<Watch<u32>> = None;
    let mut next_handle = 0;
    let mut not_before = Instant::now();
    // Whether there may be something to send.
    let mut is_due = false;
    let silent_until = Instant::now() + SILENT;
    loop {
        let due = async {
            if !is_due {
                // The copy lives as long as the program.
                _ = versions.changed().await;
            }
            sleep_until(not_before).await;
        };
        tokio::select! {
            () = due, if watch.is_some() => {
                versions.mark_unchanged();
                is_due = false;
            }
            received = socket.recv() => {
                match received {
                    Some(Ok(Message::Text(text))) => {
                        let Some(bounds) = wanted(&text) else { return };
                        let interest = Interest::Within(bounds);
                        match &mut watch {
                            Some(watch) => watch.turn_to(interest),
                            None => watch = Some(Watch::new(interest, MAX_POINTS, 0)),
                        }
                        is_due = true;
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Binary(_) | Message::Close(_)) | Err(_)) | None => return,
                }
                continue;
            }
            () = sleep_until(silent_until), if watch.is_none() => return,
            () = sleep(ALIVE) => {
                if !sent(&mut socket, Message::Ping(Bytes::new())).await {
                    return;
                }
                continue;
            }
        }
        let Some(watch) = &mut watch else { continue };
        for message in messages(watch, out, &mut next_handle) {
            if !sent(&mut socket, Message::Binary(message.into())).await {
                return;
            }
        }
        let thousands = u32::try_from(watch.count() / 1000).unwrap_or(u32::MAX);
        not_before = Instant::now() + PAUSE + PAUSE_PER_THOUSAND * thousands;
    }
}

async fn sent(socket: &mut WebSocket, message: Message) -> bool {
    matches!(timeout(STALLED, socket.send(message)).await, Ok(Ok(())))
}

fn wanted(text: &str) -> Option<Bounds> {
    let [west, south, east, north] = serde_json::from_str::<Wanted>(text).ok()?.bounds;
    Bounds::parse(&format!("{west},{south},{east},{north}")).ok()
}

/// What is news, as messages; none where nothing is.
fn messages(watch: &mut Watch<u32>, out: &Out, next_handle: &mut u32) -> Vec<Vec<u8>> {
    let now = clock::now().wall;
    let (mut names, mut points, mut gone) = (vec![NAMES], vec![POINTS], vec![GONE]);
    let state = out.replica.read(|table| {
        let News { changed, gone: left, more } = watch.news(table, |found| {
            *next_handle = next_handle.wrapping_add(1);
            write_name(&mut names, *next_handle, found);
            *next_handle
        });
        for found in &changed {
            let Some(handle) = watch.name_of(found.handle) else { continue };
            points.extend_from_slice(&handle.to_le_bytes());
            points.extend_from_slice(&ten_millionths(found.latitude).to_le_bytes());
            points.extend_from_slice(&ten_millionths(found.longitude).to_le_bytes());
            let age = u32::try_from(age_ms(found.record.time(), now) / 100).unwrap_or(u32::MAX);
            points.extend_from_slice(&age.to_le_bytes());
        }
        for handle in left {
            gone.extend_from_slice(&handle.to_le_bytes());
        }
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes();
        let mut state = vec![STATE];
        state.extend_from_slice(&count(table.count()));
        state.extend_from_slice(&count(watch.count()));
        state.push(u8::from(more));
        state
    });
    [names, points, gone].into_iter().filter(|message| message.len() > 1).chain([state]).collect()
}

fn write_name(names: &mut Vec<u8>, handle: u32, found: &Found<'_>) {
    let name = name(found.record.client());
    let Ok(length) = u16::try_from(name.len()) else { return };
    names.extend_from_slice(&handle.to_le_bytes());
    names.extend_from_slice(&length.to_le_bytes());
    names.extend_from_slice(name.as_bytes());
}

/// Degrees in the unit that points are sent in.
#[expect(clippy::cast_possible_truncation, reason = "180 degrees fit into 32 bits")]
fn ten_millionths(degrees: f64) -> i32 {
    (degrees * 1e7).round() as i32
}
