//! The log: what is in it, what is not, and where it is.

use herd_tests::{
    Acceptor, Answer, Client, Herd, Identity, Link, PATIENCE, Plan, Program, Runtime, SECRET,
    Server, Signal, Upstream, eventually, free_address, on_both,
};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::process::Command;

on_both!(
    a_neighbour_that_cannot_be_reached_is_logged_once_with_the_reason,
    a_link_is_logged_before_what_is_sent_on_it,
    lines_in_and_out_are_logged_with_time_and_peer,
    a_line_without_an_end_is_logged_before_its_answer,
    an_unfinished_line_is_logged_before_the_end_of_its_connection,
    bytes_that_do_not_print_are_escaped,
    a_client_cannot_forge_a_line,
    a_body_stays_on_one_line,
    comings_and_goings_are_logged,
    lookups_are_logged_with_how_they_ended,
    lines_between_servers_are_logged_under_their_names,
    neither_key_nor_secret_is_logged,
    events_alone_leave_out_the_lines,
    off_writes_no_file,
    off_leaves_the_warnings,
    the_command_line_overrules_the_file,
    a_moved_log_is_opened_again_on_request,
    a_log_is_rotated_and_few_files_are_kept,
    a_log_goes_on_after_a_restart,
    a_disk_that_stands_still_holds_up_nobody,
    a_dropped_line_of_a_neighbour_is_logged,
    no_client_pushes_the_history_out_of_the_log,
);

fn a_neighbour_that_cannot_be_reached_is_logged_once_with_the_reason(runtime: Runtime) {
    let address = free_address();
    let plan = Plan::new(runtime).server("Hill", &["Zzz"]).neighbour_at(address, "Zzz", &[]);
    let hill = plan.start_one();
    let begin = format!("* cannot reach Zzz at {address}: connection refused, again in 0.0");
    eventually(PATIENCE, || hill.log().contains(&begin));

    // Something else has the port for a while, and closes every connection.
    let zzz = Acceptor::at(address);
    for _ in 0..3 {
        drop(zzz.next());
    }
    let log = hill.log();
    assert_eq!(log.matches("cannot reach Zzz").count(), 1, "{log}");
    // The first connection is said, and the others are not.
    let connected = log.lines().filter(|line| line.ends_with(&format!(" {address} connected")));
    assert_eq!(connected.count(), 1, "{log}");

    zzz.link(&Identity::new("Zzz"), "Hill");
    eventually(PATIENCE, || hill.log().contains(" Zzz link with Zzz is up\n"));
}

fn a_link_is_logged_before_what_is_sent_on_it(runtime: Runtime) {
    let zzz = Acceptor::new();
    let plan = Plan::new(runtime).server("Hill", &["Aaa", "Zzz"]).neighbour("Aaa", &[]);
    let hill = plan.neighbour_at(zzz.address(), "Zzz", &[]).start_one();
    hill.client().ask("IAMAT kiwi +1-1 100");

    let mut links = [
        zzz.link(&Identity::new("Zzz"), "Hill"),
        Link::dial(hill.link_address(), &Identity::new("Aaa"), "Hill").unwrap(),
    ];
    for link in &mut links {
        link.at();
    }

    for name in ["Aaa", "Zzz"] {
        let sent = format!(" {name} AT Hill ");
        eventually(PATIENCE, || hill.log().contains(&sent));
        let log = hill.log();
        let up = log.find(&format!(" {name} link with {name} is up")).unwrap();
        assert!(up < log.find(&sent).unwrap(), "{log}");
    }
}

fn lines_in_and_out_are_logged_with_time_and_peer(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();
    let peer = client.stream().local_addr().unwrap().to_string();

    let told = client.ask("IAMAT kiwi +1-1 100");
    client.ask("hello");

    for text in ["IAMAT kiwi +1-1 100", &*told, "hello", "? hello"] {
        let line = logged(&hill, &format!(" {text}"));
        assert!(line.contains(&peer), "{line}");
        // 2026-11-21T02:40:00.123456Z
        let stamp = line.split(' ').next().unwrap();
        let shape: String =
            stamp.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(shape, "0000-00-00T00:00:00.000000Z", "{line}");
    }
    let directions = ["IAMAT kiwi +1-1 100", &*told].map(|text| {
        let line = logged(&hill, &format!(" {text}"));
        line.split(' ').nth(1).unwrap().to_owned()
    });
    assert_ne!(directions[0], directions[1]);
}

fn a_line_without_an_end_is_logged_before_its_answer(runtime: Runtime) {
    let upstream = Upstream::serving(r#"{"results":[],"status":"OK"}"#);
    let hill = Plan::alone(runtime).upstream(&upstream).start_one();
    hill.client().ask("IAMAT owl +1-1 100");

    for line in ["IAMAT kiwi +1-1 100", "WHATSAT owl 1 1", "nonsense"] {
        let mut client = hill.client();
        let peer = client.stream().local_addr().unwrap().to_string();
        client.send(line);
        client.finish();
        let answer = client.rest_text();

        logged(&hill, &format!("{peer} closed: ended by the other side"));
        let told = about(&hill, &peer);
        let answer = answer.lines().next().unwrap();
        assert!(told[0].ends_with(" connected"), "{told:?}");
        assert!(told[1].contains(" < ") && told[1].ends_with(line), "{told:?}");
        let answers = |line: &&String| line.contains(" > ") && line.contains(answer);
        assert_eq!(told.iter().position(|line| answers(&line)), Some(told.len() - 2), "{told:?}");
    }
}

fn an_unfinished_line_is_logged_before_the_end_of_its_connection(runtime: Runtime) {
    let plan = Plan::new(runtime).limit("idle_s", 1).server("Hill", &["Aaa"]);
    let hill = plan.neighbour("Aaa", &[]).start_one();

    // One that breaks, one that is closed for saying nothing more, and two of neighbours.
    let mut lost = hill.client();
    lost.ask("hello");
    lost.send("IAMAT lost");
    logged(&hill, "? hello");
    lost.abort();
    let mut idle = hill.client();
    idle.send("IAMAT idle");
    let mut link = Link::dial(hill.link_address(), &Identity::new("Aaa"), "Hill").unwrap();
    link.hear();
    link.wire().send("AT unfinished");
    drop(link);
    let mut stranger = Client::connect(hill.link_address());
    stranger.send("stranger".repeat(2000));

    for (line, end) in [
        ("IAMAT lost", "closed: connection lost"),
        ("IAMAT idle", "closed: idle"),
        ("AT unfinished", "link with Aaa is down: "),
        ("stranger", "link refused: "),
    ] {
        let end = eventually_some(&hill, |line| line.contains(end));
        let log = hill.log();
        let at = |text: &str| log.lines().position(|one| one.contains(text));
        assert!(at(line).is_some() && at(line) < at(&end), "{line}: {log}");
    }
}

/// What the log says about the connection with `peer`, so far.
fn about(hill: &Server, peer: &str) -> Vec<String> {
    hill.log().lines().filter(|line| line.contains(peer)).map(str::to_owned).collect()
}

fn no_client_pushes_the_history_out_of_the_log(runtime: Runtime) {
    let plan = Plan::new(runtime).log("level", "\"events\"");
    let mut herd = plan.server("Hill", &["Jaquez"]).server("Jaquez", &[]).start();
    logged(&herd["Hill"], "link with Jaquez is up");
    // Nothing of it is kept: it is stamped too far ahead.
    let mut client = herd["Hill"].client();
    for _ in 0..20 {
        client.send("IAMAT kiwi +1-1 9223372036\n".repeat(1000));
        for _ in 0..1000 {
            client.line_bytes();
        }
    }
    let strangers: Vec<_> = (0..300).map(|_| herd["Hill"].client()).collect();
    drop(strangers);
    herd["Jaquez"].stop();

    eventually(PATIENCE, || herd["Hill"].log().contains("link with Jaquez is down: "));
    herd["Hill"].stop();
    let log = herd["Hill"].log();
    let of = |kind: &str| log.lines().filter(|line| line.contains(kind)).collect::<Vec<_>>();
    let (said, counted): (Vec<_>, Vec<_>) =
        of("report not kept").into_iter().partition(|line| line.contains(" * #"));
    let count = |line: &&str| {
        let (count, _) = line
            .split(' ')
            .nth(2)?
            .parse::<usize>()
            .ok()
            .zip(line.split_once(" more from 127.0.0.1 within 10 s: report not kept: "))?;
        Some(count)
    };
    let left_out: usize = counted.iter().map(|line| count(line).expect(line)).sum();
    assert_eq!(said.len() + left_out, 20_000);
    // On a slow machine that is more than 10 s.
    assert!(said.len() <= 1000 && !counted.is_empty(), "{} lines", said.len());
    assert!(!of(" more from 127.0.0.1 within 10 s: connected").is_empty());
}

fn bytes_that_do_not_print_are_escaped(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();

    client.send(b"begin \x00\x07\x1b[31m\x7f\x80\xff\tcaf\xc3\xa9 end\r\n");
    client.line_bytes();

    eventually(PATIENCE, || hill.log().matches("begin ").count() == 2);
    let bytes = hill.log_bytes();
    let odd: Vec<_> = bytes.iter().filter(|byte| !matches!(byte, b' '..=b'~' | b'\n')).collect();
    assert!(odd.is_empty(), "{odd:?}");
}

fn a_client_cannot_forge_a_line(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();
    let forged = "2020-01-01T00:00:00.000000Z < #1 10.0.0.1:1 IAMAT kiwi +1-1 100";

    client.send(format!("x\r{forged}\r\nx\x0b{forged}\nx\u{2028}{forged}\nx\u{85}{forged}\n"));
    for _ in 0..4 {
        client.line_bytes();
    }

    eventually(PATIENCE, || hill.log().matches(forged).count() == 8);
    let log = hill.log();
    assert!(log.lines().all(|line| !line.starts_with("2020-01-01")), "{log}");
    // An escape cannot be faked, either: what is typed looks different from what it stands for.
    client.send("back\\x0Aslash\nback\x0bslash\n");
    client.line();
    client.line_bytes();
    eventually(PATIENCE, || hill.log().matches("slash").count() == 4);
    let log = hill.log();
    let typed: Vec<_> = log.lines().filter(|line| line.contains("slash")).collect();
    assert!(!typed[0].contains("back\\x0Aslash"), "{typed:?}");
}

fn a_body_stays_on_one_line(runtime: Runtime) {
    let upstream = Upstream::serving("{\n  \"results\": [],\n  \"status\": \"OK\"\n}\n");
    let hill = Plan::alone(runtime).upstream(&upstream).start_one();
    let mut client = hill.client();
    client.ask("IAMAT kiwi +1-1 100");
    client.send("WHATSAT kiwi 1 1\n");
    client.places_reply();

    let line =
        eventually_some(&hill, |line| line.contains("\"results\"") && line.contains("\"status\""));

    assert!(line.contains("AT Hill "), "{line}");
}

fn comings_and_goings_are_logged(runtime: Runtime) {
    let plan = Plan::new(runtime).log("level", "\"events\"").limit("connections", 1);
    let mut herd = plan.server("Hill", &["Jaquez"]).server("Jaquez", &[]).start();
    let client = herd["Hill"].client();
    let peer = client.stream().local_addr().unwrap().to_string();
    let about = |herd: &Herd, what: &str| {
        herd["Hill"].log().lines().filter(|line| line.contains(what)).count()
    };

    eventually(PATIENCE, || about(&herd, &peer) == 1);
    let beyond = herd["Hill"].client();
    let refused = beyond.stream().local_addr().unwrap().to_string();
    eventually(PATIENCE, || about(&herd, &refused) > 0);
    drop(client);
    eventually(PATIENCE, || about(&herd, &peer) > 1);

    eventually(PATIENCE, || about(&herd, "Jaquez") > 0);
    let before = about(&herd, "Jaquez");
    herd["Jaquez"].kill();
    eventually(PATIENCE, || about(&herd, "Jaquez") > before);
    let before = about(&herd, "Jaquez");
    herd["Jaquez"].start();
    eventually(PATIENCE, || about(&herd, "Jaquez") > before);
}

fn lookups_are_logged_with_how_they_ended(runtime: Runtime) {
    let upstream = Upstream::start(|request| match request.nth {
        0 => Answer::Status(503, Vec::new()),
        _ => Answer::body("{}"),
    });
    let hill = Plan::alone(runtime).log("level", "\"events\"").upstream(&upstream).start_one();
    let mut client = hill.client();
    client.ask("IAMAT kiwi +1-1 100");

    client.whats_at("kiwi");
    client.whats_at("kiwi");

    eventually(PATIENCE, || hill.log().lines().filter(|line| line.contains("lookup")).count() >= 2);
    assert!(
        hill.log().lines().any(|line| line.contains("lookup") && line.contains("503")),
        "{}",
        hill.log()
    );
}

fn lines_between_servers_are_logged_under_their_names(runtime: Runtime) {
    let hill = Plan::new(runtime).server("Hill", &["Aaa"]).neighbour("Aaa", &[]).start_one();
    let mut aaa = Link::dial(hill.link_address(), &Identity::new("Aaa"), "Hill").unwrap();

    aaa.say("AT Far +0.500000000 kiwi +1-1 100");
    let told = hill.client().ask("IAMAT emu +2-2 200");
    aaa.at();

    assert!(logged(&hill, " AT Far +0.500000000 kiwi +1-1 100").contains(" Aaa "));
    eventually_some(&hill, |line| line.ends_with(&told) && line.contains(" Aaa "));
}

fn neither_key_nor_secret_is_logged(runtime: Runtime) {
    let upstream = Upstream::start(|request| match request.nth {
        0 => Answer::body("{}"),
        1 => Answer::Status(500, Vec::new()),
        2 => Answer::Redirect("/?key=TOPSECRETKEY".to_owned()),
        _ => Answer::silence(),
    });
    let plan = Plan::new(runtime).upstream(&upstream).key("TOPSECRETKEY").timeout_ms(300);
    let mut herd = plan.server("Hill", &["Jaquez"]).server("Jaquez", &[]).start();
    let mut client = herd["Hill"].client();
    client.ask("IAMAT kiwi +1-1 100");
    for _ in 0..4 {
        client.whats_at("kiwi");
    }
    drop(upstream);
    client.whats_at("kiwi");
    let mut jaquez = herd["Jaquez"].client();
    eventually(PATIENCE, || jaquez.whats_at("kiwi").is_some());
    drop((client, jaquez));

    for name in ["Hill", "Jaquez"] {
        herd[name].signal(Signal::TERM);
        assert_eq!(herd[name].wait(PATIENCE), Some(0));
        let said = herd[name].log() + &herd[name].stderr() + &herd[name].program().stdout();
        assert!(said.len() > 100, "{said}");
        for hidden in ["TOPSECRET", SECRET] {
            assert!(!said.contains(hidden), "{hidden} in what {name} said");
        }
        // One of its own and one of the other's.
        assert_eq!(said.matches(" PROOF ").count(), 2, "{said}");
        assert_eq!(said.matches(" PROOF (hidden)\n").count(), 2, "{said}");
    }
}

fn events_alone_leave_out_the_lines(runtime: Runtime) {
    let hill = Plan::alone(runtime).log("level", "\"events\"").start_one();
    let mut client = hill.client();
    let peer = client.stream().local_addr().unwrap().to_string();

    client.ask("IAMAT kiwi +1-1 100");
    client.ask("hello");
    drop(client);

    eventually(PATIENCE, || hill.log().matches(&peer).count() >= 2);
    assert!(!hill.log().contains("IAMAT") && !hill.log().contains("hello"), "{}", hill.log());
}

fn off_writes_no_file(runtime: Runtime) {
    let mut hill = Plan::alone(runtime).log("level", "\"off\"").start_one();
    hill.client().ask("IAMAT kiwi +1-1 100");
    hill.stop();
    assert!(!hill.log_file().exists());
}

fn off_leaves_the_warnings(runtime: Runtime) {
    let plan = Plan::new(runtime).server("Hill", &["Old"]).log("level", "\"off\"");
    let hill = plan.plain_neighbour(free_address(), "Old", &[]).start_one();

    eventually(PATIENCE, || hill.stderr().contains("warning: the link with Old is plain"));
    assert!(!hill.log_file().exists());
}

/// Threads are what a runtime is made of, so this is of one of them.
#[test]
fn on_tokio_off_needs_no_thread() {
    let plan = Plan::alone(Runtime::Tokio).log("level", "\"off\"").workers(1);
    let mut hill = plan.start_one();
    hill.client().ask("IAMAT kiwi +1-1 100");
    assert_eq!(hill.program().threads(), 1);
}

fn the_command_line_overrules_the_file(runtime: Runtime) {
    let mut hill = Plan::alone(runtime).log("level", "\"off\"").prepare().into_only();
    let mut command = hill.command();
    command.args(["--log", "lines"]);
    hill.start_as(command);
    hill.client().ask("hello");
    logged(&hill, " ? hello");
    hill.stop();

    fs::remove_file(hill.log_file()).unwrap();
    let mut command = hill.command();
    command.args(["--log", "off"]);
    hill.start_as(command);
    hill.client().ask("hello");
    hill.stop();
    assert!(!hill.log_file().exists());
}

fn a_moved_log_is_opened_again_on_request(runtime: Runtime) {
    let hill = Plan::alone(runtime).start_one();
    let mut client = hill.client();
    client.ask("before");
    logged(&hill, " ? before");
    let moved = hill.log_dir().join("moved.log");

    fs::rename(hill.log_file(), &moved).unwrap();
    hill.signal(Signal::HUP);
    eventually(PATIENCE, || hill.log_file().exists());
    client.ask("after");

    logged(&hill, " ? after");
    let moved = fs::read_to_string(moved).unwrap();
    assert!(moved.contains("? before") && !moved.contains("? after"), "{moved}");
    assert!(!hill.log().contains("? before"));
}

fn a_log_is_rotated_and_few_files_are_kept(runtime: Runtime) {
    let hill = Plan::alone(runtime).log("rotate_mib", 1).log("keep", 2).start_one();
    let mut client = hill.client();
    let line = "nonsense ".repeat(100);

    // Some 900 bytes each way: ten megabytes and more.
    for n in 0..6000 {
        client.ask(&line);
        if n % 100 == 0 {
            // Files may be renamed while they are listed, so that one is seen twice, but by these names.
            for file in fs::read_dir(hill.log_dir()).unwrap().flatten() {
                let name = file.file_name();
                assert!(["Hill.log", "Hill.log.1", "Hill.log.2"].map(OsStr::new).contains(&&*name));
            }
        }
    }
    // Files are renamed until the last line is written.
    client.ask("the last one");
    logged(&hill, " ? the last one");

    let sizes: Vec<_> = fs::read_dir(hill.log_dir())
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .collect();
    assert_eq!(sizes.len(), 3, "the current one and two more: {sizes:?}");
    assert!(sizes.iter().all(|size| *size < 3 << 19), "{sizes:?}");
}

fn a_log_goes_on_after_a_restart(runtime: Runtime) {
    let mut hill = Plan::alone(runtime).start_one();
    hill.client().ask("before");
    logged(&hill, " ? before");
    hill.kill();
    hill.start();
    hill.client().ask("after");

    logged(&hill, " ? after");
    logged(&hill, " ? before");
}

fn a_disk_that_stands_still_holds_up_nobody(runtime: Runtime) {
    // A pipe that nobody reads takes 64 KiB and then blocks whoever writes.
    let mut hill = Plan::alone(runtime).prepare().into_only();
    fs::create_dir(hill.log_dir()).unwrap();
    assert!(Command::new("mkfifo").arg(hill.log_file()).status().unwrap().success());
    let _pipe = File::options().read(true).write(true).open(hill.log_file()).unwrap();
    hill.start();
    let mut client = hill.client();
    client.ask("hello");
    let before = hill.program().resident_bytes();

    let line = "nonsense ".repeat(100);
    for _ in 0..50_000 {
        assert_eq!(client.ask(&line).len(), line.len() + 2);
    }

    let grown = hill.program().resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "grew by {grown} bytes");
    // When the disk is back, it is told how much is missing.
    let reading = Program::start(Command::new("cat").arg(hill.log_file()), hill.dir(), "cat");
    eventually(PATIENCE, || {
        client.ask("hello");
        reading.stdout().lines().any(|line| line.contains(" ! ") && line.contains(" missing "))
    });
}

fn a_dropped_line_of_a_neighbour_is_logged(runtime: Runtime) {
    let plan = Plan::new(runtime).log("level", "\"events\"").server("Hill", &["Aaa"]);
    let hill = plan.neighbour("Aaa", &[]).start_one();
    let mut aaa = Link::dial(hill.link_address(), &Identity::new("Aaa"), "Hill").unwrap();

    aaa.say("nonsense");

    logged(&hill, " Aaa line dropped: its first word is not a command here");
}

/// Waits for a line of the log that ends with `end`.
#[track_caller]
fn logged(hill: &Server, end: &str) -> String {
    eventually_some(hill, |line| line.ends_with(end))
}

/// Waits for a line of the log that is like this.
#[track_caller]
fn eventually_some(hill: &Server, matches: impl Fn(&str) -> bool) -> String {
    herd_tests::eventually_some(PATIENCE, || {
        let log = hill.log();
        log.lines().find(|line| matches(line)).map(str::to_owned)
    })
}
