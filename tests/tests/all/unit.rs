//! The unit by which systemd runs a server: systemd knows every line of it, and it locks the server in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// What may be left open to a server, in tenths of `systemd-analyze security`'s ten points: the network, mostly.
const EXPOSURE: &str = "--threshold=15";

#[test]
fn systemd_knows_every_line_of_the_unit() {
    let Some((_dir, unit)) = unit(|text| text) else { return };

    let output = analyze(&["verify", "--man=no"], &unit);

    // Of a line that it does not know it says so, and that all is well.
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success());
}

#[test]
fn the_unit_leaves_little_open() {
    let Some((_dir, unit)) = unit(|text| text) else { return };

    let output = analyze(&["security", "--offline=true", EXPOSURE, "--no-pager"], &unit);

    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_unit_with_a_mistake_or_a_hole_is_noticed() {
    let Some((_dir, mistaken)) = unit(|text| text.replace("UMask=", "Umask=")) else { return };
    let Some((_dir, open)) = unit(|text| text.replace("CapabilityBoundingSet=", "#")) else {
        return;
    };

    assert!(!analyze(&["verify", "--man=no"], &mistaken).stderr.is_empty());
    assert!(
        !analyze(&["security", "--offline=true", EXPOSURE, "--no-pager"], &open).status.success()
    );
}

/// A copy of the unit after `change`, for a program that is there; nothing where systemd is not.
fn unit(change: impl Fn(String) -> String) -> Option<(TempDir, PathBuf)> {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("left out: the unit is looked at by systemd-analyze, which is not there");
        return None;
    }
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist/herd-tokio@.service");
    let text = fs::read_to_string(shipped).expect("the unit is there");
    let installed = "/usr/local/bin/herd-tokio";
    assert!(text.contains(installed), "the unit starts another program");
    let dir = TempDir::new().expect("a temporary directory can be made");
    let unit = dir.path().join("herd-tokio@.service");
    fs::write(&unit, change(text.replace(installed, "/bin/true")))
        .expect("the directory takes a file");
    Some((dir, unit))
}

fn analyze(arguments: &[&str], unit: &Path) -> Output {
    let mut command = Command::new("systemd-analyze");
    command.args(arguments).arg(unit).env("LC_ALL", "C").output().expect("it was there just now")
}
