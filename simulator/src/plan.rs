//! What a seed decides before anything happens: the herd, its surroundings, and what will go wrong.
//!
//! Each seed draws which misfortunes there are at all, and how often, before it draws any of them.
//! A herd in which everything goes wrong a little never meets what takes one thing going wrong a lot.

use core::fmt::Arguments;

use herd_core::Limits;

use crate::graph::{SHAPES, Shape};
use crate::random::Random;
use crate::upstream::Mood;

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) shape: Shape,
    pub(crate) names: Vec<String>,
    pub(crate) pairs: Vec<(usize, usize)>,
    pub(crate) is_places: bool,
    pub(crate) places: Vec<Place>,
    pub(crate) ring: u32,
    pub(crate) lookup_timeout: u64,
    /// How long the safety phase is.
    pub(crate) length: u64,
    pub(crate) net: Net,
    /// What goes wrong, with weights, and the usual pause between two of them.
    pub(crate) faults: Vec<(Fault, u64)>,
    pub(crate) fault_gap: u64,
    /// How long what goes wrong usually lasts.
    pub(crate) fault_length: u64,
    pub(crate) moods: Vec<Mood>,
    /// Whether answers come also to lookups that were given up.
    pub(crate) late_answers: bool,
    /// Whether the driver reports things of connections that are gone.
    pub(crate) stale_reports: bool,
    /// Timers go off this much late at most.
    pub(crate) oversleep: u64,
    pub(crate) crowd: Crowd,
}

/// A server's surroundings.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) limits: Limits,
    /// How far its wall clock is off.
    pub(crate) wall: i64,
    /// Whether clients and neighbours come to one address.
    pub(crate) shared: bool,
}

#[derive(Debug)]
pub(crate) struct Net {
    pub(crate) delay: (u64, u64),
    /// Whether each link has a delay of its own between these.
    pub(crate) uneven: bool,
    pub(crate) pieces: bool,
    pub(crate) windows: (usize, usize),
}

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// A link's connection breaks, and both ends hear of it.
    Reset,
    /// It goes dead, and nobody is told.
    Vanish,
    /// One end is told, the other is not.
    HalfOpen,
    /// Nothing gets from one server to another for a while.
    CutOneWay,
    /// Nor back.
    CutBoth,
    /// Some servers cannot reach the others for a while.
    Island,
    /// A server does nothing for a while.
    Freeze,
    /// A server's process dies and is started again.
    Kill,
    /// Its machine dies.
    PowerLoss,
    /// A wall clock is set.
    ClockStep,
    /// A link becomes slow.
    Crawl,
    /// Somebody who is no neighbour comes to the door for neighbours.
    Strangers,
}

const FAULTS: [(Fault, u64); 12] = [
    (Fault::Reset, 4),
    (Fault::Vanish, 2),
    (Fault::HalfOpen, 2),
    (Fault::CutOneWay, 3),
    (Fault::CutBoth, 3),
    (Fault::Island, 2),
    (Fault::Freeze, 2),
    (Fault::Kill, 3),
    (Fault::PowerLoss, 2),
    (Fault::ClockStep, 1),
    (Fault::Crawl, 2),
    (Fault::Strangers, 1),
];

/// The clients of a herd.
#[derive(Debug)]
pub(crate) struct Crowd {
    /// Connections, one after the other or at once.
    pub(crate) clients: usize,
    /// Lines a connection says.
    pub(crate) lines: (u64, u64),
    /// The pause between two bursts.
    pub(crate) gap: (u64, u64),
    /// Lines in a burst.
    pub(crate) burst: u64,
    /// Who is reported.
    pub(crate) ids: Vec<Vec<u8>>,
    /// How far clients' clocks are off, in nanoseconds.
    pub(crate) skew: u64,
    /// Time stamps are whole multiples of this.
    pub(crate) grain: i64,
    /// Percent of lines that ask, and that are wrong.
    pub(crate) asks: u64,
    pub(crate) nonsense: u64,
    /// Percent of clients that never read, that read slowly, and that leave without a word.
    pub(crate) deaf: u64,
    pub(crate) slow: u64,
    pub(crate) rude: u64,
    /// Whether the table is larger than what may wait for a neighbour.
    pub(crate) bulk: bool,
}

const MS: u64 = 1_000_000;
const SECOND: u64 = 1000 * MS;

const NAMES: [&str; 15] = [
    "Alford",
    "Ball",
    "Campbell",
    "Farmar",
    "Gasol",
    "Hamilton",
    "Hill",
    "Holiday",
    "Jaquez",
    "Meeks",
    "Singleton",
    "Smith",
    "Welsh",
    "Young",
    "hill",
];

impl Plan {
    /// What `seed` decides.
    pub(crate) fn draw(random: &mut Random) -> Self {
        let bulk = random.chance(3);
        let count = match random.below(100) {
            _ if bulk => random.size(2..=3),
            0..40 => random.size(2..=3),
            40..78 => random.size(4..=7),
            78..94 => random.size(8..=14),
            94..98 => random.size(15..=30),
            _ => random.size(31..=60),
        };
        let shape = *random.pick(&SHAPES);
        let shape = if shape == Shape::Mesh && count > 12 { Shape::Random } else { shape };
        let pairs = shape.pairs(count, random);
        let links = pairs.len() as u64;
        let length =
            random.spread(2 * SECOND..=(4000 * SECOND / links).clamp(10 * SECOND, 120 * SECOND));
        let crowd = Crowd::draw(random, count, length, bulk);
        let with_faults = random.chance(90);
        let mut faults: Vec<_> = FAULTS.into_iter().filter(|_| random.chance(50)).collect();
        if faults.is_empty() || !with_faults {
            faults = vec![(Fault::Reset, 1)];
        }
        let pauses = if with_faults { 300 * MS..=20 * SECOND } else { length..=length };
        Self {
            shape,
            names: names(count, random),
            pairs,
            is_places: random.chance(60),
            places: Place::draw_all(random, count, bulk),
            ring: if random.chance(70) { 1 << random.below(7) } else { 1024 },
            lookup_timeout: random.spread(100 * MS..=10 * SECOND),
            length,
            net: Net::draw(random, bulk),
            faults,
            fault_gap: random.spread(pauses),
            fault_length: random.spread(200 * MS..=40 * SECOND),
            moods: moods(random),
            late_answers: random.chance(50),
            stale_reports: random.chance(30),
            oversleep: if random.chance(30) { random.spread(MS..=500 * MS) } else { 0 },
            crowd,
        }
    }
}

impl Plan {
    /// A herd to which nothing happens.
    pub(crate) fn calm(shape: Shape, count: usize, hop: (u64, u64), random: &mut Random) -> Self {
        let place =
            || Place { limits: Limits { idle_s: 0, ..Limits::default() }, wall: 0, shared: false };
        Self {
            shape,
            names: names(count, random),
            pairs: shape.pairs(count, random),
            is_places: true,
            places: (0..count).map(|_| place()).collect(),
            ring: 1024,
            lookup_timeout: SECOND,
            length: SECOND,
            net: Net { delay: hop, uneven: false, pieces: false, windows: (65_536, 65_536) },
            faults: Vec::new(),
            fault_gap: SECOND,
            fault_length: SECOND,
            moods: vec![Mood::Good],
            late_answers: false,
            stale_reports: false,
            oversleep: 0,
            crowd: Crowd::none(),
        }
    }

    /// Tells what was decided.
    pub(crate) fn tell(&self, trace: &mut dyn FnMut(Arguments<'_>)) {
        let Self { shape, names, pairs, .. } = self;
        trace(format_args!("{} servers, {}", names.len(), shape.name()));
        for (a, b) in pairs {
            trace(format_args!("  {} - {}", names[*a], names[*b]));
        }
        for (name, place) in names.iter().zip(&self.places) {
            let Place { limits, wall, shared } = place;
            let door = if *shared { "one address for all" } else { "links apart" };
            trace(format_args!("{name}: clock off by {wall} ns, {door}, {limits:?}"));
        }
        let Self { ring, length, lookup_timeout, net, moods, .. } = self;
        let (seconds, timeout) = (length / SECOND, lookup_timeout / MS);
        trace(format_args!("ring {ring}, safety phase {seconds} s, lookups {timeout} ms"));
        trace(format_args!("{net:?}"));
        trace(format_args!("faults {:?} every {} ms", self.faults, self.fault_gap / MS));
        trace(format_args!("providers {moods:?}, late answers {}", self.late_answers));
    }
}

fn names(count: usize, random: &mut Random) -> Vec<String> {
    let numbered = (0..).flat_map(|round| {
        let name = move |name: &&str| match round {
            0 => (*name).to_owned(),
            _ => format!("{name}{round}"),
        };
        NAMES.iter().map(name)
    });
    let mut names: Vec<_> = numbered.take(count.max(NAMES.len())).collect();
    random.shuffle(&mut names);
    names.truncate(count);
    names
}

fn moods(random: &mut Random) -> Vec<Mood> {
    let all = [Mood::Slow, Mood::Hang, Mood::Lie, Mood::Fail];
    let mut moods = vec![Mood::Good; random.size(1..=4)];
    moods.extend(all.into_iter().filter(|_| random.chance(40)));
    moods
}

impl Place {
    fn draw_all(random: &mut Random, count: usize, bulk: bool) -> Vec<Self> {
        let tiny = random.chance(50);
        // These two must be alike everywhere, or tables are not.
        let clients = if !bulk && random.chance(25) { random.spread(1..=30) } else { 1_000_000 };
        let ages = clients > 1000 && random.chance(10);
        let record_age_s = if ages { random.spread(20..=300) } else { 0 };
        let shared = random.chance(25);
        let off = if random.chance(50) { 0 } else { random.spread(MS..=7200 * SECOND) };
        let place = |_| {
            let mut limits = Limits { idle_s: 0, ..Limits::default() };
            limits.clients = number(clients);
            limits.record_age_s = number(record_age_s);
            if tiny {
                shrink(&mut limits, random, bulk);
            }
            let wall = i64::try_from(random.within(0..=2 * off)).unwrap_or_default();
            let wall = wall - i64::try_from(off).unwrap_or_default();
            Self { limits, wall, shared: shared && random.chance(70) }
        };
        (0..count).map(place).collect()
    }
}

/// Draws limits that are soon met.
fn shrink(limits: &mut Limits, random: &mut Random, bulk: bool) {
    limits.handshakes = 8;
    let mut draw = |limit: &mut u32, first: u64, last: u64| {
        if random.chance(35) {
            *limit = number(random.spread(first..=last));
        }
    };
    if !bulk {
        draw(&mut limits.line_bytes, 1, 300);
        draw(&mut limits.client_id_bytes, 1, 255);
        draw(&mut limits.connections, 1, 12);
    }
    draw(&mut limits.pipeline, 1, 12);
    draw(&mut limits.output_bytes, 1, 2000);
    draw(&mut limits.stalled_s, 1, 12);
    draw(&mut limits.idle_s, 1, 30);
    draw(&mut limits.lookups, 1, 6);
    draw(&mut limits.lookup_queue, 1, 6);
    draw(&mut limits.body_bytes, 1, 1000);
    draw(&mut limits.ahead_s, 1, 100_000);
    if random.chance(10) {
        limits.lookup_queue = 0;
    }
    if random.chance(10) {
        limits.ahead_s = 0;
    }
}

fn number(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

impl Net {
    fn draw(random: &mut Random, bulk: bool) -> Self {
        let least = random.spread(10_000..=50 * MS);
        let most = least + random.spread(1000..=300 * MS);
        let windows = match random.below(3) {
            _ if bulk => (4096, 16_384),
            0 => (1, 600),
            1 => (200, 8192),
            _ => (65_536, 65_536),
        };
        Self { delay: (least, most), uneven: random.chance(60), pieces: random.chance(40), windows }
    }
}

impl Crowd {
    fn none() -> Self {
        Self {
            clients: 0,
            lines: (1, 1),
            gap: (MS, MS),
            burst: 1,
            ids: Vec::new(),
            skew: 0,
            grain: 1,
            asks: 0,
            nonsense: 0,
            deaf: 0,
            slow: 0,
            rude: 0,
            bulk: false,
        }
    }

    fn draw(random: &mut Random, count: usize, length: u64, bulk: bool) -> Self {
        let clients = random.size(1..=12).min(3 + 60 / count);
        let lines = random.spread(4..=60);
        let ids = if bulk { random.size(700..=1100) } else { random.size(1..=24) };
        let long = bulk || random.chance(10);
        Self {
            clients,
            lines: (1, lines),
            gap: (MS, (length / lines).max(2 * MS)),
            burst: random.spread(1..=16),
            ids: (0..ids).map(|at| id(at, long, random)).collect(),
            skew: if random.chance(30) { 0 } else { random.spread(MS..=200_000 * SECOND) },
            grain: *random.pick(&[1, 1_000_000, 1_000_000_000, 20_000_000_000]),
            asks: random.below(60),
            nonsense: random.below(30),
            deaf: if random.chance(30) { 30 } else { 0 },
            slow: if random.chance(30) { 40 } else { 0 },
            rude: if random.chance(40) { 50 } else { 5 },
            bulk,
        }
    }
}

fn id(at: usize, long: bool, random: &mut Random) -> Vec<u8> {
    let mut id = format!("c{at}").into_bytes();
    match random.below(8) {
        0 => id.extend_from_slice(b"\xff\xfe"),
        1 => id.extend_from_slice(".cs.ucla.edu".as_bytes()),
        _ => {}
    }
    if long {
        id.resize(255, b'x');
    }
    id
}
