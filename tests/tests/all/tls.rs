//! Clients and links over TLS: what works as it does in the clear, and who is kept out.

use herd_tests::{
    Acceptor, At, Authority, Challenge, Client, Ending, Identity, Opening, PATIENCE, Plan, Program,
    Relay, Runtime, Secured, Server, Upstream, bound_proof, eventually, free_address, herd,
    on_both, proof,
};
use std::fs;
use std::net::TcpStream;
use std::process::{Command, Stdio};

on_both!(
    a_client_is_answered_as_in_the_clear,
    a_client_may_speak_the_version_before,
    an_answer_of_a_megabyte_arrives_whole,
    a_form_is_not_obeyed_over_tls,
    thousands_of_lines_in_one_go_are_answered_in_order,
    after_a_half_close_all_is_answered_and_the_end_is_said,
    the_end_is_said_however_late_answers_are_taken,
    a_line_that_is_cut_off_is_not_obeyed,
    a_server_that_stops_says_so,
    the_log_shows_lines_as_they_were_said,
    servers_tell_each_other_what_nobody_on_the_way_can_read,
    clients_and_links_may_share_an_address,
    a_neighbour_with_certificate_and_secret_becomes_a_link,
    a_proof_that_is_not_of_this_connection_is_refused,
    who_sits_between_two_servers_gets_nowhere,
    a_neighbour_that_shows_no_certificate_is_refused,
    a_certificate_that_has_expired_is_refused,
    a_certificate_by_somebody_else_is_refused,
    a_certificate_for_another_server_is_refused,
    a_server_tells_nothing_to_who_was_dialled_and_is_another,
    servers_of_two_authorities_do_not_link,
    what_is_in_the_clear_is_closed_where_tls_is_spoken,
    tls_on_a_plain_address_is_an_invalid_line,
    who_does_not_finish_the_handshake_is_closed,
    a_plain_neighbour_needs_no_tls,
    a_server_does_not_start_with_files_that_do_not_fit,
    what_init_makes_runs_a_herd,
);

const NAMES: &[&str] = &["Hill", "Jaquez", "Aaa", "Zzz"];

fn a_client_is_answered_as_in_the_clear(runtime: Runtime) {
    let tls = Authority::with(NAMES);
    let hill = Plan::alone(runtime).extra(&tls.table()).start_one();
    let mut client = client(&tls, &hill);

    let line = client.ask("IAMAT kiwi +1-1 100");
    let at = At::parse(&line);
    assert_eq!((&*at.server, &*at.client), ("Hill", "kiwi"));
    assert_eq!(client.ask("hello"), "? hello");
    assert_eq!(client.ask("WHATSAT kiwi 1 0"), line);
    assert!(client.line().contains("UNKNOWN_ERROR"));
}

fn a_client_may_speak_the_version_before(runtime: Runtime) {
    let tls = Authority::with(NAMES);
    let hill = Plan::alone(runtime).extra(&tls.table()).start_one();

    let stream = TcpStream::connect(hill.address()).unwrap();
    let mut client = tls.connect_old(stream, "127.0.0.1");

    assert_eq!(client.ask("hello"), "? hello");
}

fn an_answer_of_a_megabyte_arrives_whole(runtime: Runtime) {
    let tls = Authority::with(NAMES);
    let body = format!("{{\"results\":[],\"long\":\"{}\"}}", "x".repeat(1 << 20));
    let upstream = Upstream::serving(&body);
    let hill = Plan::alone(runtime).upstream(&upstream).extra(&tls.table()).start_one();
    let mut client = client(&tls, &hill);
    client.ask("IAMAT kiwi +1-1 100");

    client.ask("WHATSAT kiwi 1 0");

    assert_eq!(client.line(), body);
    assert_eq!(client.line(), "");
    assert_eq!(client.ask("hello"), "? hello");
}

fn a_form_is_not_obeyed_over_tls(runtime: Runtime) {
    let tls = Authority::with(NAMES);
    let hill = Plan::alone(runtime).extra(&tls.table()).start_one();
    let mut browser = client(&tls, &hill);

    browser.send("POST / HTTP/1.1\r\nHost: x\r\n\r\nx=\r\nIAMAT victim +0-0 1700000000\r\n");

    let (rest, _) = browser.rest();
    assert_eq!(rest, b"? POST / HTTP/1.1\n");
    let line = "WHATSAT victim 1 0";
    assert_eq!(client(&tls, &hill).ask(line), format!("? {line}"));
}

fn thousands_of_lines_in_one_go_are_answered_in_order(runtime: Runtime) {
    let tls = Authority::with(NAMES);
    let hill = Plan::alone(runtime).extra(&tls.table()).start_one();
    let mut client = client(&tls, &hill);
    let lines: Vec<_> = (0..5_000).map(|number| format!("nonsense number {number}")).collect();

    client.send(lines.join("\n") + "\n");

    for line in lines {
        assert_eq!(client.line(), format!("? {line}"));
    }
}

fn after_a_half_close_all_is_answered_and_the_end_is_said(runtime: Runtime) {
    let tls = Authority::with(NAMES);
    let upstream = Upstream::serving("{\"results\":[]}");
    let hill = Plan::alone(runtime).upstream(&upstream).extra(&tls.table()).start_one();
    let mut client = client(&tls, &hill);

    client.send("IAMAT kiwi +1-1 100\nWHATSAT kiwi 1 0\nthe last line has no end");
    client.finish();

    let (rest, end) = client.rest();
    let rest = String::from_utf8(rest).unwrap();
    assert!(rest.ends_with("{\"results\":[]}\n\n? the last line has no end\n"), "{rest}");
    assert_eq!(end, Ending::Said);
    // The log has them in this order, too.
    eventually(PATIENCE, || hill.log().contains(" closed: ended by the other side\n"));
    let log = hill.log();
    let last = log.find(" the last line has no end\n");
    assert!(last.is_some() && last < log.find("? the last line has no end\n"), "{log}");
}

/// More is answered than the kernel takes at once, and it is read only when all is asked.
fn the_end_is_said_however_late_answers_are_taken(runtime: Runtime) {
    let tls = Authority::with(NAMES);
    let plan = Plan::alone(runtime).extra(&tls.table()).limit("output_bytes", 8_000_000);
    let hill = plan.start_one();
    let mut client = client(&tls, &hill);
    let line = "x".repeat(8000) + "\n";

    client.send(line.repeat(500));
    client.finish();

    let (rest, end) = client.rest();
    assert_eq!(rest.len(), 500 * ("? ".len() + line.len()));
    assert_eq!(end, Ending::Said);
}

/// In the clear the end of the input ends the last line. With TLS the end is said, or the line may lack a part
/// that somebody on the way has kept.
fn a_line_that_is_cut_off_is_not_obeyed(runtime: Runtime) {
    let tls = Authority::with(NAMES);
    let hill = Plan::alone(runtime).extra(&tls.table()).start_one();
    let mut cut = client(&tls, &hill);

    cut.send("IAMAT kiwi +1-1 100\nIAMAT kiwi +1-1 200");
    let first = cut.line();
    cut.cut();
    cut.rest();

    assert_eq!(client(&tls, &hill).ask("WHATSAT kiwi 1 0"), first);
    eventually(PATIENCE, || hill.log().contains(" closed: connection lost\n"));
}

fn a_server_that_stops_says_so(runtime: Runtime) {
    let tls = Authority::with(NAMES);
    let mut hill = Plan::alone(runtime).extra(&tls.table()).start_one();
    let mut client = client(&tls, &hill);
    client.ask("IAMAT kiwi +1-1 100");

    hill.signal(herd_tests::Signal::TERM);

    assert_eq!(client.rest(), (Vec::new(), Ending::Said));
    client.finish();
    assert_eq!(hill.wait(PATIENCE), Some(0));
}

fn the_log_shows_lines_as_they_were_said(runtime: Runtime) {
    let tls = Authority::with(NAMES);
    let hill = Plan::alone(runtime).extra(&tls.table()).start_one();

    let answer = client(&tls, &hill).ask("IAMAT kiwi +1-1 100");

    eventually(PATIENCE, || {
        let log = hill.log();
        [" secured by TLS\n", " IAMAT kiwi +1-1 100\n", &format!(" {answer}\n")]
            .iter()
            .all(|part| log.contains(part))
    });
}

fn servers_tell_each_other_what_nobody_on_the_way_can_read(runtime: Runtime) {
    let tls = Authority::with(NAMES);
    let plan = Plan::new(runtime).server("Hill", &["Jaquez"]).server("Jaquez", &["Zzz"]);
    let plan = plan.server("Zzz", &[]).extra(&tls.table());
    let relay = Relay::to(plan.link_address("Jaquez"));
    let herd = plan.detour("Hill", "Jaquez", relay.address()).start();

    let kiwi = client(&tls, &herd["Hill"]).ask("IAMAT kiwi +1-1 100");
    let emu = client(&tls, &herd["Zzz"]).ask("IAMAT emu +2-2 200");

    eventually(PATIENCE, || finds(&tls, &herd["Zzz"], "kiwi").as_ref() == Some(&kiwi));
    eventually(PATIENCE, || finds(&tls, &herd["Hill"], "emu").as_ref() == Some(&emu));
    let said = relay.said_by_dialler();
    assert_eq!(said[0], 0x16);
    for secret in [&b"LINK"[..], b"PROOF", b"kiwi", b"Hill", b"Jaquez", b"jaquez"] {
        assert!(!said.windows(secret.len()).any(|window| window == secret));
    }
}

fn clients_and_links_may_share_an_address(runtime: Runtime) {
    let tls = Authority::with(NAMES);
    let plan = Plan::new(runtime).shared_addresses().extra(&tls.table());
    let herd = plan.server("Hill", &["Jaquez"]).server("Jaquez", &[]).start();

    let kiwi = client(&tls, &herd["Hill"]).ask("IAMAT kiwi +1-1 100");

    eventually(PATIENCE, || finds(&tls, &herd["Jaquez"], "kiwi").as_ref() == Some(&kiwi));
    // A client that shows no certificate may not speak as a neighbour all the same.
    let mut stranger = client(&tls, &herd["Jaquez"]);
    stranger.send(Opening::new(&Identity::new("Hill"), "Jaquez").line());
    assert_eq!(stranger.line_or_end(), Err(Ending::Said));
}

fn a_neighbour_with_certificate_and_secret_becomes_a_link(runtime: Runtime) {
    let tls = Authority::with(NAMES);
    let hill = hill(runtime, &tls);

    let mut aaa = neighbour(&tls, &hill, "Aaa");
    let binding = aaa.binding();
    let ours = shake_hands(&mut aaa, Some(binding)).unwrap();

    assert_eq!(format!("{}\n", aaa.line()), ours);
    let told = client(&tls, &hill).ask("IAMAT emu +2-2 200");
    assert_eq!(aaa.line(), told);
}

fn a_proof_that_is_not_of_this_connection_is_refused(runtime: Runtime) {
    let tls = Authority::with(NAMES);
    let hill = hill(runtime, &tls);
    let other = neighbour(&tls, &hill, "Aaa").binding();

    for binding in [None, Some(other)] {
        let mut aaa = neighbour(&tls, &hill, "Aaa");
        shake_hands(&mut aaa, binding).unwrap();
        aaa.line_or_end().unwrap_err();
    }

    says(&hill, " link refused: the other side does not hold the herd's secret\n");
}

/// Whoever has certificates for both servers, and not the secret, ends their TLS and passes on what they say.
fn who_sits_between_two_servers_gets_nowhere(runtime: Runtime) {
    let tls = Authority::with(NAMES);
    let middle = Acceptor::new();
    let plan = Plan::new(runtime).server("Aaa", &["Hill"]).server("Hill", &[]).extra(&tls.table());
    let herd = plan.detour("Aaa", "Hill", middle.address()).start();
    client(&tls, &herd["Aaa"]).ask("IAMAT kiwi +1-1 100");

    let accepted = Secured::over(&middle.next());
    let mut aaa = tls.accept(accepted, &tls.certified("Hill"));
    let mut hill = neighbour(&tls, &herd["Hill"], "Aaa");
    let opening = aaa.line();
    assert!(opening.starts_with("LINK 1 Aaa Hill "), "{opening}");
    let challenge = hill.ask(&opening);
    let proof = aaa.ask(&challenge);
    assert!(proof.starts_with("PROOF "), "{proof}");
    hill.send(proof + "\nAT Aaa +0.500000000 emu +1-1 100\n");

    hill.line_or_end().unwrap_err();
    says(&herd["Hill"], " link refused: the other side does not hold the herd's secret\n");
    assert_eq!(finds(&tls, &herd["Hill"], "emu"), None);
}

fn a_neighbour_that_shows_no_certificate_is_refused(runtime: Runtime) {
    let tls = Authority::with(NAMES);
    let hill = hill(runtime, &tls);

    let stream = TcpStream::connect(hill.link_address()).unwrap();
    let mut aaa = tls.connect(stream, "Hill", None);

    assert_eq!(shake_hands(&mut aaa, None), None);
    says(&hill, " TLS: peer sent no certificates\n");
    assert_eq!(dials(&tls, &hill), Ok(()));
}

fn a_certificate_that_has_expired_is_refused(runtime: Runtime) {
    let tls = Authority::with(NAMES);
    let hill = hill(runtime, &tls);
    let expired = tls.certify_until(2001, "expired", &["Aaa"]);

    let stream = TcpStream::connect(hill.link_address()).unwrap();
    let mut aaa = tls.connect(stream, "Hill", Some(&expired));

    assert_eq!(shake_hands(&mut aaa, None), None);
    says(&hill, " TLS: invalid peer certificate: certificate expired");
}

fn a_certificate_by_somebody_else_is_refused(runtime: Runtime) {
    let (tls, other) = (Authority::with(NAMES), Authority::with(NAMES));
    let hill = hill(runtime, &tls);

    let stream = TcpStream::connect(hill.link_address()).unwrap();
    let mut aaa = tls.connect(stream, "Hill", Some(&other.certified("Aaa")));

    assert_eq!(shake_hands(&mut aaa, None), None);
    says(&hill, " TLS: invalid peer certificate: ");
}

fn a_certificate_for_another_server_is_refused(runtime: Runtime) {
    let tls = Authority::with(NAMES);
    let hill = hill(runtime, &tls);

    let stream = TcpStream::connect(hill.link_address()).unwrap();
    let mut aaa = tls.connect(stream, "Hill", Some(&tls.certified("Jaquez")));
    let binding = aaa.binding();

    assert_eq!(shake_hands(&mut aaa, Some(binding)), None);
    says(&hill, " link refused: the other side showed no certificate of this neighbour's\n");
}

fn a_server_tells_nothing_to_who_was_dialled_and_is_another(runtime: Runtime) {
    let tls = Authority::with(NAMES);
    let zzz = Acceptor::new();
    let plan = Plan::new(runtime).server("Hill", &["Zzz"]).neighbour_at(zzz.address(), "Zzz", &[]);
    let hill = plan.extra(&tls.table()).start_one();

    let mut dialled = tls.accept(Secured::over(&zzz.next()), &tls.certified("Jaquez"));

    dialled.line_or_end().unwrap_err();
    says(&hill, " TLS: invalid peer certificate: certificate not valid for name \"Zzz\"");
    let mut dialled = tls.accept(Secured::over(&zzz.next()), &tls.certified("Zzz"));
    assert!(dialled.line().starts_with("LINK 1 Hill Zzz "));
}

fn servers_of_two_authorities_do_not_link(runtime: Runtime) {
    let (tls, other) = (Authority::with(NAMES), Authority::with(NAMES));
    let plan = Plan::new(runtime).server("Hill", &["Jaquez"]).server("Jaquez", &[]);
    let mut herd = plan.extra(&tls.table()).prepare();
    let config = herd["Jaquez"].config();
    let text = fs::read_to_string(&config).unwrap().replace(&tls.table(), &other.table());
    fs::write(&config, text).unwrap();
    herd.start_all();

    says(&herd["Hill"], " TLS: invalid peer certificate: ");
    says(&herd["Jaquez"], " TLS: received fatal alert: ");
    assert!(herd["Hill"].stderr().contains("TLS: invalid peer certificate: "));
}

fn what_is_in_the_clear_is_closed_where_tls_is_spoken(runtime: Runtime) {
    let tls = Authority::with(NAMES);
    let mut hill = hill(runtime, &tls);
    let line = Opening::new(&Identity::new("Aaa"), "Hill").line();

    for (address, line) in [(hill.address(), "IAMAT kiwi +1-1 100\n"), (hill.link_address(), &line)]
    {
        let mut clear = Client::connect(address);
        clear.send(line);
        assert_eq!(clear.rest(), b"");
    }

    assert_eq!(finds(&tls, &hill, "kiwi"), None);
    let log = stopped(&mut hill);
    assert_eq!(log.matches(" TLS: the other side does not speak TLS\n").count(), 2, "{log}");
    assert!(log.contains(" insecure: 2,"), "{log}");
}

fn tls_on_a_plain_address_is_an_invalid_line(runtime: Runtime) {
    let tls = Authority::with(NAMES);
    let plan = Plan::new(runtime).server("Hill", &["Aaa"]).neighbour("Aaa", &[]);
    let hill = plan.start_one();

    for address in [hill.address(), hill.link_address()] {
        let stream = TcpStream::connect(address).unwrap();
        tls.connect(stream, "127.0.0.1", None).shake_hands().unwrap_err();
    }

    assert_eq!(hill.client().ask("hello"), "? hello");
    says(&hill, " link refused: not a line of a handshake\n");
    says(&hill, " ? \\x16\\x03\\x01");
}

fn who_does_not_finish_the_handshake_is_closed(runtime: Runtime) {
    let tls = Authority::with(NAMES);
    let mut hill = hill(runtime, &tls);
    let mut slow: Vec<_> = [hill.address(), hill.link_address()]
        .into_iter()
        .flat_map(|address| {
            [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01"].map(|said| (address, said))
        })
        .map(|(address, said)| {
            let mut client = Client::connect(address);
            client.send(said);
            client
        })
        .collect();

    for client in &mut slow {
        // TLS says goodbye to who has begun with it, and nothing else.
        let rest = client.rest();
        assert!(rest.is_empty() || rest == b"\x15\x03\x03\x00\x02\x01\x00", "{rest:?}");
    }

    assert_eq!(dials(&tls, &hill), Ok(()));
    let log = stopped(&mut hill);
    assert_eq!(log.matches(" closed: not secured by TLS within 5 s\n").count(), 6, "{log}");
    assert!(log.contains(" insecure: 6,"), "{log}");
}

fn a_plain_neighbour_needs_no_tls(runtime: Runtime) {
    let tls = Authority::with(NAMES);
    let plain = Acceptor::new();
    let plan = Plan::new(runtime).server("Hill", &["Zzz"]);
    let plan = plan.plain_neighbour(plain.address(), "Zzz", &[]).extra(&tls.table());
    let hill = plan.start_one();
    let mut told = plain.next();

    let mut from_there = Client::connect(hill.address());
    from_there.send("AT Zzz +0.500000000 kiwi +1-1 100\nhello\n");

    assert_eq!(from_there.line(), "? hello");
    assert!(told.line().contains(" kiwi +1-1 100"));
    // It has the address of clients on this machine, and they may speak TLS.
    assert!(finds(&tls, &hill, "kiwi").is_some());
}

fn a_server_does_not_start_with_files_that_do_not_fit(runtime: Runtime) {
    let tls = Authority::with(&["Hill", "Jaquez"]);
    let other = Authority::with(&["Hill"]);
    let plan = Plan::new(runtime).server("Hill", &["Jaquez"]).server("Jaquez", &[]);
    let herd = plan.extra(&tls.table()).prepare();
    let hill = &herd["Hill"];
    let text = fs::read_to_string(hill.config()).unwrap();
    let line = |start: &str| 1 + text.lines().position(|line| line.starts_with(start)).unwrap();
    let wrong = |from: &str, to: &str| {
        fs::write(hill.config(), text.replace(from, to)).unwrap();
        let ended = Program::run(hill.command().arg("--check-config"));
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{}", ended.stderr);
        ended.stderr
    };
    let said = |line: usize, what: &str| {
        format!("{}: {}:{line}: {what}", runtime.program(), hill.config().display())
    };

    let stderr = wrong("{name}.pem", "{name}.crt");
    assert!(stderr.starts_with(&said(line("certificate"), "cannot read ")), "{stderr}");
    let stderr = wrong("{name}.key", "Jaquez.key");
    assert!(stderr.starts_with(&said(line("key"), "the key in ")), "{stderr}");
    assert!(stderr.contains(" is not that of "), "{stderr}");
    let stderr = wrong("{name}", "Jaquez");
    assert!(stderr.starts_with(&said(line("certificate"), "")), "{stderr}");
    assert!(stderr.contains("not valid for name \"Hill\""), "{stderr}");
    let [ours, theirs] = [&tls, &other].map(|one| one.file("ca.pem").display().to_string());
    let stderr = wrong(&ours, &theirs);
    assert!(stderr.contains("Hill.pem: invalid peer certificate: "), "{stderr}");
    let stderr = wrong("authority", "autority");
    assert!(stderr.ends_with("unknown key `autority`: did you mean `authority`?\n"), "{stderr}");

    fs::write(hill.config(), &text).unwrap();
    assert_eq!(Program::run(hill.command().arg("--check-config")).code, Some(0));
}

fn what_init_makes_runs_a_herd(runtime: Runtime) {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("herd.toml");
    let run = |args: &[&str]| {
        let mut command = Command::new(herd());
        command.args(args).current_dir(dir.path()).stdin(Stdio::null());
        Program::run(&mut command)
    };
    let ended = run(&["init", "--tls"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let mut text = fs::read_to_string(&config).unwrap();
    for port in ["12091", "12191", "12092", "12192", "12093", "12193"] {
        text = text.replace(&format!("127.0.0.1:{port}"), &free_address().to_string());
    }
    // Nobody asks a provider here.
    text = text.replace("http://127.0.0.1:12000", &format!("http://{}", free_address()));
    fs::write(&config, text).unwrap();

    let mut up = Command::new(herd());
    up.args(["up", "--config", "herd.toml", "--runtime", runtime.name()]);
    up.current_dir(dir.path()).stdin(Stdio::null());
    let program = Program::start_group(&mut up, dir.path(), "up");
    eventually(PATIENCE, || program.stdout().contains("Ctrl-C stops the herd."));
    let ask = |server: &str, line: &str| run(&["send", "--config", "herd.toml", server, line]);

    let told = ask("North", "IAMAT kiwi +1-1 100");
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    eventually(PATIENCE, || ask("West", "WHATSAT kiwi 1 0").stdout.starts_with(&told.stdout));
    let in_the_clear = run(&["send", &address_in(&program.stdout(), "North"), "hello"]);
    assert_eq!(in_the_clear.code, Some(1));
    assert!(in_the_clear.stderr.contains("--tls FILE"), "{}", in_the_clear.stderr);
    let secured =
        run(&["send", "--tls", "tls/ca.pem", &address_in(&program.stdout(), "North"), "hello"]);
    assert_eq!(secured.stdout, "? hello\n", "{}", secured.stderr);
    let again = run(&["init", "--tls"]);
    assert_eq!(again.stdout, "every server has its certificate already\n");
}

/// Where a server is, from the table of `herd up`.
fn address_in(table: &str, server: &str) -> String {
    let row = table.lines().find(|line| line.starts_with(server)).unwrap();
    row.split_whitespace().nth(1).unwrap().to_owned()
}

/// Hill, with a neighbour Aaa that dials.
fn hill(runtime: Runtime, tls: &Authority) -> Server {
    let plan = Plan::new(runtime).server("Hill", &["Aaa"]).neighbour("Aaa", &[]);
    plan.extra(&tls.table()).start_one()
}

fn client(tls: &Authority, server: &Server) -> Secured {
    tls.connect(TcpStream::connect(server.address()).unwrap(), "127.0.0.1", None)
}

/// Who has a certificate of a neighbour's and has said nothing yet.
fn neighbour(tls: &Authority, server: &Server, name: &str) -> Secured {
    let stream = TcpStream::connect(server.link_address()).unwrap();
    tls.connect(stream, server.name(), Some(&tls.certified(name)))
}

/// Goes as far as the dialler's proof, which is for a connection with that binding, if it comes so far: the
/// proof that is to come back.
fn shake_hands(wire: &mut Secured, binding: Option<[u8; 32]>) -> Option<String> {
    let me = Identity::new("Aaa");
    let opening = Opening::new(&me, "Hill");
    wire.try_send(opening.line());
    let challenge = Challenge::parse(&wire.line_or_end().ok()?).unwrap();
    let proof = |role| match binding {
        None => proof(&me.secret, role, &opening, &challenge),
        Some(binding) => bound_proof(&me.secret, role, &opening, &challenge, binding),
    };
    wire.send(proof("dialler"));
    Some(proof("acceptor"))
}

/// Whether Aaa becomes a link of Hill's.
fn dials(tls: &Authority, hill: &Server) -> Result<(), Ending> {
    let mut aaa = neighbour(tls, hill, "Aaa");
    let binding = aaa.binding();
    shake_hands(&mut aaa, Some(binding)).unwrap();
    aaa.line_or_end().map(drop)
}

/// What a server holds of a client.
fn finds(tls: &Authority, server: &Server, name: &str) -> Option<String> {
    let line = client(tls, server).ask(&format!("WHATSAT {name} 1 0"));
    line.starts_with("AT ").then_some(line)
}

/// Waits until the log has it.
fn says(server: &Server, text: &str) {
    eventually(PATIENCE, || server.log().contains(text));
}

/// The whole log of a server that is told to stop.
fn stopped(server: &mut Server) -> String {
    server.signal(herd_tests::Signal::TERM);
    assert_eq!(server.wait(PATIENCE), Some(0));
    server.log()
}
