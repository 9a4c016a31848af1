//! How a service ends. It takes the signals of the process: one test alone has them.

#![cfg(unix)]

use core::time::Duration;

use axum::Router;
use axum::routing::get;
use herd_service::{Ended, Limits, StopSignals, listener, serve};
use rustix::process::{Signal, getpid, kill_process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

#[tokio::test]
async fn a_request_that_never_ends_does_not_hold_up_the_end() {
    let listener = listener("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", get("hello"));
    let limits = Limits { grace: Duration::from_millis(500), ..Limits::default() };
    let mut signals = StopSignals::catch().unwrap();
    let service =
        tokio::spawn(async move { serve("test", listener, router, limits, &mut signals).await });
    let mut waiting = TcpStream::connect(address).await.unwrap();
    waiting.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    // One that was answered and is kept; by then the half request was read too.
    let mut kept = TcpStream::connect(address).await.unwrap();
    for _ in 0..50 {
        kept.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"hello") {
            answer.push(kept.read_u8().await.unwrap());
        }
    }

    kill_process(getpid(), Signal::TERM).unwrap();

    // What nobody asks anything on is closed at once.
    assert_eq!(kept.read(&mut [0]).await.unwrap(), 0);
    assert!(!service.is_finished(), "half a request has its time");
    let ended = timeout(Duration::from_secs(60), service).await.unwrap();
    assert_eq!(ended.unwrap().unwrap(), Ended::AsAsked);
}
