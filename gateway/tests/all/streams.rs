//! Who is where as it changes: server-sent events and WebSockets.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use herd_tests::PATIENCE;
use serde_json::{Value, json};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

use crate::harness::{Gateway, plan};

/// A report by the gateway, which is of its copy at once.
#[track_caller]
fn report(gateway: &Gateway, client: &str, (lat, lon): (f64, f64), time: u32) {
    let report = format!(r#"{{"client":"{client}","lat":{lat},"lon":{lon},"time":{time}}}"#);
    assert_eq!(gateway.post("/v1/reports", &report).json()["accepted"], 1, "{report}");
}

/// A stream of server-sent events.
struct Events(BufReader<TcpStream>);

impl Events {
    #[track_caller]
    fn open(gateway: &Gateway, target: &str, last: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(gateway.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let last = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        write!(stream, "GET {target} HTTP/1.1\r\nHost: {}\r\n{last}\r\n", gateway.address).unwrap();
        Self(BufReader::new(stream))
    }

    /// The next event: its name, its ID and its data.
    #[track_caller]
    fn next(&mut self) -> (String, String, Value) {
        let (mut name, mut id) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream has ended");
            let line = line.trim_end();
            if let Some(text) = line.strip_prefix("event: ") {
                name = text.to_owned();
            } else if let Some(text) = line.strip_prefix("id: ") {
                id = text.to_owned();
            } else if let Some(text) = line.strip_prefix("data: ") {
                // The empty line behind it and what HTTP puts between events are passed over by the next call.
                return (name, id, serde_json::from_str(text).unwrap());
            }
        }
    }
}

#[track_caller]
fn websocket(gateway: &Gateway, target: &str) -> WebSocket<MaybeTlsStream<TcpStream>> {
    let stream = TcpStream::connect(gateway.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let url = format!("ws://{}{target}", gateway.address);
    tungstenite::client(url, MaybeTlsStream::Plain(stream)).unwrap().0
}

fn clients(told: &Value) -> Vec<&str> {
    told["clients"].as_array().unwrap().iter().map(|one| one["client"].as_str().unwrap()).collect()
}

#[test]
fn a_stream_is_a_snapshot_and_then_changes() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    report(&gateway, "kiwi", (34.068930, -118.445127), 100);
    report(&gateway, "away", (52.1, 4.3), 100);
    let mut events = Events::open(&gateway, "/v1/stream?bbox=-119,33,-118,35", None);

    let (name, _, told) = events.next();
    assert_eq!((name.as_str(), clients(&told)), ("snapshot", vec!["kiwi"]));
    let kiwi = &told["clients"][0];
    assert_eq!(kiwi["lat"].to_string() + &kiwi["lon"].to_string(), "34.06893-118.445127");
    assert_eq!(kiwi["server"], "Hill");

    report(&gateway, "kiwi", (34.1, -118.4), 101);
    let (name, id, told) = events.next();
    assert_eq!((name.as_str(), clients(&told)), ("changes", vec!["kiwi"]));

    report(&gateway, "kiwi", (60.0, -118.4), 102);
    let (_, _, told) = events.next();
    assert_eq!((clients(&told), &told["gone"]), (vec![], &json!(["kiwi"])));

    // Who comes back with the ID of an event is told what has changed since.
    report(&gateway, "kiwi", (34.5, -118.4), 103);
    let mut again = Events::open(&gateway, "/v1/stream?bbox=-119,33,-118,35", Some(&id));
    let (name, _, told) = again.next();
    assert_eq!((name.as_str(), clients(&told)), ("changes", vec!["kiwi"]));
}

#[test]
fn who_leaves_after_a_stream_was_resumed_is_gone() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    report(&gateway, "kiwi", (34.0, -118.4), 100);
    let (_, id, _) = Events::open(&gateway, "/v1/stream?bbox=-119,33,-118,35", None).next();
    let mut again = Events::open(&gateway, "/v1/stream?bbox=-119,33,-118,35", Some(&id));
    report(&gateway, "plum", (34.0, -118.4), 100);
    assert_eq!(clients(&again.next().2), ["plum"]);

    report(&gateway, "kiwi", (60.0, -118.4), 101);
    report(&gateway, "plum", (34.1, -118.4), 101);
    assert_eq!(again.next().2["gone"], json!(["kiwi"]));
}

#[test]
fn a_large_snapshot_comes_in_parts_of_which_the_last_has_an_id() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    let line = |at: u32| format!("{{\"client\":\"c{at}\",\"lat\":1,\"lon\":2,\"time\":100}}\n");
    let lines: String = (0..2500).map(line).collect();
    assert_eq!(gateway.post("/in/json", &lines).json()["accepted"], 2500);

    let mut events = Events::open(&gateway, "/v1/stream", None);
    let mut seen = BTreeSet::new();
    for (name, count, is_last) in
        [("snapshot", 1000, false), ("changes", 1000, false), ("changes", 500, true)]
    {
        let (told, id, data) = events.next();
        assert_eq!((told.as_str(), clients(&data).len()), (name, count));
        // Who breaks off here and comes back must be told of the others.
        assert_eq!(!id.is_empty(), is_last, "{id}");
        seen.extend(clients(&data).into_iter().map(str::to_owned));
    }
    assert_eq!(seen.len(), 2500, "each once");
}

#[test]
fn a_map_that_never_says_what_it_shows_is_closed() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    let socket = websocket(&gateway, "/v1/points");
    let MaybeTlsStream::Plain(stream) = socket.get_ref() else { panic!("it is not encrypted") };
    // A ping would come later.
    assert_eq!((&*stream).read(&mut [0; 16]).unwrap(), 0, "the end and nothing before it");
}

#[test]
fn a_websocket_is_told_the_same() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    let mut socket = websocket(&gateway, "/v1/stream?ids=kiwi,plum");
    let mut next = || loop {
        if let Message::Text(text) = socket.read().unwrap() {
            return serde_json::from_str::<Value>(&text).unwrap();
        }
    };
    assert_eq!(next()["type"], "snapshot");
    report(&gateway, "other", (1.0, 1.0), 100);
    report(&gateway, "plum", (1.0, 1.0), 100);
    let told = next();
    assert_eq!((&told["type"], clients(&told)), (&json!("changes"), vec!["plum"]));
}

#[test]
fn a_stream_is_asked_for_properly() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    for target in [
        "/v1/stream?bbox=1,2,3",
        "/v1/stream?bbox=1,2,3,4&ids=a",
        "/v1/stream?ids=",
        "/v1/stream?box=1,2,3,4",
    ] {
        assert_eq!(gateway.get(target).status, 400, "{target}");
    }
    assert_eq!(gateway.get("/v1/points").status, 400);
}

#[test]
fn a_map_is_sent_points_in_binary() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    report(&gateway, "kiwi", (34.06893, -118.445127), 100);
    let mut socket = websocket(&gateway, "/v1/points");
    socket.send(Message::Text(r#"{"box":[-180,-90,180,90]}"#.into())).unwrap();
    let mut next = || loop {
        if let Message::Binary(bytes) = socket.read().unwrap() {
            return bytes.to_vec();
        }
    };
    let names = next();
    assert_eq!(names[0], 1);
    let handle = &names[1..5];
    assert_eq!((&names[5..7], &names[7..]), (&[4, 0][..], &b"kiwi"[..]));
    let points = next();
    assert_eq!((points[0], &points[1..5], points.len()), (2, handle, 17));
    assert_eq!(i32::from_le_bytes(points[5..9].try_into().unwrap()), 340_689_300);
    assert_eq!(i32::from_le_bytes(points[9..13].try_into().unwrap()), -1_184_451_270);
    assert_eq!(next(), [&[4, 1, 0, 0, 0, 1, 0, 0, 0, 0][..]].concat());

    report(&gateway, "kiwi", (35.0, 1.0), 101);
    let points = next();
    assert_eq!((points[0], &points[1..5]), (2, handle), "a name is sent once");
}
