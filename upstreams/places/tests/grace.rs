//! How long the end may take.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use core::net::SocketAddr;
use std::sync::Arc;

use herd_places::{Builder, GRACE, Nearby, PATH, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{self, Instant};

#[tokio::test]
async fn a_request_that_never_ends_does_not_hold_up_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let nearby = Arc::new(Nearby::new(Builder::default().build(), None));
    let (say_stop, told_to_stop) = oneshot::channel::<()>();
    let service = tokio::spawn(serve(listener, nearby, async { _ = told_to_stop.await }));
    let mut waiting = TcpStream::connect(address).await.unwrap();
    waiting.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    // What comes after the half request has its answer, so it was read too.
    for _ in 0..50 {
        assert!(whole_request(address).await.starts_with("HTTP/1.1 200 OK\r\n"));
    }

    time::pause();
    let start = Instant::now();
    drop(say_stop);

    service.await.unwrap().unwrap();
    assert_eq!(start.elapsed().as_secs(), GRACE.as_secs());
}

async fn whole_request(address: SocketAddr) -> String {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {PATH} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    connection.read_to_string(&mut response).await.unwrap();
    response
}
