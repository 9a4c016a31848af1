//! The cases as they stand in `cases.toml`.

use super::text::Body;
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
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
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
    /// Whether it is about several commands on one connection.
    #[serde(default)]
    pub(super) together: bool,
}

/// One command of a step, and what must come for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Exchange<'a> {
    pub(super) send: &'a str,
    pub(super) expect: &'a [String],
}

impl Step {
    /// Whether a provider is asked for its answers.
    pub(super) fn asks_a_provider(&self) -> bool {
        self.send.contains("WHATSAT")
    }

    /// The commands one by one, each with what must come for it; `None` where they cannot be taken apart, since it is
    /// the connection that the step is about.
    pub(super) fn exchanges(&self) -> Option<Vec<Exchange<'_>>> {
        if self.same || self.closed || self.end {
            return None;
        }
        let commands: Vec<_> = self.send.split_inclusive("\\n").collect();
        let is_answer = |at: &usize| Body::parse(&self.expect[*at]).is_none();
        let starts: Vec<_> = (0..self.expect.len()).filter(is_answer).collect();
        let ends = starts.iter().skip(1).copied().chain([self.expect.len()]);
        let expected: Vec<_> =
            starts.iter().zip(ends).map(|(at, end)| &self.expect[*at..end]).collect();
        (!self.together && commands.len() == expected.len()).then(|| {
            let pairs = commands.into_iter().zip(expected);
            pairs.map(|(send, expect)| Exchange { send, expect }).collect()
        })
    }
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
    fn a_step_is_taken_apart_into_commands_with_what_must_come_for_each() {
        let all = all();
        let case = |name: &str| all.iter().find(|case| case.name == name).unwrap();

        let places = &case("WHATSAT gives no more than the bound").steps[1];
        let exchanges = places.exchanges().unwrap();
        assert!(exchanges.len() > 1);
        assert!(exchanges.iter().all(|one| one.send.ends_with("\\n") && one.expect.len() == 2));
        assert_eq!(case("several commands may come at once").steps[0].exchanges(), None);
        let of_the_assignment = all.iter().filter(|case| case.assignment);
        let whole = of_the_assignment
            .filter(|case| case.steps.iter().all(|step| step.exchanges().is_some()));
        assert_eq!(whole.count() + 1, all.iter().filter(|case| case.assignment).count());
    }

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
