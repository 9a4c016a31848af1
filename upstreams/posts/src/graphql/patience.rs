//! How long a request may take: its own work counts, its turn in a queue does not.

use core::future::Future;
use core::pin::pin;
use core::time::Duration;
use std::sync::{Mutex, PoisonError};

use tokio::time::{Instant, sleep};

/// What of the time since a request came does not count.
#[derive(Debug, Default)]
pub(crate) struct Patience(Mutex<Waited>);

#[derive(Clone, Copy, Debug, Default)]
struct Waited {
    before: Duration,
    /// Since when it waits, where it does.
    since: Option<Instant>,
}

impl Patience {
    /// Waits for something that does not count.
    pub(crate) async fn while_waiting<T>(&self, waiting: impl Future<Output = T>) -> T {
        self.change(|waited| waited.since = Some(Instant::now()));
        let done = waiting.await;
        self.change(|waited| {
            waited.before += waited.since.take().map_or(Duration::ZERO, |since| since.elapsed());
        });
        done
    }

    /// Carries out what may take `limit`, without what it waits; none if it took longer.
    pub(crate) async fn limit<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let start = Instant::now();
        let mut work = pin!(work);
        loop {
            let waited = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let waits = waited.since.map_or(Duration::ZERO, |since| since.elapsed());
            let left = (limit + waited.before + waits).saturating_sub(start.elapsed());
            if left.is_zero() {
                return None;
            }
            tokio::select! {
                done = &mut work => return Some(done),
                // It may have waited meanwhile.
                () = sleep(left) => {}
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut Waited)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use core::future::pending;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn work_has_a_limit_and_waiting_has_none() {
        let patience = Patience::default();
        assert_eq!(patience.limit(LIMIT, pending::<()>()).await, None);

        let patience = Patience::default();
        let waits = patience.while_waiting(sleep(LIMIT * 4));
        assert_eq!(patience.limit(LIMIT, waits).await, Some(()));

        let patience = Patience::default();
        let then_works = async {
            patience.while_waiting(sleep(LIMIT * 2)).await;
            pending::<()>().await;
        };
        assert_eq!(patience.limit(LIMIT, then_works).await, None);
    }
}
