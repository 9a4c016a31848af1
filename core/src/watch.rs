//! Following the table from within the program that has the server.
//!
//! A [`Watch`] is a position in the log of changes, as a neighbour is one. Nothing is queued for it: one that
//! is read seldom finds the latest record of each client that changed, and one that the log has overtaken is
//! told so and is given the whole table again.

use crate::directory::STEPS;
use crate::directory::{Directory, Origin, Record};
use crate::flood::Cursor;

/// A reader of the table's changes, for [`Herd::read_changes`](crate::Herd::read_changes).
///
/// It belongs to the one server that it is first read from.
#[derive(Clone, Debug)]
pub struct Watch {
    cursor: Cursor,
    /// Whether the reader was told that it has been overtaken, and reads the table next.
    restarts: bool,
}

/// What a reader of changes is told.
#[derive(Clone, Copy, Debug)]
pub enum Watched<'a> {
    /// A client's record is this now. Records that make room for greater ones, or are forgotten for their age,
    /// are not told: a reader that must not outgrow the table has limits of its own.
    Record(Record<'a>),
    /// More has changed than the log remembers. All records of the table follow; what the reader knows of
    /// clients that are not among them is out of date.
    Overtaken,
}

impl Watch {
    /// A reader that is given every record there is, and then what changes.
    pub fn new() -> Self {
        Self { cursor: Cursor::new(1, NO_LINK), restarts: false }
    }

    pub(crate) fn is_behind(&self, directory: &Directory) -> bool {
        self.cursor.is_behind(directory)
    }

    pub(crate) fn read<'a>(
        &'a mut self,
        directory: &'a Directory,
    ) -> impl Iterator<Item = Watched<'a>> {
        let mut steps = STEPS;
        core::iter::from_fn(move || {
            while self.is_behind(directory) && steps > 0 {
                if self.cursor.is_overtaken(directory) && !self.restarts {
                    *self = Self { restarts: true, ..Self::new() };
                    return Some(Watched::Overtaken);
                }
                self.restarts = false;
                steps -= 1;
                if let Some(record) = self.cursor.step(directory) {
                    return Some(Watched::Record(record));
                }
            }
            None
        })
    }
}

impl Default for Watch {
    fn default() -> Self {
        Self::new()
    }
}

/// The number of no link: a watch leaves out no record for the way that it came.
const NO_LINK: Origin = Origin::MAX;
