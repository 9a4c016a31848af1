//! Clients of a herd server: each on one connection, reporting where it is and asking what is near others.

use core::net::SocketAddr;

use jiff::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::drive::{Client, CrowdArgs, crowd};
use crate::error::Error;
use crate::failure::Failure;

/// One of so many questions is a WHATSAT, but none of as many at first: nobody is known yet.
const WHATSAT_EVERY: u32 = 10;

/// Of `herd`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The server's address
    #[arg(long)]
    server: SocketAddr,
    #[command(flatten)]
    crowd: CrowdArgs,
}

/// Is many clients of one server.
pub(crate) fn run(args: &Args) -> Result<(), Error> {
    crowd(&args.crowd, |number| Mobile {
        number,
        all: args.crowd.all,
        line: Line::new(args.server),
    })
}

/// A client that moves about.
#[derive(Debug)]
struct Mobile {
    number: u32,
    all: u32,
    line: Line,
}

impl Client for Mobile {
    fn question(&self, step: u32) -> &'static str {
        // Not all clients at the same time.
        let turn = (step % WHATSAT_EVERY + self.number % WHATSAT_EVERY) % WHATSAT_EVERY;
        if step >= WHATSAT_EVERY && turn == 0 { "WHATSAT" } else { "IAMAT" }
    }

    async fn ask(&mut self, step: u32) -> Result<(), Failure> {
        if self.question(step) == "WHATSAT" {
            // Somebody else, most often at another server.
            let other = (self.number + 1 + step % self.all) % self.all;
            let answer = self.line.ask(&format!("WHATSAT mobile-{other} 10 5\n"), b"\n\n").await?;
            whatsat_answer(&answer)
        } else {
            let (latitude, longitude) = position(self.number, step);
            let now = Timestamp::now();
            let report = format!(
                "IAMAT mobile-{} {latitude:+.6}{longitude:+.6} {}.{:09}\n",
                self.number,
                now.as_second(),
                now.subsec_nanosecond(),
            );
            let answer = self.line.ask(&report, b"\n").await?;
            at_line(&answer)
        }
    }

    async fn connect(&mut self) -> Result<(), Failure> {
        self.line.connect().await.map(|_| ())
    }

    fn hang_up(&mut self) {
        self.line.hang_up();
    }
}

/// Somewhere in Los Angeles, a bit further with each step.
fn position(number: u32, step: u32) -> (f64, f64) {
    let east = f64::from(number % 100) / 500.0;
    let north = f64::from(step % 100) / 1000.0;
    (34.0 + north, -118.5 + east)
}

/// That it is an `AT` line.
fn at_line(answer: &[u8]) -> Result<(), Failure> {
    if answer.starts_with(b"AT ") {
        return Ok(());
    }
    if answer.starts_with(b"? ") {
        return Err(Failure::new("answered with ?"));
    }
    Err(Failure::new("not an answer"))
}

/// That it is an `AT` line and a body from the provider.
fn whatsat_answer(answer: &[u8]) -> Result<(), Failure> {
    at_line(answer)?;
    let body = String::from_utf8_lossy(answer);
    if body.contains("UNKNOWN_ERROR") {
        return Err(Failure::new("lookup failed"));
    }
    Ok(())
}

/// A connection that is made when it is needed, with one question out at a time.
#[derive(Debug)]
pub(crate) struct Line {
    server: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Line {
    /// To this server, not connected yet.
    pub(crate) fn new(server: SocketAddr) -> Self {
        Self { server, stream: None, buffer: Vec::new() }
    }

    /// Sends a line and gives what comes back, which ends by `end`; an invalid command's answer by LF.
    pub(crate) async fn ask(&mut self, line: &str, end: &[u8]) -> Result<Vec<u8>, Failure> {
        self.connect().await?;
        self.exchange(line, end).await.ok_or(Failure::CLOSED)
    }

    /// `None` where the connection ends.
    async fn exchange(&mut self, line: &str, end: &[u8]) -> Option<Vec<u8>> {
        let stream = self.stream.as_mut()?;
        stream.write_all(line.as_bytes()).await.ok()?;
        self.buffer.clear();
        while !is_whole(&self.buffer, end) {
            if stream.read_buf(&mut self.buffer).await.ok()? == 0 {
                return None;
            }
        }
        Some(self.buffer.clone())
    }

    /// Connects, if it is not connected.
    pub(crate) async fn connect(&mut self) -> Result<(), Failure> {
        if self.stream.is_none() {
            let connected = TcpStream::connect(self.server).await;
            let stream = connected.map_err(|_| Failure::NOT_CONNECTED)?;
            stream.set_nodelay(true).map_err(|_| Failure::NOT_CONNECTED)?;
            self.stream = Some(stream);
        }
        Ok(())
    }

    /// Gives up the connection.
    pub(crate) fn hang_up(&mut self) {
        self.stream = None;
    }
}

fn is_whole(answer: &[u8], end: &[u8]) -> bool {
    answer.ends_with(end) || answer.starts_with(b"? ") && answer.ends_with(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// A server that answers each line by the next of these, in two pieces, and then closes.
    async fn server_that_says(answers: &'static [&'static str]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            for answer in answers {
                while !asked.ends_with(b"\n") {
                    stream.read_buf(&mut asked).await.unwrap();
                }
                asked.clear();
                let (first, rest) = answer.split_at(answer.len() / 2);
                stream.write_all(first.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
                stream.write_all(rest.as_bytes()).await.unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn answers_are_read_whole_and_judged() {
        let server = server_that_says(&[
            "AT Hill +0.1 mobile-0 +34.0-118.5 1520023934.9\n",
            "AT Hill +0.1 mobile-1 +34.0-118.5 1520023934.9\n{\n\"status\":\"OK\"\n}\n\n",
            "AT Hill +0.1 mobile-1 +34.0-118.5 1520023934.9\n{\"status\":\"UNKNOWN_ERROR\"}\n\n",
            "? WHATSAT mobile-1 10 5\n",
        ])
        .await;
        let mut client = Mobile { number: 0, all: 2, line: Line::new(server) };

        assert_eq!(client.ask(0).await, Ok(()));
        assert_eq!(client.ask(10).await, Ok(()));
        assert_eq!(client.ask(20).await, Err(Failure::new("lookup failed")));
        assert_eq!(client.ask(30).await, Err(Failure::new("answered with ?")));
        assert_eq!(client.ask(31).await, Err(Failure::CLOSED));
        client.hang_up();
        assert_eq!(client.ask(32).await, Err(Failure::NOT_CONNECTED));
    }

    #[test]
    fn a_tenth_of_the_questions_is_about_others_once_they_are_known() {
        let client = Mobile { number: 3, all: 5, line: Line::new(([127, 0, 0, 1], 1).into()) };

        let asks = |step: &u32| client.question(*step) == "WHATSAT";

        assert_eq!((0..40).filter(asks).collect::<Vec<_>>(), [17, 27, 37]);
    }

    #[test]
    fn positions_are_ones_a_server_takes() {
        for (number, step) in [(0, 0), (999, 12_345)] {
            let (latitude, longitude) = position(number, step);
            assert!((-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude));
        }
    }
}
