//! Servers as the text of the original assignment has them, in the three ways that people write them, and with slips.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

/// How a server takes its commands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reads {
    /// A line after the other, until the client ends its half.
    Lines,
    /// All there is until the client ends its half; then it answers.
    ToTheEnd,
    /// A line; it ends the connection after the answer, which has no line end where the command was invalid.
    OneLine,
}

/// What a server does wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Slip {
    DifferenceWithoutSign,
    DifferenceBackwards,
    StampAsFloat,
    AnyRadius,
    WordsForNumbers,
    LocationWithoutSigns,
    MoreOperands,
    EmptyLinesInside,
    InvalidIsNotCopied,
    FirstReportStays,
    NoFlooding,
}

/// Client IDs, and the line that a server says of them.
type Records = Arc<Mutex<BTreeMap<String, String>>>;

#[derive(Clone, Debug)]
struct Server {
    name: &'static str,
    reads: Reads,
    slip: Option<Slip>,
    records: Records,
}

/// Starts two servers that know the same, and says where they are.
pub(crate) fn herd(reads: Reads, slip: Option<Slip>) -> Vec<String> {
    let shared = Records::default();
    let start = |name| {
        let records =
            if slip == Some(Slip::NoFlooding) { Records::default() } else { shared.clone() };
        let server = Server { name, reads, slip, records };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let server = server.clone();
                thread::spawn(move || drop(server.serve(stream)));
            }
        });
        address
    };
    ["Clark", "Bona"].map(start).to_vec()
}

impl Server {
    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut input = BufReader::new(stream.try_clone()?);
        let mut line = Vec::new();
        match self.reads {
            Reads::Lines => {
                while input.read_until(b'\n', &mut line)? > 0 {
                    stream.write_all(self.answer(&line).as_bytes())?;
                    line.clear();
                }
            }
            Reads::ToTheEnd => {
                input.read_to_end(&mut line)?;
                stream.write_all(self.answer(&line).as_bytes())?;
            }
            Reads::OneLine => {
                input.read_until(b'\n', &mut line)?;
                let answer = self.answer(&line);
                let is_invalid = answer.starts_with('?');
                let answer = if is_invalid { answer.trim_end_matches('\n') } else { &answer };
                stream.write_all(answer.as_bytes())?;
            }
        }
        Ok(())
    }

    fn answer(&self, line: &[u8]) -> String {
        let line = String::from_utf8_lossy(line);
        let line = line.strip_suffix('\n').unwrap_or(&line);
        let fields: Vec<_> = line.split_whitespace().collect();
        let answer = match fields.as_slice() {
            ["IAMAT", id, location, time] => self.iamat(id, location, time),
            ["IAMAT", id, location, time, ..] if self.has(Slip::MoreOperands) => {
                self.iamat(id, location, time)
            }
            ["WHATSAT", id, radius, bound] => self.whatsat(id, radius, bound),
            _ => None,
        };
        answer.unwrap_or_else(|| {
            if self.has(Slip::InvalidIsNotCopied) {
                "? \n".to_owned()
            } else {
                format!("? {line}\n")
            }
        })
    }

    fn iamat(&self, id: &str, location: &str, time: &str) -> Option<String> {
        let (latitude, longitude) = location.split_at(location.rfind(['+', '-'])?);
        let is_signed = |text: &str| text.starts_with(['+', '-']) && text.parse::<f64>().is_ok();
        let are_signed = is_signed(latitude) && is_signed(longitude);
        if !are_signed && !self.has(Slip::LocationWithoutSigns) {
            return None;
        }
        let stamp: f64 = match time.parse() {
            Ok(stamp) => stamp,
            Err(_) if self.has(Slip::WordsForNumbers) => 0.0,
            Err(_) => return None,
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        let difference = match self.slip {
            Some(Slip::DifferenceBackwards) => format!("{:+}", stamp - now),
            Some(Slip::DifferenceWithoutSign) => format!("{}", (now - stamp).abs()),
            _ => format!("{:+}", now - stamp),
        };
        let time =
            if self.has(Slip::StampAsFloat) { format!("{stamp:.3}") } else { time.to_owned() };
        let answer = format!("AT {} {difference} {id} {location} {time}\n", self.name);
        let mut records = self.records.lock().unwrap();
        if !(self.has(Slip::FirstReportStays) && records.contains_key(id)) {
            records.insert(id.to_owned(), answer.clone());
        }
        Some(answer)
    }

    fn whatsat(&self, id: &str, radius: &str, bound: &str) -> Option<String> {
        let (radius, bound) = (radius.parse::<f64>().ok()?, bound.parse::<u32>().ok()?);
        if !self.has(Slip::AnyRadius) && (radius > 50.0 || bound > 20) {
            return None;
        }
        let at = self.records.lock().unwrap().get(id)?.clone();
        let blank = if self.has(Slip::EmptyLinesInside) { "\n" } else { "" };
        Some(format!("{at}{{\n{blank}  \"results\": [],\n  \"status\": \"OK\"\n}}\n\n"))
    }

    fn has(&self, slip: Slip) -> bool {
        self.slip == Some(slip)
    }
}
