//! Several servers: what one of them hears, all of them know.

use herd_tests::{
    At, Client, Herd, PATIENCE, Plan, RUNTIMES, Runtime, Upstream, eventually, on_both,
};

on_both!(
    a_report_at_one_server_is_found_at_all,
    a_neighbour_has_the_record_as_soon_as_the_client_has_its_answer,
    so_it_has_with_several_threads,
    a_report_reaches_the_far_end_of_a_chain,
    the_latest_of_reports_at_different_servers_is_known_everywhere,
    a_client_may_move_from_server_to_server,
    neighbours_may_be_named_on_one_side_only,
    a_server_listens_where_it_is_told_to,
    a_server_answers_while_all_its_neighbours_are_away,
);

fn a_report_at_one_server_is_found_at_all(runtime: Runtime) {
    let upstream = Upstream::serving("{\"results\":[],\"status\":\"OK\"}");
    let herd = places_2020(Plan::new(runtime).upstream(&upstream)).start();
    wait_for_links(&herd);
    for (n, origin) in herd.servers().iter().enumerate() {
        let told = origin
            .client()
            .ask(&format!("IAMAT kiwi{n} +34.068930-118.445127 1520023934.918963997"));
        assert_eq!(At::parse(&told).server, origin.name());

        for server in herd.servers() {
            let mut client = server.client();
            eventually(PATIENCE, || client.whats_at(&format!("kiwi{n}")).is_some());
            client.send(format!("WHATSAT kiwi{n} 10 5\n"));
            let (at, body) = client.places_reply();
            assert_eq!(at, told, "at {}", server.name());
            assert_eq!(body, "{\"results\":[],\"status\":\"OK\"}\n\n");
        }
    }
}

fn a_neighbour_has_the_record_as_soon_as_the_client_has_its_answer(runtime: Runtime) {
    ask_the_neighbours_at_once(runtime, 1);
}

fn so_it_has_with_several_threads(runtime: Runtime) {
    ask_the_neighbours_at_once(runtime, 4);
}

fn ask_the_neighbours_at_once(runtime: Runtime, workers: usize) {
    let upstream = Upstream::serving("{}");
    let plan = Plan::new(runtime).upstream(&upstream).server("Hill", &["Jaquez", "Smith"]);
    let herd = plan.server("Jaquez", &[]).server("Smith", &[]).workers(workers).start();
    wait_for_links(&herd);
    let mut hill = herd["Hill"].client();
    let mut neighbours = [herd["Jaquez"].client(), herd["Smith"].client()];

    for n in 0..200 {
        let told = hill.ask(&format!("IAMAT kiwi{n} +1-1 100"));
        let neighbour = &mut neighbours[n % 2];
        assert_eq!(neighbour.whats_at(&format!("kiwi{n}")), Some(told), "the {n}th report");
    }
    // The other way the server that was dialled is the one that tells.
    for n in 0..200 {
        let told = neighbours[n % 2].ask(&format!("IAMAT emu{n} +1-1 100"));
        assert_eq!(hill.whats_at(&format!("emu{n}")), Some(told), "the {n}th report back");
    }
}

fn a_report_reaches_the_far_end_of_a_chain(runtime: Runtime) {
    // The middle names come first and last, so that links are dialled in both directions.
    let plan = Plan::new(runtime).server("Moe", &["Ann"]).server("Ann", &["Zoe"]);
    let herd = plan.server("Zoe", &["Bob"]).server("Bob", &["Yve"]).server("Yve", &[]).start();

    let told = herd["Moe"].client().ask("IAMAT kiwi +1-1 100");
    let back = herd["Yve"].client().ask("IAMAT emu +1-1 100");

    wait_for(&mut herd["Yve"].client(), "kiwi", &told);
    wait_for(&mut herd["Moe"].client(), "emu", &back);
}

fn the_latest_of_reports_at_different_servers_is_known_everywhere(runtime: Runtime) {
    let herd = places_2020(Plan::new(runtime)).start();
    let mut clients: Vec<_> = herd.servers().iter().map(|server| server.client()).collect();

    let mut last = String::new();
    for stamp in 0..50 {
        let at = stamp % clients.len();
        last = clients[at].ask(&format!("IAMAT kiwi +{stamp}-{stamp} {stamp}"));
    }

    for client in &mut clients {
        wait_for(client, "kiwi", &last);
    }
}

fn a_client_may_move_from_server_to_server(runtime: Runtime) {
    let herd = places_2020(Plan::new(runtime)).start();
    wait_for_links(&herd);
    for (stamp, server) in herd.servers().iter().enumerate() {
        let told = server.client().ask(&format!("IAMAT kiwi +{stamp}-118.4 {stamp}"));
        assert_eq!(At::parse(&told).server, server.name());
        for other in herd.servers() {
            wait_for(&mut other.client(), "kiwi", &told);
        }
    }
}

fn neighbours_may_be_named_on_one_side_only(runtime: Runtime) {
    // Once each way round, as regards who dials.
    let plan =
        Plan::new(runtime).server("Ann", &[]).server("Bob", &["Ann", "Cid"]).server("Cid", &[]);
    let herd = plan.start();

    let told = herd["Ann"].client().ask("IAMAT kiwi +1-1 100");

    wait_for(&mut herd["Cid"].client(), "kiwi", &told);
}

fn a_server_listens_where_it_is_told_to(runtime: Runtime) {
    let plan = Plan::new(runtime).server("Ann", &["Bob"]).server("Bob", &[]);
    // What others dial leads nowhere; what it listens on is another address of the same machine.
    let elsewhere = plan.address("Bob").port();
    let mut herd = plan.prepare();
    let config = herd["Bob"].config();
    let text = std::fs::read_to_string(&config).unwrap();
    let address = format!("address = \"127.0.0.1:{elsewhere}\"\n");
    let listen = format!("{address}listen = \"0.0.0.0:{elsewhere}\"\n");
    std::fs::write(&config, text.replacen(&address, &listen, 1)).unwrap();
    herd.start_all();

    let other = core::net::SocketAddr::from(([127, 0, 0, 2], elsewhere));
    let told = Client::connect(other).ask("IAMAT kiwi +1-1 100");

    assert!(told.starts_with("AT Bob "), "{told}");
    wait_for(&mut herd["Ann"].client(), "kiwi", &told);
}

fn a_server_answers_while_all_its_neighbours_are_away(runtime: Runtime) {
    let plan = places_2020(Plan::new(runtime));
    let mut herd = plan.prepare();

    herd["Hill"].start();
    let mut client = herd["Hill"].client();
    let told = client.ask("IAMAT kiwi +1-1 100");
    assert_eq!(client.whats_at("kiwi"), Some(told.clone()));
    herd["Smith"].start();

    wait_for(&mut herd["Smith"].client(), "kiwi", &told);
}

/// Not run on each runtime: it mixes them.
#[test]
fn runtimes_may_be_mixed_in_one_herd() {
    let runtime = |n: usize| RUNTIMES[n % RUNTIMES.len()];
    let plan = Plan::new(runtime(0))
        .server_on(runtime(0), "Hill", &["Jaquez", "Smith"])
        .server_on(runtime(1), "Jaquez", &[])
        .server_on(runtime(0), "Smith", &["Campbell"])
        .server_on(runtime(1), "Campbell", &[])
        .server_on(runtime(0), "Singleton", &["Jaquez", "Smith", "Campbell"]);
    let herd = plan.start();
    for origin in herd.servers() {
        let id = format!("kiwi-{}", origin.name());
        let told = origin.client().ask(&format!("IAMAT {id} +1-1 100"));
        for server in herd.servers() {
            wait_for(&mut server.client(), &id, &told);
        }
    }
}

/// The default roster's graph.
fn places_2020(plan: Plan) -> Plan {
    plan.server("Hill", &["Jaquez", "Smith"])
        .server("Jaquez", &[])
        .server("Smith", &["Campbell"])
        .server("Campbell", &[])
        .server("Singleton", &["Jaquez", "Smith", "Campbell"])
}

/// Waits until every link is up: a report at each server has reached all the others.
#[track_caller]
fn wait_for_links(herd: &Herd) {
    for origin in herd.servers() {
        let id = format!("link-{}", origin.name());
        let told = origin.client().ask(&format!("IAMAT {id} +1-1 100"));
        for server in herd.servers() {
            wait_for(&mut server.client(), &id, &told);
        }
    }
}

#[track_caller]
fn wait_for(client: &mut Client, id: &str, told: &str) {
    eventually(PATIENCE, || client.whats_at(id).as_deref() == Some(told));
}
