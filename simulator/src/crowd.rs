//! Clients: what they say, how fast they read, and how they leave. And strangers at the wrong door.

use crate::model::Key;
use crate::plan::Crowd;
use crate::random::Random;

#[derive(Debug)]
pub(crate) struct Client {
    /// The server it goes to.
    pub(crate) at: usize,
    pub(crate) wire: Option<Key>,
    pub(crate) reads: Reads,
    pub(crate) leaves: Leaves,
    pub(crate) lines_left: u64,
    /// How far its clock is off.
    pub(crate) skew: i64,
    /// The rest of a line that it has begun.
    pub(crate) unsaid: Vec<u8>,
    /// What a stranger says, the next thing last; nobody else has this.
    pub(crate) script: Option<Vec<Vec<u8>>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reads {
    Well,
    Slowly,
    Never,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Leaves {
    /// Ends its half and reads on.
    HalfClose,
    /// Breaks the connection.
    Reset,
    /// Loses power.
    Vanish,
    /// Does not leave.
    Never,
}

impl Client {
    pub(crate) fn draw(crowd: &Crowd, servers: usize, random: &mut Random) -> Self {
        let reads = match random.below(100) {
            roll if roll < crowd.deaf => Reads::Never,
            roll if roll < crowd.deaf + crowd.slow => Reads::Slowly,
            _ => Reads::Well,
        };
        let leaves = match random.below(100) {
            roll if roll < crowd.rude / 2 => Leaves::Reset,
            roll if roll < crowd.rude => Leaves::Vanish,
            roll if roll < 85 => Leaves::HalfClose,
            _ => Leaves::Never,
        };
        let skew = i64::try_from(random.within(0..=2 * crowd.skew)).unwrap_or_default();
        Self {
            at: random.place(servers),
            wire: None,
            reads,
            leaves,
            lines_left: random.spread(crowd.lines.0..=crowd.lines.1),
            skew: skew - i64::try_from(crowd.skew).unwrap_or_default(),
            unsaid: Vec::new(),
            script: None,
        }
    }

    /// Somebody at the door for neighbours of server `at`, who says he is `neighbour`.
    pub(crate) fn stranger(at: usize, name: &str, neighbour: &str, random: &mut Random) -> Self {
        let hello = |to: &str| {
            let (start, nonce) = ("0123456789abcdef", "5a".repeat(32));
            format!("LINK 1 {neighbour} {to} {start} {nonce}\n").into_bytes()
        };
        let proof = format!("PROOF {}\nAT {neighbour} +0.1 c0 +1-2 9000000000\n", "77".repeat(32));
        let script = match random.below(6) {
            0 => Vec::new(),
            1 => vec![b"IAMAT c0 +1-2 9000000000\n".to_vec()],
            2 => vec![proof.into_bytes(), hello(name)],
            3 => vec![hello("Nobody")],
            4 => vec![vec![b'x'; 9000]],
            _ => vec![b"AT Hill +0.1 c0 +1-2 9000000000\nMARK 7\n".to_vec(), hello(name)],
        };
        let mut stranger = Self {
            at,
            wire: None,
            reads: Reads::Well,
            leaves: *random.pick(&[
                Leaves::HalfClose,
                Leaves::Reset,
                Leaves::Vanish,
                Leaves::Never,
            ]),
            lines_left: 0,
            skew: 0,
            unsaid: Vec::new(),
            script: None,
        };
        stranger.script = Some(script);
        stranger
    }

    /// What it says next, a few lines or a part of one. `wall` is the right time.
    pub(crate) fn says(&mut self, crowd: &Crowd, wall: i64, random: &mut Random) -> Vec<u8> {
        let mut bytes = core::mem::take(&mut self.unsaid);
        let burst = random.spread(1..=crowd.burst).min(self.lines_left);
        self.lines_left -= burst;
        for _ in 0..burst {
            line(crowd, wall.saturating_add(self.skew), random, &mut bytes);
        }
        let is_last = self.lines_left == 0 && self.leaves == Leaves::HalfClose;
        if is_last && random.chance(30) && bytes.len() > 1 {
            bytes.pop();
        } else if !is_last && random.chance(20) && !bytes.is_empty() {
            self.unsaid = bytes.split_off(random.place(bytes.len()));
        }
        bytes
    }
}

/// Reports on all clients at once, for a table that is large.
pub(crate) fn census(crowd: &Crowd, wall: i64, random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    for id in &crowd.ids {
        report(crowd, id, wall, random, &mut bytes);
        bytes.push(b'\n');
    }
    bytes
}

fn line(crowd: &Crowd, wall: i64, random: &mut Random, out: &mut Vec<u8>) {
    if random.chance(3) {
        out.extend_from_slice(b" \t");
    }
    match random.below(100) {
        roll if roll < crowd.nonsense => nonsense(crowd, random, out),
        roll if roll < crowd.nonsense + crowd.asks => {
            let id = random.pick(&crowd.ids).clone();
            let radius =
                *random.pick(&["0", "10", "0.0001", "50", "050.000", "12.5", "50.1", "007"]);
            let bound = *random.pick(&["0", "1", "5", "20", "21", "100", "0003"]);
            out.extend_from_slice(&[b"WHATSAT ", &id[..], b" "].concat());
            out.extend_from_slice(format!("{radius} {bound}").as_bytes());
        }
        _ => {
            let id = random.pick(&crowd.ids).clone();
            report(crowd, &id, wall, random, out);
        }
    }
    out.extend_from_slice(if random.chance(10) { b"\r\n" } else { b"\n" });
}

fn report(crowd: &Crowd, id: &[u8], wall: i64, random: &mut Random, out: &mut Vec<u8>) {
    let stamp = match random.below(40) {
        0 => wall.saturating_sub(3_600_000_000_000),
        1 => wall.saturating_add(90_000_000_000_000),
        2 => 0,
        _ => wall,
    };
    let stamp = stamp / crowd.grain * crowd.grain;
    let (seconds, nanos) =
        (stamp.unsigned_abs() / 1_000_000_000, stamp.unsigned_abs() % 1_000_000_000);
    let sign = if stamp < 0 { "-" } else { "" };
    let fraction = match (nanos, random.below(3)) {
        (0, 0) => String::new(),
        _ => format!(".{nanos:09}"),
    };
    let time = match crowd.bulk {
        true => format!("{sign}{seconds:045}{fraction}"),
        false => format!("{sign}{seconds}{fraction}"),
    };
    let (latitude, longitude) = (random.below(91), random.below(181));
    let signs = ["+", "-"];
    let (north, east) = (*random.pick(&signs), *random.pick(&signs));
    let location = match random.below(4) {
        _ if crowd.bulk => format!("{north}{latitude:050}{east}{longitude:050}"),
        0 => format!("{north}{latitude:03}{east}{longitude}.0"),
        1 if latitude < 90 => format!("{north}{latitude}.0689300{east}0{longitude}"),
        _ => format!("{north}{latitude}{east}{longitude}"),
    };
    out.extend_from_slice(b"IAMAT ");
    out.extend_from_slice(id);
    out.extend_from_slice(format!(" {location} {time}").as_bytes());
}

fn nonsense(crowd: &Crowd, random: &mut Random, out: &mut Vec<u8>) {
    let id = random.pick(&crowd.ids);
    let id = String::from_utf8_lossy(id);
    let text = match random.below(16) {
        0 => String::new(),
        1 => "  \t ".to_owned(),
        2 => "hello".to_owned(),
        3 => format!("iamat {id} +1-2 3"),
        4 => format!("IAMAT {id} +1-2"),
        5 => format!("IAMAT {id} +91-2 1600000000"),
        6 => format!("IAMAT {id} +1-2 1600000000 x"),
        7 => format!("IAMAT {id} +1-2 16e8"),
        8 => format!("WHATSAT {id} 10"),
        9 => format!("WHATSAT {id} -1 5"),
        10 => "WHATSAT nobody 10 5".to_owned(),
        11 => format!("AT Hill +0.100000000 {id} +1-2 9000000000"),
        12 => "MARK 1000000".to_owned(),
        13 => format!("IAMAT {id}{} +1-2 1600000000", "y".repeat(random.place(300))),
        14 => "z".repeat(random.place(400)),
        _ => {
            if random.chance(5) {
                out.extend((0..9000).map(|_| b'w'));
            }
            out.extend_from_slice(b"\x00\x80\xff \xc3");
            return;
        }
    };
    out.extend_from_slice(text.as_bytes());
}
