//! Errors as GraphQL and HTTP tell them.

use core::time::Duration;
use std::sync::Arc;

use async_graphql::{ErrorExtensionValues, Response, ServerError, Value};

use crate::Error;

/// What HTTP says of an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Status {
    pub(crate) code: u16,
    pub(crate) retry_after: Option<Duration>,
}

impl Status {
    const OK: Self = Self { code: 200, retry_after: None };
    const BAD_REQUEST: Self = Self { code: 400, retry_after: None };

    fn of(error: &Error) -> Self {
        Self { code: error.status(), retry_after: error.retry_after() }
    }

    /// The greater, the more it matters beside others.
    fn severity(self) -> u16 {
        if self.code >= 500 { 2000 - self.code } else { self.code }
    }
}

/// Completes the errors of an answer, and says what its status is.
///
/// It is that of an error only where there are no data at all: else the client has to look for itself.
pub(crate) fn complete(response: &mut Response) -> Status {
    let mut worst = None;
    for error in &mut response.errors {
        let status = complete_one(error);
        if worst.is_none_or(|worst: Status| worst.severity() < status.severity()) {
            worst = Some(status);
        }
    }
    match worst {
        Some(worst) if response.data == Value::Null => worst,
        _ => Status::OK,
    }
}

/// An answer that is this error and nothing else.
pub(crate) fn response(error: Error) -> Response {
    let error: async_graphql::Error = error.into();
    Response::from_errors(vec![ServerError {
        source: error.source,
        ..ServerError::new(error.message, None)
    }])
}

fn complete_one(server_error: &mut ServerError) -> Status {
    let source = server_error.source.take();
    let source = source.as_ref();
    let ours = source.and_then(|source| source.downcast_ref::<Error>());
    let shared = source.and_then(|source| source.downcast_ref::<Arc<Error>>());
    let error = ours.or_else(|| shared.map(AsRef::as_ref));
    let (code, status) = match error {
        Some(error) => {
            report(error);
            (error.code(), Status::of(error))
        }
        // The library refused the request.
        None => ("INVALID", Status::BAD_REQUEST),
    };
    let extensions = server_error.extensions.get_or_insert_with(ErrorExtensionValues::default);
    extensions.set("code", code);
    if let Some(retry_after) = status.retry_after {
        extensions.set("retryAfter", retry_after.as_secs().max(1));
    }
    status
}

/// Tells the operator what a user is not told.
fn report(error: &Error) {
    if let Error::Internal(source) = error {
        log::error!("{source}");
    }
    if let Error::Unavailable(source) = error {
        log::warn!("the database is not available: {source}");
    }
}
