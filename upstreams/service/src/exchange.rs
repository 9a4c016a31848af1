//! A request and its answer on a connection, and how far they are.

use core::convert::Infallible;
use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::sync::Arc;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, StatusCode};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;

use crate::connections::{Phase, Progress};

/// Lets the router answer a request, telling it the address of the peer.
pub(crate) async fn answer(
    router: Router,
    peer: SocketAddr,
    progress: Arc<Progress>,
    mut request: Request<Incoming>,
) -> Result<Response<Watched<axum::body::Body>>, Infallible> {
    let is_whole = request.body().is_end_stream();
    progress.enter(if is_whole { Phase::Answer } else { Phase::Body });
    request.extensions_mut().insert(ConnectInfo(peer));
    let request = request.map(|body| Watched::new(body, &progress, Phase::Body, Phase::Answer));
    let response = TowerToHyperService::new(router).call(request).await?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        progress.enter(Phase::Upgraded);
    }
    Ok(response.map(|body| Watched::new(body, &progress, Phase::Answer, Phase::Idle)))
}

/// A body whose end, or whose being dropped, moves the connection from one phase to the next.
#[derive(Debug)]
pub(crate) struct Watched<B> {
    body: B,
    progress: Arc<Progress>,
    during: Phase,
    after: Phase,
}

impl<B> Watched<B> {
    fn new(body: B, progress: &Arc<Progress>, during: Phase, after: Phase) -> Self {
        Self { body, progress: Arc::clone(progress), during, after }
    }

    fn end(&self) {
        if self.progress.phase() == self.during {
            self.progress.enter(self.after);
        }
    }
}

impl<B: Body + Unpin> Body for Watched<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() || self.body.is_end_stream() {
            self.end();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Watched<B> {
    fn drop(&mut self) {
        self.end();
    }
}
