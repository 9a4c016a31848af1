//! `GET /v1/herd`: the servers, who talks with whom, and which of them can be reached from here.

use core::time::Duration;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use futures_util::future::join_all;
use herd_config::Roster;
use herd_config::address::Address;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::answer;

/// How long a server may take to accept a connection before it counts as unreachable.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long an answer holds: servers are not tried again for each page that is open.
const FRESH: Duration = Duration::from_secs(2);

/// The servers of a herd as they are drawn on the map.
#[derive(Debug)]
pub(crate) struct ServersState {
    servers: Vec<Server>,
    /// When they were tried last, and which of them accepted a connection.
    last: Mutex<Option<(Instant, Vec<bool>)>>,
}

#[derive(Debug)]
struct Server {
    name: String,
    address: Address,
    talks_with: Vec<String>,
}

#[derive(Serialize)]
struct Herd<'a> {
    servers: Vec<Shown<'a>>,
}

#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    address: String,
    talks_with: &'a [String],
    state: &'static str,
}

impl ServersState {
    pub(crate) fn new(roster: &Roster) -> Self {
        let name = |at: &usize| roster.servers.get(*at).map(|server| server.name.clone());
        let server = |server: &herd_config::roster::Server| Server {
            name: server.name.clone(),
            address: server.address.clone(),
            talks_with: server.talks_with.iter().filter_map(name).collect(),
        };
        Self { servers: roster.servers.iter().map(server).collect(), last: Mutex::new(None) }
    }

    /// Which servers can be reached. Who asks while they are being tried waits for the same answer.
    async fn reachable(&self) -> Vec<bool> {
        let mut last = self.last.lock().await;
        if let Some((at, reachable)) = &*last
            && at.elapsed() < FRESH
        {
            return reachable.clone();
        }
        let tries = self.servers.iter().map(async |server| {
            let connect = TcpStream::connect((server.address.host(), server.address.port()));
            matches!(timeout(PATIENCE, connect).await, Ok(Ok(_)))
        });
        let reachable = join_all(tries).await;
        *last = Some((Instant::now(), reachable.clone()));
        reachable
    }
}

/// The route.
pub(crate) fn router(state: ServersState) -> Router {
    Router::new().route("/v1/herd", get(show)).with_state(Arc::new(state))
}

async fn show(State(state): State<Arc<ServersState>>) -> Response {
    let reachable = state.reachable().await;
    let servers = state.servers.iter().zip(reachable).map(|(server, is_reachable)| Shown {
        name: &server.name,
        address: server.address.to_string(),
        talks_with: &server.talks_with,
        state: if is_reachable { "reachable" } else { "unreachable" },
    });
    answer::json(StatusCode::OK, &Herd { servers: servers.collect() })
}
