//! HTTP around the answers.
//!
//! Most answers take microseconds and are given at once. A search by words may take as long as a thousand others:
//! those are done on threads of their own, a few at a time, and the others do not wait for them.

use core::time::Duration;
use std::sync::Arc;
use std::thread;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::nearby::Nearby;

/// Where the search is, as at Google.
pub const PATH: &str = "/maps/api/place/nearbysearch/json";

/// The most searches by words that wait for others of the kind.
const MAX_WAITING: usize = 256;

/// How long one of them waits before it is given up.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// What answers share.
struct Service {
    nearby: Arc<Nearby>,
    /// A permit for each slow search that may be under way; half of the processors are left to the others.
    slow: Arc<Semaphore>,
    /// A permit for each slow search that may wait.
    waiting: Semaphore,
}

/// The service as a router.
pub(crate) fn router(nearby: Arc<Nearby>) -> Router {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let service = Service {
        nearby,
        slow: Arc::new(Semaphore::new((processors / 2).max(1))),
        waiting: Semaphore::new(MAX_WAITING),
    };
    Router::new().route(PATH, get(answer)).with_state(Arc::new(service))
}

async fn answer(
    State(service): State<Arc<Service>>,
    RawQuery(query): RawQuery,
) -> impl IntoResponse {
    let query = query.unwrap_or_default();
    let json = if service.nearby.is_slow(&query) {
        service.slow_answer(query).await.unwrap_or_else(Nearby::busy)
    } else {
        service.nearby.answer(&query)
    };
    ([(CONTENT_TYPE, "application/json; charset=UTF-8")], json)
}

impl Service {
    /// The answer, unless too many others are asked for.
    async fn slow_answer(&self, query: String) -> Option<String> {
        let waits: SemaphorePermit<'_> = self.waiting.try_acquire().ok()?;
        let permit = timeout(MAX_WAIT, Arc::clone(&self.slow).acquire_owned()).await.ok()?.ok()?;
        drop(waits);
        let nearby = Arc::clone(&self.nearby);
        let search = spawn_blocking(move || {
            // It goes on when nobody waits for it any more, and counts until it has ended.
            let _permit = permit;
            nearby.answer(&query)
        });
        search.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::Builder;

    #[tokio::test]
    async fn slow_searches_wait_and_those_past_the_queue_are_refused() {
        let service = Arc::new(Service {
            nearby: Arc::new(Nearby::new(Builder::default().build(), None)),
            slow: Arc::new(Semaphore::new(1)),
            waiting: Semaphore::new(1),
        });
        let under_way = Arc::clone(&service.slow).acquire_owned().await.unwrap();
        let ask = |query: &str| answer(State(Arc::clone(&service)), RawQuery(Some(query.into())));
        let by_words = "location=1,2&radius=1000&keyword=hut";
        let waiting = tokio::spawn(ask(by_words));
        while service.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }

        assert!(body(ask(by_words).await).await.contains("\"OVER_QUERY_LIMIT\""));
        assert!(body(ask("location=1,2&radius=1000").await).await.contains("\"ZERO_RESULTS\""));
        assert!(!waiting.is_finished());

        drop(under_way);
        assert!(body(waiting.await.unwrap()).await.contains("\"ZERO_RESULTS\""));
    }

    async fn body(response: impl IntoResponse) -> String {
        let body = response.into_response().into_body();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        String::from_utf8(bytes.into()).unwrap()
    }
}
