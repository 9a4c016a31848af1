//! Reports on their way to the servers of the herd, as any client would send them.
//!
//! One connection at a time, to the first server that can be had, with many reports under way on it. A report is
//! confirmed when a server has answered it by `AT`, never before. What a lost connection leaves unanswered is sent
//! to the next server: a report that one of them has heard already changes nothing.

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use self::connection::Ended;
pub use self::pending::Answer;
use self::pending::Pending;
pub use self::servers::{Server, Servers};

mod connection;
mod pending;
mod servers;

/// The most reports that wait for their answers, of all requests together. A request of 1 MiB has fewer.
pub const MAX_WAITING: usize = 65_536;

/// How long a request may wait for a place among them and for its answers.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How long no server is tried once all have failed, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Takes reports and hands them to the servers.
#[derive(Clone, Debug)]
pub struct Reporter {
    queue: mpsc::UnboundedSender<Pending>,
    places: Arc<Semaphore>,
}

/// No server has answered in time: the reports may have been heard or not, and are to be sent again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unavailable;

impl Reporter {
    /// Starts to keep a connection to one of `servers`, as soon as there is something to send.
    ///
    /// It ends when the last clone of it is gone.
    pub fn start(servers: Servers) -> Self {
        let (queue, reports) = mpsc::unbounded_channel();
        tokio::spawn(send_all(servers, reports));
        Self { queue, places: Arc::new(Semaphore::new(MAX_WAITING)) }
    }

    /// Hands over lines of the protocol, and waits until each is answered.
    ///
    /// # Errors
    ///
    /// Where not all are answered within [`PATIENCE`].
    pub async fn report(&self, lines: Vec<String>) -> Result<Vec<Answer>, Unavailable> {
        let deadline = Instant::now() + PATIENCE;
        let count = u32::try_from(lines.len()).map_err(|_| Unavailable)?;
        let places = Arc::clone(&self.places).acquire_many_owned(count);
        let places = timeout_at(deadline, places).await.map_err(|_| Unavailable)?;
        let places = Arc::new(places.map_err(|_| Unavailable)?);
        let mut answers = Vec::with_capacity(lines.len());
        for line in lines {
            let (answer, answered) = oneshot::channel();
            let pending = Pending { line, answer, _places: Arc::clone(&places) };
            self.queue.send(pending).map_err(|_| Unavailable)?;
            answers.push(answered);
        }
        drop(places);
        let mut all = Vec::with_capacity(answers.len());
        for answer in answers {
            let answer = timeout_at(deadline, answer).await.map_err(|_| Unavailable)?;
            all.push(answer.map_err(|_| Unavailable)?);
        }
        Ok(all)
    }

    /// How many reports wait for their answers.
    pub fn waiting(&self) -> usize {
        MAX_WAITING - self.places.available_permits()
    }
}

/// Sends what is in the queue to one server after the other.
async fn send_all(servers: Servers, mut queue: mpsc::UnboundedReceiver<Pending>) {
    let mut unanswered = VecDeque::new();
    let (mut at, mut failures, mut pause) = (0, 0, FIRST_PAUSE);
    // Said once, until it answers again.
    let mut is_said = vec![false; servers.count()];
    loop {
        // Whoever asked may have gone.
        unanswered.retain(|pending: &Pending| !pending.answer.is_closed());
        if unanswered.is_empty() {
            match queue.recv().await {
                Some(pending) => unanswered.push_back(pending),
                None => return,
            }
            continue;
        }
        let server = servers.at(at);
        let ended = match timeout(connection::STALLED, server.connect()).await {
            Ok(Ok(stream)) => {
                connection::run(stream, server.name(), &mut unanswered, &mut queue).await
            }
            Ok(Err(error)) => Ended::failed(error.to_string()),
            Err(_) => Ended::failed("it cannot be reached".to_owned()),
        };
        let is_said = &mut is_said[at % servers.count()];
        if ended.has_answered {
            (failures, pause) = (0, FIRST_PAUSE);
            *is_said = false;
        }
        if let Some(why) = ended.failure
            && !core::mem::replace(is_said, true)
        {
            log::warn!("{} takes no reports: {why}", server.name());
        }
        at += 1;
        failures += 1;
        if failures >= servers.count() {
            failures = 0;
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
