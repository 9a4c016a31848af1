//! WebSockets: subscriptions, by both protocols there are for GraphQL.

use core::time::Duration;
use std::sync::{Arc, OnceLock};

use async_graphql::http::ALL_WEBSOCKET_PROTOCOLS;
use async_graphql::{Data, Executor, Request as GraphqlRequest, Response as GraphqlResponse};
use async_graphql_axum::{GraphQLProtocol, GraphQLWebSocket};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts as _, Request};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use crate::Error;
use crate::app::{Caller, Token};
use crate::graphql::{Answer, Api};
use crate::http::{self, Http, MAX_BODY_BYTES};

/// The most WebSockets at a time.
const MAX_CONNECTIONS: usize = 1000;

/// The most operations at a time on one of them.
const MAX_OPERATIONS: usize = 16;

/// How long a client may take to introduce itself.
const INIT_TIME: Duration = Duration::from_secs(10);

/// Counts the WebSockets.
#[derive(Debug)]
pub(crate) struct Connections(Arc<Semaphore>);

impl Connections {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_CONNECTIONS)))
    }
}

/// Answers a request to become a WebSocket.
pub(crate) async fn open(http: Http, caller: Caller, request: Request) -> Response {
    let Ok(permit) = Arc::clone(&http.connections.0).try_acquire_owned() else {
        return http::answer(Answer::from(Error::TooMany { retry_after: INIT_TIME }));
    };
    let (mut parts, _) = request.into_parts();
    let Ok(protocol) = GraphQLProtocol::from_request_parts(&mut parts, &()).await else {
        let why = format!("a WebSocket here speaks one of {}", ALL_WEBSOCKET_PROTOCOLS.join(", "));
        return http::answer(Answer::from(Error::Invalid(why)));
    };
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(refused) => return refused.into_response(),
    };
    upgrade
        .max_message_size(MAX_BODY_BYTES)
        .max_frame_size(MAX_BODY_BYTES)
        .protocols(ALL_WEBSOCKET_PROTOCOLS)
        .on_upgrade(move |socket| async move {
            let connection = Connection::new(http.api);
            let caller_is_known = Arc::clone(&connection.caller);
            let init = connection.clone();
            let served = GraphQLWebSocket::new(socket, connection, protocol)
                .on_connection_init(move |payload| init.introduce(caller, payload))
                .serve();
            let never_introduced = async {
                sleep(INIT_TIME).await;
                if caller_is_known.get().is_some() {
                    core::future::pending::<()>().await;
                }
            };
            tokio::select! {
                () = served => {}
                () = never_introduced => {}
            }
            drop::<OwnedSemaphorePermit>(permit);
        })
        .into_response()
}

/// What carries out the operations of one connection.
#[derive(Clone)]
struct Connection {
    api: Api,
    caller: Arc<OnceLock<Caller>>,
    operations: Arc<Semaphore>,
}

impl Connection {
    fn new(api: Api) -> Self {
        let operations = Arc::new(Semaphore::new(MAX_OPERATIONS));
        Self { api, caller: Arc::default(), operations }
    }

    /// Takes what the client says first: it may give a token, as `token` or as `Authorization`.
    async fn introduce(self, mut caller: Caller, payload: Value) -> async_graphql::Result<Data> {
        if let Some(token) = token_in(&payload) {
            caller.token = Token::Bearer(token.to_owned());
        }
        self.api.app().viewer(&caller).await?;
        _ = self.caller.set(caller);
        Ok(Data::default())
    }
}

impl Executor for Connection {
    async fn execute(&self, request: GraphqlRequest) -> GraphqlResponse {
        let mut answers = self.execute_stream(request, None);
        answers.next().await.unwrap_or_default()
    }

    fn execute_stream(
        &self,
        request: GraphqlRequest,
        _: Option<Arc<Data>>,
    ) -> BoxStream<'static, GraphqlResponse> {
        let refused = |error| stream::iter([Answer::from(error).response]).boxed();
        let Some(caller) = self.caller.get() else { return refused(Error::Unauthenticated) };
        let Ok(permit) = Arc::clone(&self.operations).try_acquire_owned() else {
            return refused(Error::Invalid(format!(
                "a connection carries out at most {MAX_OPERATIONS} operations at a time"
            )));
        };
        let answers = self.api.execute_stream(caller.clone(), request);
        let keep = move |answer| {
            let _until_the_end = &permit;
            answer
        };
        answers.map(keep).boxed()
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
