//! The programs under test, built from the sources as they stand.

use crate::Runtime;
use serde_json::Value;
use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The server of this runtime.
pub(crate) fn server(runtime: Runtime) -> &'static Path {
    program(runtime.program())
}

/// The `herd` program.
pub fn herd() -> &'static Path {
    program("herd")
}

/// The `herd-places` program.
pub fn herd_places() -> &'static Path {
    program("herd-places")
}

/// The `herd-posts` program, which is beside the others when this returns.
pub fn herd_posts() -> &'static Path {
    static POSTS: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    let built = POSTS.get_or_init(|| build(&["herd-posts"]));
    built.get("herd-posts").expect("the workspace builds a program herd-posts")
}

/// Builds the servers, for a caller that starts no other program and does not want to wait until those are built.
///
/// To be called before anything is started: the first program that is has all of them built.
pub fn build_only_servers() {
    BUILT.get_or_init(|| build(&["herd-tokio", "herd-async-std"]));
}

static BUILT: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();

fn program(name: &str) -> &'static Path {
    let all = ["herd-tokio", "herd-async-std", "herd-places", "herd"];
    let built = BUILT.get_or_init(|| build(&all));
    built.get(name).unwrap_or_else(|| panic!("the workspace builds no program {name}"))
}

/// Builds once a process, in the profile of the tests themselves. Between processes cargo's own lock and freshness
/// check do the same.
///
/// Where the programs are is what cargo says, so that a stale one is never run.
fn build(packages: &[&str]) -> BTreeMap<String, PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let mut command = Command::new(cargo);
    // What cargo says of this package must not look like a change to the build scripts of others.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    let output = command
        .args(["build", "--message-format=json", "--manifest-path"])
        .arg(workspace)
        .args((!cfg!(debug_assertions)).then_some("--release"))
        .args(packages.iter().flat_map(|package| ["-p", package]))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "the programs under test do not build");
    let messages = String::from_utf8(output.stdout).expect("cargo prints UTF-8");
    messages.lines().filter_map(executable).collect()
}

/// The name and place of the program that this message of cargo's reports, if it reports one.
fn executable(message: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(message).ok()?;
    let path = message.get("executable")?.as_str()?;
    let name = message.get("target")?.get("name")?.as_str()?;
    Some((name.to_owned(), PathBuf::from(path)))
}
