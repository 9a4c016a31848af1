//! What the faces of the service share.

use core::net::IpAddr;
use std::sync::Arc;

use crate::Error;
use crate::database::Database;
use crate::events::Events;
use crate::ids::{Ids, now_ms};
use crate::passwords::{Passwords, random};
use crate::sessions::{self, TokenHash};
use crate::turns::RequestDatabase;
use crate::visibility::NOBODY;

/// The service, whoever asks.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) database: Database,
    pub(crate) ids: Ids,
    pub(crate) passwords: Passwords,
    pub(crate) events: Arc<Events>,
    /// The most characters of a post.
    pub(crate) post_characters: usize,
}

/// Who asks, as far as the connection tells.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) token: Token,
    pub(crate) address: IpAddr,
    /// Whether cookies are for encrypted connections only.
    pub(crate) is_https: bool,
}

/// How somebody says who they are.
#[derive(Clone, Debug, Default)]
pub(crate) enum Token {
    #[default]
    None,
    /// Given on purpose: one that is wrong is an error.
    Bearer(String),
    /// Given by a browser by itself: one that is wrong is as good as none.
    Cookie(String),
}

/// Who asks, as the database knows them.
#[derive(Clone, Debug)]
pub(crate) struct Viewer {
    id: i64,
    token: Option<TokenHash>,
}

impl App {
    pub(crate) fn new(database: Database, events: Arc<Events>, post_characters: usize) -> Self {
        Self {
            events,
            database,
            ids: Ids::new(u16::from_le_bytes(random())),
            passwords: Passwords::new(),
            post_characters,
        }
    }

    /// Who this is.
    ///
    /// # Errors
    ///
    /// When a bearer's token is wrong or has expired, and when the database does not answer.
    pub(crate) async fn viewer(
        &self,
        caller: &Caller,
        database: &RequestDatabase,
    ) -> Result<Viewer, Error> {
        let (token, is_bearer) = match &caller.token {
            Token::None => return Ok(Viewer::nobody()),
            Token::Bearer(token) => (token, true),
            Token::Cookie(token) => (token, false),
        };
        let mut id = None;
        let token = TokenHash::of(token);
        if let Some(token) = &token {
            id = sessions::user_of(&mut *database.read().await?, token, now_ms()).await?;
        }
        match id {
            Some(id) => Ok(Viewer { id, token }),
            None if is_bearer => Err(Error::Unauthenticated),
            None => Ok(Viewer::nobody()),
        }
    }
}

impl Viewer {
    pub(crate) fn nobody() -> Self {
        Self { id: NOBODY, token: None }
    }

    /// Their id, for statements; [`NOBODY`] where nobody is logged in.
    pub(crate) fn id(&self) -> i64 {
        self.id
    }

    /// Their id, where somebody is logged in.
    ///
    /// # Errors
    ///
    /// When nobody is.
    pub(crate) fn user(&self) -> Result<i64, Error> {
        if self.id == NOBODY { Err(Error::Unauthenticated) } else { Ok(self.id) }
    }

    /// The session by which they are logged in.
    pub(crate) fn token(&self) -> Option<&TokenHash> {
        self.token.as_ref()
    }
}
