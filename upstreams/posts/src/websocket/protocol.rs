//! The messages of both protocols for GraphQL over a WebSocket.
//!
//! `graphql-transport-ws` is <https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>, `graphql-ws` the older
//! <https://github.com/apollographql/subscriptions-transport-ws/blob/master/PROTOCOL.md>. The codes and reasons with
//! which a connection is closed are those of the newer.

use core::error::Error as _;

use async_graphql::Response;
use axum::extract::ws::close_code;
use serde_json::{Value, json};
use tungstenite::error::CapacityError;

use crate::Error;

/// The longest reason in a frame that closes, in bytes: a control frame has 125, of which 2 are the code.
const MAX_REASON: usize = 123;

/// A protocol that a client may speak.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Protocol {
    New,
    Old,
}

/// All protocols, the better first.
pub(super) const PROTOCOLS: [Protocol; 2] = [Protocol::New, Protocol::Old];

/// Why a connection is closed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Close {
    pub(super) code: u16,
    pub(super) reason: String,
}

/// What a client says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum FromClient {
    Init(Value),
    Start { id: String, payload: Value },
    Stop { id: String },
    Ping(Option<Value>),
    Pong,
    Terminate,
}

impl Close {
    pub(super) fn new(code: u16, reason: &str) -> Self {
        let end = reason.floor_char_boundary(MAX_REASON);
        Self { code, reason: reason[..end].to_owned() }
    }

    pub(super) fn init_timeout() -> Self {
        Self::new(4408, "Connection initialisation timeout")
    }

    /// Why a connection can not be read from, where the client can be told.
    pub(super) fn of_error(error: &axum::Error) -> Option<Self> {
        let error = error.source()?.downcast_ref::<tungstenite::Error>()?;
        #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is between the two systems")]
        match error {
            tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. }) => {
                Some(Self::new(close_code::SIZE, "a message is too long"))
            }
            tungstenite::Error::Utf8(_) => Some(Self::new(close_code::INVALID, "not UTF-8")),
            tungstenite::Error::Protocol(_) => {
                Some(Self::new(close_code::PROTOCOL, "no WebSocket"))
            }
            _ => None,
        }
    }
}

impl Protocol {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::New => "graphql-transport-ws",
            Self::Old => "graphql-ws",
        }
    }

    pub(super) fn of(name: &str) -> Option<Self> {
        PROTOCOLS.into_iter().find(|protocol| protocol.name() == name)
    }

    pub(super) fn ack(self) -> String {
        json!({"type": "connection_ack"}).to_string()
    }

    /// What tells that somebody is not let in, where a message does beside the frame that closes.
    pub(super) fn init_refused(self, why: &Error) -> Option<String> {
        let message = json!({"type": "connection_error", "payload": {"message": why.to_string()}});
        (self == Self::Old).then(|| message.to_string())
    }

    pub(super) fn pong(self, payload: Option<Value>) -> String {
        match payload {
            Some(payload) => json!({"type": "pong", "payload": payload}).to_string(),
            None => json!({"type": "pong"}).to_string(),
        }
    }

    pub(super) fn next(self, id: &str, answer: &Response) -> String {
        let kind = match self {
            Self::New => "next",
            Self::Old => "data",
        };
        json!({"type": kind, "id": id, "payload": answer}).to_string()
    }

    pub(super) fn complete(self, id: &str) -> String {
        json!({"type": "complete", "id": id}).to_string()
    }
}

impl FromClient {
    /// A message, if it is one.
    pub(super) fn parse(protocol: Protocol, text: &[u8]) -> Option<Self> {
        let Value::Object(mut message) = serde_json::from_slice(text).ok()? else { return None };
        let payload = message.remove("payload").filter(|payload| !payload.is_null());
        // Where there is one, it is an object.
        if payload.as_ref().is_some_and(|payload| !payload.is_object()) {
            return None;
        }
        let id = |message: &serde_json::Map<String, Value>| {
            let id = message.get("id")?.as_str().filter(|id| !id.is_empty())?;
            Some(id.to_owned())
        };
        match (message.get("type")?.as_str()?, protocol) {
            ("connection_init", _) => Some(Self::Init(payload.unwrap_or_default())),
            ("subscribe", Protocol::New) | ("start", Protocol::Old) => {
                Some(Self::Start { id: id(&message)?, payload: payload? })
            }
            ("complete", Protocol::New) | ("stop", Protocol::Old) => {
                Some(Self::Stop { id: id(&message)? })
            }
            ("ping", Protocol::New) => Some(Self::Ping(payload)),
            ("pong", Protocol::New) => Some(Self::Pong),
            ("connection_terminate", Protocol::Old) => Some(Self::Terminate),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_message_is_none() {
        for bad in [
            "",
            "{",
            "[]",
            r#"["connection_init"]"#,
            r#"{"type":"nonsense"}"#,
            r#"{"type":1}"#,
            r#"{"type":"start","id":"1","payload":{"query":"{me{id}}"}}"#,
            r#"{"type":"subscribe","payload":{"query":"{me{id}}"}}"#,
            r#"{"type":"subscribe","id":"","payload":{"query":"{me{id}}"}}"#,
            r#"{"type":"subscribe","id":1,"payload":{"query":"{me{id}}"}}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            r#"{"type":"subscribe","id":"1","payload":["{me{id}}"]}"#,
            r#"{"type":"connection_init","payload":"x"}"#,
            r#"{"type":"complete"}"#,
        ] {
            assert_eq!(FromClient::parse(Protocol::New, bad.as_bytes()), None, "{bad}");
        }
        let ping = br#"{"type":"ping","payload":{"a":1}}"#;
        assert_eq!(
            FromClient::parse(Protocol::New, ping),
            Some(FromClient::Ping(Some(json!({"a": 1}))))
        );
        assert_eq!(FromClient::parse(Protocol::Old, ping), None);
    }

    #[test]
    fn a_reason_fits_into_its_frame() {
        let close = Close::new(4409, &"é".repeat(100));
        assert_eq!(close.reason.len(), 122);
    }
}
