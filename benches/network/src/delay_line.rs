//! A line that packets come out of later than they went in, in the same order.
//!
//! It is told the time, and knows neither devices nor clocks.

use core::time::Duration;
use std::collections::VecDeque;

/// Packets under way. Those that come out are those that went in, in order.
#[derive(Debug)]
pub(crate) struct DelayLine {
    delay: Duration,
    jitter: Duration,
    most: usize,
    /// Sorted by when they are due.
    packets: VecDeque<(Duration, Box<[u8]>)>,
}

impl DelayLine {
    /// Every packet takes `delay`, `jitter` more or less, and longer where it would overtake another one.
    /// There are never more than `most` under way.
    pub(crate) fn new(delay: Duration, jitter: Duration, most: usize) -> Self {
        Self { delay, jitter, most, packets: VecDeque::new() }
    }

    /// Takes a packet in, and says whether there was room. `chance` in [0, 1) decides on the jitter.
    pub(crate) fn push(&mut self, packet: &[u8], now: Duration, chance: f64) -> bool {
        if self.packets.len() == self.most {
            return false;
        }
        let own = self.delay.saturating_sub(self.jitter) + (self.jitter * 2).mul_f64(chance);
        let before = self.packets.back().map_or(Duration::ZERO, |(due, _)| *due);
        self.packets.push_back(((now + own).max(before), packet.into()));
        true
    }

    /// When the next packet comes out.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.packets.front().map(|(due, _)| *due)
    }

    /// The next packet, if it is due.
    pub(crate) fn pop(&mut self, now: Duration) -> Option<Box<[u8]>> {
        if self.due()? > now {
            return None;
        }
        self.packets.pop_front().map(|(_, packet)| packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_packet_comes_out_after_the_delay_and_not_before() {
        let mut line = DelayLine::new(ms(20), ms(0), 10);

        line.push(b"first", ms(100), 0.5);
        line.push(b"second", ms(105), 0.5);

        assert_eq!(line.due(), Some(ms(120)));
        assert_eq!(line.pop(ms(119)), None);
        assert_eq!(line.pop(ms(120)).as_deref(), Some(&b"first"[..]));
        assert_eq!(line.pop(ms(120)), None);
        assert_eq!(line.pop(ms(125)).as_deref(), Some(&b"second"[..]));
        assert_eq!(line.due(), None);
    }

    #[test]
    fn jitter_does_not_change_the_order() {
        let mut line = DelayLine::new(ms(20), ms(10), 1000);
        let mut random = fastrand::Rng::with_seed(7);

        for number in 0..1000_u64 {
            line.push(&number.to_be_bytes(), ms(number), random.f64());
        }

        let mut last_out = ms(0);
        for number in 0..1000_u64 {
            let due = line.due().expect("none is lost");
            assert!(due >= last_out && due >= ms(number + 10) && due <= ms(number + 30));
            assert_eq!(line.pop(due).as_deref(), Some(&number.to_be_bytes()[..]));
            last_out = due;
        }
    }

    #[test]
    fn jitter_uses_all_its_width() {
        let mut early = DelayLine::new(ms(20), ms(5), 1);
        let mut late = DelayLine::new(ms(20), ms(5), 1);

        early.push(b"", ms(0), 0.0);
        late.push(b"", ms(0), 1.0);

        assert_eq!((early.due(), late.due()), (Some(ms(15)), Some(ms(25))));
    }

    #[test]
    fn a_full_line_takes_nothing_more() {
        let mut line = DelayLine::new(ms(20), ms(0), 1);

        assert!(line.push(b"in", ms(0), 0.0));
        assert!(!line.push(b"out", ms(0), 0.0));
        assert!(line.pop(ms(20)).is_some());
        assert!(line.push(b"in", ms(20), 0.0));
    }
}
