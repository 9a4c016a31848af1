//! Who waits for posts.

use std::collections::BTreeMap;

use crate::sessions::TokenHash;

/// Who waits for posts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watchers {
    /// How many subscriptions there are.
    pub(crate) count: usize,
    /// Those who are logged in, with the number of their subscriptions.
    pub(crate) users: BTreeMap<i64, usize>,
    /// Their sessions, likewise.
    pub(crate) sessions: BTreeMap<TokenHash, usize>,
}
