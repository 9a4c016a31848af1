//! The cases as they stand in `cases.toml`.

use serde::Deserialize;

/// Something that a server must do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    /// Of `docs/protocol.md`.
    pub(super) section: u8,
    pub(super) why: String,
    /// Whether the original assignment asks for it.
    #[serde(default)]
    pub(super) assignment: bool,
    #[serde(default)]
    pub(super) needs: Vec<Need>,
    pub(super) steps: Vec<Step>,
}

/// Something that not every run of the cases has.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Need {
    /// Servers that answer with places, as far as is known.
    Places,
    /// The stub.
    Upstream,
    /// At least two servers that talk with one another.
    Herd,
}

/// Something to say, and what must come back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    #[serde(default = "first")]
    pub(super) on: char,
    #[serde(default)]
    pub(super) same: bool,
    pub(super) send: String,
    pub(super) cut: Option<usize>,
    #[serde(default = "once")]
    pub(super) times: usize,
    #[serde(default)]
    pub(super) end: bool,
    pub(super) expect: Vec<String>,
    #[serde(default)]
    pub(super) until: bool,
    #[serde(default)]
    pub(super) closed: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

/// All cases, in the order of the file.
pub(super) fn all() -> Vec<Case> {
    let file: File = toml::from_str(TEXT).expect("the cases are well formed");
    file.case
}

const TEXT: &str = include_str!("cases.toml");

fn first() -> char {
    'A'
}

fn once() -> usize {
    1
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_case_has_a_name_of_its_own_and_a_reason() {
        let cases = all();
        let names: BTreeSet<_> = cases.iter().map(|case| &case.name).collect();

        assert_eq!(names.len(), cases.len());
        assert!(cases.iter().all(|case| !case.why.is_empty() && !case.steps.is_empty()));
        assert!(
            cases.iter().any(|case| case.assignment) && cases.iter().any(|case| !case.assignment)
        );
    }
}
