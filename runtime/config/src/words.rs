//! Words that a configuration knows: keys, and values that are one of a few.

use core::fmt;

use serde::{Deserialize as _, Deserializer, de};

/// Reads one of a few values by its name.
///
/// # Errors
///
/// When it is no string, or none of these names.
pub(crate) fn one_of<'de, T: Copy, D: Deserializer<'de>>(
    deserializer: D,
    values: &[(&'static str, T)],
) -> Result<T, D::Error> {
    let name = String::deserialize(deserializer)?;
    let known = || values.iter().map(|(name, _)| *name);
    let found = values.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| *value).ok_or_else(|| {
        de::Error::custom(Unknown { kind: "value", name: &name, known: known().collect() })
    })
}

/// What to say of a word that is not known.
pub(crate) struct Unknown<'a> {
    /// What it was taken for.
    pub(crate) kind: &'static str,
    pub(crate) name: &'a str,
    pub(crate) known: Vec<&'static str>,
}

impl fmt::Display for Unknown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, known } = self;
        write!(f, "unknown {kind} `{name}`: ")?;
        match similar(name, known.iter().copied()) {
            Some(meant) => write!(f, "did you mean `{meant}`?"),
            None => write!(f, "expected one of `{}`", known.join("`, `")),
        }
    }
}

/// The one of `known` that `name` was probably meant to be.
pub(crate) fn similar<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let likeness =
        |other: &str| strsim::jaro_winkler(&name.to_ascii_lowercase(), &other.to_ascii_lowercase());
    known
        .map(|other| (likeness(other), other))
        .filter(|(likeness, _)| *likeness > ALIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, other)| other)
}

/// Above this two names look like a slip of the pen.
const ALIKE: f64 = 0.8;
