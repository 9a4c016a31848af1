//! What a server knows of a follower: how far it has been told, and how far it has said that it has come.

use alloc::boxed::Box;

use crate::flood::Cursor;
use crate::follow::Position;
use crate::handshake::{Incarnation, Nonce};
use crate::time::Instant;

/// A follower, or who would like to be one, as its connection knows it.
#[derive(Debug)]
pub(crate) struct Following {
    pub(crate) name: Box<str>,
    /// What it calls this server.
    pub(crate) server: Box<str>,
    pub(crate) incarnation: Incarnation,
    pub(crate) their_nonce: Nonce,
    pub(crate) nonce: Nonce,
    pub(crate) after: Position,
    pub(crate) cursor: Cursor,
    /// The last change when it came, until it has been told that one.
    pub(crate) upto: Option<u64>,
    pub(crate) acked: u64,
    pub(crate) marked: u64,
    pub(crate) marked_at: Instant,
    pub(crate) mark_due: bool,
}
