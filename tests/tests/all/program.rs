//! The servers as programs: arguments, exit codes, signals.

use core::time::Duration;
use herd_tests::{
    Answer, Client, Gate, PATIENCE, Plan, Program, Runtime, Server, Signal, Upstream, eventually,
    on_both,
};
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::thread;
use tempfile::TempDir;

on_both!(
    a_server_says_that_it_is_ready_and_nothing_else,
    a_name_that_is_not_there_is_explained,
    a_name_of_another_roster_is_explained,
    an_address_in_use_is_reported,
    a_server_that_cannot_start_says_what_it_would_have_warned_of,
    whoever_writes_a_log_that_another_writes_is_warned,
    a_log_that_cannot_be_written_is_reported,
    a_mistake_in_the_configuration_is_reported_with_its_line,
    a_configuration_can_be_checked_without_starting,
    wrong_arguments_are_reported,
    help_and_version_are_answers,
    a_secret_may_come_from_the_environment,
    paths_are_relative_to_the_file,
    a_server_that_is_asked_to_end_answers_what_it_owes,
    a_server_that_is_asked_to_end_waits_five_seconds_at_most,
    a_server_that_is_asked_to_end_lets_idle_clients_go,
    a_second_signal_ends_a_server_at_once,
    a_signal_before_a_server_is_ready_is_kept,
    a_name_alone_is_enough,
    the_built_in_rosters_have_their_ports,
);

fn a_server_says_that_it_is_ready_and_nothing_else(runtime: Runtime) {
    let mut hill = Plan::alone(runtime).start_one();
    let address = hill.address();
    hill.client().ask("IAMAT kiwi +1-1 100");
    hill.signal(Signal::TERM);
    assert_eq!(hill.wait(PATIENCE), Some(0));

    let ready = format!("{}: Hill listens on {address}\n", runtime.program());
    assert_eq!(hill.program().stdout(), ready);
    assert_eq!(hill.stderr(), "");
}

fn a_name_that_is_not_there_is_explained(runtime: Runtime) {
    let mut herd = Plan::new(runtime).server("Hill", &["Jaquez"]).server("Jaquez", &[]).prepare();
    let hill = &mut herd["Hill"];
    let mut command = Command::new(hill.command().get_program());
    command.arg("Mallory").arg("--config").arg(hill.config());

    let (code, message) = failure(&mut command);

    assert_eq!(code, 2);
    assert!(
        message.contains("Mallory") && message.contains("Hill") && message.contains("Jaquez"),
        "{message}"
    );
}

fn a_name_of_another_roster_is_explained(runtime: Runtime) {
    let program = Plan::alone(runtime).prepare().into_only().command();
    for (name, args, roster, there) in [
        ("Alford", &[][..], "places-2016", "Singleton"),
        ("Farmar", &["--roster", "places-2020"][..], "posts-2013", "Campbell"),
        ("Jaquez", &["--roster", "places-2016"][..], "places-2020", "Welsh"),
    ] {
        let (code, message) = failure(Command::new(program.get_program()).arg(name).args(args));
        assert_eq!(code, 2);
        assert!(message.contains(roster) && message.contains(there), "{message}");
    }
    let (code, message) = failure(Command::new(program.get_program()).arg("Nobody"));
    assert_eq!(code, 2);
    for name in ["Hill", "Jaquez", "Smith", "Campbell", "Singleton"] {
        assert!(message.contains(name), "{message}");
    }
}

fn an_address_in_use_is_reported(runtime: Runtime) {
    for links in [false, true] {
        let hill = Plan::alone(runtime).prepare().into_only();
        let address = if links { hill.link_address() } else { hill.address() };
        let _taken = TcpListener::bind(address).unwrap();

        let (code, message) = failure(&mut hill.command());

        assert_eq!(code, 1);
        assert!(message.contains(&address.to_string()), "{message}");
    }
}

fn a_server_that_cannot_start_says_what_it_would_have_warned_of(runtime: Runtime) {
    let herd = Plan::new(runtime).server("Hill", &["Jaquez"]).server("Jaquez", &[]).prepare();
    let hill = &herd["Hill"];
    let secret = hill.config().with_file_name("herd.secret");
    fs::set_permissions(secret, fs::Permissions::from_mode(0o644)).unwrap();
    let _taken = TcpListener::bind(hill.address()).unwrap();

    let (code, message) = failure(&mut hill.command());

    assert_eq!(code, 1);
    let lines: Vec<_> = message.lines().collect();
    assert!(lines[0].starts_with("warning: others can read the secret"), "{message}");
    assert!(lines[1].contains(&hill.address().to_string()), "{message}");
}

fn whoever_writes_a_log_that_another_writes_is_warned(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();

    let (code, message) = failure(&mut hill.command());

    assert_eq!(code, 1);
    assert!(message.contains("warning: another server writes "), "{message}");
}

fn a_log_that_cannot_be_written_is_reported(runtime: Runtime) {
    let hill = Plan::alone(runtime).prepare().into_only();
    fs::create_dir(hill.log_dir()).unwrap();
    assert!(Command::new("mkfifo").arg(hill.log_file()).status().unwrap().success());
    let (code, message) = failure(&mut hill.command());
    assert_eq!(code, 1);
    assert!(message.contains("Hill.log: it is a pipe that nobody reads"), "{message}");

    fs::remove_dir_all(hill.log_dir()).unwrap();
    fs::write(hill.log_dir(), "a file in the way").unwrap();

    let (code, message) = failure(&mut hill.command());

    assert_eq!(code, 1);
    assert!(message.contains("logs"), "{message}");
}

fn a_mistake_in_the_configuration_is_reported_with_its_line(runtime: Runtime) {
    let hill = Plan::new(runtime).server("Hill", &["Jaquez"]).server("Jaquez", &[]).prepare();
    let hill = &hill["Hill"];
    let good = fs::read_to_string(hill.config()).unwrap();
    for (from, to, hint) in [
        ("[limits]", "[limits]\nline_byte = 100", "line_bytes"),
        ("[limits]", "[limits]\nline_bytes = \"many\"", ""),
        ("[limits]", "[limits]\nline_bytes = -1", ""),
        ("[limits]", "[limits]\nline_bytes = 0", ""),
        ("provider = \"places\"", "provider = \"maps\"", "places"),
        ("talks_with = [\"Jaquez\"]", "talks_with = [\"Jaques\"]", "Jaquez"),
        ("name = \"Jaquez\"", "name = \"Hill\"", "Hill"),
        ("timeout_ms = 10000", "timeout_ms = ", ""),
        ("timeout_ms = 10000", "time_out_ms = 10000", "timeout_ms"),
        ("name = \"Jaquez\"", "nme = \"Jaquez\"", "name"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        let changed =
            good.lines().zip(bad.lines()).position(|(one, other)| one != other).unwrap() + 1;
        fs::write(hill.config(), bad).unwrap();

        let (code, message) = failure(&mut hill.command());

        assert_eq!(code, 2, "for {to}");
        // The line itself; what is missing is missed in its table.
        let places = [changed, changed - 1].map(|line| format!("Hill.toml:{line}"));
        assert!(places.iter().any(|place| message.contains(place)), "{message} for {to}");
        assert!(message.contains(hint), "{message} for {to}");
    }
    let twice = good.replace(&hill.link_address().to_string(), &hill.address().to_string());
    let twice = twice.replace(
        "name = \"Jaquez\"\naddress = \"",
        &format!("name = \"Jaquez\"\naddress = \"{}\"\n# \"", hill.address()),
    );
    fs::write(hill.config(), twice).unwrap();
    let (code, message) = failure(&mut hill.command());
    assert_eq!(code, 2);
    assert!(
        message.contains("Hill.toml:") && message.contains(&hill.address().to_string()),
        "{message}"
    );
}

fn a_configuration_can_be_checked_without_starting(runtime: Runtime) {
    let plan = Plan::new(runtime).server("Hill", &["Jaquez"]).server("Jaquez", &[]);
    let herd = plan.prepare();
    let checked = Program::run(herd["Hill"].command().arg("--check-config"));
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(!herd["Hill"].log_file().exists());

    fs::write(herd["Hill"].config(), "provider = \"places\"\nnonsense = 1\n").unwrap();
    assert_eq!(failure(herd["Hill"].command().arg("--check-config")).0, 2);

    // A herd in two parts runs, with a warning, but does not pass.
    let mut herd = Plan::new(runtime).server("Hill", &[]).server("Jaquez", &[]).prepare();
    let (code, message) = failure(herd["Hill"].command().arg("--check-config"));
    assert_eq!(code, 2);
    assert!(message.contains("Jaquez"), "{message}");
    herd["Hill"].start();
    eventually(PATIENCE, || herd["Hill"].stderr().contains("Jaquez"));
    assert_eq!(herd["Hill"].client().ask("hello"), "? hello");
}

fn wrong_arguments_are_reported(runtime: Runtime) {
    let hill = Plan::alone(runtime).prepare().into_only();
    let program = hill.command();
    for args in [
        &[][..],
        &["Hill", "Jaquez"],
        &["Hill", "--nonsense"],
        &["Hill", "--roster", "places-1999"],
        &["Hill", "--log", "everything"],
        &["Hill", "--config"],
        &["Hill", "--config", "nowhere.toml"],
        &["Hill", "--workers", "many"],
    ] {
        let (code, message) =
            failure(Command::new(program.get_program()).args(args).current_dir(hill.dir()));
        assert_eq!(code, 2, "for {args:?}: {message}");
    }
}

fn help_and_version_are_answers(runtime: Runtime) {
    let program = Plan::alone(runtime).prepare().into_only().command();
    for arg in ["--help", "--version"] {
        let ended = Program::run(Command::new(program.get_program()).arg(arg));
        assert_eq!(ended.code, Some(0));
        assert!(ended.stdout.contains(runtime.program()), "{}", ended.stdout);

        let full = File::options().write(true).open("/dev/full").unwrap();
        let status = Command::new(program.get_program()).arg(arg).stdout(full).status().unwrap();
        assert_eq!(status.code(), Some(1), "{arg} onto a full disk");
    }
}

fn a_secret_may_come_from_the_environment(runtime: Runtime) {
    let plan = Plan::new(runtime).server("Hill", &["Jaquez"]).server("Jaquez", &[]);
    let mut herd = plan.prepare();
    for name in ["Hill", "Jaquez"] {
        let config = herd[name].config();
        let text = fs::read_to_string(&config).unwrap();
        fs::write(
            config,
            text.replace("secret_file = \"herd.secret\"", "secret_env = \"HERD_TEST_SECRET\""),
        )
        .unwrap();
    }
    let (code, message) = failure(herd["Hill"].command().env_remove("HERD_TEST_SECRET"));
    assert_eq!(code, 2);
    assert!(message.contains("HERD_TEST_SECRET"), "{message}");
    let (code, message) = failure(herd["Hill"].command().env("HERD_TEST_SECRET", "Qwertz123"));
    assert_eq!(code, 2);
    assert!(message.contains("is shorter than 16 bytes"), "{message}");
    assert!(!message.contains("Qwertz123"), "it is told: {message}");

    for name in ["Hill", "Jaquez"] {
        let mut command = herd[name].command();
        command.env("HERD_TEST_SECRET", "only the two of us know this");
        herd[name].start_as(command);
    }

    herd["Hill"].client().ask("IAMAT kiwi +1-1 100");
    let mut jaquez = herd["Jaquez"].client();
    eventually(PATIENCE, || jaquez.whats_at("kiwi").is_some());
}

fn paths_are_relative_to_the_file(runtime: Runtime) {
    let mut hill = Plan::alone(runtime).log("dir", "\"elsewhere\"").prepare().into_only();
    let other = TempDir::new().unwrap();
    let mut command = Command::new(hill.command().get_program());
    command.arg("Hill").arg("--config").arg(hill.config()).current_dir(other.path());

    hill.start_as(command);
    hill.client().ask("hello");

    eventually(PATIENCE, || hill.dir().join("elsewhere/Hill.log").exists());
    assert_eq!(fs::read_dir(other.path()).unwrap().count(), 0);
}

fn a_server_that_is_asked_to_end_answers_what_it_owes(runtime: Runtime) {
    for signal in [Signal::TERM, Signal::INT] {
        let (gate, _upstream, mut hill, mut client) = with_answer_owed(runtime);
        let mut other = hill.client();
        let at = other.ask("IAMAT emu +1-1 100");

        hill.signal(signal);
        eventually(PATIENCE, || is_closed_to_newcomers(&hill));
        assert!(!hill.program().has_ended());
        gate.open();

        let (told, body) = client.places_reply();
        assert!(told.ends_with(" kiwi +1-1 100") && at.ends_with(" emu +1-1 100"), "{told}");
        assert_eq!(body, "{}\n\n");
        assert_eq!(client.rest(), b"? after\n");
        assert_eq!(other.rest(), b"");
        assert_eq!(hill.wait(PATIENCE), Some(0));
    }
}

fn a_server_that_is_asked_to_end_waits_five_seconds_at_most(runtime: Runtime) {
    let (_gate, _upstream, mut hill, mut client) = with_answer_owed(runtime);

    hill.signal(Signal::TERM);

    assert_eq!(hill.wait(Duration::from_secs(12)), Some(0));
    client.rest();
}

fn a_server_that_is_asked_to_end_lets_idle_clients_go(runtime: Runtime) {
    let plan = Plan::new(runtime).server("Hill", &["Jaquez"]).server("Jaquez", &[]);
    let mut herd = plan.start();
    let mut clients: Vec<_> = (0..20).map(|_| herd["Hill"].client()).collect();
    for client in &mut clients {
        client.ask("hello");
    }
    clients[0].send("half a li");

    herd["Hill"].signal(Signal::TERM);

    for client in &mut clients[1..] {
        assert_eq!(client.rest(), b"");
    }
    assert_eq!(herd["Hill"].wait(Duration::from_secs(4)), Some(0));
}

fn a_second_signal_ends_a_server_at_once(runtime: Runtime) {
    let (_gate, _upstream, mut hill, _client) = with_answer_owed(runtime);

    hill.signal(Signal::TERM);
    eventually(PATIENCE, || is_closed_to_newcomers(&hill));
    hill.signal(Signal::INT);

    assert_eq!(hill.wait(Duration::from_secs(3)), Some(1));
}

fn a_signal_before_a_server_is_ready_is_kept(runtime: Runtime) {
    let hill = Plan::alone(runtime).prepare().into_only();
    let mut program = Program::start(&mut hill.command(), hill.dir(), "starting");
    eventually(PATIENCE, || catches_hangups(program.pid()));

    program.signal(Signal::HUP);
    program.signal(Signal::TERM);

    assert_eq!(program.wait(PATIENCE), Some(0), "{}", program.stderr());
}

/// Whether a process has a handler of its own for SIGHUP.
fn catches_hangups(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & 1 == 1
}

fn a_name_alone_is_enough(runtime: Runtime) {
    let _turn = fixed_ports();
    let home = TempDir::new().unwrap();
    let program = Plan::alone(runtime).prepare().into_only().command();
    let start = |name: &str, port: u16| {
        let mut command = Command::new(program.get_program());
        command.arg(name).current_dir(home.path()).env("XDG_STATE_HOME", home.path().join("state"));
        let mut server = Program::start(&mut command, home.path(), name);
        let ready = server.wait_for_line(runtime.program());
        assert_eq!(ready, format!("{}: {name} listens on 127.0.0.1:{port}", runtime.program()));
        (server, core::net::SocketAddr::from(([127, 0, 0, 1], port)))
    };

    let (_hill, hill) = start("Hill", 12001);
    let (_jaquez, jaquez) = start("Jaquez", 12002);
    let told = Client::connect(hill).ask("IAMAT kiwi +1-1 100");

    eventually(PATIENCE, || Client::connect(jaquez).whats_at("kiwi").as_ref() == Some(&told));
    let secret = home.path().join("state/herd/secret");
    assert_eq!(fs::metadata(secret).unwrap().permissions().mode() & 0o777, 0o600);
    eventually(PATIENCE, || home.path().join("logs/Hill.log").exists());
}

fn the_built_in_rosters_have_their_ports(runtime: Runtime) {
    let _turn = fixed_ports();
    let home = TempDir::new().unwrap();
    let program = Plan::alone(runtime).prepare().into_only().command();
    for (roster, names, first) in [
        ("places-2020", ["Hill", "Jaquez", "Smith", "Campbell", "Singleton"], 12001),
        ("places-2016", ["Alford", "Ball", "Hamilton", "Holiday", "Welsh"], 12011),
        ("posts-2013", ["Farmar", "Gasol", "Hill", "Meeks", "Young"], 12021),
    ] {
        for (port, name) in (first..).zip(names) {
            let mut command = Command::new(program.get_program());
            command.args([name, "--roster", roster]).current_dir(home.path());
            command.env("XDG_STATE_HOME", home.path().join("state"));
            let mut server = Program::start(&mut command, home.path(), name);
            let ready = server.wait_for_line(runtime.program());
            assert!(ready.ends_with(&format!(": {name} listens on 127.0.0.1:{port}")), "{ready}");
            // Neighbours are taken a hundred ports further on.
            assert!(TcpStream::connect(("127.0.0.1", port + 100)).is_ok());
        }
    }
}

/// Hill, owing a client the answers to a lookup and to a line behind it, until the gate is open.
fn with_answer_owed(runtime: Runtime) -> (Gate, Upstream, Server, Client) {
    let gate = Gate::new();
    let upstream = Upstream::start({
        let gate = gate.clone();
        move |_| Answer::body("{}").held(&gate)
    });
    let hill = Plan::alone(runtime).upstream(&upstream).start_one();
    let mut client = hill.client();
    client.ask("IAMAT kiwi +1-1 100");
    client.send("WHATSAT kiwi 1 1\nafter\n");
    upstream.wait_for_requests(1);
    (gate, upstream, hill, client)
}

fn is_closed_to_newcomers(hill: &Server) -> bool {
    TcpStream::connect(hill.address()).is_err()
}

/// Waits for its turn to use the ports of the built-in rosters, across all processes that do.
pub(crate) fn fixed_ports() -> File {
    let lock = File::create(std::env::temp_dir().join("herd-tests-fixed-ports.lock")).unwrap();
    lock.lock().unwrap();
    for port in (12000..=12025).chain(12101..=12125) {
        let is_free = (0..1000).any(|_| {
            let is_free = TcpListener::bind(("127.0.0.1", port)).is_ok();
            if !is_free {
                thread::sleep(Duration::from_millis(10));
            }
            is_free
        });
        assert!(is_free, "port {port} is in use, and the built-in rosters need it");
    }
    lock
}

/// Runs a command that fails; its exit code and what it says on standard error.
#[track_caller]
pub(crate) fn failure(command: &mut Command) -> (i32, String) {
    let ended = Program::run(command.stdin(Stdio::null()));
    assert_eq!(ended.stdout, "", "on standard output");
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    (ended.code.expect("it ends by itself"), ended.stderr)
}
