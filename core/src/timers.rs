//! What is to be looked at, and when.
//!
//! A timer says only that something may be due. Whoever set it remembers the time it is set for and
//! ignores every other, so nothing has to be taken out of the heap when plans change; what has become
//! meaningless is swept out now and then.

use alloc::collections::BinaryHeap;
use core::cmp::Reverse;

use crate::ids::{ConnId, PeerId};
use crate::time::Instant;

#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Wake)>>,
}

/// What a timer is about.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Wake {
    /// A connection: silence, a stall, a handshake.
    Connection(ConnId),
    /// A connection whose address has had its share of reading.
    Throttled(ConnId),
    /// A neighbour: the next attempt to connect, the next mark.
    Neighbour(PeerId),
    /// The lookup that has been under way longest.
    Lookup,
    /// Records that have grown too old.
    Records,
    /// More to tell a neighbour than one call would tell it.
    Flood,
    /// The time a server has for stopping.
    Stop,
}

impl Timers {
    pub(crate) fn set(&mut self, at: Instant, wake: Wake) {
        self.heap.push(Reverse((at, wake)));
    }

    /// Sets a timer unless the one that `alarm` remembers goes off no later.
    pub(crate) fn set_earlier(&mut self, alarm: &mut Option<Instant>, at: Instant, wake: Wake) {
        if alarm.is_none_or(|set| at < set) {
            *alarm = Some(at);
            self.set(at, wake);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Drops the timers of which `means_something` is false.
    pub(crate) fn sweep(&mut self, mut means_something: impl FnMut(Instant, Wake) -> bool) {
        self.heap.retain(|Reverse((at, wake))| means_something(*at, *wake));
    }

    pub(crate) fn next(&self) -> Option<(Instant, Wake)> {
        self.heap.peek().map(|Reverse(next)| *next)
    }

    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<(Instant, Wake)> {
        let (at, _) = self.next()?;
        if at > now {
            return None;
        }
        self.heap.pop().map(|Reverse(due)| due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_goes_off_when_its_time_has_come_and_once() {
        let [before, time, after] = [1, 2, 3].map(Instant::from_nanos);
        for now in [time, after] {
            let mut timers = Timers::default();
            timers.set(time, Wake::Stop);
            assert_eq!(timers.pop_due(before), None);
            assert_eq!(timers.pop_due(now), Some((time, Wake::Stop)));
            assert_eq!(timers.pop_due(now), None);
        }
    }
}
