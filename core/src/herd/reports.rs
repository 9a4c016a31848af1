//! Reports, however they came: what is kept of them.
//!
//! The line protocol takes an `IAMAT` apart and answers with an `AT` line. Other fronts (a program that has a
//! server inside, HTTP, MQTT) hand in a [`Report`] and are told the [`Outcome`].

use super::Herd;
use crate::command::Report;
use crate::directory::{HEARD_HERE, Newcomer, News};
use crate::output::Output;
use crate::time::{Now, Skew, Timestamp};

/// What became of a report. Whatever it is, the report has been dealt with: to repeat it changes nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// It is the client's record now.
    Kept,
    /// A report of the same client with the same or a later time is known.
    Stale,
    /// Its time is longer ago than `limits.record_age_s`.
    TooOld,
    /// Its time is further ahead of this server's clock than `limits.ahead_s`.
    Ahead,
    /// The table is full of later records of other clients.
    TableFull,
}

impl Herd {
    /// A client says where it is, on a way that is not a connection of this server's.
    ///
    /// What is kept is flooded to the neighbours as any other report, so the driver has actions to carry out.
    pub fn handle_report(&mut self, now: Now, report: &Report<'_>, out: &mut Output) -> Outcome {
        let refused = self.refuses(now, report.stamp);
        let news = refused.is_none().then(|| {
            let mut line = core::mem::take(&mut self.scratch);
            line.clear();
            line.extend_from_slice(&self.at_prefix);
            Skew::between(now.wall, report.stamp).write(&mut line);
            let client_at = line.len() + 1;
            for field in [report.client, report.location, report.time] {
                line.push(b' ');
                line.extend_from_slice(field);
            }
            let newcomer = Newcomer {
                line: &line,
                client_at,
                client_len: report.client.len(),
                stamp: report.stamp,
                origin: HEARD_HERE,
            };
            let news = self.directory.learn(self.directory.find(report.client), &newcomer);
            self.scratch = line;
            news
        });
        let outcome = self.count_report(news, refused);
        self.settle(now, out);
        outcome
    }

    /// Why a report with this time is not held against the table at all, if it is not.
    #[inline]
    pub(super) fn refuses(&self, now: Now, stamp: Timestamp) -> Option<Outcome> {
        let ahead_s = self.config.limits.ahead_s;
        if ahead_s > 0 && stamp > now.wall.plus_seconds(ahead_s) {
            return Some(Outcome::Ahead);
        }
        self.is_too_old(now, stamp).then_some(Outcome::TooOld)
    }

    /// Counts a report and says what became of it. `news` is what the table says, where it was asked; a report
    /// that repeats the record word for word needs no asking.
    #[inline]
    pub(super) fn count_report(&mut self, news: Option<News>, refused: Option<Outcome>) -> Outcome {
        self.counters.reports += 1;
        let outcome = match news {
            Some(News::Fresh) => Outcome::Kept,
            Some(News::NoRoom) => Outcome::TableFull,
            Some(News::Stale) => Outcome::Stale,
            None => refused.unwrap_or(Outcome::Stale),
        };
        match outcome {
            Outcome::Kept => self.counters.records += 1,
            Outcome::TableFull => self.counters.no_room += 1,
            Outcome::Ahead => self.counters.ahead += 1,
            Outcome::TooOld => self.counters.too_old += 1,
            Outcome::Stale => {}
        }
        outcome
    }
}
