//! An upstream whose answers are known: twenty places, whatever is asked, and a failure at one spot.

use axum::Router;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use herd_config::Failure;
use std::io;
use std::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// Where the upstream fails, as it is asked.
const BROKEN: &str = "location=0.5,0.5&radius=13000";

/// Answers at `address` until the returned value is dropped.
pub(super) fn serve(address: &str) -> Result<Runtime, Failure> {
    let start = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let runtime =
            Builder::new_multi_thread().worker_threads(1).enable_io().enable_time().build()?;
        let router = Router::new().fallback(answer);
        let listener = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        runtime.spawn(async { axum::serve(listener, router).await });
        io::Result::Ok(runtime)
    };
    start().map_err(|error| {
        let why = if error.kind() == io::ErrorKind::AddrInUse {
            "something listens there, such as the upstream that `herd up` starts: stop it, or leave --upstream out"
                .to_owned()
        } else {
            error.to_string()
        };
        Failure::unable(format!("cannot serve the stub at {address}: {why}"))
    })
}

async fn answer(RawQuery(query): RawQuery) -> Response {
    if query.is_some_and(|query| query.starts_with(BROKEN)) {
        return (StatusCode::INTERNAL_SERVER_ERROR, "out of order").into_response();
    }
    ([(CONTENT_TYPE, "application/json; charset=UTF-8")], places()).into_response()
}

/// In Google's way of writing, empty lines and all.
fn places() -> String {
    let place = |number| {
        format!(
            "      {{\n         \"name\" : \"Place {number}\",\n\n         \"place_id\" : \"stub-{number}\"\n      }}"
        )
    };
    let places: Vec<_> = (1..=20).map(place).collect();
    format!(
        "{{\n   \"html_attributions\" : [],\n   \"results\" : [\n{}\n   ],\n   \"status\" : \"OK\"\n}}\n\n\n",
        places.join(",\n")
    )
}
