//! GraphQL over one HTTP connection that is kept, as a browser or an app would keep it.

use core::net::SocketAddr;

use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::failure::Failure;

/// A connection to a server of the microblog that is made when it is needed.
#[derive(Debug)]
pub(crate) struct GraphQl {
    server: SocketAddr,
    bearer: Option<String>,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl GraphQl {
    /// To this server, for who has this token.
    pub(crate) fn new(server: SocketAddr, token: Option<&str>) -> Self {
        Self { server, bearer: token.map(|token| format!("Bearer {token}")), sender: None }
    }

    /// The `data` of the answer.
    pub(crate) async fn ask(&mut self, query: &str, variables: Value) -> Result<Value, Failure> {
        self.connect().await?;
        let body = json!({"query": query, "variables": variables}).to_string();
        let mut request = Request::post("/graphql")
            .header(HOST, self.server.to_string())
            .header(CONTENT_TYPE, "application/json");
        if let Some(bearer) = &self.bearer {
            request = request.header(AUTHORIZATION, bearer);
        }
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| Failure::new("a token that can not be sent"))?;
        let sender = self.sender.as_mut().ok_or(Failure::NOT_CONNECTED)?;
        let response = sender.send_request(request).await.map_err(|_| Failure::CLOSED)?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|_| Failure::CLOSED)?.to_bytes();
        answer(status.as_u16(), &body)
    }

    /// Connects, if it is not connected.
    pub(crate) async fn connect(&mut self) -> Result<(), Failure> {
        if self.sender.as_ref().is_some_and(|sender| !sender.is_closed()) {
            return Ok(());
        }
        let connected = TcpStream::connect(self.server).await;
        let stream = connected.map_err(|_| Failure::NOT_CONNECTED)?;
        stream.set_nodelay(true).map_err(|_| Failure::NOT_CONNECTED)?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|_| Failure::NOT_CONNECTED)?;
        // It ends with the connection, and what went wrong is told to the sender.
        tokio::spawn(connection);
        sender.ready().await.map_err(|_| Failure::NOT_CONNECTED)?;
        self.sender = Some(sender);
        Ok(())
    }

    /// Gives up the connection.
    pub(crate) fn hang_up(&mut self) {
        self.sender = None;
    }
}

/// The `data` of an answer without errors.
fn answer(status: u16, body: &[u8]) -> Result<Value, Failure> {
    if status != 200 {
        return Err(Failure::new(format!("HTTP {status}")));
    }
    let Ok(mut answer) = serde_json::from_slice::<Value>(body) else {
        return Err(Failure::new("not JSON"));
    };
    if let Some(error) = answer.pointer("/errors/0") {
        let code = error.pointer("/extensions/code").and_then(Value::as_str);
        return Err(Failure::new(format!("error {}", code.unwrap_or("without a code"))));
    }
    match answer.get_mut("data").map(Value::take) {
        None | Some(Value::Null) => Err(Failure::new("no data")),
        Some(data) => Ok(data),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_with_an_error_in_it_is_a_failure_of_that_kind() {
        let refused =
            br#"{"data":null,"errors":[{"message":"m","extensions":{"code":"INVALID"}}]}"#;

        assert_eq!(answer(200, refused), Err(Failure::new("error INVALID")));
        assert_eq!(answer(200, br#"{"data":null}"#), Err(Failure::new("no data")));
        assert_eq!(answer(200, b"<html>"), Err(Failure::new("not JSON")));
        assert_eq!(answer(503, b"{}"), Err(Failure::new("HTTP 503")));
        assert_eq!(answer(200, br#"{"data":{"me":null}}"#), Ok(json!({"me": null})));
    }
}
