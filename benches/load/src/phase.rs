//! What may be sent when: in priming, and in what is measured.
//!
//! All times count from the beginning of the phase.

use crate::connection::{Connection, Measure, Turns};
use crate::outcome::Cpu;
use crate::pace::Schedule;
use crate::plan::{End, Error, Pace, Plan};
use crate::process::cpu_seconds;
use crate::progress::{Progress, Stage};
use core::time::Duration;

/// How many lines of a connection are in flight while clients are reported for the first time.
const PRIMING_DEPTH: u32 = 64;

/// A part of a run.
#[derive(Debug)]
pub(crate) struct Phase<'a> {
    pids: &'a [u32],
    depth: u32,
    /// Whether reports get new time stamps.
    pub(crate) fresh: bool,
    way: Way,
    ramp: Duration,
    end: Until,
    /// How many lines each connection has sent.
    sent: Vec<u64>,
    /// When measuring was due to begin, and the processor time when it was noticed.
    began: Option<(Duration, Cpu)>,
    /// When it was due to end, or did.
    ended: Option<(Duration, Cpu)>,
    /// How many lines have been answered.
    pub(crate) answered: u64,
}

#[derive(Debug)]
enum Way {
    /// How many connections have started.
    Closed { started: usize },
    /// How many lines have been due.
    Open { schedule: Schedule, released: u64 },
}

#[derive(Clone, Copy, Debug)]
enum Until {
    /// Each connection has sent all its lines once, so many together.
    Round(u64),
    /// So much time has been measured.
    Time(Duration),
    /// These many have been sent: `left` more, or in an open loop `all`, with those of the ramp.
    Lines { asked: u64, left: u64, all: u64 },
}

impl<'a> Phase<'a> {
    /// Each of `connections` sends all its lines once, `lines` together.
    pub(crate) fn priming(connections: usize, lines: u64) -> Self {
        Self {
            pids: &[],
            depth: PRIMING_DEPTH,
            fresh: false,
            way: Way::Closed { started: 0 },
            ramp: Duration::ZERO,
            end: Until::Round(lines),
            sent: vec![0; connections],
            began: None,
            ended: None,
            answered: 0,
        }
    }

    /// What is measured, on `connections`.
    pub(crate) fn measured(connections: usize, plan: &'a Plan) -> Self {
        let way = match plan.pace {
            Pace::Closed => Way::Closed { started: 0 },
            Pace::Open(per_second) => {
                Way::Open { schedule: Schedule::new(per_second, plan.ramp), released: 0 }
            }
        };
        let before = match &way {
            Way::Closed { .. } => 0,
            Way::Open { schedule, .. } => schedule.in_ramp(),
        };
        Self {
            pids: &plan.pids,
            depth: plan.depth.max(1),
            fresh: plan.fresh,
            way,
            ramp: plan.ramp,
            end: match plan.end {
                End::After(time) => Until::Time(time),
                End::Count(asked) => Until::Lines { asked, left: asked, all: before + asked },
            },
            ..Self::priming(connections, 0)
        }
    }

    /// Takes note of the time. Measuring ends early when no connection is left.
    pub(crate) fn go_on(
        &mut self,
        now: Duration,
        in_flight: u64,
        is_alive: bool,
    ) -> Result<(), Error> {
        // What is measured lies between the moments that were due: on a busy machine it is later when this is called.
        if self.began.is_none() && now >= self.ramp {
            self.began = Some((self.ramp, self.cpu()?));
        }
        if self.ended.is_none() && (!is_alive || self.is_done(now, in_flight)) {
            // A server that has gone by now has no processor time to tell.
            self.ended = Some((now.min(self.due_end()), self.cpu().unwrap_or_default()));
        }
        Ok(())
    }

    /// When measuring is to end, as far as the time says.
    fn due_end(&self) -> Duration {
        match self.end {
            Until::Time(time) => self.ramp.saturating_add(time),
            Until::Round(_) | Until::Lines { .. } => Duration::MAX,
        }
    }

    fn is_done(&self, now: Duration, in_flight: u64) -> bool {
        if self.began.is_none() {
            return false;
        }
        match (self.end, &self.way) {
            (Until::Time(_), _) => now >= self.due_end(),
            (Until::Round(_), Way::Closed { started }) => {
                *started == self.sent.len() && in_flight == 0
            }
            (Until::Lines { left, .. }, Way::Closed { .. }) => left == 0 && in_flight == 0,
            (Until::Lines { all, .. } | Until::Round(all), Way::Open { released, .. }) => {
                *released == all && in_flight == 0
            }
        }
    }

    /// Whether nothing more is sent.
    pub(crate) fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    /// The connections on which more may be sent for no other reason than the time.
    pub(crate) fn release(&mut self, now: Duration) -> impl Iterator<Item = usize> + use<> {
        let connections = self.sent.len();
        let (from, to) = match &mut self.way {
            Way::Closed { started } => {
                let from = *started;
                while *started < connections && start(*started, connections, self.ramp) <= now {
                    *started += 1;
                }
                (from as u64, *started as u64)
            }
            Way::Open { schedule, released } => {
                let from = *released;
                let all = match self.end {
                    _ if self.ended.is_some() => from,
                    Until::Lines { all, .. } => all,
                    Until::Time(_) | Until::Round(_) => u64::MAX,
                };
                while *released < all && schedule.due(*released) <= now {
                    *released += 1;
                }
                (from, *released)
            }
        };
        let all = connections as u64;
        (from..to).take(connections).map(move |line| {
            usize::try_from(line % all).expect("a remainder is less than what it is of")
        })
    }

    /// How many lines may be sent on a connection now.
    pub(crate) fn allowed(&self, number: usize, connection: &Connection) -> u64 {
        if self.is_over() {
            return 0;
        }
        let room = u64::from(self.depth.saturating_sub(connection.in_flight));
        match (&self.way, self.end) {
            (Way::Closed { started }, _) if number >= *started => 0,
            (Way::Closed { .. }, Until::Round(_)) => {
                room.min(connection.round() - self.sent[number])
            }
            (Way::Closed { .. }, Until::Lines { left, .. }) => room.min(left),
            (Way::Closed { .. }, Until::Time(_)) => room,
            (Way::Open { .. }, _) => room.min(self.released(number) - self.sent[number]),
        }
    }

    /// Takes note of lines sent on a connection.
    pub(crate) fn spend(&mut self, number: usize, lines: u64) {
        self.sent[number] += lines;
        if let (Until::Lines { left, .. }, Some(_)) = (&mut self.end, self.began) {
            *left = left.saturating_sub(lines);
        }
    }

    /// How many lines of an open loop were due on a connection.
    fn released(&self, number: usize) -> u64 {
        match self.way {
            Way::Closed { .. } => 0,
            Way::Open { released, .. } => {
                let all = self.sent.len() as u64;
                (released + all - 1 - number as u64) / all
            }
        }
    }

    /// How many lines of an open loop were due and not sent.
    pub(crate) fn unsent(&self) -> u64 {
        let sent = self.sent.iter().enumerate();
        sent.map(|(number, sent)| self.released(number).saturating_sub(*sent)).sum()
    }

    /// When the next line of an open loop is due.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        let Way::Open { schedule, released } = &self.way else { return None };
        let is_last = matches!(self.end, Until::Lines { all, .. } if *released == all);
        (!is_last && !self.is_over()).then(|| schedule.due(*released))
    }

    /// How long it is until something begins or ends by itself.
    pub(crate) fn time_left(&self, now: Duration) -> Duration {
        if self.is_over() {
            return Duration::MAX;
        }
        let next = match (&self.way, self.began, self.end) {
            (Way::Closed { started }, _, _) if *started < self.sent.len() => {
                start(*started, self.sent.len(), self.ramp)
            }
            (_, None, _) => self.ramp,
            (_, Some(_), _) => self.due_end(),
        };
        next.saturating_sub(now)
    }

    /// How to measure replies that come now on a connection.
    pub(crate) fn measure(&self, number: usize, now: Duration) -> Measure<'_> {
        let turns = match &self.way {
            Way::Closed { .. } => None,
            Way::Open { schedule, .. } => {
                Some(Turns { schedule, first: number as u64, every: self.sent.len() as u64 })
            }
        };
        let is_measured = !matches!(self.end, Until::Round(_));
        Measure {
            turns,
            from: if is_measured { self.ramp } else { Duration::MAX },
            counts: is_measured && !self.is_over() && (self.ramp..self.due_end()).contains(&now),
        }
    }

    /// How far it is.
    pub(crate) fn progress(&self, now: Duration, wrong: u64, connections: usize) -> Progress {
        let (stage, since) = match (self.end, self.began) {
            (Until::Round(lines), _) => (Stage::Priming { lines }, Duration::ZERO),
            (_, None) => (Stage::Ramp(self.ramp), Duration::ZERO),
            (Until::Time(time), Some((began, _))) => (Stage::Measuring(End::After(time)), began),
            (Until::Lines { asked, .. }, Some((began, _))) => {
                (Stage::Measuring(End::Count(asked)), began)
            }
        };
        let elapsed = now.saturating_sub(since);
        Progress { stage, elapsed, answered: self.answered, wrong, connections }
    }

    /// How long was measured, and what was used meanwhile.
    pub(crate) fn used(&self) -> (Duration, Cpu) {
        let (Some((began, before)), Some((ended, after))) = (self.began, self.ended) else {
            return (Duration::ZERO, Cpu::default());
        };
        let used = |before: Option<f64>, after: Option<f64>| Some(after? - before?);
        let servers = used(before.servers, after.servers);
        (ended - began, Cpu { servers, own: used(before.own, after.own) })
    }

    fn cpu(&self) -> Result<Cpu, Error> {
        let one =
            |pid: &u32| cpu_seconds(*pid).map_err(|source| Error::Process { pid: *pid, source });
        let all = self.pids.iter().map(one).sum::<Result<f64, Error>>()?;
        let servers = (!self.pids.is_empty()).then_some(all);
        Ok(Cpu { servers, own: cpu_seconds(std::process::id()).ok() })
    }
}

/// When connection `number` of a closed loop starts.
fn start(number: usize, connections: usize, ramp: Duration) -> Duration {
    ramp.mul_f64(number as f64 / connections as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{Ipv4Addr, SocketAddr};

    const MS: Duration = Duration::from_millis(1);

    fn plan(pace: Pace, end: End) -> Plan {
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        Plan { pace, ramp: 100 * MS, end, ..Plan::new(vec![nowhere.into()]) }
    }

    #[test]
    fn what_is_measured_lies_between_the_moments_that_were_due_however_late_it_is_noticed() {
        for pace in [Pace::Closed, Pace::Open(2000.0)] {
            let plan = plan(pace, End::After(500 * MS));
            let mut phase = Phase::measured(1, &plan);
            phase.go_on(99 * MS, 1, true).unwrap();
            assert!(!phase.measure(0, 99 * MS).counts);
            assert!(phase.measure(0, 101 * MS).counts, "before it is noticed");

            phase.go_on(130 * MS, 1, true).unwrap();
            phase.go_on(599 * MS, 1, true).unwrap();
            assert!(!phase.is_over() && phase.measure(0, 599 * MS).counts);
            assert!(!phase.measure(0, 600 * MS).counts);
            phase.go_on(650 * MS, 0, true).unwrap();

            assert!(phase.is_over());
            assert_eq!(phase.used().0, 500 * MS, "{pace:?}");
        }
    }

    #[test]
    fn lines_at_a_rate_take_no_less_than_they_were_due_in() {
        let plan = plan(Pace::Open(2000.0), End::Count(1000));
        let mut phase = Phase::measured(1, &plan);

        phase.go_on(140 * MS, 0, true).unwrap();
        assert_eq!(phase.release(140 * MS).count(), 1);
        phase.go_on(600 * MS, 1, true).unwrap();
        assert_eq!(phase.release(600 * MS).count(), 1);
        phase.go_on(600 * MS, 0, true).unwrap();

        assert!(phase.is_over());
        assert_eq!(phase.used().0, 500 * MS);
    }
}
