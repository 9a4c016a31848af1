//! The default roster, for tests of a whole herd.

use crate::reporters::PROBE;
use herd_tests::{Plan, RUNTIMES, Runtime};

/// In the order they are started.
pub(crate) const SERVERS: [&str; 5] = ["Hill", "Jaquez", "Smith", "Campbell", "Singleton"];
/// Who dials whom.
pub(crate) const LINKS: [(&str, &str); 6] = [
    ("Hill", "Jaquez"),
    ("Hill", "Smith"),
    ("Jaquez", "Singleton"),
    ("Singleton", "Smith"),
    ("Campbell", "Singleton"),
    ("Campbell", "Smith"),
];

/// These servers on these runtimes, in turn, with the probe as a neighbour of all.
pub(crate) fn plan(runtimes: &[Runtime]) -> Plan {
    let mut plan = Plan::new(runtimes[0]).log("level", "\"events\"").neighbour(PROBE, &SERVERS);
    for (name, runtime) in SERVERS.into_iter().zip(runtimes.iter().cycle()) {
        let dialled = LINKS.iter().filter(|(dialler, _)| *dialler == name);
        let dialled: Vec<_> = dialled.map(|(_, acceptor)| *acceptor).collect();
        plan = plan.server_on(*runtime, name, &dialled);
    }
    plan
}

/// This runtime and the other one.
pub(crate) fn mixed(runtime: Runtime) -> [Runtime; 2] {
    let other = RUNTIMES.iter().copied().find(|other| *other != runtime).unwrap_or(runtime);
    [runtime, other]
}

/// Which servers a server has links with.
pub(crate) fn neighbours(name: &str) -> impl Iterator<Item = &'static str> {
    LINKS.into_iter().filter_map(move |(one, other)| match name {
        _ if name == one => Some(other),
        _ if name == other => Some(one),
        _ => None,
    })
}
