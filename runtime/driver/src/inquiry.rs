//! Asking the server's loop how the server is.

use core::task::Context;
use core::time::Duration;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use futures_util::task::AtomicWaker;
use herd_core::Status;

/// A question that the server's loop answers between two turns. Clones share it.
///
/// Whoever asks waits for an answer that was given after the question; the loop never waits for anybody.
#[derive(Clone, Debug, Default)]
pub struct Inquiry(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    answered: Condvar,
    /// Wakes the loop.
    waker: AtomicWaker,
}

#[derive(Debug, Default)]
struct State {
    /// How often it was asked, and up to which question there are answers.
    asked: u64,
    answered: u64,
    last: Option<Status>,
}

impl Inquiry {
    /// How the server is, if it says so within this time.
    pub fn ask(&self, within: Duration) -> Option<Status> {
        let mut state = self.lock();
        state.asked += 1;
        let question = state.asked;
        drop(state);
        self.0.waker.wake();
        let is_open = |state: &mut State| state.answered < question;
        let (state, waited) = self
            .0
            .answered
            .wait_timeout_while(self.lock(), within, is_open)
            .unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() { None } else { state.last.clone() }
    }

    /// Whether somebody waits for an answer; if not, `context` is woken when somebody does.
    pub(crate) fn poll(&self, context: &Context<'_>) -> bool {
        self.0.waker.register(context.waker());
        let state = self.lock();
        state.answered < state.asked
    }

    /// Answers everybody who waits.
    pub(crate) fn answer(&self, status: impl FnOnce() -> Status) {
        let mut state = self.lock();
        if state.answered < state.asked {
            state.last = Some(status());
            state.answered = state.asked;
            self.0.answered.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    use herd_core::Herd;

    fn status() -> Status {
        let config = herd_core::Config::new("Hill", herd_core::Seed([0; 32]));
        Herd::new(config).unwrap().status()
    }

    #[test]
    fn a_question_is_not_answered_by_what_was_said_before() {
        let inquiry = Inquiry::default();
        let asked = thread::spawn({
            let inquiry = inquiry.clone();
            move || inquiry.ask(Duration::from_secs(60))
        });
        while !asked.is_finished() {
            inquiry.answer(status);
        }
        assert!(asked.join().unwrap().is_some());
        inquiry.answer(|| unreachable!("nobody has asked"));
        assert_eq!(inquiry.ask(Duration::from_millis(1)), None);
    }
}
