//! The program as a user runs it: arguments, output, HTTP, signals, exit codes.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod osm;

use core::net::SocketAddr;
use core::time::Duration;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;

use osm::{Extract, Node, Way};
use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything here takes: who waits so long waits for ever.
const FOREVER: Duration = Duration::from_secs(60);

const SEARCH: &str = "/maps/api/place/nearbysearch/json?location=1,2&radius=1000";

#[test]
fn it_answers_over_http_and_ends_when_asked() {
    for signal in ["TERM", "INT"] {
        let mut service = Service::start(&[]);
        let mut connection = service.connect();

        let answer = get(&mut connection, SEARCH);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("content-type: application/json; charset=UTF-8\r\n"), "{answer}");
        assert!(answer.contains("\"name\" : \"Hut\""), "{answer}");
        let invalid = get(&mut connection, "/maps/api/place/nearbysearch/json");
        assert!(invalid.starts_with("HTTP/1.1 200 OK\r\n"), "{invalid}");
        assert!(invalid.contains("\"status\" : \"INVALID_REQUEST\""), "{invalid}");
        assert!(get(&mut connection, "/").starts_with("HTTP/1.1 404 "));

        service.signal(signal);
        assert_eq!(service.end(), (Some(0), String::new()));
    }
}

#[test]
fn a_request_under_way_is_answered_before_the_end() {
    let mut service = Service::start(&[]);
    let mut connection = service.half_a_request();

    service.signal("TERM");
    service.wait_until_refusing();

    write!(connection, "host: x\r\n\r\n").unwrap();
    assert!(response(&mut connection).contains("\"status\" : \"OK\""));
    assert_eq!(service.end(), (Some(0), String::new()));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut service = Service::start(&[]);
    let _waiting = service.half_a_request();

    service.signal("TERM");
    service.wait_until_refusing();
    service.signal("INT");

    let (code, errors) = service.end();
    assert_eq!(code, Some(1));
    assert!(errors.contains("second signal"), "{errors}");
}

#[test]
fn a_signal_ends_it_while_it_loads() {
    let folder = TempDir::new().unwrap();
    let pipe = folder.path().join("places.csv");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for signal in ["TERM", "INT"] {
        let mut command = program(&["--listen", "127.0.0.1:0", "--data", pipe.to_str().unwrap()]);
        let mut child = command.spawn().unwrap();
        // It reads, and what it reads does not end.
        let mut data = fs::File::create(&pipe).unwrap();
        data.write_all(b"name,lat,lng\n").unwrap();

        let mut kill = Command::new("kill");
        assert!(kill.args(["-s", signal, &child.id().to_string()]).status().unwrap().success());

        let (send, ended) = channel();
        let id = child.id();
        thread::spawn(move || send.send(child.wait().unwrap()));
        let ended = ended.recv_timeout(FOREVER);
        // One that goes on would go on after the test.
        _ = Command::new("kill").args(["-s", "KILL", &id.to_string()]).output();
        assert_eq!(ended.unwrap().code(), None, "{signal}");
    }
}

#[test]
fn a_key_may_come_in_a_variable() {
    let mut service = Service::start_with(&["--key-env", "THE_KEY"], |command| {
        command.env("THE_KEY", "sesame");
    });

    let denied = get(&mut service.connect(), SEARCH);
    assert!(denied.starts_with("HTTP/1.1 200 OK\r\n"), "{denied}");
    assert!(denied.contains("\"status\" : \"REQUEST_DENIED\""), "{denied}");
    let answer = get(&mut service.connect(), &format!("{SEARCH}&key=sesame"));
    assert!(answer.contains("\"status\" : \"OK\""), "{answer}");
    service.signal("TERM");
    assert_eq!(service.end().0, Some(0));
}

#[test]
fn the_built_in_places_need_no_file() {
    let mut command = program(&["--listen", "127.0.0.1:0"]);
    let mut service = Service::of(command.spawn().unwrap(), None);

    let search = "/maps/api/place/nearbysearch/json?location=34.05,-118.24&radius=5000";
    assert!(get(&mut service.connect(), search).contains("\"name\" : \"Los Angeles\""));
    service.signal("TERM");
    assert_eq!(service.end(), (Some(0), String::new()));
}

#[test]
fn an_extract_of_openstreetmap_is_imported_and_answers_as_the_cities_do() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let [extract, packed] = [path("town.osm.pbf"), path("town.places")];
    let corners = [(1, 34.050, -118.240), (2, 34.050, -118.238), (3, 34.052, -118.239)];
    let mut nodes: Vec<_> = corners.map(|(id, lat, lng)| Node::at(id, lat, lng)).into();
    nodes.push(Node {
        tags: vec![("place", "city"), ("name", "Los Angeles"), ("population", "3898747")],
        ..Node::at(4, 34.053_690_9, -118.242_765_3)
    });
    nodes.push(Node {
        tags: vec![("amenity", "cafe"), ("name", "Café"), ("addr:city", "Los Angeles")],
        ..Node::at(5, 34.054, -118.242)
    });
    let tags = vec![("tourism", "museum"), ("name", "Museum"), ("wikidata", "Q1")];
    let ways = vec![Way { id: 6, tags, nodes: vec![1, 2, 3, 1] }];
    fs::write(&extract, Extract { nodes, ways }.written()).unwrap();

    let Output { status, stdout, stderr } =
        program(&["import", &extract, "-o", &packed]).output().unwrap();

    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    // No terminal, no bar.
    assert!(stderr.is_empty(), "{}", String::from_utf8_lossy(&stderr));
    assert_eq!(String::from_utf8(stdout).unwrap(), format!("herd-places: {packed}: 3 places\n"));
    let search = "/maps/api/place/nearbysearch/json?location=34.05,-118.24&radius=5000";
    let mut answers = Vec::new();
    for data in [&packed, &extract] {
        let mut service = Service::of(
            program(&["--listen", "127.0.0.1:0", "--data", data]).spawn().unwrap(),
            None,
        );
        answers.push(get(&mut service.connect(), search));
        service.signal("TERM");
        assert_eq!(service.end(), (Some(0), String::new()));
    }
    let body = |answer: &str| -> Value {
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    };
    assert_eq!(body(&answers[0]), body(&answers[1]));
    let answer = body(&answers[0]);
    assert_eq!(answer["status"], "OK");
    assert!(answer["html_attributions"][0].as_str().unwrap().contains("OpenStreetMap"));
    let names: Vec<_> =
        answer["results"].as_array().unwrap().iter().map(|result| &result["name"]).collect();
    assert_eq!(names, ["Los Angeles", "Museum", "Café"]);
    assert_eq!(answer["results"][1]["place_id"], "osm:way/6");
    assert_eq!(answer["results"][2]["vicinity"], "Los Angeles");

    // Each result has what one of the built-in cities has.
    let mut command = program(&["--listen", "127.0.0.1:0"]);
    let cities = Service::of(command.spawn().unwrap(), None);
    let city = body(&get(&mut cities.connect(), search))["results"][0].clone();
    let keys =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(city["name"], "Los Angeles");
    assert_eq!(keys(&answer["results"][2]), keys(&city));
    assert_eq!(keys(&answer["results"][2]["geometry"]), keys(&city["geometry"]));
    assert_eq!(answer["results"][0]["types"], city["types"]);
}

#[test]
fn a_failed_import_says_why_and_leaves_what_was_there() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let [bad, out] = [path("bad.csv"), path("out")];
    fs::write(&bad, "name,lat,lng\nHut,x,2\n").unwrap();
    fs::write(&out, "before").unwrap();

    for (args, code, said) in [
        (vec!["import", &bad, "-o", &out], 2, "bad.csv: line 2: lat is `x`"),
        (vec!["import", "/nonexistent.csv", "--out", &out], 1, "/nonexistent.csv"),
        (vec!["import", "-o", &out], 2, "FILE"),
        (vec!["import", &bad], 2, "--out"),
    ] {
        let Output { status, stdout, stderr } = program(&args).output().unwrap();
        let stderr = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(code), "{args:?}: {stderr}");
        assert!(stderr.contains(said) && stdout.is_empty(), "{args:?}: {stderr}");
    }
    assert_eq!(fs::read_to_string(&out).unwrap(), "before");
}

#[test]
fn what_an_import_leaves_out_is_told_and_no_failure() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let [csv, out] = [path("a.csv"), path("out")];
    fs::write(&csv, "name,lat,lng\nHut,1,2\nBar,x,2\n,,\nHut,1,2\n").unwrap();

    let Output { status, stdout, stderr } =
        program(&["import", &csv, "-o", &out]).output().unwrap();

    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert_eq!(String::from_utf8(stdout).unwrap(), format!("herd-places: {out}: 1 places\n"));
    let start = "herd-places: warning: ";
    assert_eq!(
        stderr,
        format!(
            "{start}{csv}: line 3: lat is `x`, which is not a number\n\
             {start}{csv}: line 4: the row is empty\n\
             {start}2 entries are left out\n\
             {start}1 place came before with the same id, and counted once\n"
        )
    );
    let mut service =
        Service::of(program(&["--listen", "127.0.0.1:0", "--data", &csv]).spawn().unwrap(), None);
    assert!(get(&mut service.connect(), SEARCH).contains("\"name\" : \"Hut\""));
    service.signal("TERM");
    assert_eq!(service.end(), (Some(0), stderr));
}

#[test]
fn what_it_cannot_do_and_what_makes_no_sense_differ_in_exit_code() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let folder = TempDir::new().unwrap();
    let bad = folder.path().join("bad.csv");
    fs::write(&bad, "name,lat,lng\nHut,x,2\n").unwrap();
    let bad = bad.to_str().unwrap();

    for (args, code, said) in [
        (vec!["--listen", &taken], 1, "cannot listen on 127.0.0.1:"),
        (vec!["--listen", "127.0.0.1:0", "--data", "/nonexistent.csv"], 1, "/nonexistent.csv"),
        (vec!["--listen", "127.0.0.1:0", "--data", bad], 2, "bad.csv: line 2: lat is `x`"),
        (vec!["--listen", "nowhere"], 2, "a port is missing"),
        (vec!["--nonsense"], 2, "--nonsense"),
        (vec!["--key", "a", "--key-env", "b"], 2, "--key-env"),
        (vec!["--key-env", "HERD_PLACES_NOT_SET"], 2, "HERD_PLACES_NOT_SET"),
    ] {
        let Output { status, stdout, stderr } = program(&args).output().unwrap();
        let stderr = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(code), "{args:?}: {stderr}");
        assert!(stderr.contains(said), "{args:?}: {stderr}");
        assert!(stdout.is_empty());
    }
    let help = program(&["--help"]).output().unwrap();
    assert!(help.status.success() && String::from_utf8(help.stdout).unwrap().contains("--data"));
}

/// A running program, ended with the test whatever becomes of it.
struct Service {
    child: Child,
    address: SocketAddr,
    /// The lines of standard output after the first; closed at its end.
    more_output: Receiver<String>,
    _data: Option<TempDir>,
}

impl Service {
    /// Starts it on one place of its own, which is quicker than on all the built-in ones.
    fn start(args: &[&str]) -> Self {
        Self::start_with(args, |_| {})
    }

    fn start_with(args: &[&str], adapt: impl FnOnce(&mut Command)) -> Self {
        let folder = TempDir::new().unwrap();
        let file: PathBuf = folder.path().join("places.csv");
        fs::write(&file, "name,lat,lng\nHut,1,2\n").unwrap();
        let mut command = program(&["--listen", "127.0.0.1:0", "--data", file.to_str().unwrap()]);
        adapt(command.args(args));
        Self::of(command.spawn().unwrap(), Some(folder))
    }

    fn of(mut child: Child, data: Option<TempDir>) -> Self {
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (send, more_output) = channel();
        // From here on a panic ends the program.
        let mut service =
            Self { child, address: ([127, 0, 0, 1], 0).into(), more_output, _data: data };
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|l| send.send(l)));
        let line = service.more_output.recv_timeout(FOREVER).unwrap();
        let address = line.strip_prefix("herd-places: listens on http://").unwrap();
        service.address = address.parse().unwrap();
        service
    }

    fn connect(&self) -> TcpStream {
        let connection = TcpStream::connect(self.address).unwrap();
        connection.set_read_timeout(Some(FOREVER)).unwrap();
        connection
    }

    /// A connection on which the service has read the beginning of a request.
    fn half_a_request(&self) -> TcpStream {
        let mut connection = self.connect();
        write!(connection, "GET {SEARCH} HTTP/1.1\r\n").unwrap();
        // Nothing says that it was read; but what comes after it, again and again, has its answer.
        for _ in 0..50 {
            get(&mut self.connect(), SEARCH);
        }
        connection
    }

    fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        assert!(kill.args(["-s", name, &self.child.id().to_string()]).status().unwrap().success());
    }

    fn wait_until_refusing(&self) {
        while TcpStream::connect(self.address).is_ok() {
            thread::yield_now();
        }
    }

    /// Waits for the end of a program that has been told to; gives its exit code and standard error.
    fn end(&mut self) -> (Option<i32>, String) {
        assert_eq!(self.more_output.recv_timeout(FOREVER), Err(RecvTimeoutError::Disconnected));
        let mut errors = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        (self.child.wait().unwrap().code(), errors)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Both fail where the program has ended already.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_herd-places"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn get(connection: &mut TcpStream, path: &str) -> String {
    write!(connection, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    response(connection)
}

/// One response with its head, as long as its `content-length` says.
fn response(connection: &mut TcpStream) -> String {
    let mut reader = BufReader::new(connection);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0, "cut short: {head}");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    head + str::from_utf8(&body).unwrap()
}
