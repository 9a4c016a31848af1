//! Subscriptions over WebSockets.

use std::net::TcpStream;

use herd_tests::{PATIENCE, eventually};
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
    what_breaks_the_protocol_is_closed_by_its_codes,
    an_id_can_be_used_again_at_once,
    what_a_subscriber_may_not_see_of_a_post_is_not_told,
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
    assert_eq!(live.hear()["type"], "complete");
    // Nothing is kept of what is refused: its id is free at once, however many there are.
    for _ in 0..200 {
        live.start_as("again", "subscription { posts { text } }");
    }
    for _ in 0..200 {
        let heard = live.hear();
        assert_eq!((&heard["type"], &heard["id"]), (&json!("next"), &json!("again")), "{heard}");
        assert_eq!(live.hear()["type"], "complete");
    }

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

fn what_breaks_the_protocol_is_closed_by_its_codes(site: &Site) {
    let init = json!({"type": "connection_init"});
    let subscribe = json!({"type": "subscribe", "id": "1", "payload": {"query": "subscription { posts { text } }"}});
    let long_id = "x".repeat(500);
    let long = json!({"type": "subscribe", "id": long_id, "payload": {"query": "subscription { posts { text } }"}});
    for (messages, code) in [
        (vec![json!({"type": "nonsense"})], 4400),
        (vec![init.clone(), json!(["subscribe", "1"])], 4400),
        (
            vec![
                init.clone(),
                json!({"type": "subscribe", "id": "1", "payload": ["{ me { id } }"]}),
            ],
            4400,
        ),
        (
            vec![
                init.clone(),
                json!({"type": "subscribe", "id": "", "payload": {"query": "{ me { id } }"}}),
            ],
            4400,
        ),
        (vec![json!({"nothing": "x".repeat(300)})], 4400),
        (vec![subscribe.clone()], 4401),
        (vec![json!({"type": "connection_init", "payload": {"token": "A".repeat(43)}})], 4403),
        (vec![init.clone(), init.clone()], 4429),
        (vec![init.clone(), subscribe.clone(), subscribe], 4409),
        (vec![init.clone(), long.clone(), long], 4409),
        (vec![init, json!({"type": "ping", "payload": {"a": "x".repeat(70_000)}})], 1009),
    ] {
        let mut socket = open(&site.server, NEW, &[]).unwrap();
        for message in &messages {
            say(&mut socket, message);
        }
        let closed = loop {
            if let Message::Close(frame) = socket.read().unwrap() {
                break frame.unwrap();
            }
        };
        let shown: String = format!("{messages:?}").chars().take(300).collect();
        assert_eq!(u16::from(closed.code), code, "{shown}: {closed:?}");
        assert!(closed.reason.len() <= 123, "{closed:?}");
    }
    let mut socket = open(&site.server, NEW, &[]).unwrap();
    assert!(
        matches!(socket.read(), Ok(Message::Close(Some(frame))) if u16::from(frame.code) == 4408)
    );
}

fn an_id_can_be_used_again_at_once(site: &Site) {
    let ann = site.sign_up("ann");
    let mut live = Live::init(&site.server, &ann);
    for _ in 0..50 {
        live.start("subscription { posts { text } }");
        say(&mut live.socket, &json!({"type": "complete", "id": "1"}));
    }
    live.start("subscription { posts { text } }");
    settle(&mut live.socket, "subscribe");
    ann.post("here");
    assert_eq!(live.next(), json!({"posts": {"text": "here"}}));
    say(&mut live.socket, &json!({"type": "ping", "payload": {"a": 1}}));
    assert_eq!(live.hear(), json!({"type": "pong", "payload": {"a": 1}}));
}

fn what_a_subscriber_may_not_see_of_a_post_is_not_told(site: &Site) {
    let [ann, bob, cat] = ["ann", "bob", "cat"].map(|name| site.sign_up(name));
    let by_bob = bob.post("by bob");
    cat.act(&format!("like(id: \"{by_bob}\")"));
    let reply = cat.reply(&by_bob, "a reply");
    let parts = "text likeCount replyCount isLiked author { name followerCount } replyTo { text }";
    let query = format!("subscription {{ posts {{ {parts} replyTo {{ {parts} }} }} }}");
    bob.act("block(name: \"ann\")");
    let mut of_ann = Live::of(&site.server, &ann, &query);
    let mut of_cat = Live::of(&site.server, &cat, &query);
    let mut of_nobody = Live::of(&site.server, &site.server.client(), &query);

    cat.reply(&by_bob, "another");
    cat.reply(&reply, "a third");

    for live in [&mut of_ann, &mut of_cat, &mut of_nobody] {
        let first = live.next()["posts"].clone();
        assert_eq!((&first["text"], &first["author"]["name"]), (&json!("another"), &json!("cat")));
        let second = live.next()["posts"].clone();
        assert_eq!(second["replyTo"]["text"], "a reply");
        // What that one answers is looked up for each.
        assert!(second["replyTo"].get("replyTo").is_some());
    }
    cat.reply(&by_bob, "the last");
    assert_eq!(of_ann.next()["posts"]["replyTo"], Value::Null, "bob has blocked her");
    let seen = of_cat.next()["posts"]["replyTo"].clone();
    assert_eq!(
        (&seen["text"], &seen["likeCount"], &seen["replyCount"], &seen["isLiked"]),
        (&json!("by bob"), &json!(1), &json!(3), &json!(true))
    );
    assert_eq!(of_nobody.next()["posts"]["replyTo"]["isLiked"], false);
}

#[test]
fn a_client_that_does_not_answer_a_ping_loses_its_place() {
    let site = Site::sqlite();
    let mut live = Live::init(&site.server, &site.server.client());
    live.start("subscription { posts { text } }");
    let stream = live.socket.get_ref();
    stream.set_read_timeout(Some(3 * PATIENCE)).unwrap();

    // Read without a word: the bytes of frames, of which a ping and then a close.
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut &*stream, &mut bytes).unwrap();

    let said = String::from_utf8_lossy(&bytes);
    assert!(bytes.contains(&0x89) && said.contains("no answer to a ping"), "{said}");
}

#[test]
fn one_address_leaves_places_for_others() {
    let site = Site::sqlite();
    let server = site.another(&["--trust-proxy"]);
    let at = |address: &'static str| open(&server, NEW, &[("x-forwarded-for", address)]);
    let crowd: Vec<_> = (0..100).map(|_| at("192.0.2.7").unwrap()).collect();

    assert!(at("192.0.2.7").is_err());
    assert!(at("192.0.2.8").is_ok());

    drop(crowd);
    eventually(PATIENCE, || at("192.0.2.7").is_ok());
}

/// A subscription by the newer protocol.
pub(crate) struct Live {
    socket: WebSocket<TcpStream>,
}

impl Live {
    /// Subscribes, and returns once the subscription has begun.
    pub(crate) fn of(server: &Server, who: &Client, query: &str) -> Self {
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
    pub(crate) fn next(&mut self) -> Value {
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
