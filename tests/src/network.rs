//! A network of the test's own, in namespaces, that can be taken apart.

use core::net::{IpAddr, Ipv4Addr};
use core::sync::atomic::{AtomicU32, Ordering};
use rustix::process::geteuid;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::os::fd::AsFd as _;
use std::panic::resume_unwind;
use std::process::{self, Command};
use std::thread;

/// A namespace for each node, and one, the hub, that has a line to every one of them. Gone when dropped, for which
/// everything that runs in it must have ended.
///
/// Nothing is done to the machine's own network.
#[derive(Debug)]
pub struct Network {
    prefix: String,
    nodes: Vec<String>,
}

const HUB: &str = "hub";

impl Network {
    /// Makes a network of these nodes; where that cannot be, says why on standard error and returns nothing.
    pub fn of(nodes: &[&str]) -> Option<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let missing = missing();
        if let Some(missing) = missing {
            eprintln!("left out: network namespaces need {missing}");
            return None;
        }
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("herd-test-{}-{number}", process::id());
        let mut network = Self { prefix, nodes: Vec::new() };
        let hub = network.space(HUB);
        ip(&format!("netns add {hub}"));
        ip(&format!("-n {hub} link set lo up"));
        ip(&format!("-n {hub} link add bridge type bridge"));
        ip(&format!("-n {hub} addr add 10.77.0.1/24 dev bridge"));
        ip(&format!("-n {hub} link set bridge up"));
        for node in nodes {
            network.add(node);
        }
        Some(network)
    }

    fn add(&mut self, node: &str) {
        let (hub, space, line) = (self.space(HUB), self.space(node), line(self.nodes.len()));
        self.nodes.push(node.to_owned());
        let address = self.address(node);
        ip(&format!("netns add {space}"));
        ip(&format!("-n {space} link set lo up"));
        ip(&format!("-n {hub} link add {line} type veth peer name hub netns {space}"));
        ip(&format!("-n {hub} link set {line} master bridge up"));
        ip(&format!("-n {space} addr add {address}/24 dev hub"));
        ip(&format!("-n {space} link set hub up"));
    }

    /// Where a node is.
    #[track_caller]
    pub fn address(&self, node: &str) -> IpAddr {
        let last = u8::try_from(self.position(node) + 2).expect("a few nodes");
        Ipv4Addr::new(10, 77, 0, last).into()
    }

    /// Does something in the hub: connections that are made there, and processes that are started, are in its
    /// network.
    pub fn in_hub<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        self.inside(HUB, act)
    }

    /// Does something in a node.
    pub fn inside<T: Send>(&self, node: &str, act: impl FnOnce() -> T + Send) -> T {
        let space = File::open(format!("/run/netns/{}", self.space(node)));
        let space = space.expect("the namespace is there");
        // A namespace is a thread's own.
        let acting = thread::scope(|scope| {
            let enter_and_act = || {
                move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network))
                    .expect("root may enter");
                act()
            };
            scope.spawn(enter_and_act).join()
        });
        acting.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Loses whatever one node sends to the other. Neither is told.
    pub fn part(&self, one: &str, other: &str) {
        let other = self.address(other);
        self.iptables(one, &format!("-A INPUT -s {other} -j DROP"));
        self.iptables(one, &format!("-A OUTPUT -d {other} -j DROP"));
    }

    /// Takes a node off the network.
    pub fn unplug(&self, node: &str) {
        let line = line(self.position(node));
        ip(&format!("-n {} link set {line} down", self.space(HUB)));
    }

    /// Puts everything together again: all nodes at once, for on a busy machine the kernel takes seconds for each.
    pub fn heal(&self) {
        thread::scope(|scope| {
            for (number, node) in self.nodes.iter().enumerate() {
                scope.spawn(move || {
                    self.iptables(node, "-F");
                    ip(&format!("-n {} link set {} up", self.space(HUB), line(number)));
                });
            }
        });
    }

    fn iptables(&self, node: &str, arguments: &str) {
        run("ip", &format!("netns exec {} iptables -w {arguments}", self.space(node)));
    }

    #[track_caller]
    fn position(&self, node: &str) -> usize {
        self.nodes.iter().position(|known| known == node).expect("the network has that node")
    }

    fn space(&self, node: &str) -> String {
        format!("{}-{node}", self.prefix)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for node in self.nodes.iter().map(String::as_str).chain([HUB]) {
            // One that was never made is no error.
            let _ = Command::new("ip").args(["netns", "del", &self.space(node)]).status();
        }
    }
}

/// What a network of one's own takes and is not there.
fn missing() -> Option<&'static str> {
    let runs = |program: &str| Command::new(program).arg("-V").output().is_ok();
    if !geteuid().is_root() {
        Some("root")
    } else if !runs("ip") {
        Some("iproute2")
    } else if !runs("iptables") {
        Some("iptables")
    } else {
        None
    }
}

/// The hub's end of the line to a node.
fn line(number: usize) -> String {
    format!("line{number}")
}

#[track_caller]
fn ip(arguments: &str) {
    run("ip", arguments);
}

#[track_caller]
fn run(program: &str, arguments: &str) {
    let output = Command::new(program).args(arguments.split(' ')).output().expect("it is there");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments}: {complaint}");
}
