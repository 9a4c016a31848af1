//! Bytes in, lines out.
//!
//! A framer keeps what was read from one connection and is not done with: a line that has only begun, or
//! whole lines while the connection's [flow](crate::flow) is held back. It finds where lines end and drops
//! the rest of a line that was too long. What a line says, and how long it may be, is for others to know.
//!
//! ```text
//!   buffer  ┃ done with ┃ no line end in here ┃ not searched ┃
//!           0       consumed      consumed + searched
//! ```
//!
//! Lines are read where the driver put them. Only what is left of an input is copied into the buffer, so
//! that a connection from which whole lines come owns no memory.

use alloc::vec::Vec;

/// The bytes of one connection that are still to be read.
#[derive(Debug, Default)]
pub(crate) struct Framer {
    buffer: Vec<u8>,
    /// How many bytes of `buffer` are done with.
    consumed: usize,
    /// How many bytes behind those are known to hold no line end.
    searched: usize,
    /// Whether everything up to the next line end is dropped.
    skipping: bool,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Next {
    /// A line, with its LF at `end`.
    Line { end: usize },
    /// A line longer than the limit. The bytes up to the limit are its beginning; its rest is dropped.
    Long,
    /// So many bytes that belong to a line that was too long.
    Skipped(usize),
    /// A line that has only begun, or nothing.
    Unfinished,
}

impl Framer {
    /// Whether nothing is kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Keeps `bytes` behind what is kept already.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// What comes next in `unread`, everything that is to be read so far, where a line has at most
    /// `limit` bytes. No byte is searched twice for a line end, however small the pieces are that a line
    /// comes in.
    pub(crate) fn next(&mut self, unread: &[u8], limit: usize) -> Next {
        if self.skipping {
            let end = memchr::memchr(b'\n', unread);
            self.skipping = end.is_none();
            return Next::Skipped(end.map_or(unread.len(), |end| end + 1));
        }
        let line = &unread[..unread.len().min(limit + 1)];
        let searched = core::mem::take(&mut self.searched).min(line.len());
        match memchr::memchr(b'\n', &line[searched..]) {
            Some(at) => Next::Line { end: searched + at },
            None if line.len() > limit => {
                self.skipping = true;
                Next::Long
            }
            None => {
                self.searched = line.len();
                Next::Unfinished
            }
        }
    }

    /// Takes the buffer out for reading; [`Framer::put_back`] takes it again.
    pub(crate) fn take(&mut self) -> (Vec<u8>, usize) {
        (core::mem::take(&mut self.buffer), core::mem::take(&mut self.consumed))
    }

    /// Keeps a buffer of which `consumed` bytes are done with.
    pub(crate) fn put_back(&mut self, buffer: Vec<u8>, consumed: usize) {
        debug_assert!(self.buffer.is_empty(), "nothing is read while the buffer is taken out");
        if consumed < buffer.len() {
            (self.buffer, self.consumed) = (buffer, consumed);
        }
    }

    /// Drops a line that has only begun, since its end will not come.
    pub(crate) fn drop_unfinished(&mut self) {
        let whole = memchr::memrchr(b'\n', &self.buffer).map_or(0, |end| end + 1);
        self.buffer.truncate(whole.max(self.consumed));
        self.searched = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_comes_in_pieces_is_searched_once() {
        let mut framer = Framer::default();
        let line = [b'x'; 100];
        for end in 1..=100 {
            assert_eq!(framer.next(&line[..end], 1000), Next::Unfinished);
            assert_eq!(framer.searched, end);
        }
        let mut line = line.to_vec();
        line.push(b'\n');
        assert_eq!(framer.next(&line, 1000), Next::Line { end: 100 });
        assert_eq!(framer.searched, 0);
    }

    #[test]
    fn a_limit_that_shrinks_is_held_to() {
        let mut framer = Framer::default();
        assert_eq!(framer.next(b"LINK 1 Hill", 100), Next::Unfinished);
        assert_eq!(framer.next(b"LINK 1 Hill", 5), Next::Long);
        assert_eq!(framer.next(b"1 Hill\nnext\n", 5), Next::Skipped(7));
        assert_eq!(framer.next(b"next\n", 5), Next::Line { end: 4 });
    }

    #[test]
    fn only_whole_lines_are_left_when_no_more_will_come() {
        let mut framer = Framer::default();
        framer.push(b"one\ntwo\nthr");
        framer.drop_unfinished();
        assert_eq!(framer.take(), (b"one\ntwo\n".to_vec(), 0));
        framer.put_back(b"one\ntwo\n".to_vec(), 4);
        framer.push(b"thr");
        framer.drop_unfinished();
        assert_eq!(framer.take(), (b"one\ntwo\n".to_vec(), 4));
    }
}
