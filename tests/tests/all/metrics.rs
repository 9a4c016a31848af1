//! Metrics and health over HTTP: what is counted is told, and whoever asks is in nobody's way.

use core::fmt::Write as _;
use core::time::Duration;
use herd_tests::{
    Answer, Client, Gate, Metrics, PATIENCE, Plan, Program, Runtime, Server, Signal, Upstream,
    eventually, get, http, on_both, wall_nanos,
};
use std::net::TcpListener;

on_both!(
    what_clients_say_moves_the_numbers,
    limits_are_told_and_counted_when_they_are_met,
    lookups_are_timed_and_told_by_their_outcome,
    a_neighbour_that_is_killed_is_down,
    a_neighbour_that_stands_still_falls_behind_and_catches_up,
    a_server_that_is_stopping_is_well_but_not_ready,
    whoever_asks_and_does_nothing_is_in_nobodys_way,
    what_is_no_page_is_told_so,
    metrics_come_in_the_format_that_is_asked_for,
    the_whole_address_is_a_page_too,
    what_the_system_says_of_the_process_is_told,
    a_free_port_is_taken_and_told,
    an_address_in_use_is_an_error,
);

fn what_clients_say_moves_the_numbers(runtime: Runtime) {
    let hill = Plan::alone(runtime).metrics().start_one();
    let before = hill.metrics();
    let build = format!(
        "herd_build_info{{version=\"{}\",program=\"{}\",server=\"Hill\"}}",
        env!("CARGO_PKG_VERSION"),
        runtime.program()
    );
    assert_eq!(before.count(&build), 1);
    let age = wall_seconds() - before.text("herd_start_time_seconds").parse::<f64>().unwrap();
    assert!((0.0..60.0).contains(&age), "started {age} s ago");

    let mut client = hill.client();
    let received = [client.ask("IAMAT kiwi +1-1 100"), client.ask("IAMAT emu +1-1 100")];
    client.ask("IAMAT kiwi +1-1 99");
    client.ask("nonsense");
    client.ask("WHATSAT nobody 1 1");

    let after = hill.metrics();
    let moved = |series: &str| after.count(series) - before.count(series);
    assert_eq!(moved("herd_iamat_total"), 3);
    assert_eq!(moved("herd_whatsat_total"), 0);
    assert_eq!(moved("herd_invalid_lines_total"), 2);
    assert_eq!(moved("herd_lines_received_total{from=\"clients\"}"), 5);
    assert_eq!(moved("herd_lines_sent_total{to=\"clients\"}"), 5);
    assert_eq!(moved("herd_records"), 2);
    assert_eq!(moved("herd_records_accepted_total"), 2);
    assert_eq!(moved("herd_connections{kind=\"client\"}"), 1);
    assert_eq!(moved("herd_connections_accepted_total"), 1);
    assert_eq!(moved("herd_received_bytes_total"), 20 + 19 + 19 + 9 + 19);
    assert!(moved("herd_sent_bytes_total") > received.concat().len() as u64);
    assert_eq!(after.count("herd_log_lines_dropped_total"), 0);

    drop(client);
    eventually(PATIENCE, || hill.metrics().count("herd_connections{kind=\"client\"}") == 0);
}

fn limits_are_told_and_counted_when_they_are_met(runtime: Runtime) {
    let hill = Plan::alone(runtime)
        .metrics()
        .limit("connections", 2)
        .limit("line_bytes", 100)
        .limit("client_id_bytes", 10)
        .limit("output_bytes", 1)
        .limit("clients", 1)
        .limit("idle_s", 3)
        .start_one();
    let mut client = hill.client();
    client.ask(&"x".repeat(200));
    client.ask("IAMAT kiwi-with-a-long-name +1-1 100");
    client.ask("IAMAT kiwi +1-1 100");
    client.ask("IAMAT emu +1-1 200");
    client.ask("IAMAT dodo +1-1 50");
    client.ask("IAMAT moa +1-1 9000000000");
    let _second = hill.client();
    assert_eq!(hill.client().rest(), b"");
    assert_eq!(client.rest(), b"");

    let metrics = hill.metrics();
    let told: Vec<_> = metrics
        .series()
        .filter_map(|series| series.strip_prefix("herd_limit{limit=\"")?.strip_suffix("\"}"))
        .collect();
    assert_eq!(told.len(), 18, "{told:?}");
    let limit = |key: &str| metrics.count(&format!("herd_limit{{limit=\"{key}\"}}"));
    let met = |key: &str| metrics.count(&format!("herd_limit_met_total{{limit=\"{key}\"}}"));
    assert_eq!((limit("connections"), met("connections")), (2, 1));
    assert_eq!((limit("line_bytes"), met("line_bytes")), (100, 1));
    assert_eq!((limit("client_id_bytes"), met("client_id_bytes")), (10, 1));
    assert_eq!((limit("clients"), met("clients")), (1, 2));
    assert_eq!((limit("ahead_s"), met("ahead_s")), (86_400, 1));
    assert_eq!((limit("output_bytes"), met("output_bytes")), (1, 6));
    assert_eq!((limit("pipeline"), met("pipeline")), (128, 0));
    assert_eq!((limit("record_age_s"), met("record_age_s")), (0, 0));
    assert_eq!(limit("idle_s"), 3);
    assert!((1..=2).contains(&met("idle_s")));
}

fn lookups_are_timed_and_told_by_their_outcome(runtime: Runtime) {
    let gate = Gate::new();
    let held = gate.clone();
    let upstream = Upstream::start(move |request| match request.nth {
        0 => Answer::body("{}").late(Duration::from_millis(30)),
        1 => Answer::Status(500, Vec::new()),
        2 => Answer::body("{\"results\":[\"long, too long, much too long\"]}"),
        _ => Answer::body("{}").held(&held),
    });
    let plan = Plan::alone(runtime).metrics().upstream(&upstream).limit("body_bytes", 20);
    let hill = plan.limit("lookups", 1).limit("lookup_queue", 1).limit("pipeline", 3).start_one();
    let mut client = hill.client();
    client.ask("IAMAT kiwi +1-1 100");
    (0..3).for_each(|_| drop(client.whats_at("kiwi")));

    client.send("WHATSAT kiwi 1 1\n".repeat(3));
    upstream.wait_for_requests(4);
    eventually(PATIENCE, || hill.metrics().count("herd_lookups_waiting") == 1);
    let meanwhile = hill.metrics();
    assert_eq!(meanwhile.count("herd_lookups_running"), 1);
    gate.open();
    (0..3).for_each(|_| drop(client.places_reply()));

    let metrics = hill.metrics();
    let lookups =
        |outcome: &str| metrics.count(&format!("herd_lookups_total{{outcome=\"{outcome}\"}}"));
    assert_eq!([lookups("answered"), lookups("failed"), lookups("too_long")], [3, 1, 1]);
    assert_eq!([lookups("refused"), lookups("timed_out"), lookups("abandoned")], [1, 0, 0]);
    assert_eq!(metrics.count("herd_whatsat_total"), 6);
    assert_eq!(metrics.count("herd_lookups_running"), 0);
    for limit in ["body_bytes", "lookups", "lookup_queue", "pipeline"] {
        let met = metrics.count(&format!("herd_limit_met_total{{limit=\"{limit}\"}}"));
        assert_eq!(met, 1, "{limit}");
    }
    assert_eq!(metrics.count("herd_lookup_duration_seconds_count"), 5);
    let fast = metrics.count("herd_lookup_duration_seconds_bucket{le=\"0.025\"}");
    assert!(fast < 5, "one took 30 ms at least");
    let total: f64 = metrics.text("herd_lookup_duration_seconds_sum").parse().unwrap();
    assert!(total >= 0.03, "{total}");
}

fn a_neighbour_that_is_killed_is_down(runtime: Runtime) {
    let plan = Plan::new(runtime).metrics().server("Hill", &["Jaquez"]).server("Jaquez", &[]);
    let mut herd = plan.start();
    let address = herd["Hill"].metrics_address();
    let up = |metrics: &Metrics| metrics.count("herd_link_up{neighbour=\"Jaquez\"}") == 1;
    eventually(PATIENCE, || up(&herd["Hill"].metrics()));
    assert_eq!(get(address, "/readyz").body, "ready\nJaquez up\n");
    assert_eq!(herd["Hill"].metrics().count("herd_connections{kind=\"link\"}"), 1);
    herd["Hill"].client().ask("IAMAT kiwi +1-1 100");
    let received = |herd: &herd_tests::Herd| {
        herd["Jaquez"].metrics().count("herd_updates_received_total") == 1
    };
    eventually(PATIENCE, || received(&herd));
    assert_eq!(herd["Hill"].metrics().count("herd_updates_sent_total"), 1);

    herd["Jaquez"].kill();

    eventually(PATIENCE, || !up(&herd["Hill"].metrics()));
    let ready = get(address, "/readyz");
    assert_eq!((ready.status, &*ready.body), (200, "ready\nJaquez down\n"));
    herd["Jaquez"].start();
    eventually(PATIENCE, || up(&herd["Hill"].metrics()));
    assert_eq!(herd["Hill"].metrics().count("herd_links_total{neighbour=\"Jaquez\"}"), 2);
}

fn a_neighbour_that_stands_still_falls_behind_and_catches_up(runtime: Runtime) {
    let plan = Plan::new(runtime).metrics().server("Hill", &["Jaquez"]).server("Jaquez", &[]);
    let herd = plan.start();
    let behind = || {
        let metrics = herd["Hill"].metrics();
        metrics.count("herd_neighbour_unacknowledged_records{neighbour=\"Jaquez\"}")
    };
    let mut client = herd["Hill"].client();
    client.ask("IAMAT kiwi +1-1 100");
    eventually(PATIENCE, || behind() == 0);

    herd["Jaquez"].signal(Signal::STOP);
    let mut reports = String::new();
    for n in 0..500 {
        writeln!(reports, "IAMAT c{n} +1-1 100").unwrap();
    }
    client.send(&reports);
    (0..500).for_each(|_| drop(client.line()));
    assert_eq!(behind(), 500);
    assert_eq!(get(herd["Hill"].metrics_address(), "/healthz").status, 200);

    herd["Jaquez"].signal(Signal::CONT);
    eventually(PATIENCE, || behind() == 0);
    let metrics = herd["Hill"].metrics();
    assert_eq!(metrics.count("herd_neighbour_unsent_records{neighbour=\"Jaquez\"}"), 0);
    assert_eq!(metrics.count("herd_neighbour_walking{neighbour=\"Jaquez\"}"), 0);
    assert_eq!(herd["Jaquez"].metrics().count("herd_records"), 501);
}

fn a_server_that_is_stopping_is_well_but_not_ready(runtime: Runtime) {
    let gate = Gate::new();
    let held = gate.clone();
    let upstream = Upstream::start(move |_| Answer::body("{}").held(&held));
    let mut hill = Plan::alone(runtime).metrics().upstream(&upstream).start_one();
    let address = hill.metrics_address();
    let mut client = hill.client();
    client.ask("IAMAT kiwi +1-1 100");
    client.send("WHATSAT kiwi 1 1\n");
    upstream.wait_for_requests(1);
    let ready = get(address, "/readyz");
    assert_eq!((ready.status, &*ready.body), (200, "ready\n"));

    hill.signal(Signal::TERM);

    eventually(PATIENCE, || get(address, "/readyz").status == 503);
    assert_eq!(get(address, "/readyz").body, "not ready: stopping\n");
    assert_eq!(get(address, "/healthz").status, 200);
    gate.open();
    client.places_reply();
    assert_eq!(hill.wait(PATIENCE), Some(0));
}

fn whoever_asks_and_does_nothing_is_in_nobodys_way(runtime: Runtime) {
    let mut hill = Plan::alone(runtime).metrics().start_one();
    let address = hill.metrics_address();
    hill.metrics();
    let before = hill.program().descriptors();
    let silent: Vec<_> = (0..60).map(|_| Client::connect(address)).collect();
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\n");
    let mut slow: Vec<_> = (0..60).map(|_| Client::connect(address)).collect();
    for client in &mut slow {
        // Those that came first are closed by now, to make room.
        client.try_send(&request);
    }

    for _ in 0..20 {
        hill.metrics();
        assert_eq!(hill.client().ask("hello"), "? hello");
    }

    let open = hill.program().descriptors();
    assert!(open < before + 30, "{before} descriptors became {open}");
    // Nobody leaves, and still everybody is sent away.
    eventually(PATIENCE, || hill.program().descriptors() <= before);
    drop((silent, slow));
}

fn what_is_no_page_is_told_so(runtime: Runtime) {
    let hill = Plan::alone(runtime).metrics().start_one();
    let address = hill.metrics_address();

    assert_eq!(get(address, "/").status, 404);
    assert_eq!(get(address, "/metrics/").status, 404);
    assert_eq!(get(address, "/healthz?full=1").status, 200);
    let head = http(address, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!((head.status, &*head.body), (200, ""));
    let post = http(address, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!(post.status, 405);
    assert_eq!(http(address, "IAMAT kiwi +1-1 100\r\n\r\n").status, 400);
    assert_eq!(http(address, &format!("GET /{} HTTP/1.1\r\n", "x".repeat(9000))).status, 431);
    assert_eq!(
        http(address, &format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(100))).status,
        431
    );
    let mut one_by_one = Client::connect(address);
    for byte in "GET /healthz HTTP/1.0\r\n\r\n".bytes() {
        one_by_one.send([byte]);
    }
    assert!(one_by_one.rest_text().ends_with("\r\n\r\nok\n"));
}

fn metrics_come_in_the_format_that_is_asked_for(runtime: Runtime) {
    let hill = Plan::alone(runtime).metrics().start_one();
    let accepting = |accept: &str| {
        let request = format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{accept}\r\n");
        let reply = http(hill.metrics_address(), &request);
        assert_eq!(reply.status, 200);
        let is_classic =
            reply.head.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
        assert!(is_classic || reply.head.contains("Content-Type: application/openmetrics-text; "));
        if is_classic {
            assert!(reply.body.contains("\n# TYPE herd_iamat_total counter\nherd_iamat_total 0\n"));
            assert!(reply.body.contains("\n# HELP herd_iamat_total "));
            assert!(reply.body.contains("\n# TYPE herd_records gauge\nherd_records 0\n"));
            assert!(!reply.body.contains("# EOF"));
        } else {
            Metrics::parse(&reply.body);
        }
        is_classic
    };
    for classic in [
        "Accept: text/plain; version=0.0.4\r\n",
        "accept: text/plain\r\n",
        "Accept: text/plain;version=0.0.4;q=0.5,*/*;q=0.1\r\n",
        "Accept: text/plain;version=\"0.0.4\", application/openmetrics-text; q=0.5\r\n",
        "Accept: application/openmetrics-text;q=0\r\nAccept: text/*\r\n",
    ] {
        assert!(accepting(classic), "{classic}");
    }
    for open in [
        "",
        "Accept: */*\r\n",
        "Accept: application/openmetrics-text; version=1.0.0\r\n",
        "Accept: text/html, nonsense, ;;q=x\r\n",
        // What Prometheus asks for.
        "Accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
         application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.2,*/*;q=0.1\r\n",
    ] {
        assert!(!accepting(open), "{open}");
    }
}

fn the_whole_address_is_a_page_too(runtime: Runtime) {
    let hill = Plan::alone(runtime).metrics().start_one();
    let status = |target: &str| {
        let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");
        http(hill.metrics_address(), &request).status
    };
    for target in ["http://h/metrics", "HTTP://h:9464/healthz?full=1", "https://[::1]:1/readyz"] {
        assert_eq!(status(target), 200, "{target}");
    }
    for target in ["http://h", "http://h/", "http://h/x", "ftp://h/metrics", "/http://h/metrics"] {
        assert_eq!(status(target), 404, "{target}");
    }
}

fn what_the_system_says_of_the_process_is_told(runtime: Runtime) {
    let mut hill = Plan::alone(runtime).metrics().start_one();
    let before = hill.metrics();
    let clients: Vec<_> = (0..20).map(|_| hill.client()).collect();
    for mut client in clients.iter().map(|client| Client::new(client.stream().try_clone().unwrap()))
    {
        client.ask("hello");
    }
    let after = hill.metrics();
    let opened = after.count("process_open_fds") - before.count("process_open_fds");
    assert!(opened >= 20, "{opened} more open files");
    assert!(after.count("process_max_fds") > after.count("process_open_fds"));
    assert!(after.count("process_threads") > 0);
    let resident = after.count("process_resident_memory_bytes");
    let really = hill.program().resident_bytes();
    assert!((really / 2..really * 2).contains(&resident), "{resident} of {really}");
    assert!(after.count("process_virtual_memory_bytes") >= resident);
    let started: f64 = after.text("process_start_time_seconds").parse().unwrap();
    let age = wall_seconds() - started;
    assert!((-2.0..60.0).contains(&age), "started {age} s ago");
    let used =
        |metrics: &Metrics| metrics.text("process_cpu_seconds_total").parse::<f64>().unwrap();
    assert!(used(&after) >= used(&before));
}

fn a_free_port_is_taken_and_told(runtime: Runtime) {
    let mut hill = Plan::alone(runtime).prepare().into_only();
    let mut command = hill.command();
    command.args(["--metrics", "127.0.0.1:0"]);
    hill.start_as(command);

    let stderr = hill.stderr();
    let told = stderr.split_once("http://").unwrap().1.split_once("/metrics").unwrap().0;
    assert_eq!(get(told.parse().unwrap(), "/healthz").status, 200);
    eventually(PATIENCE, || {
        hill.log().contains(&format!("metrics and health are at http://{told}"))
    });
    assert_eq!(hill.program().stdout().lines().count(), 1);
}

fn an_address_in_use_is_an_error(runtime: Runtime) {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let hill: Server = Plan::alone(runtime).prepare().into_only();
    let mut command = hill.command();
    command.args(["--metrics", &address.to_string()]);

    let ended = Program::run(&mut command);

    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""));
    assert!(ended.stderr.contains(&format!("cannot listen on {address}: ")), "{}", ended.stderr);
}

#[expect(clippy::cast_precision_loss, reason = "to a second or so")]
fn wall_seconds() -> f64 {
    wall_nanos() as f64 / 1e9
}
