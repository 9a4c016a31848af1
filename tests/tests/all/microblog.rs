//! The posts herd end to end: `herd up` with the microblog behind it.

use core::net::SocketAddr;
use herd_tests::{
    Client, PATIENCE, Program, Runtime, Signal, eventually, herd, herd_posts, on_both,
};
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use tempfile::TempDir;

use crate::program::fixed_ports;

on_both!(
    the_posts_herd_answers_with_posts_near_kiwi,
    a_post_is_in_the_next_whatsat_near_there,
    the_demo_is_added_once,
);

const FARMAR: u16 = 12021;
const YOUNG: u16 = 12025;
const POSTS: u16 = 12020;

fn the_posts_herd_answers_with_posts_near_kiwi(runtime: Runtime) {
    let _turn = fixed_ports();
    let home = TempDir::new().unwrap();
    let _up = up(runtime, &home);
    let at =
        client(FARMAR).ask("IAMAT kiwi.cs.ucla.edu +34.068930-118.445127 1520023934.918963997");
    let mut young = client(YOUNG);
    eventually(PATIENCE, || {
        let line = young.ask("WHATSAT kiwi.cs.ucla.edu 1 0");
        if line.starts_with("AT ") {
            young.line();
        }
        line == at
    });

    young.send("WHATSAT kiwi.cs.ucla.edu 100 2\nend\n");

    assert_eq!(young.line(), at);
    let answer: Value = serde_json::from_str(&young.line()).unwrap();
    assert_eq!(young.line(), "? end", "one line and no more");
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    for post in results {
        assert!(!post["text"].as_str().unwrap().is_empty());
        let [lat, lng] = [0, 1].map(|n| post["geo"]["coordinates"][n].as_f64().unwrap());
        assert!((lat - 34.07).abs() < 1.0 && (lng + 118.4).abs() < 1.2, "{post}");
    }
}

fn a_post_is_in_the_next_whatsat_near_there(runtime: Runtime) {
    let _turn = fixed_ports();
    let home = TempDir::new().unwrap();
    let _up = up(runtime, &home);
    let token = graphql(
        None,
        "mutation { signUp(name: \"ann\", password: \"a long pass phrase\") { token } }",
    );
    let token = token["data"]["signUp"]["token"].as_str().unwrap().to_owned();
    // Far from any city.
    let mut gasol = client(FARMAR + 1);
    let at = gasol.ask("IAMAT boat -0.5-140.25 1520023934.918963997");
    assert_eq!(whatsat(&mut gasol, &at), json!([]));

    let text = "Nobody here but \"whales\" & <waves> \u{1f40b} #blue";
    let position = "position: { latitude: -0.501, longitude: -140.251 }";
    let text_json = Value::from(text);
    let posted = graphql(
        Some(&token),
        &format!("mutation {{ post(text: {text_json}, {position}) {{ id }} }}"),
    );
    let id = posted["data"]["post"]["id"].as_str().unwrap();

    let results = whatsat(&mut gasol, &at);
    assert_eq!(results.as_array().map(Vec::len), Some(1), "{results}");
    assert_eq!(results[0]["text"], text);
    assert_eq!(results[0]["id_str"], id);
    assert_eq!(results[0]["from_user"], "ann");
    assert_eq!(results[0]["geo"]["coordinates"], json!([-0.501, -140.251]));
}

fn the_demo_is_added_once(runtime: Runtime) {
    let _turn = fixed_ports();
    let home = TempDir::new().unwrap();
    let mut first = up(runtime, &home);
    assert!(first.stderr().contains("herd-posts: added a demo of "), "{}", first.stderr());
    assert!(home.path().join("herd/posts-demo.sqlite").is_file());
    // It ends when all that it has started have ended: the file belongs to one server at a time.
    first.signal(Signal::INT);
    assert_eq!(first.wait(PATIENCE), Some(0));

    let second = up(runtime, &home);

    assert!(second.stderr().contains("nothing is added"), "{}", second.stderr());
}

/// The built-in posts herd, when all of it runs.
fn up(runtime: Runtime, home: &TempDir) -> Program {
    herd_posts();
    let mut command = Command::new(herd());
    command.args(["up", "--roster", "posts-2013", "--runtime", runtime.name()]);
    command.current_dir(home.path()).env("XDG_STATE_HOME", home.path()).stdin(Stdio::null());
    let mut up = Program::start_group(&mut command, home.path(), "up");
    up.wait_for_line("Ctrl-C stops the herd.");
    up
}

fn client(port: u16) -> Client {
    Client::connect(SocketAddr::from(([127, 0, 0, 1], port)))
}

/// What is within a kilometre of the boat.
fn whatsat(client: &mut Client, at: &str) -> Value {
    assert_eq!(client.ask("WHATSAT boat 1 10"), at);
    let mut answer: Value = serde_json::from_str(&client.line()).unwrap();
    answer["results"].take()
}

fn graphql(token: Option<&str>, query: &str) -> Value {
    let body = json!({ "query": query }).to_string();
    let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
    let mut client = client(POSTS);
    client.send(format!(
        "POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:{POSTS}\r\nConnection: close\r\n{}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        bearer.unwrap_or_default(),
        body.len()
    ));
    let answer = client.rest_text();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    assert!(body.get("errors").is_none(), "{body}");
    body
}
