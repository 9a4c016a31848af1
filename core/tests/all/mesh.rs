//! Any herd, any misfortune: when it is over, all servers hold the same table.

use std::collections::BTreeMap;

use herd_core::ConnId;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::net::Net;

const NAMES: [&str; 6] = ["Ball", "Hill", "Holiday", "Jaquez", "Smith", "Welsh"];

/// What happens to a herd.
#[derive(Clone, Debug)]
enum Event {
    /// Somebody reports: where, which client, and when.
    Report(Index, u8, u8),
    /// A wire breaks, and another can be had at once.
    Break(Index),
    /// A wire breaks for longer.
    Cut(Index),
    /// Bytes on a wire move only a few at a time.
    Slow(Index),
    Heal(Index),
    /// A few bytes move on a wire, one way or the other.
    Move(Index, bool, usize),
    Restart(Index),
    Wait(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        12 => (any::<Index>(), 0..6_u8, 0..12_u8).prop_map(|(at, client, stamp)| Event::Report(at, client, stamp)),
        2 => any::<Index>().prop_map(Event::Break),
        2 => any::<Index>().prop_map(Event::Cut),
        3 => any::<Index>().prop_map(Event::Slow),
        3 => any::<Index>().prop_map(Event::Heal),
        10 => (any::<Index>(), any::<bool>(), 1..300_usize).prop_map(|(wire, back, most)| Event::Move(wire, back, most)),
        1 => any::<Index>().prop_map(Event::Restart),
        5 => prop_oneof![1..200_u64, 200..20_000_u64].prop_map(Event::Wait),
    ]
}

/// A connected graph: each server talks with an earlier one, and there are a few more pairs.
fn pairs() -> impl Strategy<Value = (usize, Vec<(usize, usize)>)> {
    (
        3..=6_usize,
        prop::collection::vec(any::<Index>(), 6),
        prop::collection::vec((0..6_usize, 0..6_usize), 0..5),
    )
        .prop_map(|(count, earlier, more)| {
            let tree = (1..count).map(|at| (earlier[at].index(at), at));
            let more = more.into_iter().filter(|(a, b)| a < b && *b < count);
            let mut pairs: Vec<_> = tree.chain(more).collect();
            pairs.sort_unstable();
            pairs.dedup();
            (count, pairs)
        })
}

/// A table as anybody would write it: the greatest record of each client.
#[derive(Clone, Debug, Default)]
struct Naive {
    records: BTreeMap<String, (u64, String)>,
    /// The beginning of a line, by connection.
    unfinished: BTreeMap<ConnId, Vec<u8>>,
}

impl Naive {
    fn hear(&mut self, answer: &str) {
        let (client, record) = parsed(answer);
        if self.records.get(&client).is_none_or(|known| record.0 > known.0) {
            self.records.insert(client, record);
        }
    }

    fn merge(&mut self, client: String, record: (u64, String)) {
        let known = self.records.entry(client).or_insert_with(|| record.clone());
        *known = known.clone().max(record);
    }

    fn read(&mut self, conn: ConnId, bytes: &[u8]) {
        let buffer = self.unfinished.entry(conn).or_default();
        buffer.extend_from_slice(bytes);
        let mut lines: Vec<_> = buffer.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        *buffer = lines.pop().unwrap_or_default();
        for line in lines.into_iter().filter(|line| line.starts_with(b"AT ")) {
            let (client, record) = parsed(&String::from_utf8(line).unwrap());
            self.merge(client, record);
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines: Vec<_> = self.records.values().map(|(_, line)| line.clone()).collect();
        lines.sort();
        lines
    }
}

fn parsed(line: &str) -> (String, (u64, String)) {
    let fields: Vec<_> = line.split_ascii_whitespace().collect();
    (fields[3].to_string(), (fields[5].parse().unwrap(), line.trim_end().to_string()))
}

/// A herd, and what each of its servers should hold.
struct Story {
    net: Net,
    pairs: Vec<(usize, usize)>,
    naive: Vec<Naive>,
}

impl Story {
    fn happens(&mut self, event: &Event) {
        let (net, pairs, count) = (&mut self.net, &self.pairs, self.naive.len());
        match event {
            Event::Report(at, client, stamp) => {
                let at = at.index(count);
                let answer = net.says(at, &format!("IAMAT c{client} +{client}-{at} {stamp}"));
                self.naive[at].hear(&answer);
            }
            Event::Break(wire) => {
                let (a, b) = pairs[wire.index(pairs.len())];
                net.breaks(a, b);
            }
            Event::Cut(wire) => {
                let (a, b) = pairs[wire.index(pairs.len())];
                net.cuts(a, b);
            }
            Event::Slow(wire) => {
                let (a, b) = pairs[wire.index(pairs.len())];
                net.slows(a, b);
            }
            Event::Heal(wire) => {
                let (a, b) = pairs[wire.index(pairs.len())];
                net.heals(a, b);
            }
            Event::Move(wire, back, most) => {
                let (a, b) = pairs[wire.index(pairs.len())];
                let (from, to) = if *back { (b, a) } else { (a, b) };
                net.moves(from, to, *most);
            }
            Event::Restart(at) => {
                let at = at.index(count);
                net.restarts(at);
                self.naive[at] = Naive::default();
            }
            Event::Wait(millis) => net.waits_ms(*millis),
        }
        self.catches_up();
    }

    /// Has the naive tables read what was moved.
    fn catches_up(&mut self) {
        for (to, conn, bytes) in core::mem::take(&mut self.net.moved) {
            self.naive[to].read(conn, &bytes);
        }
    }

    fn expected(&self) -> Vec<Vec<String>> {
        self.naive.iter().map(Naive::lines).collect()
    }
}

proptest! {
    #[test]
    fn after_any_pattern_of_crashes_and_cuts_all_tables_are_equal(
        (count, pairs) in pairs(),
        ring in prop::sample::select(vec![1_u32, 4, 64, 65_536]),
        events in prop::collection::vec(event(), 0..120),
    ) {
        let named: Vec<_> = pairs.iter().map(|(a, b)| (NAMES[*a], NAMES[*b])).collect();
        let net = Net::with(&NAMES[..count], &named, |config| {
            config.ring = ring;
            config.limits.idle_s = 0;
        });
        let mut story = Story { net, pairs, naive: vec![Naive::default(); count] };
        for event in &events {
            story.happens(event);
            prop_assert_eq!(story.net.tables(), story.expected(), "after {:?}", event);
        }
        let mut greatest = Naive::default();
        for (client, record) in story.naive.iter().flat_map(|naive| &naive.records) {
            greatest.merge(client.clone(), record.clone());
        }
        story.net.heals_all();
        story.net.waits_ms(30_000);
        for table in story.net.tables() {
            prop_assert_eq!(table, greatest.lines());
        }
    }
}
