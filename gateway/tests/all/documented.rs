//! What the documentation says to type.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::{Gateway, plan};

#[test]
fn the_command_lines_of_the_documentation_work_as_printed() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/gateway.md");
    let text = fs::read_to_string(file).unwrap();
    // A stream does not end.
    let lines: Vec<_> = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("$ "))
        .filter(|line| line.starts_with("curl ") && !line.starts_with("curl -N"))
        .collect();
    assert!(lines.len() > 10, "{lines:?}");
    for line in lines {
        let line = line.replacen("curl ", "curl -sSf ", 1);
        let line = line.replace("127.0.0.1:12080", &gateway.address.to_string());
        let output = Command::new("sh").args(["-c", &line]).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
    for client in ["jane/phone", "van", "123456", "hike", "ios", "kiwi", "plum"] {
        assert_eq!(gateway.json(&format!("/v1/clients/{client}"))["client"], client);
    }
}
