//! When the database was last one that may only be read.

use core::sync::atomic::{AtomicI64, Ordering};

use crate::ids::now_ms;

/// When a database last refused to be written to: connections that are older lead to a server that may no longer be
/// the one to write to.
pub(crate) static SINCE_MS: AtomicI64 = AtomicI64::new(0);

/// A database has refused to be written to.
pub(crate) fn note() {
    SINCE_MS.store(now_ms(), Ordering::Relaxed);
}
