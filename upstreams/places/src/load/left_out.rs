//! What of somebody's files did not become places, as warnings for a person to read.

use super::Error;

/// How many faults are told one by one.
pub(super) const EXAMPLES: usize = 10;

/// What was left out of files that were loaded all the same.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LeftOut {
    /// How many rows, features or elements are no places.
    pub faulty: usize,
    /// How many places came once more, with the same id.
    pub repeated: usize,
    /// What is wrong with the first few of the faulty, and where.
    pub examples: Vec<String>,
}

impl LeftOut {
    pub(super) fn add(&mut self, count: usize, faults: impl Iterator<Item = Error>) {
        self.faulty += count;
        let room = EXAMPLES.saturating_sub(self.examples.len());
        self.examples.extend(faults.take(room).map(|fault| fault.to_string()));
    }

    /// Lines that say all of it.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        let in_all = (self.faulty > 0).then(|| match self.faulty - self.examples.len() {
            0 => format!("{} left out", entries(self.faulty)),
            more => format!("{} left out, {more} more than are told here", entries(self.faulty)),
        });
        let repeated = (self.repeated > 0).then(|| {
            format!("{} came before with the same id, and counted once", places(self.repeated))
        });
        self.examples.iter().cloned().chain(in_all).chain(repeated)
    }
}

fn entries(count: usize) -> String {
    if count == 1 { "1 entry is".into() } else { format!("{count} entries are") }
}

fn places(count: usize) -> String {
    if count == 1 { "1 place".into() } else { format!("{count} places") }
}
