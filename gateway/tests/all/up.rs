//! `herd up` with a gateway.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use herd_tests::{PATIENCE, Program, Signal, eventually, free_address, herd};
use tempfile::TempDir;

use crate::harness::Gateway;

/// A herd of one server, with a gateway at this address.
fn config(dir: &Path, gateway: &str) -> PathBuf {
    let file = dir.join("herd.toml");
    let text = format!(
        "[upstream]\nurl = \"http://{}/places\"\n[gateway]\nlisten = \"{gateway}\"\n\
         [[server]]\nname = \"Hill\"\naddress = \"{}\"\n",
        free_address(),
        free_address()
    );
    fs::write(&file, text).unwrap();
    file
}

fn up(dir: &Path, config: &Path) -> Program {
    let mut command = Command::new(herd());
    command.args(["up", "--log-dir"]).arg(dir).arg("--config").arg(config).stdin(Stdio::null());
    Program::start_group(&mut command, dir, "up")
}

#[test]
fn a_herd_has_a_map_from_the_start_and_takes_it_down() {
    let dir = TempDir::new().unwrap();
    let address = free_address();
    let mut herd = up(dir.path(), &config(dir.path(), &address.to_string()));
    assert_eq!(herd.wait_for_line("The map: "), format!("The map: http://{address}"));

    let gateway = Gateway::at(address);
    assert!(gateway.get("/").body.contains("<title>herd: the live map</title>"));
    assert_eq!(gateway.replay("osmand").status, 200);
    assert_eq!(gateway.json("/v1/clients/van%201")["server"], "Hill");

    herd.signal(Signal::TERM);
    assert_eq!(herd.wait(PATIENCE), Some(0), "{}", herd.stderr());
    eventually(PATIENCE, || TcpListener::bind(address).is_ok());
}

#[test]
fn a_herd_does_without_a_gateway_where_somebody_listens_already() {
    let dir = TempDir::new().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut herd = up(dir.path(), &config(dir.path(), &address));
    herd.wait_for_line("Ctrl-C stops the herd.");
    assert!(herd.stderr().contains("something listens on"), "{}", herd.stderr());
    assert!(!herd.stdout().contains("The map"), "{}", herd.stdout());
    herd.signal(Signal::TERM);
    assert_eq!(herd.wait(PATIENCE), Some(0));
}

#[test]
fn a_gateway_that_cannot_start_takes_no_herd_down() {
    let dir = TempDir::new().unwrap();
    let mut herd = up(dir.path(), &config(dir.path(), "192.0.2.1:12080"));
    herd.wait_for_line("Ctrl-C stops the herd.");
    assert!(herd.stderr().contains("there are no tokens yet"), "{}", herd.stderr());
    herd.signal(Signal::TERM);
    assert_eq!(herd.wait(PATIENCE), Some(0));
}
