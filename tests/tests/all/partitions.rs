//! A network that falls apart under load: packets between two parts of the herd get lost, and one server is off the
//! network. Once it is whole again all tables are equal and nothing that was answered is lost.

use crate::reporters::{Load, agreed, lost};
use crate::roster::{self, LINKS, SERVERS, mixed};
use core::time::Duration;
use herd_tests::{Network, Runtime, eventually, on_both};

on_both!(a_network_that_fell_apart_and_is_whole_again_has_lost_nothing,);

/// Longer than it takes to notice that a neighbour is silent.
const SILENCE: Duration = Duration::from_secs(60);
/// Reports that are answered while the network is in parts, at least.
const ANSWERS: usize = 500;

fn a_network_that_fell_apart_and_is_whole_again_has_lost_nothing(runtime: Runtime) {
    if let Some(network) = Network::of(&SERVERS) {
        network.in_hub(|| {
            fall_apart_and_heal(&network, runtime);
        });
    }
}

/// Hill and Jaquez are parted from Smith and Campbell, and Singleton is alone.
fn fall_apart_and_heal(network: &Network, runtime: Runtime) {
    let mut plan = roster::plan(&mixed(runtime));
    for name in SERVERS {
        plan = plan.moved(name, network.address(name));
    }
    let mut herd = plan.prepare();
    for name in SERVERS {
        let server = &mut herd[name];
        network.inside(name, || server.start());
    }
    // Only a link that was up is missed.
    for (dialler, acceptor) in LINKS {
        let up = format!("link with {acceptor} is up");
        eventually(SILENCE, || herd[dialler].log().contains(&up));
    }
    let load = Load::on(&["Hill", "Jaquez", "Smith", "Campbell"].map(|name| &herd[name]));

    network.part("Hill", "Smith");
    network.unplug("Singleton");
    let here = herd["Hill"].client().ask("IAMAT here +1-1 1");
    let there = herd["Smith"].client().ask("IAMAT there +1-1 1");
    let parted = load.answers();
    for (server, silent) in [("Hill", "Smith"), ("Smith", "Hill"), ("Jaquez", "Singleton")] {
        let down = format!("link with {silent} is down");
        eventually(SILENCE, || herd[server].log().contains(&down));
    }
    eventually(SILENCE, || load.answers() >= parted + ANSWERS);
    assert_eq!(herd["Campbell"].client().whats_at("here"), None);
    assert_eq!(herd["Jaquez"].client().whats_at("there"), None);
    network.heal();
    let told = load.finish();

    let table = agreed(&herd);
    assert_eq!(lost(&told, &table), [""; 0]);
    assert!(table.contains(&here) && table.contains(&there), "{table:?}");
}
