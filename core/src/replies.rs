//! Replies in the order they were asked for.
//!
//! A `WHATSAT` waits for the outside world while the commands behind it are carried out at once. This
//! module holds their answers back until it is their turn. It knows nothing about what they say.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::output::Form;

#[derive(Debug, Default)]
pub(crate) struct Replies {
    queue: VecDeque<Reply>,
    /// The ticket of the reply at the front.
    front: u64,
    /// Bytes of the replies that are ready.
    bytes: usize,
}

/// A place in the queue of one connection; not given out twice while anything is owed there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ticket(u64);

#[derive(Debug)]
enum Reply {
    Ready(Vec<u8>, Form),
    Waiting(Question),
}

/// What is kept of a `WHATSAT` until its lookup is over.
#[derive(Debug)]
pub(crate) struct Question {
    /// The `AT` line as it was when the command was read, with its line end.
    pub(crate) at_line: Vec<u8>,
    pub(crate) bound: u32,
}

impl Replies {
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Bytes of the replies that are ready.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether all other replies wait for that of `ticket`.
    pub(crate) fn is_first(&self, ticket: Ticket) -> bool {
        ticket.0 == self.front
    }

    pub(crate) fn push_ready(&mut self, bytes: Vec<u8>) {
        self.bytes += bytes.len();
        self.queue.push_back(Reply::Ready(bytes, Form::Lines));
    }

    pub(crate) fn push_waiting(&mut self, question: Question) -> Ticket {
        self.queue.push_back(Reply::Waiting(question));
        Ticket(self.front + self.queue.len() as u64 - 1)
    }

    /// Answers the question of `ticket`: `complete` makes the whole answer of its `AT` line. How many bytes are
    /// ready now that were not.
    pub(crate) fn settle(&mut self, ticket: Ticket, complete: impl FnOnce(&mut Question)) -> usize {
        let at = usize::try_from(ticket.0 - self.front).expect("a waiting reply is in the queue");
        let Some(reply) = self.queue.get_mut(at) else { return 0 };
        let Reply::Waiting(question) = reply else { return 0 };
        complete(question);
        let mut bytes = core::mem::take(&mut question.at_line);
        if at > 0 {
            // It stays for a while, and what is counted is what it holds.
            bytes.shrink_to_fit();
        }
        let length = bytes.len();
        *reply = Reply::Ready(bytes, Form::Answer);
        self.bytes += length;
        length
    }

    /// The reply whose turn it is, if it is ready.
    pub(crate) fn pop(&mut self) -> Option<(Vec<u8>, Form)> {
        match self.queue.pop_front()? {
            Reply::Ready(bytes, form) => {
                self.front += 1;
                self.bytes -= bytes.len();
                Some((bytes, form))
            }
            waiting @ Reply::Waiting(_) => {
                self.queue.push_front(waiting);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        Question { at_line: b"AT\n".to_vec(), bound: 1 }
    }

    #[test]
    fn what_is_ready_waits_for_what_was_asked_before() {
        let mut replies = Replies::default();
        let first = replies.push_waiting(question());
        replies.push_ready(b"2\n".to_vec());
        let third = replies.push_waiting(question());
        assert_eq!(replies.settle(third, |question| question.at_line.push(b'3')), 4);
        assert_eq!(replies.bytes(), 6);
        assert!(replies.is_first(first) && !replies.is_first(third));
        assert_eq!(replies.pop(), None);
        replies.settle(first, |question| question.at_line.push(b'1'));
        assert_eq!(replies.pop(), Some((b"AT\n1".to_vec(), Form::Answer)));
        assert_eq!(replies.pop(), Some((b"2\n".to_vec(), Form::Lines)));
        assert_eq!(replies.pop(), Some((b"AT\n3".to_vec(), Form::Answer)));
        assert_eq!((replies.len(), replies.bytes()), (0, 0));
    }

    #[test]
    fn an_answer_finds_its_question_when_replies_before_it_have_gone() {
        let mut replies = Replies::default();
        let [first, second, third] = [(); 3].map(|()| replies.push_waiting(question()));
        for (ticket, name) in [(first, b'1'), (second, b'2'), (third, b'3')] {
            replies.settle(ticket, |question| question.at_line.push(name));
            let expected = [b"AT\n".as_slice(), &[name]].concat();
            assert_eq!(replies.pop(), Some((expected, Form::Answer)));
        }
    }
}
