//! WebSockets: subscriptions, by both protocols there are for GraphQL.
//!
//! `protocol` knows what their messages are, this what a connection may take: a place among all and a share of its
//! address, time to introduce itself, an answer to each ping, and something to do.

mod protocol;

use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::Response as GraphqlResponse;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts as _, Request};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use futures_util::future::{AbortHandle, Abortable};
use futures_util::stream::{self, BoxStream, SelectAll};
use serde_json::Value;
use tokio::time::{Instant, interval_at, sleep_until, timeout};

use self::protocol::{Close, FromClient, PROTOCOLS, Protocol};
use crate::Error;
use crate::answer::{MAX_BODY_BYTES, answer};
use crate::app::{Caller, Token};
use crate::graphql::{Answer, Api};
use crate::shares::network;
use crate::turns::RequestDatabase;

/// The most WebSockets at a time, and of one address.
const MAX_CONNECTIONS: usize = 1000;
const MAX_BY_ADDRESS: usize = 100;

/// The most operations at a time on one of them.
const MAX_OPERATIONS: usize = 16;

/// How long a client may take to introduce itself.
const INIT_TIME: Duration = Duration::from_secs(10);

/// How often a client is asked whether it is there; it has as long to answer.
const PING: Duration = Duration::from_secs(20);

/// How long a client may wait for nothing.
const IDLE: Duration = Duration::from_secs(120);

/// How long a message may take to be sent.
const SEND_TIME: Duration = Duration::from_secs(20);

/// The WebSockets there are.
#[derive(Debug, Default)]
pub(crate) struct Connections(Mutex<BTreeMap<IpAddr, usize>>);

/// A place among them.
#[derive(Debug)]
struct Place {
    connections: Arc<Connections>,
    network: IpAddr,
}

impl Connections {
    fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let network = network(address);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = counts.values().sum();
        let own = counts.get(&network).copied().unwrap_or_default();
        if all >= MAX_CONNECTIONS || own >= MAX_BY_ADDRESS {
            return None;
        }
        counts.insert(network, own + 1);
        Some(Place { connections: Arc::clone(self), network })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.connections.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.network);
            }
        }
    }
}

/// Answers a request to become a WebSocket.
pub(crate) async fn open(
    api: Api,
    connections: &Arc<Connections>,
    caller: Caller,
    request: Request,
) -> Response {
    let Some(place) = connections.enter(caller.address) else {
        return answer(Answer::from(Error::TooMany { retry_after: INIT_TIME }));
    };
    let (mut parts, _) = request.into_parts();
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(refused) => return refused.into_response(),
    };
    let upgrade = upgrade
        .max_message_size(MAX_BODY_BYTES)
        .max_frame_size(MAX_BODY_BYTES)
        .protocols(PROTOCOLS.map(Protocol::name));
    let chosen = upgrade.selected_protocol().and_then(|name| name.to_str().ok());
    let Some(protocol) = chosen.and_then(Protocol::of) else {
        let names = PROTOCOLS.map(Protocol::name).join(", ");
        return answer(Answer::from(Error::Invalid(format!(
            "a WebSocket here speaks one of {names}"
        ))));
    };
    upgrade
        .on_upgrade(move |socket| async move {
            Connection::new(socket, protocol, api, caller).serve().await;
            drop(place);
        })
        .into_response()
}

/// One connection.
struct Connection {
    socket: WebSocket,
    protocol: Protocol,
    api: Api,
    /// Who it is.
    caller: Caller,
    stage: Stage,
    operations: BTreeMap<String, Operation>,
    answers: SelectAll<BoxStream<'static, Said>>,
    /// Counts operations: one that has ended may have said something that is not yet sent.
    number: u64,
    idle_since: Instant,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// It has to introduce itself.
    New,
    Introduced,
}

/// An operation under way.
#[derive(Debug)]
struct Operation {
    number: u64,
    abort: AbortHandle,
}

/// What an operation says: an answer, or that it has ended.
struct Said {
    id: String,
    number: u64,
    answer: Option<GraphqlResponse>,
}

/// What ends a connection: a frame to say why, or nothing where nobody hears it.
type End = Option<Close>;

impl Connection {
    fn new(socket: WebSocket, protocol: Protocol, api: Api, caller: Caller) -> Self {
        Self {
            socket,
            protocol,
            api,
            caller,
            stage: Stage::New,
            operations: BTreeMap::new(),
            answers: SelectAll::new(),
            number: 0,
            idle_since: Instant::now(),
        }
    }

    async fn serve(mut self) {
        let Err(end) = self.run().await;
        if let Some(Close { code, reason }) = end {
            let frame = CloseFrame { code, reason: reason.into() };
            // Who is gone is not told.
            if timeout(SEND_TIME, self.socket.send(Message::Close(Some(frame)))).await.is_ok() {
                // The other side closes, too; what it had sent before is read, or it would not read this.
                let rest = async { while let Some(Ok(_)) = self.socket.recv().await {} };
                _ = timeout(INIT_TIME, rest).await;
            }
        }
    }

    /// Serves until it ends, and says how. It never does so by itself.
    async fn run(&mut self) -> Result<core::convert::Infallible, End> {
        let start = Instant::now();
        let mut pings = interval_at(start + PING, PING);
        let mut is_asked = false;
        loop {
            let deadline = match self.stage {
                Stage::New => start + INIT_TIME,
                Stage::Introduced if self.operations.is_empty() => self.idle_since + IDLE,
                Stage::Introduced => start + Duration::from_secs(u32::MAX.into()),
            };
            tokio::select! {
                message = self.socket.recv() => {
                    is_asked = false;
                    self.handle(message).await?;
                }
                Some(said) = self.answers.next(), if !self.answers.is_empty() => {
                    self.pass_on(said).await?;
                }
                _ = pings.tick() => {
                    if is_asked {
                        return Err(Some(Close::new(1001, "no answer to a ping")));
                    }
                    is_asked = true;
                    self.send(Message::Ping(Default::default())).await?;
                }
                () = sleep_until(deadline) => {
                    return Err(Some(match self.stage {
                        Stage::New => Close::init_timeout(),
                        Stage::Introduced => Close::new(1000, "nothing is waited for"),
                    }));
                }
            }
        }
    }

    async fn handle(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        let text = match message {
            Some(Ok(Message::Text(text))) => text.as_bytes().to_vec(),
            Some(Ok(Message::Binary(bytes))) => bytes.to_vec(),
            // Pings are answered below.
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(()),
            Some(Ok(Message::Close(_))) | None => return Err(None),
            Some(Err(error)) => return Err(Close::of_error(&error)),
        };
        let Some(message) = FromClient::parse(self.protocol, &text) else {
            return Err(Some(Close::new(4400, "Invalid message received")));
        };
        match message {
            FromClient::Init(payload) => self.introduce(&payload).await,
            FromClient::Start { id, payload } => self.start(id, payload).await,
            FromClient::Stop { id } => self.stop(&id).await,
            FromClient::Ping(payload) => self.send_text(self.protocol.pong(payload)).await,
            FromClient::Pong => Ok(()),
            FromClient::Terminate => Err(Some(Close::new(1000, ""))),
        }
    }

    /// Takes what the client says first: it may give a token, as `token` or as `Authorization`.
    async fn introduce(&mut self, payload: &Value) -> Result<(), End> {
        if self.stage == Stage::Introduced {
            return Err(Some(Close::new(4429, "Too many initialisation requests")));
        }
        if let Some(token) = token_in(payload) {
            self.caller.token = Token::Bearer(token.to_owned());
        }
        let app = self.api.app();
        let database = RequestDatabase::new(app.database.clone(), self.caller.address);
        let viewer = app.viewer(&self.caller, &database).await;
        match viewer {
            Ok(_) => {}
            Err(Error::Unauthenticated) => {
                if let Some(refusal) = self.protocol.init_refused(&Error::Unauthenticated) {
                    self.send_text(refusal).await?;
                }
                return Err(Some(Close::new(4403, "Forbidden")));
            }
            Err(error) => return Err(Some(Close::new(1013, &error.to_string()))),
        }
        self.stage = Stage::Introduced;
        self.idle_since = Instant::now();
        self.send_text(self.protocol.ack()).await
    }

    async fn start(&mut self, id: String, payload: Value) -> Result<(), End> {
        if self.stage == Stage::New {
            return Err(Some(Close::new(4401, "Unauthorized")));
        }
        if self.operations.contains_key(&id) {
            if self.protocol == Protocol::New {
                let why = format!("Subscriber for {id} already exists");
                return Err(Some(Close::new(4409, &why)));
            }
            self.end(&id);
        }
        if self.operations.len() >= MAX_OPERATIONS {
            let why =
                format!("a connection carries out at most {MAX_OPERATIONS} operations at a time");
            return self.refuse(&id, why).await;
        }
        let request = match crate::request::parse(payload) {
            Ok(request) => request,
            Err(why) => {
                let why = format!("the request is no JSON object with a `query`: {why}");
                return self.refuse(&id, why).await;
            }
        };
        let answers = self.api.execute_stream(self.caller.clone(), request);
        self.number += 1;
        let number = self.number;
        let (abort, registration) = AbortHandle::new_pair();
        let said = {
            let id = id.clone();
            move |answer| Said { id: id.clone(), number, answer }
        };
        let answers = answers.map(Some).chain(stream::iter([None])).map(said);
        self.answers.push(Abortable::new(answers, registration).boxed());
        self.operations.insert(id, Operation { number, abort });
        Ok(())
    }

    /// Answers an operation that is not carried out. Nothing is kept of it, and nothing more is read until the client
    /// takes the answer.
    async fn refuse(&mut self, id: &str, why: String) -> Result<(), End> {
        self.idle_since = Instant::now();
        let answer = Answer::from(Error::Invalid(why)).response;
        self.send_text(self.protocol.next(id, &answer)).await?;
        self.send_text(self.protocol.complete(id)).await
    }

    async fn stop(&mut self, id: &str) -> Result<(), End> {
        if self.stage == Stage::New {
            return Err(Some(Close::new(4401, "Unauthorized")));
        }
        // The newer protocol does not answer: the client may use the id again at once.
        if self.end(id) && self.protocol == Protocol::Old {
            self.send_text(self.protocol.complete(id)).await?;
        }
        Ok(())
    }

    /// Ends an operation, and says whether it was under way.
    fn end(&mut self, id: &str) -> bool {
        let Some(operation) = self.operations.remove(id) else { return false };
        operation.abort.abort();
        self.idle_since = Instant::now();
        true
    }

    async fn pass_on(&mut self, said: Said) -> Result<(), End> {
        let Said { id, number, answer } = said;
        if self.operations.get(&id).is_none_or(|operation| operation.number != number) {
            return Ok(());
        }
        match answer {
            Some(answer) => self.send_text(self.protocol.next(&id, &answer)).await,
            None => {
                self.end(&id);
                self.send_text(self.protocol.complete(&id)).await
            }
        }
    }

    async fn send_text(&mut self, text: String) -> Result<(), End> {
        self.send(Message::Text(text.into())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(SEND_TIME, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            // It is gone, or does not read.
            Ok(Err(_)) | Err(_) => Err(None),
        }
    }
}

fn token_in(payload: &Value) -> Option<&str> {
    let text = |name: &str| payload.get(name).and_then(Value::as_str);
    if let Some(token) = text("token") {
        return Some(token);
    }
    let header = text("Authorization").or_else(|| text("authorization"))?;
    Some(header.split_once(' ').filter(|(how, _)| how.eq_ignore_ascii_case("bearer"))?.1.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_a_share_of_the_connections() {
        let connections = Arc::new(Connections::default());
        let [ann, bob] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let mut places: Vec<_> =
            (0..MAX_BY_ADDRESS).map(|_| connections.enter(ann).unwrap()).collect();
        assert!(connections.enter(ann).is_none());
        assert!(connections.enter(bob).is_some());
        places.pop();
        assert!(connections.enter(ann).is_some());
        drop(places);
        assert!(connections.0.lock().unwrap().is_empty());
    }

    #[test]
    fn nothing_is_kept_of_an_address_that_was_refused() {
        let connections = Arc::new(Connections::default());
        let address = |n: usize| IpAddr::from(u32::try_from(n).unwrap().to_be_bytes());
        let places: Vec<_> =
            (0..MAX_CONNECTIONS).map(|n| connections.enter(address(n)).unwrap()).collect();
        for n in 0..100 {
            assert!(connections.enter(address(MAX_CONNECTIONS + n)).is_none());
        }
        assert_eq!(connections.0.lock().unwrap().len(), MAX_CONNECTIONS);
        drop(places);
        assert!(connections.0.lock().unwrap().is_empty());
    }
}
