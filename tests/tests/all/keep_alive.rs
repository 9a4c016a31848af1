//! Connections whose other side is gone without a word: the kernel asks, and finds out.

use core::net::SocketAddr;
use herd_tests::{PATIENCE, Plan, Runtime, eventually, on_both};
use std::fs;

on_both!(the_kernel_asks_whether_the_other_side_is_there,);

fn the_kernel_asks_whether_the_other_side_is_there(runtime: Runtime) {
    let plan = Plan::new(runtime).limit("idle_s", 0);
    let herd = plan.server("Hill", &["Jaquez"]).server("Jaquez", &[]).start();
    let client = herd["Hill"].client();

    let (ours, theirs) = (client.stream().local_addr().unwrap(), herd["Hill"].address());
    eventually(PATIENCE, || is_kept_alive(&|local, remote| (local, remote) == (theirs, ours)));
    // Whichever of the two has dialled, both ends are.
    let links = [herd["Hill"].link_address(), herd["Jaquez"].link_address()];
    eventually(PATIENCE, || is_kept_alive(&|local, _| links.contains(&local)));
    eventually(PATIENCE, || is_kept_alive(&|_, remote| links.contains(&remote)));
}

/// Whether there is an established connection like this, idle but for the timer that asks the other side.
fn is_kept_alive(like: &dyn Fn(SocketAddr, SocketAddr) -> bool) -> bool {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().skip(1).any(|line| {
        let fields: Vec<_> = line.split_ascii_whitespace().collect();
        let is_idle = fields[3] == "01" && fields[5].starts_with("02:");
        is_idle && like(address(fields[1]), address(fields[2]))
    })
}

/// `0100007F:2EE1` is 127.0.0.1:12001.
fn address(text: &str) -> SocketAddr {
    let (ip, port) = text.split_once(':').unwrap();
    let ip = u32::from_str_radix(ip, 16).unwrap().to_ne_bytes();
    SocketAddr::from((ip, u16::from_str_radix(port, 16).unwrap()))
}
