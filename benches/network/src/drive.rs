//! Clients at work: each asks at its pace, and what becomes of every question is counted.

use core::cell::RefCell;
use core::time::Duration;
use std::path::PathBuf;
use std::rc::Rc;

use clap::Args;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::error::Error;
use crate::failure::Failure;
use crate::measured::Measured;
use crate::pace::{Pace, PaceArgs};

/// How long a client waits for an answer, and for a connection.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// How long a client that has failed waits before it tries again.
const PAUSE: Duration = Duration::from_millis(100);

/// Which clients these are, and where they write what they measured.
#[derive(Debug, Args)]
pub(crate) struct CrowdArgs {
    /// How many clients this process is
    #[arg(long)]
    pub(crate) clients: u32,
    /// The number of the first of them
    #[arg(long, default_value_t = 0)]
    pub(crate) first: u32,
    /// How many clients there are in all processes
    #[arg(long)]
    pub(crate) all: u32,
    #[command(flatten)]
    pub(crate) pace: PaceArgs,
    /// The file to write
    #[arg(long)]
    out: PathBuf,
}

/// What one client does.
pub(crate) trait Client {
    /// The name of its `step`th question.
    fn question(&self, step: u32) -> &'static str;

    /// Asks its `step`th question; connects first where there is no connection.
    async fn ask(&mut self, step: u32) -> Result<(), Failure>;

    /// Connects, if it is not connected.
    async fn connect(&mut self) -> Result<(), Failure>;

    /// Gives up the connection: an answer may still be under way on it.
    fn hang_up(&mut self);
}

/// Runs all clients of this process on one thread and writes what they measured.
pub(crate) fn crowd<C: Client + 'static>(
    args: &CrowdArgs,
    client: impl Fn(u32) -> C,
) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measured = Rc::new(RefCell::new(Measured::new(args.pace.length())));
    LocalSet::new().block_on(&runtime, async {
        let mut clients = JoinSet::new();
        for number in args.first..args.first + args.clients {
            let pace = args.pace.client(number, args.all);
            clients.spawn_local(drive(client(number), pace, Rc::clone(&measured)));
        }
        while let Some(done) = clients.join_next().await {
            done.expect("a client does not panic");
        }
    });
    measured.take().write(&args.out)
}

async fn drive(mut client: impl Client, pace: Pace, measured: Rc<RefCell<Measured>>) {
    _ = timeout(PATIENCE, client.connect()).await;
    for step in 0.. {
        let Some(due) = pace.due(step) else { return };
        let question = client.question(step);
        let is_late = Instant::now() > due;
        sleep_until(due).await;
        if is_late && Instant::now() >= pace.end {
            if pace.counts(due) {
                measured.borrow_mut().operation(question).skip();
            }
            continue;
        }
        // Late for the answer before, which counts, or woken late, which is no fault of a server.
        let asked = if is_late { due } else { Instant::now() };
        let done = timeout(PATIENCE, client.ask(step)).await.unwrap_or(Err(Failure::TIMED_OUT));
        let now = Instant::now();
        if pace.counts(due) {
            let mut measured = measured.borrow_mut();
            match &done {
                Ok(()) => {
                    measured.operation(question).answer(now - asked);
                    measured.answered_at(now - pace.start);
                }
                Err(failure) => measured.operation(question).fail(failure),
            }
        }
        if done.is_err() {
            client.hang_up();
            sleep(PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers after a while, or never.
    struct Slow {
        takes: Duration,
        hung_up: Rc<RefCell<u32>>,
    }

    impl Client for Slow {
        fn question(&self, _step: u32) -> &'static str {
            "how long"
        }

        async fn ask(&mut self, _step: u32) -> Result<(), Failure> {
            sleep(self.takes).await;
            Ok(())
        }

        async fn connect(&mut self) -> Result<(), Failure> {
            Ok(())
        }

        fn hang_up(&mut self) {
            *self.hung_up.borrow_mut() += 1;
        }
    }

    /// What a client measures that asks every second for so long and whose answers take so long.
    async fn asked_every_second(seconds: u64, takes: Duration) -> (Measured, u32) {
        let start = Instant::now() + Duration::from_secs(60);
        let pace = Pace::new(start, Duration::from_secs(seconds), Duration::from_secs(1));
        let measured = Rc::new(RefCell::new(Measured::new(Duration::from_secs(seconds))));
        let hung_up = Rc::default();
        drive(Slow { takes, hung_up: Rc::clone(&hung_up) }, pace, Rc::clone(&measured)).await;
        (measured.take(), hung_up.take())
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_keeps_up_is_asked_everything() {
        let (measured, hung_up) = asked_every_second(10, Duration::from_millis(200)).await;

        let asked = &measured.operations["how long"];
        assert_eq!((asked.offered, asked.answered(), asked.unsent), (10, 10, 0));
        assert!(asked.latency_us.max().abs_diff(200_000) < 2_000);
        assert_eq!(measured.answered_per_second, [1; 10]);
        assert_eq!(hung_up, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_a_turn_is_part_of_the_wait() {
        let (measured, _) = asked_every_second(10, Duration::from_millis(1500)).await;

        // Of the three questions before the start the last is answered 1.5 s after it.
        let asked = &measured.operations["how long"];
        assert_eq!((asked.offered, asked.answered(), asked.unsent), (10, 6, 4));
        assert!(asked.latency_us.min() > 2_500_000, "{} us", asked.latency_us.min());
        assert!(asked.latency_us.max() > 5_000_000, "{} us", asked.latency_us.max());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_gives_up_and_says_so() {
        let (measured, hung_up) = asked_every_second(60, Duration::from_secs(600)).await;

        let asked = &measured.operations["how long"];
        assert_eq!(asked.answered(), 0);
        // The three of the warm-up come first: three times the patience, and three pauses.
        assert_eq!((asked.failures["timed out"], asked.failed(), asked.unsent), (4, 4, 56));
        assert_eq!(hung_up, 7);
    }
}
