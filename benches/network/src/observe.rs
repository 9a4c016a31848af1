//! How long news takes from one server to another.
//!
//! The observer has lines of its own to both servers, on which nothing is delayed or lost: what it sees is
//! the time between the servers. It tells one of them something new and asks the other one every millisecond.

use core::net::SocketAddr;
use core::time::Duration;
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::drive::PATIENCE;
use crate::error::Error;
use crate::failure::Failure;
use crate::herd::Line;
use crate::http::GraphQl;
use crate::measured::Measured;
use crate::pace::{Pace, PaceArgs};
use crate::posts;

/// How long the observer waits between two looks: what it measures is no finer.
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);

#[derive(Debug, Args)]
struct ObserverArgs {
    /// The server that is told
    #[arg(long)]
    from: SocketAddr,
    /// The server that is asked
    #[arg(long)]
    to: SocketAddr,
    #[command(flatten)]
    pace: PaceArgs,
    /// The file to write
    #[arg(long)]
    out: PathBuf,
}

/// Of `observe-herd`.
#[derive(Debug, Args)]
pub(crate) struct HerdArgs {
    #[command(flatten)]
    observer: ObserverArgs,
}

/// Of `observe-posts`.
#[derive(Debug, Args)]
pub(crate) struct PostsArgs {
    #[command(flatten)]
    observer: ObserverArgs,
    /// Tokens, one a line, of which the first is used
    #[arg(long, value_name = "FILE")]
    tokens: PathBuf,
}

/// Tells one server and asks another one. Connections are dropped after a failure.
trait News {
    /// The name it is counted by.
    const NAME: &'static str;

    /// Tells the first server the news of this number.
    async fn tell(&mut self, number: u32) -> Result<(), Failure>;

    /// Whether the other server knows it.
    async fn is_known(&mut self, number: u32) -> Result<bool, Failure>;

    /// Gives up both connections.
    fn hang_up(&mut self);
}

/// Reports at one herd server and looks when another one knows.
pub(crate) fn herd(args: &HerdArgs) -> Result<(), Error> {
    let ObserverArgs { from, to, .. } = args.observer;
    observe(&args.observer, Report { from: Line::new(from), to: Line::new(to) })
}

/// Posts at one server of the microblog and looks when another one shows it.
pub(crate) fn posts(args: &PostsArgs) -> Result<(), Error> {
    let text = std::fs::read_to_string(&args.tokens)
        .map_err(|source| Error::file(&args.tokens, source))?;
    let token = text.lines().next().ok_or(Error::NoTokens)?;
    let ObserverArgs { from, to, .. } = args.observer;
    let server = |address| GraphQl::new(address, Some(token));
    observe(&args.observer, Post { from: server(from), to: server(to) })
}

fn observe(args: &ObserverArgs, news: impl News) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut measured = Measured::new(args.pace.length());
    runtime.block_on(watch(news, args.pace.client(0, 1), &mut measured));
    measured.write(&args.out)
}

async fn watch<N: News>(mut news: N, pace: Pace, measured: &mut Measured) {
    for number in 0.. {
        let Some(due) = pace.due(number) else { return };
        // One after the other: what could not be told in time is left out, not made up for.
        if Instant::now() > due {
            continue;
        }
        sleep_until(due).await;
        let seen = timeout(PATIENCE, spread(&mut news, number)).await;
        let seen = seen.unwrap_or_else(|_| Err(Failure::new("not seen in time")));
        if seen.is_err() {
            news.hang_up();
        }
        if pace.counts(due) {
            match seen {
                Ok(took) => measured.operation(N::NAME).answer(took),
                Err(failure) => measured.operation(N::NAME).fail(failure),
            }
        }
    }
}

/// How long it takes until the other server knows: to the moment at which it was asked the question that it
/// knew the answer to, since finding that answer (a lookup, a search) takes its own time.
async fn spread(news: &mut impl News, number: u32) -> Result<Duration, Failure> {
    let told = Instant::now();
    news.tell(number).await?;
    loop {
        let asked = Instant::now();
        if news.is_known(number).await? {
            return Ok(asked - told);
        }
        sleep(BETWEEN_LOOKS).await;
    }
}

/// A report of a client that nobody has heard of.
struct Report {
    from: Line,
    to: Line,
}

impl News for Report {
    const NAME: &'static str = "propagation";

    async fn tell(&mut self, number: u32) -> Result<(), Failure> {
        let now = Timestamp::now();
        let (seconds, nanos) = (now.as_second(), now.subsec_nanosecond());
        let report = format!("IAMAT observed-{number} +34.0-118.5 {seconds}.{nanos:09}\n");
        let answer = self.from.ask(&report, b"\n").await?;
        if answer.starts_with(b"AT ") { Ok(()) } else { Err(Failure::new("report refused")) }
    }

    async fn is_known(&mut self, number: u32) -> Result<bool, Failure> {
        let answer = self.to.ask(&format!("WHATSAT observed-{number} 1 0\n"), b"\n\n").await?;
        Ok(answer.starts_with(b"AT "))
    }

    fn hang_up(&mut self) {
        self.from.hang_up();
        self.to.hang_up();
    }
}

/// A post with a word that no other has.
struct Post {
    from: GraphQl,
    to: GraphQl,
}

impl News for Post {
    const NAME: &'static str = "freshness";

    async fn tell(&mut self, number: u32) -> Result<(), Failure> {
        let text = format!("observed{number} is a word of its own");
        posts::write(&mut self.from, &text, (34.0, -118.5)).await.map(|_| ())
    }

    async fn is_known(&mut self, number: u32) -> Result<bool, Failure> {
        let query = "query($query: String!) { search(query: $query, first: 1) { nodes { id } } }";
        let answer = self.to.ask(query, json!({"query": format!("observed{number}")})).await?;
        let nodes = answer.pointer("/search/nodes").and_then(Value::as_array);
        Ok(nodes.is_some_and(|nodes| !nodes.is_empty()))
    }

    fn hang_up(&mut self) {
        self.from.hang_up();
        self.to.hang_up();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a while to tell, and then to be known.
    struct Later {
        told: Option<Instant>,
        spreads_in: Duration,
    }

    impl News for Later {
        const NAME: &'static str = "later";

        async fn tell(&mut self, _number: u32) -> Result<(), Failure> {
            sleep(Duration::from_millis(2)).await;
            self.told = Some(Instant::now());
            Ok(())
        }

        async fn is_known(&mut self, _number: u32) -> Result<bool, Failure> {
            let is_known = self.told.is_some_and(|told| told.elapsed() >= self.spreads_in);
            // To find what is known takes long, and does not count.
            sleep(Duration::from_millis(if is_known { 50 } else { 0 })).await;
            Ok(is_known)
        }

        fn hang_up(&mut self) {}
    }

    async fn seen_in_ten_seconds(spreads_in: Duration) -> Measured {
        let length = Duration::from_secs(10);
        let start = Instant::now() + Duration::from_secs(60);
        let mut measured = Measured::new(length);
        let news = Later { told: None, spreads_in };
        watch(news, Pace::new(start, length, Duration::from_secs(1)), &mut measured).await;
        measured
    }

    #[tokio::test(start_paused = true)]
    async fn news_takes_from_when_it_is_told_to_when_it_is_known() {
        let measured = seen_in_ten_seconds(Duration::from_millis(30)).await;

        let seen = &measured.operations["later"];
        assert_eq!((seen.offered, seen.answered()), (10, 10));
        assert!(seen.latency_us.min() >= 31_900, "{} us", seen.latency_us.min());
        assert!(seen.latency_us.max() <= 36_000, "{} us", seen.latency_us.max());
    }

    #[tokio::test(start_paused = true)]
    async fn news_that_never_comes_is_a_failure() {
        let measured = seen_in_ten_seconds(Duration::from_secs(3600)).await;

        assert_eq!(measured.operations["later"].answered(), 0);
        assert_eq!(measured.operations["later"].failures["not seen in time"], 1);
    }
}
