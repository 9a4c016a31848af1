//! Clients that take what they can: slow, silent and many.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{CONNECTION, UPGRADE};
use axum::http::{Response, StatusCode};
use axum::routing::{get, post};
use herd_service::{Limits, StopSignals, listener, serve};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

const HERE: &str = "127.0.0.1";
const ELSEWHERE: &str = "127.0.0.2";

/// Longer than anything here takes: who waits so long waits for ever.
const FOREVER: Duration = Duration::from_secs(60);

const SOON: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_client_that_says_nothing_is_closed() {
    let service = Service::start(Limits { head: SOON, ..patient() }).await;

    for said in ["", "GET / HT", "GET / HTTP/1.1\r\nhost: x\r\n"] {
        let mut client = service.connect(HERE).await;
        client.send(said).await;
        assert_eq!(client.rest().await, "", "{said}");
    }
}

#[tokio::test]
async fn a_head_that_trickles_is_given_up_though_bytes_come() {
    let service = Service::start(Limits { head: SOON, ..patient() }).await;
    let mut first = service.connect(HERE).await;
    let mut second = service.connect(HERE).await;
    second.get("/").await;

    for client in [&mut first, &mut second] {
        client.send("GET / HTTP/1.1\r\n").await;
        while client.try_send("x-more: 1\r\n").await && !client.is_closed() {
            tokio::time::sleep(SOON / 10).await;
        }
    }
}

#[tokio::test]
async fn a_connection_is_kept_between_requests_but_not_for_ever() {
    let service = Service::start(Limits { idle: SOON, ..patient() }).await;
    let mut client = service.connect(HERE).await;

    assert!(client.get("/").await.ends_with("hello"));
    assert!(client.get("/").await.ends_with("hello"));
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let service = Service::start(Limits { body: SOON, ..patient() }).await;

    for length in ["content-length: 100", "transfer-encoding: chunked"] {
        let mut client = service.connect(HERE).await;
        client.send(&format!("POST /count HTTP/1.1\r\nhost: x\r\n{length}\r\n\r\n4\r\n")).await;
        assert_eq!(client.rest().await, "", "{length}");
    }
}

#[tokio::test]
async fn an_answer_that_takes_long_is_not_the_clients_fault() {
    let service = Service::start(all(SOON)).await;
    let mut client = service.connect(HERE).await;

    client.send("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await;
    // Whoever came after it and says nothing has had its time.
    assert_eq!(service.connect(HERE).await.rest().await, "");
    service.go_on.add_permits(1);

    assert!(client.answer().await.ends_with("waited"));
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_closed() {
    let service = Service::start(Limits { stalled: SOON, ..patient() }).await;
    let mut client = service.connect(HERE).await;

    client.send("GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await;
    service.endless_ends.acquire().await.unwrap().forget();
}

#[tokio::test]
async fn idle_connections_keep_nobody_out() {
    let service = Service::start(Limits { connections: 8, ..patient() }).await;
    let mut crowd = Vec::new();
    for round in 0..12 {
        for said in ["", "GET / HT", "POST /count HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n"]
        {
            let mut client = service.connect(HERE).await;
            client.send(said).await;
            crowd.push(client);
        }
        let mut kept = service.connect(HERE).await;
        assert!(kept.get("/").await.ends_with("hello"), "{round}");
        crowd.push(kept);
    }

    for from in [HERE, ELSEWHERE] {
        assert!(service.connect(from).await.get("/").await.ends_with("hello"), "{from}");
    }
}

#[tokio::test]
async fn the_connection_that_waited_longest_goes_first() {
    let service = Service::start(Limits { connections: 3, ..patient() }).await;
    let [mut first, mut second, mut third] =
        [service.connect(HERE).await, service.connect(HERE).await, service.connect(HERE).await];
    for client in [&mut second, &mut first, &mut third] {
        client.get("/").await;
        // The clock of the service counts milliseconds.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    let mut another = service.connect(ELSEWHERE).await;

    assert!(another.get("/").await.ends_with("hello"));
    assert_eq!(second.rest().await, "");
    assert!(first.get("/").await.ends_with("hello"));
    assert!(third.get("/").await.ends_with("hello"));
}

#[tokio::test]
async fn an_address_with_few_connections_keeps_them() {
    let service = Service::start(Limits { connections: 4, ..patient() }).await;
    let mut visitor = service.connect(ELSEWHERE).await;
    visitor.get("/").await;

    let mut crowd = Vec::new();
    for _ in 0..20 {
        let mut client = service.connect(HERE).await;
        client.get("/").await;
        crowd.push(client);
    }

    assert!(visitor.get("/").await.ends_with("hello"));
}

#[tokio::test]
async fn what_is_under_way_goes_for_who_has_less_alone() {
    let service = Service::start(Limits { connections: 2, ..patient() }).await;
    let mut busy = Vec::new();
    for _ in 0..2 {
        let mut client = service.connect(HERE).await;
        client.send("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await;
        service.waiting.acquire().await.unwrap().forget();
        busy.push(client);
    }

    assert_eq!(service.connect(HERE).await.rest().await, "");
    assert!(service.connect(ELSEWHERE).await.get("/").await.ends_with("hello"));

    service.go_on.add_permits(2);
    assert_eq!(busy[0].rest().await, "");
    assert!(busy[1].answer().await.ends_with("waited"));
}

#[tokio::test]
async fn an_upgraded_connection_is_none_that_is_idle_and_takes_a_place() {
    let limits = Limits { connections: 1, ..all(SOON) };
    let service = Service::start(limits).await;
    let mut upgraded = service.connect(HERE).await;
    upgraded
        .send("GET /echo HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
        .await;
    assert!(upgraded.answer().await.starts_with("HTTP/1.1 101 "));

    // It is the only one of its address, which has no more than this one would have.
    for _ in 0..3 {
        assert_eq!(service.connect(HERE).await.rest().await, "");
        tokio::time::sleep(SOON).await;
    }
    upgraded.send("x").await;
    assert_eq!(upgraded.byte().await, b'x');

    drop(upgraded);
    loop {
        let mut next = service.connect(HERE).await;
        if next.try_send("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await
            && next.rest().await.ends_with("hello")
        {
            break;
        }
    }
}

#[tokio::test]
async fn an_upgraded_connection_goes_for_who_has_less() {
    let service = Service::start(Limits { connections: 2, ..patient() }).await;
    let mut upgraded = Vec::new();
    for _ in 0..2 {
        let mut client = service.connect(HERE).await;
        client
            .send("GET /echo HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
            .await;
        assert!(client.answer().await.starts_with("HTTP/1.1 101 "));
        upgraded.push(client);
    }

    assert!(service.connect(ELSEWHERE).await.get("/").await.ends_with("hello"));

    assert_eq!(upgraded[0].rest().await, "");
    upgraded[1].send("x").await;
    assert_eq!(upgraded[1].byte().await, b'x');
}

/// Limits that no test here runs into by accident.
fn patient() -> Limits {
    all(FOREVER)
}

fn all(limit: Duration) -> Limits {
    Limits { head: limit, body: limit, idle: limit, stalled: limit, ..Limits::default() }
}

struct Service {
    address: SocketAddr,
    /// Has a permit for each request for `/wait` that has arrived.
    waiting: Arc<Semaphore>,
    /// Takes a permit for each that may be answered.
    go_on: Arc<Semaphore>,
    /// Has a permit once an answer from `/endless` is given up.
    endless_ends: Arc<Semaphore>,
}

impl Service {
    async fn start(limits: Limits) -> Self {
        let [waiting, go_on, endless_ends] = [(); 3].map(|()| Arc::new(Semaphore::new(0)));
        let listener = listener("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (arrives, may) = (Arc::clone(&waiting), Arc::clone(&go_on));
        let wait = async move || {
            arrives.add_permits(1);
            may.acquire().await.unwrap().forget();
            "waited"
        };
        let ends = Arc::clone(&endless_ends);
        let router = Router::new()
            .route("/", get("hello"))
            .route("/wait", get(wait))
            .route("/count", post(async |body: Bytes| body.len().to_string()))
            .route("/endless", get(async move || Body::new(Endless(ends))))
            .route("/echo", get(echo));
        let mut signals = StopSignals::catch().unwrap();
        tokio::spawn(async move { serve("test", listener, router, limits, &mut signals).await });
        Self { address, waiting, go_on, endless_ends }
    }

    async fn connect(&self, from: &str) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
        Client(timeout(FOREVER, socket.connect(self.address)).await.unwrap().unwrap())
    }
}

/// Sends back what comes.
async fn echo(mut request: Request) -> Response<Body> {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut stream = TokioIo::new(upgrade.await.unwrap());
        let mut bytes = [0; 100];
        while let Ok(count @ 1..) = stream.read(&mut bytes).await {
            stream.write_all(&bytes[..count]).await.unwrap();
        }
    });
    let head = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
    head.header(CONNECTION, "upgrade").header(UPGRADE, "echo").body(Body::empty()).unwrap()
}

/// A body without end, which tells when it is dropped.
struct Endless(Arc<Semaphore>);

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = core::convert::Infallible;

    fn poll_frame(
        self: core::pin::Pin<&mut Self>,
        _: &mut core::task::Context<'_>,
    ) -> core::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        core::task::Poll::Ready(Some(Ok(hyper::body::Frame::data(Bytes::from_static(&[0; 1000])))))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

struct Client(TcpStream);

impl Client {
    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Whether it could be sent.
    async fn try_send(&mut self, text: &str) -> bool {
        self.0.write_all(text.as_bytes()).await.is_ok()
    }

    async fn get(&mut self, path: &str) -> String {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
        self.answer().await
    }

    async fn byte(&mut self) -> u8 {
        timeout(FOREVER, self.0.read_u8()).await.unwrap().unwrap()
    }

    /// One answer with its head, as long as its `content-length` says.
    async fn answer(&mut self) -> String {
        let mut answer = String::new();
        while !answer.ends_with("\r\n\r\n") {
            answer.push(self.byte().await.into());
        }
        let length = answer.lines().find_map(|line| line.strip_prefix("content-length: "));
        for _ in 0..length.map_or(0, |length| length.parse().unwrap()) {
            answer.push(self.byte().await.into());
        }
        answer
    }

    /// What comes until the service closes the connection, in order or not.
    async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        _ = timeout(FOREVER, self.0.read_to_end(&mut rest)).await.expect("it is closed");
        String::from_utf8(rest).unwrap()
    }

    /// Whether the service has closed the connection already.
    fn is_closed(&self) -> bool {
        !matches!(self.0.try_read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    }
}
