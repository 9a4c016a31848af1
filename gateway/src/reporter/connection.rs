//! One connection to a server: reports out, their answers in, matched in order.

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, timeout};

use super::pending::{Answer, Pending};
use super::servers::Stream;

/// How long a server may take to accept a connection, to take bytes, or to answer when it owes an answer.
pub(super) const STALLED: Duration = Duration::from_secs(3);

/// The most reports under way on the connection.
const WINDOW: usize = 1024;

/// Longer than any answer to a report: ID, location, time and difference have limits.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

const READ_BYTES: usize = 64 * 1024;

/// How a connection ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Whether the server has answered any report.
    pub(super) has_answered: bool,
    /// What went wrong; nothing where the server has merely closed an idle connection.
    pub(super) failure: Option<String>,
}

impl Ended {
    pub(super) fn failed(why: String) -> Self {
        Self { has_answered: false, failure: Some(why) }
    }
}

/// Reports that were sent and are not answered, the oldest first, each with the moment it was sent.
#[derive(Debug, Default)]
struct Owed {
    reports: Mutex<VecDeque<(Pending, Instant)>>,
    /// Told when there is room in the window.
    room: Notify,
}

/// Sends `unanswered` and then what is in the queue, until the connection ends. What has no answer by then is in
/// `unanswered`, in order.
pub(super) async fn run(
    stream: Box<dyn Stream>,
    server: &Arc<str>,
    unanswered: &mut VecDeque<Pending>,
    queue: &mut mpsc::UnboundedReceiver<Pending>,
) -> Ended {
    let (read, write) = tokio::io::split(stream);
    let owed = Owed::default();
    let mut answers = Answers { server, owed: &owed, has_answered: false };
    let failure = tokio::select! {
        failure = answers.read(read) => failure,
        failure = send(write, &owed, unanswered, queue) => failure,
    };
    let has_answered = answers.has_answered;
    let sent = owed.reports.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (pending, _) in sent.into_iter().rev() {
        unanswered.push_front(pending);
    }
    Ended { has_answered, failure }
}

/// Sends reports until that fails.
async fn send(
    mut write: impl AsyncWrite + Unpin,
    owed: &Owed,
    unsent: &mut VecDeque<Pending>,
    queue: &mut mpsc::UnboundedReceiver<Pending>,
) -> Option<String> {
    let (mut batch, mut bytes) = (Vec::new(), Vec::new());
    loop {
        if unsent.is_empty() {
            if queue.recv_many(&mut batch, WINDOW).await == 0 {
                // Nobody is left to report; the answers are read all the same.
                core::future::pending::<()>().await;
            }
            unsent.extend(batch.drain(..));
        }
        bytes.clear();
        if !owed.take(unsent, &mut bytes) {
            owed.room.notified().await;
            continue;
        }
        match timeout(STALLED, write.write_all(&bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Some(error.to_string()),
            Err(_) => return Some("it takes no more bytes".to_owned()),
        }
        match timeout(STALLED, write.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Some(error.to_string()),
            Err(_) => return Some("it takes no more bytes".to_owned()),
        }
    }
}

impl Owed {
    fn locked(&self) -> std::sync::MutexGuard<'_, VecDeque<(Pending, Instant)>> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves as many as there is room for, and appends their lines; `false` where there is no room.
    fn take(&self, unsent: &mut VecDeque<Pending>, bytes: &mut Vec<u8>) -> bool {
        let mut reports = self.locked();
        let now = Instant::now();
        if reports.len() >= WINDOW {
            return false;
        }
        while reports.len() < WINDOW
            && let Some(pending) = unsent.pop_front()
        {
            // Whoever asked may have gone.
            if !pending.answer.is_closed() {
                bytes.extend_from_slice(pending.line.as_bytes());
                bytes.push(b'\n');
                reports.push_back((pending, now));
            }
        }
        true
    }

    /// Whether the oldest has waited for too long.
    fn is_stalled(&self) -> bool {
        self.locked().front().is_some_and(|(_, sent)| sent.elapsed() >= STALLED)
    }
}

/// What is read from a server.
struct Answers<'a> {
    server: &'a Arc<str>,
    owed: &'a Owed,
    has_answered: bool,
}

impl Answers<'_> {
    /// Reads answers until the connection ends or something is wrong with them.
    async fn read(&mut self, mut read: impl AsyncRead + Unpin) -> Option<String> {
        let mut bytes = Vec::with_capacity(READ_BYTES);
        loop {
            match timeout(STALLED, read.read_buf(&mut bytes)).await {
                Ok(Ok(0)) => return self.closed(),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Some(error.to_string()),
                Err(_) if self.owed.is_stalled() => return Some("it does not answer".to_owned()),
                Err(_) => continue,
            }
            let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else {
                if bytes.len() > MAX_ANSWER_BYTES {
                    return Some("it answers without an end".to_owned());
                }
                continue;
            };
            for line in bytes[..end].split(|byte| *byte == b'\n') {
                if let Err(why) = self.take(line) {
                    return Some(why);
                }
            }
            self.owed.room.notify_one();
            bytes.drain(..=end);
        }
    }

    /// A server closes a connection on which nothing happens: that is no failure.
    fn closed(&self) -> Option<String> {
        let is_idle = self.owed.locked().is_empty();
        (!is_idle).then(|| "it has closed the connection".to_owned())
    }

    fn take(&mut self, line: &[u8]) -> Result<(), String> {
        let mut reports = self.owed.locked();
        let Some((pending, _)) = reports.front() else {
            return Err("it answers what nobody has asked".to_owned());
        };
        let Some(answer) = answer(line, &pending.line, self.server) else {
            let shown = String::from_utf8_lossy(line.get(..200).unwrap_or(line)).into_owned();
            return Err(format!("it answers {:?} by {shown:?}", pending.line));
        };
        self.has_answered = true;
        if let Some((pending, _)) = reports.pop_front() {
            // Whoever asked may have gone.
            _ = pending.answer.send(answer);
        }
        Ok(())
    }
}

/// What this line says to the report, if it is an answer to it at all.
fn answer(line: &[u8], report: &str, server: &Arc<str>) -> Option<Answer> {
    if let Some(copy) = line.strip_prefix(b"? ") {
        // A server with a low limit on lines repeats only the start.
        let is_ours = !copy.is_empty() && report.as_bytes().starts_with(copy);
        return is_ours.then_some(Answer::Refused);
    }
    // AT SERVER DIFFERENCE CLIENT LOCATION TIME
    let rest = line.strip_prefix(b"AT ")?;
    let mut fields = rest.splitn(3, |byte| *byte == b' ');
    let (_server, _difference, operands) = (fields.next()?, fields.next()?, fields.next()?);
    let is_ours = report.strip_prefix("IAMAT ").is_some_and(|own| own.as_bytes() == operands);
    is_ours.then(|| Answer::Heard(Arc::clone(server), line.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_repeats_the_report() {
        let server: Arc<str> = "Hill".into();
        let report = "IAMAT kiwi +34.0-118.4 1520023934.918963997";
        let read = |line: &str| answer(line.as_bytes(), report, &server);
        let at = "AT Hill +0.263873386 kiwi +34.0-118.4 1520023934.918963997";
        assert_eq!(read(at), Some(Answer::Heard(Arc::clone(&server), at.as_bytes().into())));
        assert_eq!(read(&format!("? {report}")), Some(Answer::Refused));
        for wrong in [
            "",
            "AT",
            "AT Hill +0.2",
            "AT Hill +0.2 other +34.0-118.4 1520023934.918963997",
            "AT Hill +0.2 kiwi +34.0-118.4 1520023934.91896399",
            "? ",
            "? WHATSAT kiwi 1 1",
            "HTTP/1.1 400 Bad Request",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
