//! Subscriptions over WebSockets.

use std::net::TcpStream;

use herd_tests::PATIENCE;
use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest as _;
use tungstenite::http::HeaderValue;
use tungstenite::{Message, WebSocket};

use crate::harness::{Client, PASSWORD, Server, Site};
use crate::refusals::multiplying;

on_both! {
    the_feed_comes_by_itself,
    a_hashtag_can_be_watched_by_anybody,
    what_is_blocked_never_comes,
    the_older_protocol_is_spoken_too,
    a_subscription_ends_with_its_session,
    only_pages_of_ours_may_use_the_cookie,
    bad_operations_are_refused_one_by_one,
    posts_at_another_server_come_too,
}

const NEW: &str = "graphql-transport-ws";
const OLD: &str = "graphql-ws";

fn the_feed_comes_by_itself(site: &Site) {
    let [ann, bob, cat] = ["ann", "bob", "cat"].map(|name| site.sign_up(name));
    ann.act("follow(name: \"bob\")");
    let mut live = Live::of(
        &site.server,
        &ann,
        "subscription { feed { text author { name } repostOf { text } } }",
    );

    let elsewhere = cat.post("not for ann");
    bob.post("b1");
    bob.act(&format!("repost(id: \"{elsewhere}\")"));
    ann.post("a1");

    assert_eq!(
        live.next(),
        json!({"feed": {"text": "b1", "author": {"name": "bob"}, "repostOf": null}})
    );
    assert_eq!(live.next()["feed"]["repostOf"]["text"], "not for ann");
    assert_eq!(live.next()["feed"]["text"], "a1");
}

fn a_hashtag_can_be_watched_by_anybody(site: &Site) {
    let ann = site.sign_up("ann");
    let mut live = Live::of(
        &site.server,
        &site.server.client(),
        "subscription { posts(tag: \"#Kiwi\") { text } }",
    );

    ann.post("nothing");
    ann.post("#KIWI");

    assert_eq!(live.next(), json!({"posts": {"text": "#KIWI"}}));
}

fn what_is_blocked_never_comes(site: &Site) {
    let [ann, bob, cat] = ["ann", "bob", "cat"].map(|name| site.sign_up(name));
    ann.act("follow(name: \"cat\")");
    let mut feed = Live::of(&site.server, &ann, "subscription { feed { text repostOf { text } } }");
    let mut all = Live::of(&site.server, &ann, "subscription { posts { text } }");
    // After the subscription began.
    bob.act("block(name: \"ann\")");

    let hidden = bob.post("hidden");
    cat.act(&format!("repost(id: \"{hidden}\")"));
    cat.post("shown");

    assert_eq!(feed.next()["feed"]["text"], "shown");
    assert_eq!(all.next()["posts"]["text"], "shown");
}

fn the_older_protocol_is_spoken_too(site: &Site) {
    let ann = site.sign_up("ann");
    let mut socket = open(&site.server, OLD, &[]).unwrap();
    say(
        &mut socket,
        &json!({"type": "connection_init", "payload": {"Authorization": format!("Bearer {}", ann.token.as_ref().unwrap())}}),
    );
    assert_eq!(hear(&mut socket)["type"], "connection_ack");
    say(
        &mut socket,
        &json!({"type": "start", "id": "1", "payload": {"query": "subscription { feed { text } }"}}),
    );
    settle(&mut socket, "start");

    ann.post("old");

    let heard = hear(&mut socket);
    assert_eq!(
        (&heard["type"], &heard["payload"]["data"]["feed"]["text"]),
        (&json!("data"), &json!("old"))
    );
}

fn a_subscription_ends_with_its_session(site: &Site) {
    let [mut ann, bob] = ["ann", "bob"].map(|name| site.sign_up(name));
    let mut live = Live::of(&site.server, &ann, "subscription { posts { text } }");
    ann.act_out();
    bob.post("after");

    let heard = live.hear();

    assert_eq!(heard["payload"]["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{heard}");
    assert_eq!(live.hear()["type"], "complete");
    ann.token = None;
    let mut nobody = Live::init(&site.server, &ann);
    nobody.start("subscription { feed { text } }");
    assert_eq!(nobody.hear()["payload"]["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    // A token that is wrong is told so at once.
    let mut socket = open(&site.server, NEW, &[]).unwrap();
    say(&mut socket, &json!({"type": "connection_init", "payload": {"token": "A".repeat(43)}}));
    assert!(matches!(socket.read(), Ok(Message::Close(_)) | Err(_)));
}

fn only_pages_of_ours_may_use_the_cookie(site: &Site) {
    site.sign_up("ann");
    let log_in = site.server.log_in("ann", PASSWORD);
    let cookie = log_in.header("set-cookie").unwrap().split(';').next().unwrap();
    let own = format!("http://{}", site.server.address);
    for (origin, want) in [
        (Some(own.as_str()), json!({"name": "ann"})),
        (Some("http://evil.example"), Value::Null),
        (None, Value::Null),
        (Some("null"), Value::Null),
    ] {
        let mut headers = vec![("cookie", cookie)];
        headers.extend(origin.map(|origin| ("origin", origin)));
        let mut socket = open(&site.server, NEW, &headers).unwrap();
        say(&mut socket, &json!({"type": "connection_init"}));
        assert_eq!(hear(&mut socket)["type"], "connection_ack");
        say(
            &mut socket,
            &json!({"type": "subscribe", "id": "1", "payload": {"query": "{ me { name } }"}}),
        );
        assert_eq!(hear(&mut socket)["payload"]["data"]["me"], want, "{origin:?}");
    }
}

fn bad_operations_are_refused_one_by_one(site: &Site) {
    let ann = site.sign_up("ann");
    let mut live = Live::init(&site.server, &ann);
    for query in [
        "{ nothing }".to_owned(),
        "{ me ".repeat(1000),
        "subscription { posts { author { posts { nodes { id".into(),
        multiplying(30, 2),
        multiplying(10, 100).replacen('{', "subscription {", 1),
    ] {
        live.start(&query);
        let heard = live.hear();
        assert_eq!(heard["payload"]["errors"][0]["extensions"]["code"], "INVALID", "{heard}");
        assert_eq!(live.hear()["type"], "complete");
    }
    for n in 0..16 {
        live.start_as(&n.to_string(), "subscription { posts { text } }");
    }
    live.start_as("16", "subscription { posts { text } }");
    let heard = live.hear();
    assert_eq!(
        (&heard["id"], &heard["payload"]["errors"][0]["extensions"]["code"]),
        (&json!("16"), &json!("INVALID"))
    );

    assert!(open(&site.server, "no-such-protocol", &[]).is_err());
    let big = json!({"type": "subscribe", "id": "x", "payload": {"query": "x".repeat(100_000)}});
    say(&mut live.socket, &big);
    while let Ok(message) = live.socket.read() {
        assert!(!message.is_text() || !message.to_text().unwrap().contains("\"x\""), "{message}");
    }
    assert_eq!(ann.data("{ me { name } }")["me"]["name"], "ann", "the server goes on");
}

fn posts_at_another_server_come_too(site: &Site) {
    if site.database.starts_with("sqlite:") {
        // The file belongs to one server.
        return;
    }
    let ann = site.sign_up("ann");
    let other = site.another(&[]);
    let mut live = Live::of(&other, &ann, "subscription { posts { text } }");
    // Its own connection may take a moment.
    let mut seen = String::new();
    for n in 0.. {
        ann.post(&format!("n{n}"));
        if let Some(heard) = live.within(core::time::Duration::from_secs(1)) {
            seen = heard["payload"]["data"]["posts"]["text"].as_str().unwrap().to_owned();
            break;
        }
        assert!(n < 60, "nothing comes");
    }
    assert!(seen.starts_with('n'), "{seen}");
}

/// A subscription by the newer protocol.
struct Live {
    socket: WebSocket<TcpStream>,
}

impl Live {
    /// Subscribes, and returns once the subscription has begun.
    fn of(server: &Server, who: &Client, query: &str) -> Self {
        let mut live = Self::init(server, who);
        live.start(query);
        settle(&mut live.socket, "subscribe");
        live
    }

    fn init(server: &Server, who: &Client) -> Self {
        let mut socket = open(server, NEW, &[]).unwrap();
        let payload = who.token.as_ref().map(|token| json!({"token": token}));
        say(&mut socket, &json!({"type": "connection_init", "payload": payload}));
        assert_eq!(hear(&mut socket)["type"], "connection_ack");
        Self { socket }
    }

    fn start(&mut self, query: &str) {
        self.start_as("1", query);
    }

    fn start_as(&mut self, id: &str, query: &str) {
        say(&mut self.socket, &json!({"type": "subscribe", "id": id, "payload": {"query": query}}));
    }

    fn hear(&mut self) -> Value {
        hear(&mut self.socket)
    }

    fn within(&mut self, span: core::time::Duration) -> Option<Value> {
        self.socket.get_ref().set_read_timeout(Some(span)).unwrap();
        let message = self.socket.read();
        self.socket.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
        Some(serde_json::from_str(message.ok()?.to_text().unwrap()).unwrap())
    }

    /// The data of the next answer.
    #[track_caller]
    fn next(&mut self) -> Value {
        let heard = self.hear();
        assert_eq!(
            (&heard["type"], &heard["payload"]["errors"]),
            (&json!("next"), &Value::Null),
            "{heard}"
        );
        heard["payload"]["data"].clone()
    }
}

impl Client {
    fn act_out(&self) {
        self.data("mutation { logOut }");
    }
}

/// Waits until the server has begun with what it was told: it answers a query after it.
fn settle(socket: &mut WebSocket<TcpStream>, kind: &str) {
    for n in 0..3 {
        let id = format!("settle{n}");
        say(
            socket,
            &json!({"type": kind, "id": id, "payload": {"query": "{ postCharacters me { id } }"}}),
        );
        loop {
            let heard = hear(socket);
            if heard["id"] == *id && heard["type"] == "complete" {
                break;
            }
        }
    }
}

fn open(
    server: &Server,
    protocol: &str,
    headers: &[(&'static str, &str)],
) -> Result<WebSocket<TcpStream>, String> {
    let stream = TcpStream::connect(&server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut request = format!("ws://{}/graphql", server.address).into_client_request().unwrap();
    request
        .headers_mut()
        .insert("sec-websocket-protocol", HeaderValue::from_str(protocol).unwrap());
    for (name, value) in headers {
        request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
    }
    tungstenite::client(request, stream)
        .map(|(socket, _)| socket)
        .map_err(|error| error.to_string())
}

fn say(socket: &mut WebSocket<TcpStream>, message: &Value) {
    // The server may have closed.
    _ = socket.send(Message::text(message.to_string()));
}

#[track_caller]
fn hear(socket: &mut WebSocket<TcpStream>) -> Value {
    let message = socket.read().unwrap();
    serde_json::from_str(message.to_text().unwrap()).unwrap()
}
