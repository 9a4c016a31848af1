//! A client that asks at an even pace, one question at a time.
//!
//! Where an answer takes longer than that, the questions that were not asked meanwhile count too, as if each had been
//! asked when it was due and answered along with that one: else the very waits that matter would hardly count.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::thread;

use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::time::Instant;

/// How long an answer may take at all.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often it asks.
const PACE: Duration = Duration::from_millis(2);

/// How long answers took.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Latency {
    pub(crate) answers: u64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) longest_us: f64,
}

/// Asks for so long.
///
/// # Errors
///
/// The connection failed, or what came was no answer.
pub(crate) fn measure(address: SocketAddr, length: Duration) -> io::Result<Latency> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream);
    let mut took_ns = Histogram::<u64>::new(3).expect("three digits are allowed");
    let mut answers = 0;
    let (mut line, mut answer) = (String::new(), String::new());
    let mut due = Instant::now();
    let end = due + length;
    for stamp in 0_u64.. {
        let location_and_time = format!("good +34.068930-118.445127 {stamp}\n");
        line.clear();
        line.push_str("IAMAT ");
        line.push_str(&location_and_time);
        answer.clear();
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let asked = Instant::now();
        reader.get_mut().write_all(line.as_bytes())?;
        reader.read_line(&mut answer)?;
        let answered = Instant::now();
        if !answer.starts_with("AT ") || !answer.ends_with(&location_and_time) {
            return Err(io::Error::other(format!("{answer:?} is no answer to {line:?}")));
        }
        let took_as_ns = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        took_ns
            .record_correct(took_as_ns(answered - asked), took_as_ns(PACE))
            .expect("its range grows as it has to");
        answers += 1;
        while due <= answered {
            due += PACE;
        }
        if due >= end {
            break;
        }
    }
    let us =
        |quantile| Duration::from_nanos(took_ns.value_at_quantile(quantile)).as_secs_f64() * 1e6;
    Ok(Latency { answers, p50_us: us(0.5), p99_us: us(0.99), longest_us: us(1.0) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    /// Answers lines by `AT ` and what stands behind the command, `wait` later.
    fn answering(command: &'static str, wait: Duration) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            for line in BufReader::new(&stream).lines() {
                thread::sleep(wait);
                let said = line.unwrap().replace("IAMAT", command);
                (&stream).write_all(format!("{said}\n").as_bytes()).unwrap();
            }
        });
        address
    }

    #[test]
    fn an_answer_takes_as_long_as_it_takes() {
        let slow = answering("AT", Duration::from_millis(5));

        let latency = measure(slow, 10 * PACE).unwrap();

        // For each answer there are the questions of 2 and 4 ms later, too.
        assert!(latency.answers > 0, "{latency:?}");
        assert!(latency.p50_us >= 2_900.0 && latency.p99_us >= 4_900.0, "{latency:?}");
        assert!(latency.p50_us <= latency.p99_us && latency.p99_us <= latency.longest_us);
    }

    #[test]
    fn what_is_no_answer_is_not_counted() {
        let wrong = answering("? IAMAT", Duration::ZERO);

        assert!(measure(wrong, Duration::from_secs(5)).is_err());
    }
}
