//! A herd server as a student might write it: slow, without a socket, and plainly what the protocol's
//! description says. It shares no code with the core.

use std::collections::BTreeMap;

use num_bigint::BigInt;

/// A record: its time stamp in nanoseconds, and its `AT` line.
type Record = (BigInt, Vec<u8>);

/// A server and its table.
pub(crate) struct Naive {
    pub(crate) name: &'static str,
    /// Nanoseconds since 1970.
    pub(crate) now: i64,
    pub(crate) line_bytes: usize,
    /// Records in the table, at most.
    pub(crate) clients: usize,
    pub(crate) table: BTreeMap<Vec<u8>, Record>,
}

/// What is answered to one line.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Reply {
    /// This.
    Line(Vec<u8>),
    /// This line and then a body with so many results at most.
    WithBody(Vec<u8>, usize),
}

const SPACES: &[u8] = b" \t\n\x0b\x0c\r";
const DAY: i64 = 86_400 * 1_000_000_000;

impl Naive {
    /// The replies to all a client says before it ends its half of the connection.
    pub(crate) fn replies(&mut self, input: &[u8]) -> Vec<Reply> {
        let mut lines: Vec<&[u8]> = input.split(|byte| *byte == b'\n').collect();
        if lines.last() == Some(&&b""[..]) {
            lines.pop();
        }
        lines.into_iter().map(|line| self.reply(line)).collect()
    }

    /// The reply to one line, given without its LF.
    pub(crate) fn reply(&mut self, line: &[u8]) -> Reply {
        if line.len() > self.line_bytes {
            return Reply::Line([b"? ", &line[..self.line_bytes], b"\n"].concat());
        }
        let fields = fields(line);
        match fields.as_slice() {
            [b"IAMAT", client, location, time] if client.len() <= 255 => {
                if let (true, Some(nanos)) = (is_location(location), nanoseconds(time)) {
                    let skew = skew(&(BigInt::from(self.now) - &nanos));
                    let parts =
                        [b"AT", self.name.as_bytes(), skew.as_bytes(), client, location, time];
                    let at = parts.join(&b' ');
                    if nanos <= BigInt::from(self.now) + DAY {
                        let known = self.table.get(*client).map(|(stamp, _)| stamp);
                        if known.is_none_or(|known| *known < nanos) {
                            self.keep(client, (nanos, at.clone()));
                        }
                    }
                    return Reply::Line([&at, &b"\n"[..]].concat());
                }
            }
            [b"WHATSAT", client, radius, bound] => {
                if let (Some((_, at)), true, Some(bound)) = (
                    self.table.get(*client),
                    is_radius(radius),
                    whole(bound).filter(|n| *n <= 20.into()),
                ) {
                    let bound = usize::try_from(bound).expect("20 at most");
                    return Reply::WithBody([at, &b"\n"[..]].concat(), bound);
                }
            }
            _ => {}
        }
        let copy = line.strip_suffix(b"\r").unwrap_or(line);
        Reply::Line([b"? ", copy, b"\n"].concat())
    }

    /// Takes what another server said; whether it was an `AT` line.
    pub(crate) fn merge(&mut self, line: &[u8]) -> bool {
        let fields = fields(line);
        let ([b"AT", server, skew, client, location, time]
        | [b"AT", server, skew, client, location, time, _]) = fields.as_slice()
        else {
            return false;
        };
        let fits = server.len() <= 64 && skew.len() <= 64 && client.len() <= 255;
        let is_skew = skew.iter().all(|byte| b"0123456789+-.eE".contains(byte));
        let Some(nanos) = nanoseconds(time).filter(|_| fits && is_skew && is_location(location))
        else {
            return false;
        };
        let record = (nanos, fields[..6].join(&b' '));
        if self.table.get(*client).is_none_or(|known| *known < record) {
            self.keep(client, record);
        }
        true
    }

    /// The greatest record goes in; of too many, the smallest goes.
    fn keep(&mut self, client: &[u8], record: Record) {
        self.table.insert(client.to_vec(), record);
        if self.table.len() > self.clients {
            let smallest = self.table.iter().min_by_key(|(_, record)| *record);
            let client = smallest.expect("there is at least one").0.clone();
            self.table.remove(&client);
        }
    }

    /// The lines of the table, sorted.
    pub(crate) fn lines(&self) -> Vec<&[u8]> {
        let mut lines: Vec<_> = self.table.values().map(|(_, line)| line.as_slice()).collect();
        lines.sort_unstable();
        lines
    }
}

fn fields(line: &[u8]) -> Vec<&[u8]> {
    line.split(|byte| SPACES.contains(byte)).filter(|field| !field.is_empty()).collect()
}

/// Digits with an optional point and digits, as a whole number of 10^-(count of decimals) and that count.
pub(crate) fn decimal(text: &[u8]) -> Option<(BigInt, u32)> {
    let text = core::str::from_utf8(text).ok()?;
    let (before, after) = text.split_once('.').map_or((text, None), |(a, b)| (a, Some(b)));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(before) || after.is_some_and(|after| !is_digits(after)) {
        return None;
    }
    let after = after.unwrap_or_default();
    Some((format!("{before}{after}").parse().ok()?, u32::try_from(after.len()).ok()?))
}

/// Whether a decimal is at most this much.
pub(crate) fn is_at_most((digits, decimals): &(BigInt, u32), most: u32) -> bool {
    *digits <= BigInt::from(most) * BigInt::from(10).pow(*decimals)
}

fn is_radius(text: &[u8]) -> bool {
    decimal(text).is_some_and(|radius| is_at_most(&radius, 50))
}

fn whole(text: &[u8]) -> Option<BigInt> {
    decimal(text).filter(|_| !text.contains(&b'.')).map(|(digits, _)| digits)
}

/// Whether a text is a latitude and a longitude.
pub(crate) fn is_location(text: &[u8]) -> bool {
    let second = text.iter().skip(1).position(|byte| b"+-".contains(byte));
    let Some(second) = second.map(|at| at + 1).filter(|_| text.len() <= 128) else { return false };
    let (latitude, longitude) = text.split_at(second);
    let is_degrees = |text: &[u8], most| {
        b"+-".contains(&text[0]) && decimal(&text[1..]).is_some_and(|n| is_at_most(&n, most))
    };
    is_degrees(latitude, 90) && is_degrees(longitude, 180)
}

/// A time in nanoseconds, where it is one and fits into 64 bits.
pub(crate) fn nanoseconds(text: &[u8]) -> Option<BigInt> {
    let (sign, digits) = match text {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] | rest => (1, rest),
    };
    let (value, decimals) = decimal(digits).filter(|_| text.len() <= 64)?;
    let nanos = value * BigInt::from(10).pow(9_u32.checked_sub(decimals)?) * sign;
    i64::try_from(&nanos).is_ok().then_some(nanos)
}

/// Nanoseconds as seconds with a sign and nine decimals.
pub(crate) fn skew(nanos: &BigInt) -> String {
    let sign = if *nanos < BigInt::ZERO { '-' } else { '+' };
    let digits = format!("{:010}", nanos.magnitude());
    let (seconds, fraction) = digits.split_at(digits.len() - 9);
    format!("{sign}{seconds}.{fraction}")
}
