//! The `herd` program: a whole herd at once, and what one needs to begin.

use core::time::Duration;
use herd_tests::{
    Answer, Client, Gate, Herd, PATIENCE, Plan, Program, Runtime, Signal, Upstream, eventually,
    free_address, herd, on_both,
};
use serde_json::Value;
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use tempfile::TempDir;

use crate::program::{failure, fixed_ports};

on_both!(
    send_prints_the_replies_to_its_arguments,
    send_reads_commands_from_its_input,
    send_knows_the_built_in_rosters,
    what_init_writes_passes_a_check,
    up_starts_a_whole_herd_and_its_upstream,
    up_takes_everything_down_again,
    up_lets_answers_out_that_are_owed,
    up_takes_down_what_it_started_where_the_rest_cannot_start,
    up_goes_on_without_a_server_that_was_lost,
);

fn send_prints_the_replies_to_its_arguments(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let address = hill.address().to_string();

    let ended =
        Program::run(send().args([&address, "IAMAT kiwi +1-1 100", "hello", "WHATSAT kiwi 1 0"]));

    // One of the commands was refused.
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert!(
        lines[0].starts_with("AT Hill +") && lines[0].ends_with(" kiwi +1-1 100"),
        "{}",
        ended.stdout
    );
    assert_eq!(lines[1], "? hello");
    assert_eq!(lines[2], lines[0]);
    assert!(lines[3].contains("UNKNOWN_ERROR"), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("}\n\n"));
}

fn send_reads_commands_from_its_input(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let input = hill.dir().join("input");
    // More than the server would take before somebody reads its answers, and no line end at the end.
    let lines: Vec<_> = (0..20_000).map(|n| format!("nonsense number {n}")).collect();
    fs::write(&input, lines.join("\n")).unwrap();

    let mut command = send();
    command.arg(hill.address().to_string()).stdin(File::open(input).unwrap());
    let ended = Program::run(&mut command);

    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let expected: String = lines.iter().map(|line| format!("? {line}\n")).collect();
    assert!(ended.stdout == expected, "{} bytes, not {}", ended.stdout.len(), expected.len());
}

fn send_knows_the_built_in_rosters(runtime: Runtime) {
    let _turn = fixed_ports();
    let home = TempDir::new().unwrap();
    let mut command =
        Command::new(Plan::alone(runtime).prepare().into_only().command().get_program());
    command.args(["Alford", "--roster", "places-2016"]).current_dir(home.path());
    command.env("XDG_STATE_HOME", home.path()).stdin(Stdio::null());
    let mut alford = Program::start(&mut command, home.path(), "Alford");
    alford.wait_for_line(runtime.program());

    let ended = Program::run(send().args(["Alford", "hello"]));

    assert_eq!((ended.code, &*ended.stdout), (Some(1), "? hello\n"), "{}", ended.stderr);
    let (code, message) = failure(send().args(["Nobody", "hello"]));
    assert_eq!(code, 2);
    assert!(message.contains("Nobody"), "{message}");
}

#[test]
fn send_says_so_where_nobody_listens() {
    let address = free_address().to_string();

    let (code, message) = failure(send().args([&*address, "hello"]));

    assert_eq!(code, 1);
    assert!(message.contains(&address), "{message}");
}

fn what_init_writes_passes_a_check(runtime: Runtime) {
    let dir = TempDir::new().unwrap();
    let ended = Program::run(init().current_dir(dir.path()));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);

    let text = fs::read_to_string(dir.path().join("herd.toml")).unwrap();
    assert!(text.lines().any(|line| line.starts_with('#')), "{text}");
    let names: Vec<_> =
        text.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).collect();
    assert!(names.len() > 1, "{text}");
    for name in names {
        let program = Plan::alone(runtime).prepare().into_only().command();
        let mut command = Command::new(program.get_program());
        command.args([name, "--config", "herd.toml", "--check-config"]).current_dir(dir.path());
        let ended = Program::run(command.stdin(Stdio::null()));
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
    }
}

#[test]
fn init_writes_a_secret_of_its_own_and_overwrites_nothing() {
    let secrets = [(), ()].map(|()| {
        let dir = TempDir::new().unwrap();
        assert_eq!(Program::run(init().current_dir(dir.path())).code, Some(0));
        let secret = dir.path().join("herd.secret");
        assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
        let before = fs::read(&secret).unwrap();
        assert_eq!(failure(init().current_dir(dir.path())).0, 1);
        assert_eq!(fs::read(&secret).unwrap(), before);
        before
    });
    assert!(secrets[0].len() >= 16);
    assert_ne!(secrets[0], secrets[1]);
}

fn up_starts_a_whole_herd_and_its_upstream(runtime: Runtime) {
    let (herd, _up, shown) = up(runtime, planned(runtime));

    for server in herd.servers() {
        assert!(shown.contains(server.name()), "{shown}");
        assert!(shown.contains(&server.address().port().to_string()), "{shown}");
    }
    // Westwood is known without any key.
    let told = herd["Hill"].client().ask("IAMAT kiwi +34.068930-118.445127 1520023934.918963997");
    let mut singleton = herd["Singleton"].client();
    eventually(PATIENCE, || singleton.whats_at("kiwi").as_ref() == Some(&told));
    singleton.send("WHATSAT kiwi 10 5\n");
    let (_, body) = singleton.places_reply();
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["status"], "OK");
    assert_eq!(body["results"].as_array().map(Vec::len), Some(5));
}

fn up_takes_everything_down_again(runtime: Runtime) {
    for signal in [Signal::INT, Signal::TERM] {
        let (herd, mut up, _) = up(runtime, planned(runtime));
        let mut client = herd["Hill"].client();
        client.ask("hello");
        let children = children(up.pid());
        assert!(children.len() > herd.servers().len(), "{children:?}");

        up.signal(signal);

        assert_eq!(up.wait(PATIENCE), Some(0));
        assert_eq!(client.rest(), b"");
        for server in herd.servers() {
            assert!(TcpStream::connect(server.address()).is_err());
        }
        for child in children {
            assert!(!is_running(child), "{child} is left");
        }
    }
}

fn up_lets_answers_out_that_are_owed(runtime: Runtime) {
    let gate = Gate::new();
    let upstream = Upstream::start({
        let gate = gate.clone();
        move |_| Answer::body("{}").held(&gate)
    });
    let (herd, mut up, _) = up(runtime, planned(runtime).upstream(&upstream));
    let mut client = herd["Hill"].client();
    client.ask("IAMAT kiwi +1-1 100");
    client.send("WHATSAT kiwi 1 1\n");
    upstream.wait_for_requests(1);

    // As a terminal does on Ctrl-C: everybody in the foreground is told.
    up.signal_group(Signal::INT);
    eventually(PATIENCE, || TcpStream::connect(herd["Hill"].address()).is_err());
    gate.open();

    assert_eq!(client.places_reply().1, "{}\n\n");
    assert_eq!(up.wait(PATIENCE), Some(0));
}

fn up_takes_down_what_it_started_where_the_rest_cannot_start(runtime: Runtime) {
    let herd = planned(runtime).prepare();
    let _taken = TcpListener::bind(herd["Singleton"].address()).unwrap();
    let mut up = Program::start_group(&mut command(runtime, &herd), herd["Hill"].dir(), "up");

    assert_eq!(up.wait(PATIENCE), Some(1));

    assert!(up.stderr().contains("Singleton"), "{}", up.stderr());
    for name in ["Hill", "Jaquez"] {
        assert!(TcpStream::connect(herd[name].address()).is_err());
    }
}

fn up_goes_on_without_a_server_that_was_lost(runtime: Runtime) {
    let (herd, mut up, _) = up(runtime, planned(runtime));
    let jaquez = children(up.pid())
        .into_iter()
        .find(|child| {
            let line = fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).any(|word| word == b"Jaquez")
        })
        .unwrap();
    assert!(Command::new("kill").args(["-KILL", &jaquez.to_string()]).status().unwrap().success());

    eventually(PATIENCE, || up.stderr().contains("Jaquez"));
    assert_eq!(herd["Hill"].client().ask("hello"), "? hello");
    assert!(TcpStream::connect(herd["Jaquez"].address()).is_err());
    assert!(!up.has_ended());
}

fn send() -> Command {
    let mut command = Command::new(herd());
    command.arg("send").stdin(Stdio::null());
    command
}

fn init() -> Command {
    let mut command = Command::new(herd());
    command.arg("init").stdin(Stdio::null());
    command
}

/// A herd of three with places of its own.
fn planned(runtime: Runtime) -> Plan {
    let plan = Plan::new(runtime)
        .url(format!("http://{}/maps/api/place/nearbysearch/json", free_address()));
    plan.server("Hill", &["Jaquez"]).server("Jaquez", &["Singleton"]).server("Singleton", &[])
}

fn command(runtime: Runtime, planned: &Herd) -> Command {
    let mut command = Command::new(herd());
    command.args(["up", "--runtime", runtime.name(), "--config"]).arg(planned["Hill"].config());
    command.current_dir(planned["Hill"].dir()).stdin(Stdio::null());
    command
}

/// A running herd, not started server by server but by `herd up`, and what that has shown.
fn up(runtime: Runtime, plan: Plan) -> (Herd, Program, String) {
    let herd = plan.prepare();
    let up = Program::start_group(&mut command(runtime, &herd), herd["Hill"].dir(), "up");
    // It shows everything at once, after the last server is ready.
    eventually(PATIENCE, || {
        let shown = up.stdout();
        herd.servers().iter().all(|server| shown.contains(&server.address().port().to_string()))
    });
    for server in herd.servers() {
        eventually(Duration::from_secs(1), || TcpStream::connect(server.address()).is_ok());
        assert_eq!(Client::connect(server.address()).ask("hello"), "? hello");
    }
    let shown = up.stdout();
    (herd, up, shown)
}

/// The processes that `parent` has started.
fn children(parent: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.lines().any(|line| line == format!("PPid:\t{parent}"))
    })
    .collect()
}

fn is_running(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    !status.is_empty() && !status.lines().any(|line| line.starts_with("State:\tZ"))
}
