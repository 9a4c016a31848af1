//! How long news takes from one end of a line of servers to the other: `herd-hops FROM TO SECONDS herd|relay`.
//!
//! Reports a client on a connection to port FROM, waits until the report comes in on the connection that the last of
//! the line makes to port TO, and does so again for SECONDS. For the last herd server this is a plain neighbour, for
//! the last relay one more of its kind. A herd answers the report too, which is read when the time has been taken.

use core::error::Error;
use core::time::Duration;
use std::env;
use std::io::{self, BufRead, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use hdrhistogram::Histogram;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [from, to, seconds, what] = &*arguments else { return Err(USAGE.into()) };
    let is_answered = match &**what {
        "herd" => true,
        "relay" => false,
        _ => return Err(USAGE.into()),
    };
    let time = Duration::try_from_secs_f64(seconds.parse()?)?;
    let mut line = Line::open(from.parse()?, to.parse()?, is_answered)?;
    for _ in 0..WARM_UP {
        line.report()?;
    }
    let mut nanos = Histogram::<u64>::new(3)?;
    let end = line.now() + time;
    while line.now() < end {
        nanos.record(u64::try_from(line.report()?.as_nanos())?)?;
    }
    let us = |quantile| nanos.value_at_quantile(quantile) as f64 / 1e3;
    let (reports, p50, p99) = (nanos.len(), us(0.5), us(0.99));
    let mut out = io::stdout().lock();
    writeln!(out, r#"{{"reports": {reports}, "p50_us": {p50}, "p99_us": {p99}}}"#)?;
    Ok(())
}

/// Both ends of a line of servers.
struct Line {
    first: BufReader<TcpStream>,
    last: BufReader<TcpStream>,
    is_answered: bool,
    began: Instant,
    /// When that was, since 1970.
    began_at: Duration,
}

impl Line {
    /// Connects to the first, and waits for the last to connect.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clocks")]
    fn open(from: u16, to: u16, is_answered: bool) -> Result<Self, Box<dyn Error>> {
        let listener = TcpListener::bind((HOST, to))?;
        let first = TcpStream::connect((HOST, from))?;
        let (last, _) = listener.accept()?;
        first.set_nodelay(true)?;
        for stream in [&first, &last] {
            stream.set_read_timeout(Some(PATIENCE))?;
        }
        Ok(Self {
            first: BufReader::new(first),
            last: BufReader::new(last),
            is_answered,
            began: Instant::now(),
            began_at: SystemTime::now().duration_since(UNIX_EPOCH)?,
        })
    }

    /// The time since the line was opened.
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Reports the client anew. How long it took until that was known at the other end.
    fn report(&mut self) -> io::Result<Duration> {
        let stamp = self.began_at + self.now();
        let operands =
            format!("hop +34.068930-118.445127 {}.{:09}", stamp.as_secs(), stamp.subsec_nanos());
        let report = format!("IAMAT {operands}\n");

        let begun = self.now();
        self.first.get_mut().write_all(report.as_bytes())?;
        expect(&mut self.last, &operands)?;
        let took = self.now() - begun;

        if self.is_answered {
            expect(&mut self.first, &operands)?;
        }
        Ok(took)
    }
}

/// Reads a line, which has to end with these operands.
fn expect(from: &mut impl BufRead, operands: &str) -> io::Result<()> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    if line.trim_end().ends_with(operands) {
        return Ok(());
    }
    let wrong = format!("there came {line:?} where there should have been {operands:?}");
    Err(io::Error::new(io::ErrorKind::InvalidData, wrong))
}

const USAGE: &str = "arguments: FROM TO SECONDS herd|relay";
const HOST: &str = "127.0.0.1";
/// Reports that are not measured.
const WARM_UP: usize = 200;
/// How long a report may take.
const PATIENCE: Duration = Duration::from_secs(10);
