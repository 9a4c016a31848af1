//! What a driver is asked to do.
//!
//! The buffer belongs to the caller and is used again for every call, so that a settled report is
//! answered without a single allocation.

use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

use crate::config::Dialect;
use crate::ids::{ConnId, LookupId, PeerId};
use crate::notice::Notice;
use crate::provider::{LookupError, Request};

/// One thing to do, in the order of [`Output::actions`].
#[derive(Clone, Copy, Debug)]
pub enum Action<'a> {
    /// Write these bytes after everything sent on this connection before, and report what was taken
    /// with [`Herd::handle_drained`](crate::Herd::handle_drained).
    Send {
        /// Where to.
        conn: ConnId,
        /// What.
        bytes: &'a [u8],
        /// How a log should show them.
        form: Form,
    },
    /// Stop reading from this connection.
    Pause {
        /// Which.
        conn: ConnId,
    },
    /// Read from this connection again.
    Resume {
        /// Which.
        conn: ConnId,
    },
    /// Everything sent has been taken and no more will be: end our half of the connection, and go on
    /// reading until the other half ends.
    Shutdown {
        /// Which.
        conn: ConnId,
    },
    /// Close this connection now. The core has forgotten it.
    Close {
        /// Which.
        conn: ConnId,
    },
    /// Connect to a neighbour, and say how it went with [`Herd::handle_dial`](crate::Herd::handle_dial).
    Dial {
        /// Whom to connect to.
        peer: PeerId,
        /// Give up after this.
        within: Duration,
    },
    /// Ask the provider, and answer with [`Herd::handle_lookup`](crate::Herd::handle_lookup).
    Lookup {
        /// What to answer with.
        id: LookupId,
        /// What to ask.
        request: Request<'a>,
    },
    /// The answer to a question that was handed in with [`Herd::handle_query`](crate::Herd::handle_query).
    Answer {
        /// Which.
        id: ConnId,
        /// The `AT` line of the client's record as it was when the question came, without its line end.
        record: &'a [u8],
        /// What the provider answered, cut to the bound that was asked for; the provider's format for errors where
        /// there is an error.
        body: &'a [u8],
        /// Why the provider has not answered.
        error: Option<LookupError>,
    },
    /// Nobody waits for this lookup any more.
    Cancel {
        /// Which.
        id: LookupId,
    },
    /// From here on a connection is a link with this neighbour. A driver hands in what neighbours have sent before
    /// what clients have, so that whoever has an answer of one server finds its record at the next; and a log may
    /// call the connection by the neighbour's name.
    Linked {
        /// Which.
        conn: ConnId,
        /// With whom.
        peer: PeerId,
    },
    /// Something to write to the log. Nothing else follows from it.
    Log(Notice),
}

/// What the bytes of an [`Action::Send`] are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// Whole lines.
    Lines,
    /// One answer that carries a provider's body, which has line ends of its own.
    Answer,
}

/// The actions of one call, or of several until [`Output::clear`].
#[derive(Debug, Default)]
pub struct Output {
    bytes: Vec<u8>,
    /// What goes to neighbours is offered to the kernel before any client's answer is, so that a
    /// client with its answer in hand finds its report at the neighbours.
    to_neighbours: Vec<Step>,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    Send { conn: ConnId, bytes: Range<usize>, form: Form },
    Lookup { id: LookupId, dialect: Dialect, request: Range<usize> },
    Answer { id: ConnId, bytes: Range<usize>, error: Option<LookupError> },
    Other(Action<'static>),
}

impl Output {
    /// Nothing to do.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is to be done, in order.
    pub fn actions(&self) -> impl Iterator<Item = Action<'_>> {
        self.to_neighbours.iter().chain(&self.steps).map(|step| match step {
            Step::Send { conn, bytes, form } => {
                Action::Send { conn: *conn, bytes: &self.bytes[bytes.clone()], form: *form }
            }
            Step::Lookup { id, dialect, request } => {
                let text = core::str::from_utf8(&self.bytes[request.clone()]);
                let text = text.expect("a request is made of ASCII");
                Action::Lookup { id: *id, request: Request::new(*dialect, text) }
            }
            Step::Answer { id, bytes, error } => {
                let bytes = &self.bytes[bytes.clone()];
                let end = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
                let (record, body) = bytes.split_at(end);
                Action::Answer { id: *id, record, body: body.trim_ascii(), error: *error }
            }
            Step::Other(action) => *action,
        })
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.to_neighbours.is_empty() && self.steps.is_empty()
    }

    /// Forgets the actions and keeps the memory, unless it is unusually much.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
        self.to_neighbours.clear();
        self.steps.clear();
    }

    /// Appends bytes for a client through `write`, and returns what it returns and how many there were.
    pub(crate) fn send<T>(
        &mut self,
        conn: ConnId,
        form: Form,
        write: impl FnOnce(&mut Vec<u8>) -> T,
    ) -> (T, usize) {
        Self::append(&mut self.bytes, &mut self.steps, conn, form, write)
    }

    /// Appends bytes for a neighbour through `write`, likewise.
    pub(crate) fn send_to_neighbour<T>(
        &mut self,
        conn: ConnId,
        write: impl FnOnce(&mut Vec<u8>) -> T,
    ) -> (T, usize) {
        Self::append(&mut self.bytes, &mut self.to_neighbours, conn, Form::Lines, write)
    }

    pub(crate) fn push(&mut self, action: Action<'static>) {
        self.steps.push(Step::Other(action));
    }

    pub(crate) fn log(&mut self, notice: Notice) {
        self.push(Action::Log(notice));
    }

    /// Puts what has been asked for so far before what goes to neighbours from here on.
    pub(crate) fn hasten(&mut self) {
        self.to_neighbours.append(&mut self.steps);
    }

    /// Asks for a lookup; `request` is what [`Request::new`] makes one of.
    pub(crate) fn lookup(&mut self, id: LookupId, dialect: Dialect, request: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(request);
        self.steps.push(Step::Lookup { id, dialect, request: start..self.bytes.len() });
    }

    /// Answers a question with its `AT` line and what follows that.
    pub(crate) fn answer(&mut self, id: ConnId, bytes: &[u8], error: Option<LookupError>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.steps.push(Step::Answer { id, bytes: start..self.bytes.len(), error });
    }

    fn append<T>(
        all: &mut Vec<u8>,
        steps: &mut Vec<Step>,
        conn: ConnId,
        form: Form,
        write: impl FnOnce(&mut Vec<u8>) -> T,
    ) -> (T, usize) {
        let start = all.len();
        let value = write(all);
        let end = all.len();
        if start == end {
            return (value, 0);
        }
        match steps.last_mut() {
            Some(Step::Send { conn: last, bytes, form: Form::Lines })
                if *last == conn && bytes.end == start && form == Form::Lines =>
            {
                bytes.end = end;
            }
            _ => steps.push(Step::Send { conn, bytes: start..end, form }),
        }
        (value, end - start)
    }
}

/// Memory for bytes that an [`Output`] keeps between calls.
const KEPT_BYTES: usize = 1 << 20;
